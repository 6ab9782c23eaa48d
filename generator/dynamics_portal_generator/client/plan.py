"""The plan of a package: which classes an OpenAPI document asks for, and what each thing is called in Python.

Everything that Python sees gets its name here, once, so that collisions are resolved in one place, the same way each
time, and told. The types of columns are left to `types`, the text of the files to `render`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import InputError
from ..names import assign, attribute_name, class_name, member_name, members
from ..openapi import edm_type

Json = dict[str, Any]
Kind = Literal["entity", "complex", "choice", "enumeration", "flags", "operation"]

SCHEMAS = "#/components/schemas/"
CLIENT_API = ("table", "execute", "close", "aclose", "batch", "definitions", "with_raw_response", "from_environment")
"""Names of the clients' own methods, which no table's or operation's attribute may take."""


class GenerationError(InputError):
    """A contract that no package can be generated from; one line."""


@dataclass(slots=True)
class Member:
    """A column, a property, a parameter: the service's name, Python's name and the shape of its values."""

    name: str
    attribute: str
    shape: Json
    nullable: bool
    required: bool = False
    access: str = "read-write"
    description: str = ""

    @property
    def edm(self) -> str:
        """The Edm type for the registry: of a primitive its name, of a class of the package the qualified name."""
        return edm_of(self.shape)


@dataclass(slots=True)
class Link:
    """A navigation property."""

    name: str
    attribute: str
    target: str
    collection: bool
    column: str | None = None


@dataclass(slots=True)
class ClassPlan:
    """A class of the package. `schema` is the service's qualified name (of an operation: its path)."""

    schema: str
    kind: Kind
    name: str
    module: str = ""
    description: str = ""
    abstract: bool = False
    members: list[Member] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    table: Json | None = None
    binds: list[str] = field(default_factory=list)
    values: dict[str, tuple[str | int, str]] = field(default_factory=dict)
    """Of choices and enumerations: member to (value, label)."""
    translations: dict[int, dict[int, str]] = field(default_factory=dict)
    """Of choices: language code to the labels of the values in that language."""
    operation: Json | None = None
    entity_set: str = ""
    """Of an operation: the first segment of its path, which is the set that it is bound to, where it is bound."""
    result: Member | None = None
    assumed: str = ""
    input: bool = False
    """Whether a client ever builds one: then nothing is required to be set."""


@dataclass(slots=True)
class Plan:
    """The whole package."""

    title: str
    version: str
    models: dict[str, ClassPlan]
    """Schema name to class."""
    operations: dict[str, ClassPlan]
    """Path to class."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Entity set or operation path to the client's attribute."""
    notes: list[str] = field(default_factory=list)


def edm_of(shape: Mapping[str, Any]) -> str:
    """The qualified type name of a shape, with `Collection(…)` around it for a list."""
    if shape.get("type") == "array":
        return f"Collection({edm_of(shape.get('items', {}))})"
    target = target_of(shape)
    if target:
        return "Edm.Int32" if target.startswith("choice.") else target
    return edm_type(shape) or "Edm.Untyped"


def target_of(shape: Mapping[str, Any]) -> str:
    """The schema that a shape refers to, through `anyOf` with null and through lists; empty for a primitive one."""
    if shape.get("type") == "array":
        return target_of(shape.get("items", {}))
    reference = shape.get("$ref") or next((part["$ref"] for part in shape.get("anyOf", ()) if "$ref" in part), "")
    multi = shape.get("x-dynamics-choices")
    return str(multi) if multi else str(reference).removeprefix(SCHEMAS)


def is_nullable(shape: Mapping[str, Any]) -> bool:
    """Whether a shape admits null. One without any type admits everything."""
    plain = shape.get("type")
    if isinstance(plain, list):
        return "null" in plain
    if "anyOf" in shape:
        return any(part.get("type") == "null" for part in shape["anyOf"])
    return plain is None and "$ref" not in shape


def make_plan(document: Json) -> Plan:
    """Plan the package of an OpenAPI document. Raises `GenerationError` where the document contradicts itself."""
    schemas: Json = document.get("components", {}).get("schemas", {})
    models: dict[str, ClassPlan] = {}
    for name, schema in schemas.items():
        kind = _kind(name, schema)
        if kind:
            models[name] = ClassPlan(
                name, kind, str(schema.get("title") or name), description=str(schema.get("description", ""))
            )
    operations = _operations(document)
    info = document.get("info", {})
    plan = Plan(str(info.get("title", "")), str(info.get("version", "")), models, operations)
    _name_classes(plan)
    for name, item in models.items():
        _fill(plan, item, schemas[name], schemas)
    for path, item in operations.items():
        _fill_operation(plan, item, path)
    _name_attributes(plan)
    _mark_inputs(plan)
    return plan


