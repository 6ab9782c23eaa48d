"""What the emulator needs to know of a `$metadata` document: tables, their keys, and how they are related.

It decides which rows share storage (a family: a type hierarchy under one key) and by which column or link a navigation
property is followed. Columns' values are the business of `values`, their storage that of `store`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from dynamics_portal_generator.csdl import (
    EntityType,
    Metadata,
    NavigationProperty,
    Property,
    PropertyRef,
    TypeRef,
    local_name,
)

from .choices import Choices

DEFINITIONS = "Microsoft.Dynamics.CRM.MetadataBase"
"""What all definitions are derived from: tables, columns, choices."""
PRIMARY_NAMES = ("fullname", "name", "subject", "title")
"""Where the text that a lookup displays is found; `$metadata` does not say which column is a table's primary name."""


@dataclass(frozen=True)
class Lookup:
    """A single-valued navigation that columns of the row hold: pairs of own column and column of the target."""

    target: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reverse:
    """A navigation that columns of the target hold: pairs of the target's column and own column."""

    target: str
    columns: tuple[tuple[str, str], ...]
    lookup: str
    """The target's navigation property that points back."""


@dataclass(frozen=True)
class Link:
    """A navigation that no column holds: pairs of keys, kept under a name that both directions share."""

    target: str
    name: str
    forward: bool


Relation: TypeAlias = Lookup | Reverse | Link


