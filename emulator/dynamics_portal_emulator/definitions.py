"""`EntityDefinitions`: what Dataverse tells about its tables, columns and choices, as rows.

It decides what of that follows from the document and its choices ("Query schema definitions using the Web API"). The
rows are made when somebody first asks for them, and then read like any others. Changing a definition changes no table.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dynamics_portal_generator.csdl import Metadata, Property

from .choices import Choice
from .resources import KeySegment, Segment, SetSegment
from .schema import Link, Schema, Table
from .store import KeyTakenError, Store
from .supplements import supplemented

SET = "EntityDefinitions"
_CRM = "Microsoft.Dynamics.CRM"
_KINDS = {
    "Edm.Boolean": "Boolean",
    "Edm.Date": "DateTime",
    "Edm.DateTimeOffset": "DateTime",
    "Edm.Decimal": "Decimal",
    "Edm.Double": "Double",
    "Edm.Guid": "Uniqueidentifier",
    "Edm.Int32": "Integer",
    "Edm.Int64": "BigInt",
    "Edm.String": "String",
}
_TYPES = {"Uniqueidentifier": "UniqueIdentifier", "Owner": "Lookup"}
_IDS = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


def with_definitions(metadata: Metadata) -> Metadata:
    """The document, with the types of the metadata tables where it declares no `EntityDefinitions` itself."""
    return supplemented(metadata, "definitions.xml", SET)


@dataclass
class Definitions:
    """Makes the rows, once for each table. `described` is the document that they tell about, `tracked` knows
    which tables track changes."""

    described: Metadata
    schema: Schema
    store: Store
    tracked: Callable[[Table], bool]
    _tables: dict[str, str] = field(default_factory=dict)
    """Logical name of each table told about, to its type."""
    _with_columns: set[str] = field(default_factory=set)

    def forget(self) -> None:
        """Makes the rows again when they are next asked for."""
        self._tables.clear()
        self._with_columns.clear()

    def prepare(self, segments: Sequence[Segment], query: str) -> None:
        """Makes the rows that a request may ask for."""
        first = segments[0]
        if not isinstance(first, SetSegment) or first.name != SET:
            return
        if not self._tables:
            self._describe_tables()
        key = segments[1].key if len(segments) > 1 and isinstance(segments[1], KeySegment) else None
        names = set(self._tables) if key is None and "Attributes" in query else set()
        if key is not None:
            wanted = set(key.values.values())
            names = {name for name in self._tables if name in wanted or _id(name) in wanted}
        for name in sorted(names - self._with_columns):
            self._describe_columns(name)

    def _describe_tables(self) -> None:
        for entity_set in self.described.container.entity_sets.values():
            table = self.schema.table_or_none(entity_set.entity_type)
            if table is None or not table.key or table.family == f"{_CRM}.MetadataBase":
                continue
            self._tables[table.name] = table.type
            columns = {
                "LogicalName": table.name,
                "SchemaName": table.name,
                "EntitySetName": entity_set.name,
                "LogicalCollectionName": entity_set.name,
                "PrimaryIdAttribute": table.mirror or table.key[0].path,
                "PrimaryNameAttribute": table.primary_name,
                "IsPrivate": False,
                "ChangeTrackingEnabled": self.tracked(table),
            }
            self._add("EntityMetadata", _id(table.name), columns)

    def _describe_columns(self, name: str) -> None:
        table = self.schema.table(self._tables[name])
        for declared in table.properties.values():
            kind = self._kind(table, declared)
            if kind is None:
                continue
            logical = (
                declared.name.removeprefix("_").removesuffix("_value") if kind in ("Lookup", "Owner") else declared.name
            )
            key = _id(name, logical)
            columns: dict[str, Any] = {
                "LogicalName": logical,
                "SchemaName": logical,
                "EntityLogicalName": name,
                "AttributeType": "Virtual" if kind == "MultiSelectPicklist" else kind,
                "AttributeTypeName": {"Value": f"{kind}Type"},
                "IsPrimaryId": declared.name == (table.mirror or table.key[0].path),
                "IsPrimaryName": declared.name == table.primary_name,
                "IsValidODataAttribute": True,  # what is told of comes from a document of the Web API
            }
            if declared.name in table.lookups:
                columns["Targets"] = list(self._targets(table, table.lookups[declared.name]))
            type_name = f"{_TYPES.get(kind, kind)}AttributeMetadata"
            self._add(type_name, key, columns)
            self._link("EntityMetadata", "Attributes", _id(name), key)
            choice = self.schema.choices.of(name, declared.name)
            if choice is not None and "OptionSet" in self.schema.table(f"{_CRM}.{type_name}").navigation:
                self._add("OptionSetMetadata", _id(name, logical, "choice"), _options(choice))
                self._link(type_name, "OptionSet", key, _id(name, logical, "choice"))
        self._with_columns.add(name)

    def _kind(self, table: Table, declared: Property) -> str | None:
        """The kind of column, as Dataverse calls it; None for what is no column of its own."""
        if declared.type.collection:
            return None
        if declared.name in table.lookups and declared.name.startswith("_"):
            return "Owner" if declared.name == "_ownerid_value" else "Lookup"
        choice = self.schema.choices.of(table.name, declared.name)
        if choice is not None and choice.multi:
            return "MultiSelectPicklist"
        kind = _KINDS.get(self.schema.primitive(declared.type))
        if kind == "Integer":
            if declared.name in ("statecode", "statuscode"):
                return "State" if declared.name == "statecode" else "Status"
            return "Picklist" if choice is not None else kind
        return kind

    def _targets(self, table: Table, names: Sequence[str]) -> Iterator[str]:
        for name in names:
            target = self.schema.table_or_none(table.navigation[name].type.name)
            if target is not None:
                yield target.name

    def _add(self, type_name: str, key: str, columns: Mapping[str, Any]) -> None:
        table = self.schema.table(f"{_CRM}.{type_name}")
        document = {name: value for name, value in columns.items() if name in table.properties} | {"MetadataId": key}
        try:
            self.store.insert(table.family, key, table.type, self.store.next_version(), document)
        except KeyTakenError:  # a test has made it before
            return

    def _link(self, type_name: str, navigation: str, source: str, target: str) -> None:
        table = self.schema.table(f"{_CRM}.{type_name}")
        relation = self.schema.relation(table, table.navigation[navigation])
        if isinstance(relation, Link):
            self.store.link(relation.name, *((source, target) if relation.forward else (target, source)))


def _options(choice: Choice) -> dict[str, Any]:
    options = [{"Value": value, "Label": _label(choice.labels[value])} for value in choice.options]
    return {"Name": choice.name, "IsGlobal": False, "Options": options}


def _label(labels: Mapping[int, str]) -> dict[str, Any]:
    localized = [{"Label": text, "LanguageCode": language} for language, text in labels.items()]
    return {"LocalizedLabels": localized, "UserLocalizedLabel": localized[0] if localized else None}


def _id(*names: str) -> str:
    """The same id for the same thing in every run."""
    return str(uuid.uuid5(_IDS, "/".join(names)))
