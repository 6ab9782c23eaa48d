"""What Dataverse tells about tables, columns, keys, relationships and choices, as far as a document says it.

It decides the columns of each definition ("EntityMetadata EntityType" and those that its navigation properties lead
to): pure functions, from a table to documents. Labels are those of the choices; `$metadata` has none for tables and
columns, only descriptions. When definitions are made, and how they are linked, is decided by `definitions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dynamics_portal_generator.csdl import NavigationProperty, Property

from .choices import ENGLISH, Choice
from .schema import Link, Lookup, Schema, Table

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
_VIRTUAL = ("MultiSelectPicklist", "File", "Image")
_BEHAVIOURS = {"Edm.Date": "DateOnly", "Edm.DateTimeOffset": "UserLocal"}


@dataclass(frozen=True)
class Definition:
    """A definition: its type by its local name, the names that its id is made of, and its columns."""

    type: str
    names: tuple[str, ...]
    columns: Mapping[str, Any]


def table_definition(table: Table, entity_set: str, *, tracked: bool) -> Definition:
    """A table."""
    owned = "_ownerid_value" in table.properties
    columns = {
        "LogicalName": table.name,
        "SchemaName": table.name,
        "EntitySetName": entity_set,
        "LogicalCollectionName": entity_set,
        "CollectionSchemaName": entity_set,
        "PrimaryIdAttribute": table.mirror or table.key[0].path,
        "PrimaryNameAttribute": table.primary_name,
        "Description": label(_english(table.schema.metadata.entity_types[table.type].description)),
        "DisplayName": label({}),
        "DisplayCollectionName": label({}),
        "OwnershipType": "UserOwned" if owned else "OrganizationOwned",
        "IsActivity": "activityid" in table.properties,
        "IsCustomEntity": "_" in table.name,
        "IsIntersect": False,
        "IsPrivate": False,
        "ChangeTrackingEnabled": tracked,
    }
    return Definition("EntityMetadata", (table.name,), columns)


def column_definition(table: Table, declared: Property, facts: Mapping[str, Any]) -> Definition | None:
    """A column, with `facts` that the document does not tell; None for what is no column of its own."""
    kind = _kind(table, declared)
    if kind is None:
        return None
    logical, edm = logical_name(table, declared.name), table.schema.primitive(declared.type)
    key = (table.mirror or table.key[0].path) == declared.name
    columns: dict[str, Any] = {
        "LogicalName": logical,
        "SchemaName": logical,
        "EntityLogicalName": table.name,
        "AttributeType": "Virtual" if kind in _VIRTUAL else kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "Description": label(_english(declared.description)),
        "DisplayName": label({}),
        "RequiredLevel": {"Value": "SystemRequired" if key else "None", "CanBeChanged": not key},
        "IsPrimaryId": key,
        "IsPrimaryName": declared.name == table.primary_name,
        "IsCustomAttribute": "_" in logical,
        "IsValidForCreate": not declared.computed,
        "IsValidForUpdate": not declared.computed and not key,
        "IsValidForRead": True,
        "IsValidODataAttribute": True,  # what is told of comes from a document of the Web API
        "MaxLength": declared.max_length,
        "Precision": declared.scale if isinstance(declared.scale, int) else None,
    }
    columns.update(facts)
    if edm in _BEHAVIOURS:
        columns["DateTimeBehavior"] = {"Value": _BEHAVIOURS[edm]}
    if declared.name in table.lookups:
        columns["Targets"] = list(_targets(table, declared.name))
    return Definition(f"{_TYPES.get(kind, kind)}AttributeMetadata", (table.name, logical), columns)


def _kind(table: Table, declared: Property) -> str | None:
    """The kind of a column, as Dataverse calls it."""
    if declared.type.collection:
        return None
    if declared.name in table.lookups and declared.name.startswith("_"):
        return "Owner" if declared.name == "_ownerid_value" else "Lookup"
    choice = table.schema.choices.of(table.name, declared.name)
    if choice is not None and choice.multi:
        return "MultiSelectPicklist"
    if declared.name in table.images or declared.name in table.files:
        return "Image" if declared.name in table.images else "File"
    kind = _KINDS.get(table.schema.primitive(declared.type))
    if kind == "Integer":
        if declared.name in ("statecode", "statuscode"):
            return "State" if declared.name == "statecode" else "Status"
        return "Picklist" if choice is not None else kind
    return kind


def logical_name(table: Table, column: str) -> str:
    """The logical name of a column: that of a lookup is without `_…_value`."""
    is_lookup = column in table.lookups and column.startswith("_")
    return column.removeprefix("_").removesuffix("_value") if is_lookup else column


def _targets(table: Table, column: str) -> Iterator[str]:
    for name in table.lookups[column]:
        target = table.schema.table_or_none(table.navigation[name].type.name)
        if target is not None:
            yield target.name


def key_definitions(table: Table) -> Iterator[Definition]:
    """The alternate keys of a table. `$metadata` has no names for them: they are named after their columns."""
    for key in table.alternate_keys:
        names = [logical_name(table, part.path) for part in key]
        name = "_".join((*names, "key"))
        columns = {
            "LogicalName": name,
            "SchemaName": name,
            "EntityLogicalName": table.name,
            "KeyAttributes": names,
            "EntityKeyIndexStatus": "Active",
            "DisplayName": label({}),
        }
        yield Definition("EntityKeyMetadata", (table.name, name), columns)


def relationship_definitions(schema: Schema, table: Table, hierarchy: str | None) -> Iterator[Definition]:
    """The relationships that a table's lookups and many-to-many navigation properties stand for; a many-to-many one
    comes from both of its tables. `hierarchy` is the column of the table's parent."""
    for navigation in table.navigation.values():
        relation = schema.relation(table, navigation)
        target = schema.table_or_none(navigation.type.name)
        if target is None or not target.key:
            continue
        if isinstance(relation, Lookup):
            column = relation.columns[0][0]
            name = navigation.partner or f"{target.name}_{table.name}_{navigation.name}"
            columns: dict[str, Any] = {
                "SchemaName": name,
                "RelationshipType": "OneToManyRelationship",
                "ReferencedEntity": target.name,
                "ReferencedAttribute": target.mirror or target.key[0].path,
                "ReferencingEntity": table.name,
                "ReferencingAttribute": logical_name(table, column),
                "ReferencedEntityNavigationPropertyName": navigation.partner,
                "ReferencingEntityNavigationPropertyName": navigation.name,
                "IsHierarchical": hierarchy == column,
            }
            yield Definition("OneToManyRelationshipMetadata", ("relationship", table.name, navigation.name), columns)
        elif isinstance(relation, Link) and _is_many_to_many(target, navigation):
            one, other = (table, target) if relation.forward else (target, table)
            names = (navigation.name, navigation.partner or "")
            own, theirs = names if relation.forward else names[::-1]
            columns = {
                "SchemaName": own or theirs,
                "RelationshipType": "ManyToManyRelationship",
                "Entity1LogicalName": one.name,
                "Entity2LogicalName": other.name,
                "IntersectEntityName": (own or theirs).lower(),
                "Entity1IntersectAttribute": one.mirror or one.key[0].path,
                "Entity2IntersectAttribute": other.mirror or other.key[0].path,
                "Entity1NavigationPropertyName": own,
                "Entity2NavigationPropertyName": theirs,
            }
            yield Definition("ManyToManyRelationshipMetadata", ("relationship", relation.name), columns)