@dataclass(frozen=True)
class Table:
    """An entity type with everything that it inherits."""

    schema: Schema
    type: str

    @cached_property
    def name(self) -> str:
        """The logical name."""
        return local_name(self.type)

    @cached_property
    def properties(self) -> Mapping[str, Property]:
        """Every column."""
        return self.schema.metadata.all_properties(self.type)

    @cached_property
    def navigation(self) -> Mapping[str, NavigationProperty]:
        """Every navigation property."""
        return self.schema.metadata.all_navigation(self.type)

    @cached_property
    def key(self) -> tuple[PropertyRef, ...]:
        """The primary key."""
        return self.schema.metadata.key_of(self.type)

    @cached_property
    def alternate_keys(self) -> tuple[tuple[PropertyRef, ...], ...]:
        """The alternate keys; every elastic table has one of its id and its partition."""
        declared = self.schema.metadata.alternate_keys_of(self.type)
        if self.elastic and not any({part.path for part in key} >= {"partitionid"} for key in declared):
            return (*declared, (*self.key, PropertyRef("partitionid")))
        return declared

    @cached_property
    def open(self) -> bool:
        """Whether columns may be added that the document does not declare."""
        return self.schema.metadata.is_open(self.type)

    @cached_property
    def abstract(self) -> bool:
        """Whether no row can be of this very type."""
        return self.schema.metadata.entity_types[self.type].abstract

    @cached_property
    def elastic(self) -> bool:
        """Whether its rows are kept in partitions, without transactions ("Elastic tables")."""
        return {"partitionid", "ttlinseconds"} <= set(self.properties)

    @cached_property
    def images(self) -> frozenset[str]:
        """Image columns: binary ones with a timestamp or an address beside them ("Image columns")."""
        return frozenset(
            name
            for name, declared in self.properties.items()
            if declared.type.name == "Edm.Binary" and {f"{name}_timestamp", f"{name}_url"} & self.properties.keys()
        )

    @cached_property
    def files(self) -> frozenset[str]:
        """File columns: those with their file's name beside them ("Use file column data", section File name column).
        Documents declare them as binary, as a stream, or not at all."""
        found = {name for name, declared in self.properties.items() if declared.type.name == "Edm.Stream"}
        for name, declared in self.properties.items():
            column = name.removesuffix("_name")
            if column == name or declared.type.name != "Edm.String" or column in self.images:
                continue
            beside = self.properties.get(column)
            if (beside is None and "_" in column) or (beside is not None and beside.type.name == "Edm.Binary"):
                found.add(column)
        return frozenset(found)

    @cached_property
    def told_of_files(self) -> frozenset[str]:
        """Columns that no client writes, since they tell of a file or an image: its id, name, address and time."""
        found = {part for name in self.files & self.properties.keys() for part in (name, f"{name}_name")}
        return frozenset(found | {f"{name}{part}" for name in self.images for part in ("id", "_url", "_timestamp")})

    @cached_property
    def family(self) -> str:
        """The most basic type of the hierarchy that has a key: its rows are stored together."""
        for part in self.schema.metadata.ancestry(self.type):
            if isinstance(part, EntityType) and part.key:
                return part.name
        return self.type

    @cached_property
    def lookups(self) -> Mapping[str, tuple[str, ...]]:
        """Column that holds a lookup, to the navigation properties that may fill it."""
        found: dict[str, list[str]] = {}
        for navigation in self.navigation.values():
            for column, _ in navigation.constraints[:1]:
                if not navigation.type.collection:
                    found.setdefault(column, []).append(navigation.name)
        return {column: tuple(names) for column, names in found.items()}

    @cached_property
    def mirror(self) -> str | None:
        """A second id column, `systemuserid` beside the key `ownerid`, that Dataverse keeps equal to the key."""
        candidate = f"{self.name}id"
        if len(self.key) == 1 and self.key[0].path != candidate and candidate in self.properties:
            return candidate
        return None

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the primary key, which come with every answer; the second id, too."""
        return (*(part.path for part in self.key), *((self.mirror,) if self.mirror else ()))

    @cached_property
    def primary_name(self) -> str | None:
        """The column whose value a lookup displays."""
        prefix = self.name.partition("_")[0]
        candidates = (*PRIMARY_NAMES, f"{prefix}_name")
        return next((name for name in candidates if name in self.properties), None)

    def key_property(self, reference: PropertyRef) -> Property | None:
        """The column behind a part of a key; the path may lead through complex columns or lookups."""
        table: Table | None = self
        parts = reference.path.split("/")
        for part in parts[:-1]:
            table = self.schema.table_or_none(table.navigation[part].type.name) if table else None
        return table.properties.get(parts[-1]) if table else None


class Schema:
    """A document, indexed for serving. Tables are built when first asked for, so that start-up costs nothing."""

    def __init__(self, metadata: Metadata, choices: Choices | None = None) -> None:
        self.metadata = metadata
        self.choices = choices or Choices({})
        self._tables: dict[str, Table] = {}
        self._relations: dict[tuple[str, str], Relation | None] = {}

    def table(self, type_name: str) -> Table:
        """The table of an entity type. KeyError for a name that is none."""
        table = self._tables.get(type_name)
        if table is None:
            if type_name not in self.metadata.entity_types:
                raise KeyError(type_name)
            table = self._tables.setdefault(type_name, Table(self, type_name))
        return table

    def table_or_none(self, type_name: str) -> Table | None:
        """The table of an entity type, or None for another name."""
        return self.table(type_name) if type_name in self.metadata.entity_types else None

    def set_table(self, set_name: str) -> Table | None:
        """The table behind an entity set."""
        entity_set = self.metadata.container.entity_sets.get(set_name)
        return self.table_or_none(entity_set.entity_type) if entity_set else None

    @cached_property
    def _named(self) -> Mapping[str, str]:
        return {local_name(name): name for name in reversed(list(self.metadata.entity_types))}

    def named(self, logical_name: str) -> Table | None:
        """The table of a logical name."""
        found = self._named.get(logical_name)
        return self.table(found) if found else None

    @cached_property
    def _sets(self) -> Mapping[str, str]:
        sets: dict[str, str] = {}
        for entity_set in self.metadata.container.entity_sets.values():
            sets.setdefault(entity_set.entity_type, entity_set.name)
        return sets

    def set_of(self, type_name: str) -> str | None:
        """The entity set where rows of a type are addressed: its own, else that of the nearest base type."""
        for part in reversed(self.metadata.ancestry(type_name)):
            if part.name in self._sets:
                return self._sets[part.name]
        return None

    @cached_property
    def _derived(self) -> Mapping[str, tuple[str, ...]]:
        derived: dict[str, list[str]] = {}
        for name in self.metadata.entity_types:
            for part in self.metadata.ancestry(name):
                derived.setdefault(part.name, []).append(name)
        return {name: tuple(names) for name, names in derived.items()}

    def with_derived(self, type_name: str) -> tuple[str, ...]:
        """The type and all types derived from it."""
        return self._derived.get(type_name, (type_name,))

    def relation(self, table: Table, navigation: NavigationProperty) -> Relation | None:
        """How a navigation property is followed; None where the document does not know its target."""
        key = (table.type, navigation.name)
        if key not in self._relations:
            self._relations[key] = self._relate(table, navigation)
        return self._relations[key]

    def _relate(self, table: Table, navigation: NavigationProperty) -> Relation | None:
        target = self.table_or_none(navigation.type.name)
        if target is None:
            return None
        if navigation.constraints and not navigation.type.collection:
            return Lookup(target.type, navigation.constraints)
        partner = target.navigation.get(navigation.partner) if navigation.partner else None
        if partner is not None and partner.constraints and not partner.type.collection:
            return Reverse(target.type, partner.constraints, partner.name)
        own = f"{self._declaring(table, navigation.name)}/{navigation.name}"
        if partner is None:
            return Link(target.type, own, True)
        other = f"{self._declaring(target, partner.name)}/{partner.name}"
        return Link(target.type, min(own, other), own <= other)

    def _declaring(self, table: Table, name: str) -> str:
        parts = self.metadata.ancestry(table.type)
        return next((part.name for part in parts if name in part.navigation), table.type)

    def primitive(self, reference: TypeRef) -> str:
        """The name of a type with type definitions resolved to what they stand for."""
        definition = self.metadata.type_definitions.get(reference.name)
        return definition.underlying if definition else reference.name
