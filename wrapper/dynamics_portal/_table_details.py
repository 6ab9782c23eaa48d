"""A table in detail: its columns, alternate keys and relationships, as the organisation defines them. No I/O.

Source: Dataverse Web API, "Query table definitions using the Web API"; EntityMetadata, AttributeMetadata,
EntityKeyMetadata, OneToManyRelationshipMetadata, ManyToManyRelationshipMetadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from . import _json
from ._call import Call
from ._definitions import TABLE_COLUMNS, TableDefinition, get, label_of, logical_name, table_of
from ._failures import decoded
from ._outcome import Answer
from ._settings import Settings

_EXPANDED: Final = {
    "Attributes": "LogicalName,SchemaName,AttributeTypeName,RequiredLevel,DisplayName,IsPrimaryId,IsPrimaryName,"
    "IsValidForCreate,IsValidForRead,IsValidForUpdate",
    "Keys": "LogicalName,KeyAttributes,EntityKeyIndexStatus",
    "OneToManyRelationships": "SchemaName,ReferencingEntity,ReferencingAttribute,"
    "ReferencedEntityNavigationPropertyName",
    "ManyToOneRelationships": "SchemaName,ReferencedEntity,ReferencingAttribute,"
    "ReferencingEntityNavigationPropertyName",
    "ManyToManyRelationships": "SchemaName,Entity1LogicalName,Entity1NavigationPropertyName,Entity2LogicalName,"
    "Entity2NavigationPropertyName",
}


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """A column. `type` is Dataverse's: `String`, `Lookup`, `MultiSelectPicklist`; `display_name` is in the language of
    the account that asked."""

    logical_name: str
    schema_name: str
    type: str
    display_name: str
    required: str
    """`None`, `SystemRequired`, `ApplicationRequired` or `Recommended`."""
    is_primary_id: bool
    is_primary_name: bool
    readable: bool
    creatable: bool
    updatable: bool


@dataclass(frozen=True, slots=True)
class KeyDefinition:
    """An alternate key. It names rows once it is `active`: the service builds an index first."""

    logical_name: str
    columns: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class RelationshipDefinition:
    """A relationship, from the table's side: `many-to-one` is a lookup of its own.

    `table`: the other one. `column`: the lookup column, of whichever table has it. `navigation`: what leads there.
    """

    schema_name: str
    kind: Literal["one-to-many", "many-to-one", "many-to-many"]
    table: str
    navigation: str | None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class TableDetails:
    """A table with its columns and alternate keys by logical name, and its relationships: one of a table with itself
    has two sides."""

    table: TableDefinition
    columns: Mapping[str, ColumnDefinition]
    keys: Mapping[str, KeyDefinition]
    relationships: tuple[RelationshipDefinition, ...]


def details_call(settings: Settings, name: str) -> Call:
    """One table. Raises `ValueError` or `TypeError` for what is no logical name."""
    expand = ",".join(f"{link}($select={columns})" for link, columns in _EXPANDED.items())
    path = f"EntityDefinitions(LogicalName='{logical_name(name)}')?$select={TABLE_COLUMNS}&$expand={expand}"
    return get(settings, path, empty=b"{}")


def details_of(answer: Answer, call: Call) -> TableDetails:
    """The table of an answer."""
    return decoded(lambda: _details(_json.decode_object(answer.content)), answer.status, call.correlation_id)


def _details(row: Mapping[str, Any]) -> TableDetails:
    table = table_of(row)
    columns = sorted(map(_column, row["Attributes"]), key=lambda column: column.logical_name)
    keys = sorted(map(_key, row["Keys"]), key=lambda key: key.logical_name)
    relationships = (
        *(_to_many(item) for item in row["OneToManyRelationships"]),
        *(_to_one(item) for item in row["ManyToOneRelationships"]),
        *(_many(item, table.logical_name) for item in row["ManyToManyRelationships"]),
    )
    return TableDetails(
        table,
        {column.logical_name: column for column in columns},
        {key.logical_name: key for key in keys},
        relationships,
    )


def _column(item: Mapping[str, Any]) -> ColumnDefinition:
    return ColumnDefinition(
        logical_name=str(item["LogicalName"]),
        schema_name=str(item.get("SchemaName") or item["LogicalName"]),
        type=str((item.get("AttributeTypeName") or {}).get("Value", "")).removesuffix("Type"),
        display_name=label_of(item.get("DisplayName")),
        required=str((item.get("RequiredLevel") or {}).get("Value", "None")),
        is_primary_id=bool(item.get("IsPrimaryId")),
        is_primary_name=bool(item.get("IsPrimaryName")),
        readable=bool(item.get("IsValidForRead")),
        creatable=bool(item.get("IsValidForCreate")),
        updatable=bool(item.get("IsValidForUpdate")),
    )


def _key(item: Mapping[str, Any]) -> KeyDefinition:
    active = item.get("EntityKeyIndexStatus") == "Active"
    return KeyDefinition(str(item["LogicalName"]), tuple(map(str, item["KeyAttributes"])), active)


def _to_many(item: Mapping[str, Any]) -> RelationshipDefinition:
    navigation = item.get("ReferencedEntityNavigationPropertyName")
    name, table = str(item["SchemaName"]), str(item["ReferencingEntity"])
    return RelationshipDefinition(name, "one-to-many", table, navigation, item.get("ReferencingAttribute"))


def _to_one(item: Mapping[str, Any]) -> RelationshipDefinition:
    navigation = item.get("ReferencingEntityNavigationPropertyName")
    name, table = str(item["SchemaName"]), str(item["ReferencedEntity"])
    return RelationshipDefinition(name, "many-to-one", table, navigation, item.get("ReferencingAttribute"))


def _many(item: Mapping[str, Any], own: str) -> RelationshipDefinition:
    side, other = (1, 2) if item["Entity1LogicalName"] == own else (2, 1)
    navigation = item.get(f"Entity{side}NavigationPropertyName")
    table = str(item[f"Entity{other}LogicalName"])
    return RelationshipDefinition(str(item["SchemaName"]), "many-to-many", table, navigation)
