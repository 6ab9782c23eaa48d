"""A body of a write, taken apart and checked.

It decides what a body may hold: columns with their types, bindings, nested rows, annotations ("Create a table row using
the Web API"). Nothing is written here; `writing` does that with what is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynamics_portal_generator.csdl import NavigationProperty, Property, local_name

from .annotations import LOGICAL_NAME
from .errors import DataverseError, Kind
from .relations import Relations
from .schema import Table
from .store import Row
from .values import TooLongError, Values


@dataclass
class Draft:
    """A body taken apart: columns, what each navigation property is to lead to, and rows to create beside it."""

    document: dict[str, Any] = field(default_factory=dict)
    related: list[tuple[NavigationProperty, Row | None]] = field(default_factory=list)
    nested: list[tuple[NavigationProperty, Mapping[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Drafts:
    """Takes bodies apart."""

    values: Values
    relations: Relations

    def read(self, table: Table, body: Any, *, creating: bool, seeding: bool) -> Draft:
        """The parts of a body. `seeding` lets it set what only the server sets otherwise. DataverseError 400 or 404."""
        if not isinstance(body, Mapping):
            raise problem_with(table, "A JSON object was expected.")
        draft = Draft()
        for name, value in body.items():
            base, at, term = name.partition("@")
            if at:
                self._annotation(table, draft, base, term, value, body)
            elif name in table.navigation:
                self._nested(table, draft, table.navigation[name], value)
            elif name in table.properties:
                declared = table.properties[name]
                if not seeding:
                    if name in table.lookups and name.startswith("_") and name.endswith("_value"):
                        raise Kind.DIRECT_LOOKUP.error()
                    if name in table.told_of_files:
                        continue
                    key = creating and name in [part.path for part in table.key]
                    if not key and (declared.computed or (declared.immutable and not creating)):
                        continue  # Dataverse passes over columns that a client may not write
                draft.document[name] = self.stored(table, declared, value)
                if seeding and name in table.lookups and len(table.lookups[name]) == 1 and value is not None:
                    target = table.navigation[table.lookups[name][0]].type.name
                    draft.document.setdefault(f"{name}@{LOGICAL_NAME}", local_name(target))
            elif table.open:
                draft.document[name] = value
            else:
                problem = (
                    f"The property '{name}' does not exist on type '{table.type}'. "
                    "Make sure to only use property names that are defined by the type."
                )
                raise problem_with(table, problem)
        return draft

    def _annotation(
        self, table: Table, draft: Draft, base: str, term: str, value: Any, body: Mapping[str, Any]
    ) -> None:
        if not base or (base in table.properties and term != "odata.bind"):
            return
        navigation = table.navigation.get(base)
        if navigation is None or (term != "odata.bind" and base not in body):
            problem = (
                f"An undeclared property '{base}' which only has property annotations in the payload but no property "
                "value was found in the payload. In OData, only declared navigation properties and declared named "
                "streams can be represented as properties without values."
            )
            raise problem_with(table, problem)
        if term != "odata.bind":
            return
        addresses = value if navigation.type.collection and isinstance(value, list) else [value]
        for address in addresses:
            target = None if address is None else self.relations.resolve(table, address)
            draft.related.append((navigation, target))

    def _nested(self, table: Table, draft: Draft, navigation: NavigationProperty, value: Any) -> None:
        if value is None and not navigation.type.collection:
            draft.related.append((navigation, None))
            return
        items = value if navigation.type.collection else [value]
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise problem_with(table, f"'{navigation.name}' does not hold what a navigation property takes.")
        for item in items:
            if set(item) == {"@odata.id"}:
                draft.related.append((navigation, self.relations.resolve(table, item["@odata.id"])))
            else:
                draft.nested.append((navigation, item))

    def stored(self, table: Table, declared: Property, value: Any) -> Any:
        """The stored form of a column's value. DataverseError 400."""
        if value is None and not declared.nullable:
            raise problem_with(table, f"A null value was found for the property named '{declared.name}'.")
        try:
            return self.values.stored(declared, value)
        except TooLongError as error:
            raise Kind.TOO_LONG.error(column=declared.name, table=table.name, limit=error.limit) from None
        except ValueError as error:
            problem = f"Cannot convert the value of '{declared.name}' to the expected type '{declared.type}': {error}."
            raise problem_with(table, problem) from None


def problem_with(table: Table, problem: str) -> DataverseError:
    """The error for a body that is wrong."""
    return Kind.BAD_PAYLOAD.error(table=table.name, problem=problem)
