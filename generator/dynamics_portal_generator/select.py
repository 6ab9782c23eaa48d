"""Selecting from a `$metadata` document: the tables, columns and operations that are wanted, and all that they need.

Kept with a table: its base types, its key and alternate keys, the types of its columns, its navigation to other kept
tables and the lookup columns that this navigation is built on. Kept with an operation: the types of its parameters and
its result; an entity type among them that is no kept table is kept with its key only. Everything else goes, and the
report says so. The selection file itself is read by `selection`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .csdl.model import (
    ComplexType,
    EntityContainer,
    EntityType,
    Metadata,
    NavigationProperty,
    Operation,
    Property,
    StructuredType,
    TypeRef,
)
from .nearest import nearest
from .select_report import SelectionReport
from .selection import Selection, SelectionError, WantedTable, load_selection

__all__ = ["Selected", "Selection", "SelectionError", "SelectionReport", "load_selection", "select"]


@dataclass(frozen=True, slots=True)
class Selected:
    """The document that is left, and the account of what is not."""

    metadata: Metadata
    report: SelectionReport


def select(metadata: Metadata, selection: Selection) -> Selected:
    """Keep what a selection names, closed over what that needs. An empty selection keeps all.

    Raises `SelectionError`, one line with the file and line of the selection and the nearest name, for a table, column
    or operation that the document does not have, and for an operation none of whose tables is kept.
    """
    if selection.is_empty:
        return Selected(metadata, SelectionReport())
    return _Closure(metadata, selection).close()


class _Closure:
    """What is kept, growing until nothing more is needed."""

    def __init__(self, metadata: Metadata, selection: Selection) -> None:
        self._metadata = metadata
        self._selection = selection
        self._tables: dict[str, WantedTable] = self._resolve_tables()
        self._reachable = {part.name for table in self._tables for part in metadata.ancestry(table)}
        """The selected tables and their base types: navigation to any of these stays."""
        self._members: dict[str, set[str]] = {}
        """Structured type to the members it keeps. Key-only types are here, too."""
        self._asked: dict[str, set[str]] = {}
        self._simple: set[str] = set()
        self._key_only: set[str] = set()

    def close(self) -> Selected:
        for name, table in self._tables.items():
            self._keep_table(name, table)
        operations = self._resolve_operations()
        for overloads in operations.values():
            for operation in overloads:
                for parameter in operation.parameters:
                    self._keep_type(parameter.type)
                if operation.return_type is not None:
                    self._keep_type(operation.return_type)
        kept = self._rebuild(operations)
        return Selected(kept, self._report(kept))

    def _resolve_tables(self) -> dict[str, WantedTable]:
        metadata, names = self._metadata, dict[str, list[str]]()
        for entity_type in metadata.entity_types.values():
            for spelling in {entity_type.name, entity_type.local_name}:
                names.setdefault(spelling, []).append(entity_type.name)
        for holder, type_name in (
            *((item.name, item.entity_type) for item in metadata.container.entity_sets.values()),
            *((item.name, item.type) for item in metadata.container.singletons.values()),
        ):
            if type_name in metadata.entity_types:
                names.setdefault(holder, [type_name])  # a logical name goes before an equal set name
        tables: dict[str, WantedTable] = {}
        for wanted in self._selection.tables.values():
            found = names.get(wanted.name, [])
            if len(found) > 1:
                message = f"the table {wanted.name!r} is in more than one namespace; name one of {', '.join(found)}"
                raise self._selection.error(message, wanted.line)
            if not found:
                message = f"the document has no table {wanted.name!r}{nearest(wanted.name, names)}"
                raise self._selection.error(message, wanted.line)
            if found[0] in tables:
                message = f"{wanted.name!r} and {tables[found[0]].name!r} are the same table"
                raise self._selection.error(message, wanted.line)
            tables[found[0]] = wanted
        return tables

    def _resolve_operations(self) -> dict[str, tuple[Operation, ...]]:
        metadata, names = self._metadata, dict[str, set[str]]()
        for qualified, overloads in metadata.operations.items():
            for spelling in (qualified, overloads[0].local_name):
                names.setdefault(spelling, set()).add(qualified)
        for item in metadata.container.imports:
            names.setdefault(item.name, {item.operation})
        kept: set[str] = set()
        for wanted in self._selection.operations.values():
            if wanted.name not in names:
                message = f"the document has no operation {wanted.name!r}{nearest(wanted.name, names)}"
                raise self._selection.error(message, wanted.line)
            found = {name for name in names[wanted.name] if self._callable(name)}
            if not found:
                bindings = sorted(
                    str(operation.binding)
                    for name in names[wanted.name]
                    for operation in metadata.operations.get(name, ())
                )
                message = f"the operation {wanted.name!r} is bound to {', '.join(bindings)}, which is not selected"
                raise self._selection.error(message, wanted.line)
            kept |= found
        return {name: self._callable(name) for name in metadata.operations if name in kept}

    def _callable(self, name: str) -> tuple[Operation, ...]:
        """The overloads that are unbound or bound to something that is kept."""
        return tuple(
            operation
            for operation in self._metadata.operations.get(name, ())
            if operation.binding is None
            or operation.binding.name in self._reachable
            or operation.binding.name not in self._metadata.entity_types
        )

    def _keep_table(self, name: str, table: WantedTable) -> None:
        properties, navigation = self._metadata.all_properties(name), self._metadata.all_navigation(name)
        known = {**properties, **navigation}
        for column in table.columns:
            if column.name not in known:
                hint = nearest(column.name, known)
                raise self._selection.error(
                    f"the table {table.name!r} has no column {column.name!r}{hint}", column.line
                )
        wanted = {column.name for column in table.columns} or set(properties)
        self._asked[name] = set(wanted)
        wanted |= {reference.path.partition("/")[0] for reference in self._metadata.key_of(name)}
        for key in self._metadata.alternate_keys_of(name):
            wanted |= {reference.path.partition("/")[0] for reference in key}
        for link in navigation.values():
            if link.type.name in self._reachable:
                wanted |= {link.name, *(dependent for dependent, _ in link.constraints)}
                self._keep(link.type.name, (principal for _, principal in link.constraints))
            else:
                wanted.discard(link.name)
        self._keep(name, wanted)

    def _keep(self, name: str, members: Iterable[str]) -> None:
        """Keep members of a type, each in the part of its ancestry that declares it, and the types they need."""
        wanted = set(members)
        for part in self._metadata.ancestry(name):
            kept = self._members.setdefault(part.name, set())
            new = {member for member in wanted if member in part.properties or member in part.navigation} - kept
            kept |= new
            for member in new & part.properties.keys():
                self._keep_type(part.properties[member].type)

    def _keep_type(self, reference: TypeRef) -> None:
        name, metadata = reference.name, self._metadata
        if name in metadata.entity_types:
            if name not in self._members:
                self._keep(name, (part.path.partition("/")[0] for part in metadata.key_of(name)))
                self._key_only.add(name)
        elif name in metadata.complex_types:
            if name not in self._members:
                links = metadata.all_navigation(name).values()
                near = (link.name for link in links if link.type.name in self._reachable)
                self._members.setdefault(name, set())
                self._keep(name, (*metadata.all_properties(name), *near))
        else:
            self._simple.add(name)

    def _rebuild(self, operations: Mapping[str, tuple[Operation, ...]]) -> Metadata:
        metadata = self._metadata
        entity_types = {
            name: self._entity_type(type_) for name, type_ in metadata.entity_types.items() if name in self._members
        }
        complex_types: dict[str, ComplexType] = {
            name: replace(type_, properties=self._properties(type_), navigation=self._navigation(type_))
            for name, type_ in metadata.complex_types.items()
            if name in self._members
        }
        smaller = replace(
            metadata,
            entity_types=entity_types,
            complex_types=complex_types,
            enum_types={name: item for name, item in metadata.enum_types.items() if name in self._simple},
            type_definitions={name: item for name, item in metadata.type_definitions.items() if name in self._simple},
            operations=dict(operations),
        )
        return replace(smaller, container=self._container(smaller))

    def _entity_type(self, type_: EntityType) -> EntityType:
        members = self._members[type_.name]
        return replace(
            type_,
            properties=self._properties(type_),
            navigation=self._navigation(type_),
            alternate_keys=tuple(
                key for key in type_.alternate_keys if all(part.path.partition("/")[0] in members for part in key)
            ),
        )

    def _properties(self, type_: StructuredType) -> dict[str, Property]:
        members = self._members[type_.name]
        return {name: item for name, item in type_.properties.items() if name in members}

    def _navigation(self, type_: StructuredType) -> dict[str, NavigationProperty]:
        members = self._members[type_.name]
        kept = {name: item for name, item in type_.navigation.items() if name in members}
        for name, link in kept.items():
            if link.partner and not self._has_partner(link):
                kept[name] = replace(link, partner=None)
        return kept

    def _has_partner(self, link: NavigationProperty) -> bool:
        cast, _, name = (link.partner or "").rpartition("/")
        parts = self._metadata.ancestry(cast if cast in self._metadata.entity_types else link.type.name)
        return any(name in part.navigation and name in self._members.get(part.name, ()) for part in parts)

    def _container(self, smaller: Metadata) -> EntityContainer:
        container = self._metadata.container
        sets = {name: item for name, item in container.entity_sets.items() if item.entity_type in self._tables}
        singletons = {name: item for name, item in container.singletons.items() if item.type in self._tables}
        targets = {*sets, *singletons}

        def bindings(type_name: str, found: Mapping[str, str]) -> dict[str, str]:
            return {
                path: target
                for path, target in found.items()
                if target.removeprefix(f"{container.name}/").partition("/")[0] in targets
                and _leads(smaller, type_name, path)
            }

        return replace(
            container,
            entity_sets={
                name: replace(item, bindings=bindings(item.entity_type, item.bindings)) for name, item in sets.items()
            },
            singletons={
                name: replace(item, bindings=bindings(item.type, item.bindings)) for name, item in singletons.items()
            },
            imports=tuple(
                replace(item, entity_set=item.entity_set if (item.entity_set or "").split("/")[0] in targets else None)
                for item in container.imports
                if item.operation in smaller.operations
                and any(not operation.bound for operation in smaller.operations[item.operation])
            ),
        )

    def _report(self, kept: Metadata) -> SelectionReport:
        before = self._metadata
        columns: list[str] = []
        links: list[str] = []
        for name, type_ in {**kept.entity_types, **kept.complex_types}.items():
            whole = before.structured_type(name)
            assert whole is not None  # a type that is kept was there
            columns += (f"{name}/{item}" for item in whole.properties if item not in type_.properties)
            links += (f"{name}/{item}" for item in whole.navigation if item not in type_.navigation)
        operations_left = {id(operation) for operation in kept.all_operations()}
        added = [
            f"{name}/{column}"
            for name, asked in self._asked.items()
            for column in kept.all_properties(name)
            if column not in asked
        ]
        return SelectionReport(
            dropped={
                "entity sets": _gone(before.container.entity_sets, kept.container.entity_sets),
                "singletons": _gone(before.container.singletons, kept.container.singletons),
                "entity types": _gone(before.entity_types, kept.entity_types),
                "complex types": _gone(before.complex_types, kept.complex_types),
                "enumerations": _gone(before.enum_types, kept.enum_types),
                "type definitions": _gone(before.type_definitions, kept.type_definitions),
                "columns": tuple(columns),
                "navigation properties": tuple(links),
                "operations": tuple(
                    f"{item.name} ({item.binding})" if item.binding else item.name
                    for item in before.all_operations()
                    if id(item) not in operations_left
                ),
            },
            added=tuple(added),
            key_only=tuple(name for name in kept.entity_types if name in self._key_only),
        )


def _gone(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(name for name in before if name not in after)


def _leads(metadata: Metadata, type_name: str, path: str) -> bool:
    """Whether the path of a binding leads through members that are kept."""
    current = type_name
    for segment in path.split("/"):
        if "." in segment:
            if metadata.structured_type(segment) is None:
                return False
            current = segment
            continue
        member = metadata.all_navigation(current).get(segment) or metadata.all_properties(current).get(segment)
        if member is None:
            return False
        current = member.type.name
    return True
