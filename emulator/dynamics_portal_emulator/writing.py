"""Writing rows: create, update, delete.

It decides what a body may hold, what the server adds to it and which keys must be unique ("Create a table row using
the Web API", "Update and delete table rows using the Web API"). Conditions of a request (`If-Match`) are checked by
the app.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dynamics_portal_generator.csdl import NavigationProperty, Property

from .annotations import LOGICAL_NAME
from .conditions import column
from .errors import DataverseError, Kind
from .relations import Relations
from .resources import key_text
from .schema import Lookup, Schema, Table
from .store import KeyTakenError, Row, Store
from .values import TooLongError, Values

_STATE_DEFAULTS = {"statecode": 0, "statuscode": 1}
_WHOLE = ("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64")


@dataclass
class _Draft:
    """A body taken apart: columns, what each navigation property is to lead to, and rows to create beside it."""

    document: dict[str, Any] = field(default_factory=dict)
    related: list[tuple[NavigationProperty, Row | None]] = field(default_factory=list)
    nested: list[tuple[NavigationProperty, Mapping[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Writer:
    """Writes rows; every method runs in one transaction."""

    schema: Schema
    store: Store
    values: Values
    relations: Relations
    now: Callable[[], datetime]
    user_id: str

    def create(self, table: Table, body: Any, *, given: Mapping[str, Any] | None = None, seeding: bool = False) -> Row:
        """Adds a row and the rows nested in it. `given` are stored values from the address (upsert). `seeding` lets
        the body set what only the server sets otherwise. DataverseError 400, 404 or 412."""
        with self.store.transaction():
            kind = self._kind(table, body)
            draft = self._draft(kind, body, creating=True, seeding=seeding)
            document = {**draft.document, **(given or {})}
            self._add_key(kind, document)
            self._add_server_columns(kind, document, seeding=seeding)
            for navigation, target in draft.related:
                relation = self.relations.relation(kind, navigation, target)
                if isinstance(relation, Lookup):
                    self.relations.fill(relation, navigation.name, document, target)
            for navigation, nested in [item for item in draft.nested if not item[0].type.collection]:
                relation = self.relations.relation(kind, navigation, None)
                if isinstance(relation, Lookup):
                    target = self.create(self.schema.table(relation.target), nested, seeding=seeding)
                    self.relations.fill(relation, navigation.name, document, target)
                    draft.nested.remove((navigation, nested))
            self._check_required(kind, document)
            self._check_alternate_keys(kind, document, None)
            row = self._insert(kind, document)
            for navigation, target in draft.related:
                if target is not None and not isinstance(self.relations.relation(kind, navigation, target), Lookup):
                    self.relations.associate(row, navigation, target, self._save)
            for navigation, nested in draft.nested:
                relation = self.relations.relation(kind, navigation, None)
                target = self.create(self.schema.table(relation.target), nested, seeding=seeding)
                self.relations.associate(row, navigation, target, self._save)
            return self._again(kind, row)

    def update(self, row: Row, body: Any) -> Row:
        """Changes the columns and lookups that the body names. DataverseError 400, 404 or 412."""
        with self.store.transaction():
            table = self.schema.table(row.type)
            draft = self._draft(table, body, creating=False, seeding=False)
            if draft.nested:
                problem = f"Deep update of navigation properties is not allowed: '{draft.nested[0][0].name}'."
                raise self._problem(table, problem)
            for part in table.key:
                if part.path in draft.document and draft.document[part.path] != row.document.get(part.path):
                    raise self._problem(table, f"The key column '{part.path}' cannot be changed.")
            document = {**row.document, **draft.document}
            for navigation, target in draft.related:
                relation = self.relations.relation(table, navigation, target)
                if isinstance(relation, Lookup):
                    self.relations.fill(relation, navigation.name, document, target)
            self._check_required(table, document)
            self._check_alternate_keys(table, document, row)
            self._save(row, document)
            for navigation, target in draft.related:
                if isinstance(self.relations.relation(table, navigation, target), Lookup):
                    continue
                if target is None:
                    self.relations.disassociate(row, navigation, None, self._save)
                else:
                    self.relations.associate(row, navigation, target, self._save)
            return self._again(table, row)

    def delete(self, row: Row) -> None:
        """Removes a row; what referred to it refers to nothing."""
        with self.store.transaction():
            self.relations.forget(row, self._save)
            self.store.delete(self.schema.table(row.type).family, row)

    def associate(self, row: Row, navigation: NavigationProperty, target: Row) -> None:
        """Relates two rows."""
        with self.store.transaction():
            self.relations.associate(row, navigation, target, self._save)

    def disassociate(self, row: Row, navigation: NavigationProperty, target: Row | None) -> None:
        """Parts two rows."""
        with self.store.transaction():
            self.relations.disassociate(row, navigation, target, self._save)

    def _kind(self, table: Table, body: Any) -> Table:
        """The table that the body is for: a derived one if it says so."""
        if not isinstance(body, Mapping):
            raise self._problem(table, "A JSON object was expected.")
        named = str(body.get("@odata.type", "")).lstrip("#")
        kind = table
        if named and named != table.type:
            if named not in self.schema.with_derived(table.type):
                raise self._problem(table, f"The type '{named}' is not assignable to '{table.type}'.")
            kind = self.schema.table(named)
        if kind.abstract:
            raise Kind.ABSTRACT_TYPE.error(type=kind.type)
        if not kind.key:
            raise Kind.UNSUPPORTED.error(what=f"rows of '{kind.type}', which has no key")
        return kind

    def _draft(self, table: Table, body: Any, *, creating: bool, seeding: bool) -> _Draft:
        if not isinstance(body, Mapping):
            raise self._problem(table, "A JSON object was expected.")
        draft = _Draft()
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
                    if declared.computed or (declared.immutable and not creating):
                        continue  # Dataverse passes over columns that a client may not write
                draft.document[name] = self.stored(table, declared, value)
                if seeding and name in table.lookups and len(table.lookups[name]) == 1 and value is not None:
                    target = table.navigation[table.lookups[name][0]].type.name
                    draft.document.setdefault(f"{name}@{LOGICAL_NAME}", target.rpartition(".")[2])
            elif table.open:
                draft.document[name] = value
            else:
                problem = (
                    f"The property '{name}' does not exist on type '{table.type}'. "
                    "Make sure to only use property names that are defined by the type."
                )
                raise self._problem(table, problem)
        return draft

    def _annotation(
        self, table: Table, draft: _Draft, base: str, term: str, value: Any, body: Mapping[str, Any]
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
            raise self._problem(table, problem)
        if term != "odata.bind":
            return
        addresses = value if navigation.type.collection and isinstance(value, list) else [value]
        for address in addresses:
            target = None if address is None else self.relations.resolve(table, address)
            draft.related.append((navigation, target))

    def _nested(self, table: Table, draft: _Draft, navigation: NavigationProperty, value: Any) -> None:
        if value is None and not navigation.type.collection:
            draft.related.append((navigation, None))
            return
        items = value if navigation.type.collection else [value]
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise self._problem(table, f"'{navigation.name}' does not hold what a navigation property takes.")
        for item in items:
            if set(item) == {"@odata.id"}:
                draft.related.append((navigation, self.relations.resolve(table, item["@odata.id"])))
            else:
                draft.nested.append((navigation, item))

    def stored(self, table: Table, declared: Property, value: Any) -> Any:
        """The stored form of a column's value. DataverseError 400."""
        if value is None and not declared.nullable:
            raise self._problem(table, f"A null value was found for the property named '{declared.name}'.")
        try:
            return self.values.stored(declared, value)
        except TooLongError as error:
            raise Kind.TOO_LONG.error(column=declared.name, table=table.name, limit=error.limit) from None
        except ValueError as error:
            problem = f"Cannot convert the value of '{declared.name}' to the expected type '{declared.type}': {error}."
            raise self._problem(table, problem) from None

    @staticmethod
    def _problem(table: Table, problem: str) -> DataverseError:
        return Kind.BAD_PAYLOAD.error(table=table.name, problem=problem)

    def _add_key(self, table: Table, document: dict[str, Any]) -> None:
        if table.mirror and len(table.key) == 1:
            key = table.key[0].path
            if document.get(key) is None and document.get(table.mirror) is not None:
                document[key] = document[table.mirror]
        for part in table.key:
            if document.get(part.path) is not None:
                continue
            declared = table.properties[part.path]
            kind = self.schema.primitive(declared.type)
            if kind == "Edm.Guid":
                document[part.path] = str(uuid.uuid4())
            elif kind in _WHOLE and len(table.key) == 1:
                rows = self.store.family(table.family)
                with self.store.transaction() as connection:
                    highest = connection.execute(sa.select(sa.func.max(column(rows, part.path)))).scalar()
                document[part.path] = int(highest or 0) + 1
            else:
                raise self._problem(table, f"The key column '{part.path}' is required.")
        if table.mirror:
            document[table.mirror] = document[table.key[0].path]

    def _add_server_columns(self, table: Table, document: dict[str, Any], *, seeding: bool) -> None:
        moment = self._moment()
        server: dict[str, Any] = {"createdon": moment, "modifiedon": moment}
        server.update({f"_{name}_value": self.user_id for name in ("createdby", "modifiedby")})
        for name, value in server.items():
            if name in table.properties and not (seeding and document.get(name) is not None):
                document[name] = value
        for name, fallback in _STATE_DEFAULTS.items():
            if name in table.properties and self.schema.primitive(table.properties[name].type) == "Edm.Int32":
                choice = self.schema.choices.of(table.name, name)
                first = next(iter(choice.options), fallback) if choice else fallback
                document[name] = first if document.get(name) is None else document[name]
        if "_ownerid_value" in table.properties and document.get("_ownerid_value") is None:
            document["_ownerid_value"] = self.user_id
            document[f"_ownerid_value@{LOGICAL_NAME}"] = "systemuser"
        for name, declared in table.properties.items():
            if name not in document and declared.default is not None:
                document[name] = self._default(table, declared, declared.default)

    def _default(self, table: Table, declared: Property, text: str) -> Any:
        kind = self.schema.primitive(declared.type)
        if kind == "Edm.Boolean":
            return text == "true"
        if kind in _WHOLE:
            return int(text)
        if kind in ("Edm.Double", "Edm.Single"):
            return float(text)
        return self.stored(table, declared, text)

    def _moment(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _add_computed(self, table: Table, document: dict[str, Any], version: int) -> None:
        if "versionnumber" in table.properties:
            document["versionnumber"] = version
        names = ("firstname", "lastname", "fullname")
        if all(name in table.properties for name in names):
            parts = [document[name] for name in names[:2] if document.get(name)]
            if parts:
                document["fullname"] = " ".join(parts)

    def _check_required(self, table: Table, document: Mapping[str, Any]) -> None:
        for name, declared in table.properties.items():
            if declared.nullable or declared.computed or declared.type.collection or document.get(name) is not None:
                continue
            raise self._problem(table, f"The required property '{name}' has no value.")

    def _check_alternate_keys(self, table: Table, document: Mapping[str, Any], row: Row | None) -> None:
        rows = self.store.family(table.family)
        for key in table.alternate_keys:
            values = [document.get(part.path) for part in key]
            if None in values or any("/" in part.path for part in key):
                continue
            statement = sa.select(rows.c.key).where(rows.c.type.in_(self.schema.with_derived(table.type)))
            for part, value in zip(key, values, strict=True):
                statement = statement.where(column(rows, part.path) == value)
            with self.store.transaction() as connection:
                taken = [found for (found,) in connection.execute(statement.limit(2))]
            if any(row is None or found != row.key for found in taken):
                columns = ", ".join(part.path for part in key)
                raise Kind.ALTERNATE_KEY_VIOLATED.error(key=f"{table.name} ({columns})", columns=columns)

    def _insert(self, table: Table, document: dict[str, Any]) -> Row:
        version = self.store.next_version()
        self._add_computed(table, document, version)
        key = key_text([document[part.path] for part in table.key])
        try:
            self.store.insert(table.family, key, table.type, version, document)
        except KeyTakenError:
            raise Kind.DUPLICATE_KEY.error() from None
        row = self.store.get(table.family, key)
        if row is None:
            raise Kind.INTERNAL.error()
        return row

    def _save(self, row: Row, document: dict[str, Any]) -> None:
        table = self.schema.table(row.type)
        version = self.store.next_version()
        self._add_computed(table, document, version)
        if "modifiedon" in table.properties:
            document["modifiedon"] = self._moment()
        if "_modifiedby_value" in table.properties:
            document["_modifiedby_value"] = self.user_id
        self.store.update(table.family, row, version, document)

    def _again(self, table: Table, row: Row) -> Row:
        """The row as it is stored by now."""
        return self.store.get(table.family, row.key) or row