def _kind(name: str, schema: Json) -> Kind | None:
    if name.startswith("choice.") and "x-dynamics-choice" in schema:
        return "choice"
    if "x-dynamics-flags" in schema:
        return "flags"
    if "x-dynamics-values" in schema:
        return "enumeration"
    kind = schema.get("x-dynamics-kind")
    return kind if kind in ("entity", "complex") else None


def _operations(document: Json) -> dict[str, ClassPlan]:
    """One class for each operation, also where several paths lead to it."""
    result: dict[str, ClassPlan] = {}
    seen: set[str] = set()
    for path, item in document.get("paths", {}).items():
        for method in ("get", "post"):
            operation = item.get(method) or {}
            extension = operation.get("x-dynamics-operation")
            if not extension or extension["class"] in seen:
                continue
            seen.add(extension["class"])
            text = operation.get("description") or operation.get("summary") or ""
            plan = ClassPlan(path, "operation", extension["class"], description=str(text), operation=operation)
            result[path] = plan
    return result


def _name_classes(plan: Plan) -> None:
    # Tables come first: of `solution` (a table) and `Solution` (a complex type) the table keeps the name.
    for group in (plan.models, plan.operations):
        ranked = {f"{_rank(item)}\0{item.schema}": item for item in group.values()}
        titles = {key: class_name(item.name) for key, item in ranked.items()}
        names, notes = assign(ranked, titles.__getitem__, fold_case=True)
        modules: set[str] = set()
        for key, name in sorted(names.items()):
            ranked[key].name = name
            ranked[key].module = _module_name(name, modules)
        plan.notes.extend(_without_ranks(notes))


def _without_ranks(notes: list[str]) -> list[str]:
    return [re.sub("[0-9]\0", "", note) for note in notes]


def _rank(item: ClassPlan) -> int:
    return 0 if item.kind in ("entity", "operation") else 1 if item.kind == "complex" else 2


def _module_name(name: str, taken: set[str]) -> str:
    text = attribute_name(name)
    while text in taken:
        text += "_"
    taken.add(text)
    return text


def _fill(plan: Plan, item: ClassPlan, schema: Json, schemas: Json) -> None:
    item.assumed = str(schema.get("x-assumed", ""))
    if item.kind == "choice":
        labels = {int(value): str(label) for value, label in schema["x-dynamics-choice"].items()}
        given = dict(zip(schema.get("enum", ()), schema.get("x-enum-varnames", ()), strict=False))
        for value, name in members(labels).items():
            item.values[str(given.get(value) or name)] = (value, labels[value])
        item.translations = _translations(schema.get("x-dynamics-labels", {}))
    elif item.kind == "enumeration":
        names, _ = assign(schema["x-dynamics-values"], member_name)
        item.values = {names[name]: (name, name) for name in schema["x-dynamics-values"]}
    elif item.kind == "flags":
        names, _ = assign(schema["x-dynamics-flags"], member_name)
        item.values = {names[name]: (value, name) for name, value in schema["x-dynamics-flags"].items()}
    else:
        _fill_structured(plan, item, schema, schemas)


def _translations(labels: Json) -> dict[int, dict[int, str]]:
    """Labels by language, in the order of the codes, from labels by value."""
    result: dict[int, dict[int, str]] = {}
    for value, texts in labels.items():
        for language, text in texts.items():
            result.setdefault(int(language), {})[int(value)] = str(text)
    return dict(sorted(result.items()))


