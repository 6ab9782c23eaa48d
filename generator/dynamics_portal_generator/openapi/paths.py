"""Paths: entity sets, rows by key and alternate key, operations, `$batch`.

Navigation is not unrolled into paths: `/contacts({id})/new_certifications({id})/…` multiplies a document by hundreds,
and a client reaches the same rows by `$expand` and by the sets themselves.

Source: OData to OpenAPI Mapping Version 1.0, "Paths".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..csdl import (
    EntitySet,
    EntityType,
    Metadata,
    Operation,
    OperationImport,
    PropertyRef,
    Singleton,
    TypeRef,
    local_name,
)
from ..names import assign, class_name
from .schemas import Json, SchemaMapper, assumed, reference, told

_ERROR: Json = {"default": {"$ref": "#/components/responses/error"}}
_DONE: Json = {"description": "Done"}
_QUERY_OPTIONS = ("select", "expand")
_LIST_OPTIONS = ("top", "filter", "orderby", "count", *_QUERY_OPTIONS)


class PathMapper:
    """Maps the entity container of one document. `unreached` says which operations no entity set leads to."""

    def __init__(self, metadata: Metadata, schemas: SchemaMapper) -> None:
        self._metadata = metadata
        self._schemas = schemas
        self._types_with_sets = {item.entity_type for item in metadata.container.entity_sets.values()}
        self.unreached: list[str] = []
        self._operation_names, self.renamed = self._name_operations()

    def all(self) -> Json:
        """Every path of the document."""
        paths: Json = {}
        for entity_set in self._metadata.container.entity_sets.values():
            paths.update(self._entity_set(entity_set))
        for singleton in self._metadata.container.singletons.values():
            paths[f"/{singleton.name}"] = self._singleton(singleton)
        for path, item in self._operations():
            paths.setdefault(path, {}).update(item)
        paths["/$batch"] = _batch()
        return paths

    def _entity_set(self, entity_set: EntitySet) -> Iterator[tuple[str, Json]]:
        name, type_name = entity_set.name, entity_set.entity_type
        entity_type = self._metadata.entity_types[type_name]
        tag = [name]
        item: Json = {
            "get": {
                "operationId": f"{name}.list",
                "tags": tag,
                "summary": f"List rows of {name}",
                "parameters": _options(_LIST_OPTIONS),
                "responses": {"200": _json("Rows", _collection(reference(type_name))), **_ERROR},
            }
        }
        if not entity_type.abstract:
            item["post"] = {
                "operationId": f"{name}.create",
                "tags": tag,
                "summary": f"Create a row of {name}",
                "requestBody": _body(reference(f"{type_name}-create")),
                "responses": {
                    "201": _json("The created row", reference(type_name)),
                    "204": {"$ref": "#/components/responses/created"},
                    **_ERROR,
                },
            }
        yield f"/{name}", item
        keys = [("get", self._metadata.key_of(type_name))]
        keys += [
            ("get_by_" + "_".join(part.path.strip("_") for part in key), key)
            for key in self._metadata.alternate_keys_of(type_name)
        ]
        for verb, key in keys:
            if key:
                yield self._row(entity_set, entity_type, verb, key)

    def _row(
        self, entity_set: EntitySet, entity_type: EntityType, verb: str, key: tuple[PropertyRef, ...]
    ) -> tuple[str, Json]:
        name, tag = entity_set.name, [entity_set.name]
        suffix = verb.removeprefix("get")
        item: Json = {
            "parameters": self._key_parameters(entity_type, key),
            "get": {
                "operationId": f"{name}.{verb}",
                "tags": tag,
                "summary": f"Get a row of {name}",
                "parameters": _options(_QUERY_OPTIONS),
                "responses": {"200": _json("The row", reference(entity_type.name)), **_ERROR},
            },
            "patch": {
                "operationId": f"{name}.update{suffix}",
                "tags": tag,
                "summary": f"Update or upsert a row of {name}",
                "parameters": _options(("ifMatch", "ifNoneMatch")),
                "requestBody": _body(reference(f"{entity_type.name}-update")),
                "responses": {"204": _DONE, **_ERROR},
            },
            "delete": {
                "operationId": f"{name}.delete{suffix}",
                "tags": tag,
                "summary": f"Delete a row of {name}",
                "parameters": _options(("ifMatch",)),
                "responses": {"204": _DONE, **_ERROR},
            },
        }
        if entity_type.abstract:
            del item["patch"]
        return f"/{name}({self._predicate(entity_type, key)})", item

    def _predicate(self, entity_type: EntityType, key: tuple[PropertyRef, ...]) -> str:
        own = self._metadata.key_of(entity_type.name)
        parts = [self._literal(entity_type, part, f"{{{part.name}}}") for part in key]
        if key == own and len(key) == 1:
            return parts[0]
        return ",".join(f"{part.name}={literal}" for part, literal in zip(key, parts, strict=True))

    def _literal(self, entity_type: EntityType, part: PropertyRef, text: str) -> str:
        return f"'{text}'" if self._key_type(entity_type, part).name == "Edm.String" else text

    def _key_type(self, entity_type: EntityType, part: PropertyRef) -> TypeRef:
        """The type at the end of a key part's path, which may lead through complex and navigation properties."""
        current, result = entity_type.name, TypeRef("Edm.String")
        for step in part.path.split("/"):
            found = self._metadata.all_properties(current).get(step)
            link = self._metadata.all_navigation(current).get(step)
            if found is not None:
                result, current = found.type, found.type.name
            elif link is not None:
                current = link.type.name
        definition = self._metadata.type_definitions.get(result.name)
        return TypeRef(definition.underlying) if definition else result

    def _key_parameters(self, entity_type: EntityType, key: tuple[PropertyRef, ...]) -> list[Json]:
        return [
            {
                "name": part.name,
                "in": "path",
                "required": True,
                "schema": self._schemas.shape(self._key_type(entity_type, part)),
            }
            for part in key
        ]

    def _singleton(self, singleton: Singleton) -> Json:
        return {
            "get": {
                "operationId": f"{singleton.name}.get",
                "tags": [singleton.name],
                "summary": f"Get {singleton.name}",
                "parameters": _options(_QUERY_OPTIONS),
                "responses": {"200": _json(singleton.name, reference(singleton.type)), **_ERROR},
            },
            "patch": {
                "operationId": f"{singleton.name}.update",
                "tags": [singleton.name],
                "summary": f"Update {singleton.name}",
                "requestBody": _body(reference(f"{singleton.type}-update")),
                "responses": {"204": _DONE, **_ERROR},
            },
        }

    # Operations

    def _name_operations(self) -> tuple[dict[int, str], list[str]]:
        """A class name for each overload: its own name, followed by what it is bound to where that is needed."""
        wanted: dict[str, int] = {}
        for name, overloads in self._metadata.operations.items():
            bindings = [overload.binding for overload in overloads]
            for overload in overloads:
                binding = overload.binding
                text = local_name(name)
                if binding and len(overloads) > 1 and bindings.count(binding) < len(overloads):
                    text += f" For {class_name(local_name(binding.name))}" + (" Rows" if binding.collection else "")
                if bindings.count(binding) > 1:
                    by = [class_name(item.name) for item in overload.own_parameters]
                    text += " By " + " And ".join(by) if by else " Without Parameters"
                wanted[f"{text}\0{name}\0{overload.line}\0{len(wanted)}"] = id(overload)
        names, notes = assign(wanted, lambda text: class_name(text.partition("\0")[0]))
        return (
            {wanted[text]: name for text, name in names.items()},
            [note.replace("\0", " ").partition("\0")[0] for note in notes],
        )

    def _operations(self) -> Iterator[tuple[str, Json]]:
        imports: dict[str, list[OperationImport]] = {}
        for item in self._metadata.container.imports:
            imports.setdefault(item.operation, []).append(item)
        offered_nowhere: list[str] = []
        for operation in self._metadata.all_operations():
            if not operation.bound:
                for item in imports.get(operation.name, ()):
                    yield self._operation(operation, f"/{item.name}", item.name, [], item.description)
                if operation.name not in imports:
                    offered_nowhere.append(operation.local_name)
                continue
            yield from self._bound(operation)
        if offered_nowhere:
            names = ", ".join(dict.fromkeys(offered_nowhere))
            count = len(offered_nowhere)
            self.unreached.append(f"{count} unbound operations have no import and serve in $filter only: {names}")

    def _bound(self, operation: Operation) -> Iterator[tuple[str, Json]]:
        binding = operation.binding
        if binding is None:
            return
        found = False
        for entity_set in self._metadata.container.entity_sets.values():
            if not self._leads_to(entity_set.entity_type, binding.name):
                continue
            found = True
            entity_type = self._metadata.entity_types[entity_set.entity_type]
            key = self._metadata.key_of(entity_type.name)
            if binding.collection:
                prefix, parameters = f"/{entity_set.name}", []
            elif key:
                prefix = f"/{entity_set.name}({self._predicate(entity_type, key)})"
                parameters = self._key_parameters(entity_type, key)
            else:
                continue
            yield self._operation(operation, f"{prefix}/{operation.name}", entity_set.name, parameters, None)
        for singleton in self._metadata.container.singletons.values():
            if not binding.collection and self._leads_to(singleton.type, binding.name):
                found = True
                yield self._operation(operation, f"/{singleton.name}/{operation.name}", singleton.name, [], None)
        if not found:
            self.unreached.append(f"{operation.name} is bound to {binding}, which no entity set holds")

    def _leads_to(self, type_name: str, binding: str) -> bool:
        """Whether rows of a type can be bound: of the type itself or, where that has no set, of one derived from it."""
        if type_name == binding or binding in self._types_with_sets:
            return type_name == binding
        return any(part.name == binding for part in self._metadata.ancestry(type_name))

    def _operation(
        self, operation: Operation, path: str, tag: str, key_parameters: list[Json], text: str | None
    ) -> tuple[str, Json]:
        name = self._operation_names[id(operation)]
        body: Json = {
            "operationId": f"{tag}.{name}" if operation.bound else name,
            "tags": [tag],
            "summary": f"{operation.kind.capitalize()} {operation.local_name}",
            "description": operation.description or text,
            "parameters": [*key_parameters],
        }
        extension: Json = {"class": name, "name": operation.name if operation.bound else tag, "kind": operation.kind}
        if operation.bound:
            extension["binding"] = str(operation.binding)
        responses: Json = {"204": _DONE}
        if operation.return_type is not None:
            responses = {"200": _json("The result", self._result(operation.return_type, operation.return_nullable))}
            extension["result"] = str(operation.return_type)
        if operation.kind == "function":
            path += f"({self._function_parameters(operation, body['parameters'])})"
        elif operation.own_parameters:
            body["requestBody"] = _body(self._parameters_object(operation))
        body["responses"] = {**responses, **_ERROR}
        body["x-dynamics-operation"] = extension
        body["x-assumed"] = assumed(operation.annotations)
        method = "get" if operation.kind == "function" else "post"
        return path, {method: {key: value for key, value in body.items() if value not in (None, [])}}

    def _function_parameters(self, operation: Operation, parameters: list[Json]) -> str:
        """The argument list of a function's path, by parameter aliases: a literal in the path would have to be escaped
        twice, and complex values are not allowed there."""
        parts: list[str] = []
        for item in operation.own_parameters:
            shape = self._schemas.shape(item.type, null=item.nullable)
            is_json = item.type.collection or not item.type.name.startswith("Edm.")
            parameters.append(
                {
                    "name": f"@{item.name}",
                    "in": "query",
                    "required": not item.optional,
                    **told(item),
                    **({"content": {"application/json": {"schema": shape}}} if is_json else {"schema": shape}),
                }
            )
            parts.append(f"{item.name}=@{item.name}")
        return ",".join(parts)

    def _parameters_object(self, operation: Operation) -> Json:
        properties: Json = {}
        required: list[str] = []
        for item in operation.own_parameters:
            shape = self._schemas.shape(item.type, null=item.nullable)
            properties[item.name] = {**shape, **told(item)}
            if not item.nullable and not item.optional:
                required.append(item.name)
        result: Json = {"type": "object", "properties": properties}
        return {**result, "required": required} if required else result

    def _result(self, type_: TypeRef, null: bool) -> Json:
        if type_.collection:
            return _collection(self._schemas.shape(TypeRef(type_.name)))
        if self._metadata.structured_type(type_.name):
            return self._schemas.shape(type_)
        return {"type": "object", "properties": {"value": self._schemas.shape(type_, null=null)}}


def _options(names: tuple[str, ...]) -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _json(text: str, schema: Mapping[str, Any]) -> Json:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _body(schema: Mapping[str, Any]) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _collection(item: Json) -> Json:
    return {
        "type": "object",
        "properties": {
            "@odata.count": {"type": "integer"},
            "@odata.nextLink": {"type": "string"},
            "value": {"type": "array", "items": item},
        },
    }


def _batch() -> Json:
    return {
        "post": {
            "operationId": "batch",
            "tags": ["Batch"],
            "summary": "Send several requests in one",
            "requestBody": {"required": True, "content": {"multipart/mixed": {"schema": {"type": "string"}}}},
            "responses": {
                "200": {"description": "Answers", "content": {"multipart/mixed": {"schema": {"type": "string"}}}},
                **_ERROR,
            },
        }
    }