def _is_many_to_many(target: Table, navigation: NavigationProperty) -> bool:
    partner = target.navigation.get(navigation.partner or "")
    return navigation.type.collection and partner is not None and partner.type.collection


def choice_definition(choice: Choice, names: tuple[str, ...], kind: str, *, shared: bool) -> Definition:
    """The options of a choice; `kind` is the type of a column with it, `shared` whether it is a global one."""
    columns = {
        "Name": choice.name,
        "IsGlobal": shared,
        "OptionSetType": kind if kind in ("State", "Status") else "Picklist",
        "DisplayName": label({}),
        "Options": [{"Value": value, "Label": label(choice.labels[value])} for value in choice.options],
    }
    return Definition("OptionSetMetadata", names, columns)


def boolean_definition(table: Table, column: str, choice: Choice | None, names: tuple[str, ...]) -> Definition:
    """The two options of a Boolean column, `Yes` and `No` where nothing else is known."""
    labels = {1: {ENGLISH: "Yes"}, 0: {ENGLISH: "No"}} if choice is None else choice.labels
    true, false = ({"Value": value, "Label": label(labels.get(value, {}))} for value in (1, 0))
    columns = {
        "Name": choice.name if choice else f"{table.name}_{column}",
        "IsGlobal": False,
        "OptionSetType": "Boolean",
        "TrueOption": true,
        "FalseOption": false,
    }
    return Definition("BooleanOptionSetMetadata", names, columns)


def _english(text: str | None) -> dict[int, str]:
    return {ENGLISH: text} if text else {}


def label(labels: Mapping[int, str]) -> dict[str, Any]:
    """A text in its languages; the user's is English, where there is such a one."""
    localized = [{"Label": text, "LanguageCode": language} for language, text in labels.items()]
    own = next((item for item in localized if item["LanguageCode"] == ENGLISH), localized[0] if localized else None)
    return {"LocalizedLabels": localized, "UserLocalizedLabel": own}