def _fill_structured(plan: Plan, item: ClassPlan, schema: Json, schemas: Json) -> None:
    item.abstract = bool(schema.get("x-dynamics-abstract"))
    item.table = schema.get("x-dynamics-table")
    links: Json = schema.get("x-dynamics-navigation", {})
    shapes = {name: shape for name, shape in schema.get("properties", {}).items() if not name.startswith("@")}
    create = schemas.get(f"{item.schema}-create")
    update = schemas.get(f"{item.schema}-update")
    names, notes = assign(shapes, attribute_name)
    plan.notes.extend(f"{item.name}: {note}" for note in notes)
    # `x_value` is the readable twin of the lookup `_x_value`; no other column may have that name
    twins = {name[1:] for name in names.values() if name.startswith("_")}
    for name, shape in shapes.items():
        attribute = names[name]
        if attribute in twins:
            attribute += "_"
            plan.notes.append(
                f"{item.name}: {name} is called {attribute} in Python, because a lookup takes {names[name]}"
            )
        if name in links:
            target = target_of(shape)
            if target not in schemas:
                raise GenerationError(f"{item.schema}.{name} refers to the schema {target!r}, which does not exist")
            collection = shape.get("type") == "array"
            item.links.append(Link(name, attribute, target, collection, links[name].get("column")))
            continue
        member = Member(name, attribute, shape, is_nullable(shape), description=str(shape.get("description", "")))
        if item.kind == "entity":
            member.access = _access(name, create, update)
            member.required = create is not None and name in create.get("required", ())
        _check_target(member, item.schema, plan)
        item.members.append(member)
    if create:
        item.binds = [name for name in create["properties"] if name.endswith("@odata.bind")]


def _access(name: str, create: Json | None, update: Json | None) -> str:
    if create is None or name not in create["properties"]:
        return "read"
    return "read-write" if update is not None and name in update["properties"] else "create"


def _check_target(member: Member, owner: str, plan: Plan) -> None:
    target = target_of(member.shape)
    if target and target not in plan.models:
        raise GenerationError(f"{owner}.{member.name} refers to the schema {target!r}, which does not exist")


def _fill_operation(plan: Plan, item: ClassPlan, path: str) -> None:
    operation = item.operation or {}
    item.assumed = str(operation.get("x-assumed", ""))
    shapes: dict[str, tuple[Json, bool, str]] = {}
    for parameter in operation.get("parameters", ()):
        if parameter.get("in") == "query" and str(parameter.get("name", "")).startswith("@"):
            content = parameter.get("content", {}).get("application/json", {})
            shape = parameter.get("schema") or content.get("schema") or {}
            shapes[parameter["name"][1:]] = (shape, bool(parameter.get("required")), parameter.get("description", ""))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for name, shape in body.get("properties", {}).items():
        shapes[name] = (shape, name in body.get("required", ()), shape.get("description", ""))
    names, notes = assign(shapes, lambda name: {"row_id": "row_id_"}.get(attribute_name(name), attribute_name(name)))
    plan.notes.extend(f"{item.name}: {note}" for note in notes)
    for name, (shape, required, text) in shapes.items():
        member = Member(name, names[name].lstrip("_"), shape, is_nullable(shape), required, description=str(text))
        _check_target(member, item.name, plan)
        item.members.append(member)
    item.entity_set = path.lstrip("/").partition("/")[0].partition("(")[0]
    response = operation.get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
    if "schema" in response:
        shape = response["schema"]
        properties = shape.get("properties", {})
        shape = properties["value"] if "value" in properties and "$ref" not in shape else shape
        item.result = Member("value", "value", shape, is_nullable(shape))
        _check_target(item.result, item.name, plan)


def _name_attributes(plan: Plan) -> None:
    tables = {item.table["entitySet"]: item for item in plan.models.values() if item.table}
    for item in list(plan.models.values()):
        for also in (item.table or {}).get("alsoIn", ()):
            tables[also] = item
    wanted = {f"0\0{name}": name for name in tables}
    wanted |= {f"1\0{item.name}": path for path, item in plan.operations.items()}

    def convert(key: str) -> str:
        text = attribute_name(key.partition("\0")[2]).lstrip("_")
        return f"{text}_" if text in CLIENT_API else text

    names, notes = assign(wanted, convert)
    plan.attributes = {wanted[key]: name for key, name in names.items()}
    plan.notes.extend(_without_ranks(notes))


def _mark_inputs(plan: Plan) -> None:
    """Mark the complex types that a client may have to build: parameters, columns of tables, and what those hold."""
    queue = [target_of(member.shape) for item in plan.operations.values() for member in item.members]
    queue += [
        target_of(member.shape)
        for item in plan.models.values()
        if item.kind == "entity"
        for member in item.members
        if member.access != "read"
    ]
    while queue:
        item = plan.models.get(queue.pop())
        if item is not None and not item.input:
            item.input = True
            queue += [target_of(member.shape) for member in item.members]
