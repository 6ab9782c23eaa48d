"""Component schemas: types of a `$metadata` document as JSON Schema, one shape for reading and two for writing.

An entity type `NS.contact` gives `NS.contact` (what the service sends: `_x_value` lookups, navigation properties when
expanded, annotations), `NS.contact-create` and `NS.contact-update` (what it takes: `x@odata.bind`, no computed
columns). What JSON Schema cannot say goes into extensions, listed in `document`.

Source: OData to OpenAPI Mapping Version 1.0, "Schemas"; OData JSON Format 4.01.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from ..choices import ChoiceColumn
from ..csdl import EntityType, EnumType, Metadata, NavigationProperty, Property, StructuredType, TypeRef, local_name
from ..csdl.model import COMPUTED
from ..names import class_name, members

Json: TypeAlias = dict[str, Any]

PRIMITIVES: dict[str, Json] = {
    "Edm.String": {"type": "string"},
    "Edm.Guid": {"type": "string", "format": "uuid"},
    "Edm.Boolean": {"type": "boolean"},
    "Edm.SByte": {"type": "integer", "format": "int8"},
    "Edm.Byte": {"type": "integer", "format": "uint8"},
    "Edm.Int16": {"type": "integer", "format": "int16"},
    "Edm.Int32": {"type": "integer", "format": "int32"},
    "Edm.Int64": {"type": "integer", "format": "int64"},
    "Edm.Decimal": {"type": "number", "format": "decimal"},
    "Edm.Double": {"type": "number", "format": "double"},
    "Edm.Single": {"type": "number", "format": "float"},
    "Edm.DateTimeOffset": {"type": "string", "format": "date-time"},
    "Edm.Date": {"type": "string", "format": "date"},
    "Edm.TimeOfDay": {"type": "string", "format": "time"},
    "Edm.Duration": {"type": "string", "format": "duration"},
    "Edm.Binary": {"type": "string", "format": "base64url"},
}
"""Every primitive type whose JSON has a shape of its own. The pair (type, format) leads back to the Edm type."""

_FILE_ID: Json = {"type": ["string", "null"], "format": "uuid"}

ASSUMED_TERM_SUFFIX = ".Assumed"
"""An annotation whose term ends so marks an assumption about the contract; its text says why."""


def reference(schema: str) -> Json:
    """A reference to a component schema."""
    return {"$ref": f"#/components/schemas/{schema}"}


def primitive(edm_type: str) -> Json:
    """The shape of a primitive type; one that has none of its own is any JSON value, with its type in an extension."""
    shape = PRIMITIVES.get(edm_type)
    return dict(shape) if shape else {"x-dynamics-edm": edm_type}


def nullable(shape: Json) -> Json:
    """The shape, or null."""
    if "$ref" in shape:
        return {"anyOf": [shape, {"type": "null"}]}
    return {**shape, "type": [shape["type"], "null"]} if isinstance(shape.get("type"), str) else shape


def edm_type(shape: Mapping[str, Any]) -> str:
    """The Edm type that a shape made by `primitive` stands for, or an empty text for any other shape."""
    if "x-dynamics-edm" in shape:
        return str(shape["x-dynamics-edm"])
    plain = shape.get("type")
    if isinstance(plain, list):
        plain = next((item for item in plain if item != "null"), None)
    return _EDM_TYPES.get((plain, shape.get("format")), "")


_EDM_TYPES = {(shape["type"], shape.get("format")): name for name, shape in PRIMITIVES.items()}


class SchemaMapper:
    """Maps the types of one document."""

    def __init__(
        self,
        metadata: Metadata,
        choices: Mapping[tuple[str, str], ChoiceColumn],
        files: Collection[tuple[str, str]] | None = None,
    ) -> None:
        self._metadata = metadata
        self._choices = choices
        self._files = file_columns(metadata) if files is None else files
        self._sets: dict[str, list[str]] = {}
        for entity_set in metadata.container.entity_sets.values():
            self._sets.setdefault(entity_set.entity_type, []).append(entity_set.name)

    def all(self) -> Json:
        """Every component schema of the document, by name."""
        schemas: Json = {}
        for name, choice in sorted({item.name: item for item in self._choices.values()}.items()):
            schemas[f"choice.{name}"] = self._choice(choice)
        for enum in self._metadata.enum_types.values():
            schemas[enum.name] = _enumeration(enum)
        for definition in self._metadata.type_definitions.values():
            schemas[definition.name] = {**primitive(definition.underlying), "title": class_name(definition.name)}
        for complex_type in self._metadata.complex_types.values():
            schemas[complex_type.name] = self._read(complex_type)
        for entity_type in self._metadata.entity_types.values():
            schemas[entity_type.name] = self._read(entity_type)
            if self._sets.get(entity_type.name) or not entity_type.abstract:
                schemas[f"{entity_type.name}-create"] = self._write(entity_type, "create")
                schemas[f"{entity_type.name}-update"] = self._write(entity_type, "update")
        return schemas

    def shape(self, reference_: TypeRef, *, null: bool = False) -> Json:
        """The shape of a value of that type. A collection is never null itself, its items may be."""
        item = self._item(reference_.name)
        if reference_.collection:
            return {"type": "array", "items": item}
        return nullable(item) if null else item

    def _item(self, name: str) -> Json:
        if name.startswith("Edm."):
            return primitive(name)
        if name.rpartition(".")[0] in self._metadata.external_namespaces:
            return {"x-dynamics-edm": name}
        definition = self._metadata.type_definitions.get(name)
        return primitive(definition.underlying) if definition else reference(name)

    def _choice(self, choice: ChoiceColumn) -> Json:
        names = members({option.value: option.label for option in choice.options})
        labels = {option.value: dict(option.labels) for option in choice.options if option.labels}
        return _without_none(
            {
                "title": choice.name,
                "description": choice.description,
                "type": "integer",
                "format": "int32",
                "enum": [option.value for option in choice.options],
                "x-enum-varnames": [names[option.value] for option in choice.options],
                "x-dynamics-choice": {str(option.value): option.label for option in choice.options},
                "x-dynamics-labels": {str(value): text for value, text in labels.items()} or None,
                "x-assumed": choice.assumed,
            }
        )

    def _read(self, structured: StructuredType) -> Json:
        name = structured.name
        properties: Json = {}
        if isinstance(structured, EntityType):
            properties["@odata.etag"] = {"type": "string"}
        writable = self._writable(structured, "create") if isinstance(structured, EntityType) else None
        for item in self._metadata.all_properties(name).values():
            shape = self._property(structured, item)
            if writable is not None and item.name not in writable:
                shape = {**shape, "readOnly": True}
            properties[item.name] = shape
        navigation: Json = {}
        for link in self._metadata.all_navigation(name).values():
            properties[link.name] = self.shape(link.type)
            navigation[link.name] = _without_none(
                {
                    "column": next((own for own, _ in link.constraints), None),
                    "partner": link.partner,
                    "x-assumed": assumed(link.annotations),
                }
            )
        return _without_none(
            {
                "title": class_name(local_name(name)),
                "description": structured.description,
                "type": "object",
                "properties": properties,
                "x-dynamics-table": self._table(structured) if isinstance(structured, EntityType) else None,
                "x-dynamics-kind": "entity" if isinstance(structured, EntityType) else "complex",
                "x-dynamics-base": structured.base,
                "x-dynamics-abstract": structured.abstract or None,
                "x-dynamics-open": self._metadata.is_open(name) or None,
                "x-dynamics-navigation": navigation or None,
                "x-assumed": assumed(structured.annotations),
            }
        )

    def _table(self, entity_type: EntityType) -> Json | None:
        sets = self._sets.get(entity_type.name)
        if not sets:
            return None
        table: Json = {
            "name": entity_type.local_name,
            "entitySet": sets[0],
            "key": [part.name for part in self._metadata.key_of(entity_type.name)],
        }
        alternate = [[part.path for part in key] for key in self._metadata.alternate_keys_of(entity_type.name)]
        if alternate:
            table["alternateKeys"] = alternate
        if len(sets) > 1:
            table["alsoIn"] = sets[1:]
        return table

    def _property(self, owner: StructuredType, item: Property) -> Json:
        choice = self._choices.get((owner.local_name, item.name))
        if (owner.local_name, item.name) in self._files:
            shape: Json = {**_FILE_ID, "x-dynamics-edm": item.type.name, "x-dynamics-file": True}
        elif choice is None:
            shape = self.shape(item.type, null=item.nullable)
        elif choice.multi:
            shape = {"type": ["string", "null"], "x-dynamics-choices": f"choice.{choice.name}"}
        else:
            shape = nullable(reference(f"choice.{choice.name}"))
        if item.max_length and shape.get("type") in ("string", ["string", "null"]):
            shape["maxLength"] = item.max_length
        return {**shape, **told(item)}

    def _write(self, entity_type: EntityType, write: str) -> Json:
        writable = self._writable(entity_type, write)
        properties: Json = {}
        required: list[str] = []
        key = {part.path for part in self._metadata.key_of(entity_type.name)}
        for item in self._metadata.all_properties(entity_type.name).values():
            if item.name not in writable:
                continue
            properties[item.name] = self._property(entity_type, item)
            properties[item.name].pop("description", None)
            properties[item.name].pop("x-assumed", None)
            if write == "create" and not item.nullable and item.default is None and item.name not in key:
                required.append(item.name)
        for link in self._bindable(entity_type):
            properties[f"{link.name}@odata.bind"] = {"type": ["string", "null"], "format": "uri-reference"}
        return _without_none(
            {
                "title": f"{class_name(entity_type.local_name)} (for {write})",
                "type": "object",
                "properties": properties,
                "required": required or None,
            }
        )

    def _bindable(self, entity_type: EntityType) -> Iterable[NavigationProperty]:
        links = self._metadata.all_navigation(entity_type.name).values()
        return (link for link in links if not link.type.collection and not link.contains_target)

    def _writable(self, entity_type: EntityType, write: str) -> set[str]:
        """Names of the columns that a client may write: not what the service computes, not a lookup's `_x_value`
        (that is written as `x@odata.bind`), and on update neither the key nor what is immutable.

        A key is taken on create even where permissions say that it is read-only: they speak of the row that is there.
        """
        name = entity_type.name
        key = {part.path for part in self._metadata.key_of(name)}
        result: set[str] = set()
        for item in self._metadata.all_properties(name).values():
            given = item.name in key and write == "create" and item.annotations.get(COMPUTED) is not True
            if (item.computed and not given) or _is_lookup(item) or item.type.name == "Edm.Stream":
                continue
            if (entity_type.local_name, item.name) in self._files:
                continue
            if write == "update" and (item.immutable or item.name in key):
                continue
            result.add(item.name)
        return result


def file_columns(metadata: Metadata) -> set[tuple[str, str]]:
    """The (table, column) of each file column: Edm.Binary with a text `x_name` beside it, and no `x_timestamp`, which
    an image has.

    Its value in a row is the file's id, and it is not written with the row.
    Source: Dataverse, "Use file column data" ("File name column", "Behavior when retrieving").
    """
    found: set[tuple[str, str]] = set()
    for entity_type in metadata.entity_types.values():
        columns = metadata.all_properties(entity_type.name)
        for name, item in columns.items():
            companion = columns.get(f"{name}_name")
            named = companion is not None and companion.type.name == "Edm.String"
            if item.type.name == "Edm.Binary" and named and f"{name}_timestamp" not in columns:
                found.add((entity_type.local_name, name))
    return found


def _is_lookup(item: Property) -> bool:
    """Whether a column is the read-only half of a lookup: Dataverse names it so, with a constraint or without one."""
    return item.type.name == "Edm.Guid" and item.name.startswith("_") and item.name.endswith("_value")


def _enumeration(enum: EnumType) -> Json:
    values = {member.name: member.value for member in enum.members}
    common = {
        "title": class_name(enum.local_name),
        "description": enum.description,
        "type": "string",
    }
    if enum.is_flags:  # a list of names divided by commas, so no `enum` would hold
        return _without_none({**common, "x-dynamics-flags": values})
    return _without_none({**common, "enum": list(values), "x-dynamics-values": values})


def told(item: Property) -> Json:
    """What a column's or parameter's annotations say of it: its description, and why it is an assumption."""
    return _without_none({"description": item.description, "x-assumed": assumed(item.annotations)})


def assumed(annotations: Mapping[str, Any]) -> str | None:
    """Why an element is an assumption; `None` where it is known."""
    for term, value in annotations.items():
        if term.endswith(ASSUMED_TERM_SUFFIX):
            return value if isinstance(value, str) else "assumed"
    return None


def _without_none(values: Json) -> Json:
    return {key: value for key, value in values.items() if value is not None}
