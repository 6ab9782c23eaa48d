"""Contracts from files: a `$metadata` document (with `choices.json` beside it) or an OpenAPI document.

CSDL goes through the project's own mapping to OpenAPI first, so that both kinds are read by the same lines and a
`$metadata` document equals the OpenAPI document that was derived from it. What that mapping leaves out (operations that
no address leads to, precision of numbers) no client can call, and is not compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from .choices import load_choices
from .contract import Choice, Column, Contract, ContractError, Enumeration, Link, Overload, Structure
from .csdl import read_metadata
from .errors import InputError
from .openapi import edm_type, load, to_openapi

Json: TypeAlias = Mapping[str, Any]

_REFERENCE = "#/components/schemas/"
_CHOICE = "choice."
_SET_PATH = re.compile(r"/([^/(]+)(\(.*\))?")
_VERBS = {(False, "get"): "list", (False, "post"): "create"} | {
    (True, "get"): "get",
    (True, "patch"): "update",
    (True, "delete"): "delete",
}
_METHODS = ("get", "put", "post", "patch", "delete")


def read_contract(path: Path) -> Contract:
    """The contract that a file holds. What the file begins with decides whether it is CSDL.

    Raises `ContractError`.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(512)
        if _is_xml(beginning):
            metadata = read_metadata(path)
            choices = path.with_name("choices.json")
            known = load_choices(choices, metadata, missing_ok=True) if choices.exists() else {}
            return contract_of(to_openapi(metadata, known).document)
        return contract_of(load(path))
    except OSError as error:
        raise ContractError(f"{path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except InputError as error:
        raise ContractError(" ".join(str(error).split())) from None
    except (KeyError, TypeError, AttributeError) as error:
        message = f"{path}: an OpenAPI document of another shape than expected ({type(error).__name__}: {error})"
        raise ContractError(" ".join(message.split())) from None


def contract_of(document: Json) -> Contract:
    """The contract of an OpenAPI document."""
    return _Reader(document).read()


def _is_xml(beginning: bytes) -> bool:
    for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("utf-8", b"\xef\xbb\xbf")):
        if beginning.startswith(mark):
            beginning = beginning[len(mark) :].decode(encoding, "ignore").encode()
    return beginning.lstrip().startswith(b"<")


class _Reader:
    def __init__(self, document: Json) -> None:
        self._paths: Json = document.get("paths") or {}
        components: Json = document.get("components") or {}
        self._schemas: Json = components.get("schemas") or {}
        self._shared: Json = components.get("parameters") or {}
        self._verbs: dict[str, set[str]] = {}

    def read(self) -> Contract:
        operations: dict[str, list[Overload]] = {}
        singletons: dict[str, str] = {}
        sets = {
            name
            for schema in self._schemas.values()
            if (table := schema.get("x-dynamics-table"))
            for name in (table["entitySet"], *table.get("alsoIn", ()))
        }
        for path, item in self._paths.items():
            for method in _METHODS:
                if method in item and path != "/$batch":
                    self._endpoint(path, method, item, sets, singletons, operations)
        structures, enumerations = self._types()
        inputs = _closure(structures, operations)
        return Contract(
            {name: _as_input(item) if name in inputs else item for name, item in structures.items()},
            enumerations,
            singletons,
            {name: tuple(overloads) for name, overloads in operations.items()},
        )

    def _endpoint(
        self,
        path: str,
        method: str,
        item: Json,
        sets: set[str],
        singletons: dict[str, str],
        operations: dict[str, list[Overload]],
    ) -> None:
        endpoint: Json = item[method]
        known = endpoint.get("x-dynamics-operation")
        match = _SET_PATH.fullmatch(path)
        if known:
            name = f"{known.get('kind', method)} {known.get('name', path)}"
            name += f" on {known['binding']}" if "binding" in known else ""
        elif match and match[1] in sets and (bool(match[2]), method) in _VERBS:
            self._verbs.setdefault(match[1], set()).add(_VERBS[bool(match[2]), method])
            return
        elif match and endpoint.get("operationId") in (f"{match[1]}.get", f"{match[1]}.update"):
            singletons.setdefault(match[1], self._type(_answer(endpoint))[0])
            return
        else:
            name = f"{method.upper()} {path}"
        overload = self._overload(endpoint, item)
        overloads = operations.setdefault(name, [])
        if overload not in overloads:  # an operation stands once under each entity set that it is bound to
            overloads.append(overload)

    def _overload(self, endpoint: Json, item: Json) -> Overload:
        parameters: dict[str, Column] = {}
        for parameter in (*item.get("parameters", ()), *endpoint.get("parameters", ())):
            whole = self._shared[parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
            if whole.get("in") == "query":
                schema = whole.get("schema") or _content(whole)
                column = self._column(whole["name"].removeprefix("@"), schema, required=bool(whole.get("required")))
                parameters[column.name] = replace(column, description=whole.get("description") or column.description)
        body = self._resolve(_content(endpoint.get("requestBody") or {}))
        for name, shape in (body.get("properties") or {}).items():
            parameters[name] = self._column(name, shape, required=name in body.get("required", ()))
        result, nullable = self._result(endpoint)
        return Overload(
            parameters, result, nullable, endpoint.get("description") or "", endpoint.get("x-assumed") or ""
        )

    def _result(self, endpoint: Json) -> tuple[str, bool | None]:
        answer = _answer(endpoint)
        if not answer:
            return "", None
        told = (endpoint.get("x-dynamics-operation") or {}).get("result")
        value = (answer.get("properties") or {}).get("value")
        shape, nullable = self._type(answer if value is None else value)
        return (told or shape), nullable if value is not None else None

    def _types(self) -> tuple[dict[str, Structure], dict[str, Enumeration]]:
        structures: dict[str, Structure] = {}
        enumerations: dict[str, Enumeration] = {}
        for name, schema in self._schemas.items():
            base, dash, write = name.rpartition("-")
            if (
                name == "error"
                or name.startswith(_CHOICE)
                or (dash and write in ("create", "update") and base in self._schemas)
            ):
                continue
            if "x-dynamics-flags" in schema or "enum" in schema:
                flags = schema.get("x-dynamics-flags")
                values = flags or schema.get("x-dynamics-values") or dict.fromkeys(map(str, schema["enum"]))
                enumerations[name] = Enumeration(name, values, flags is not None, schema.get("description") or "")
            elif "properties" in schema or "x-dynamics-kind" in schema:
                structures[name] = self._structure(name, schema)
        return structures, enumerations

    def _structure(self, name: str, schema: Json) -> Structure:
        create, update = self._schemas.get(f"{name}-create"), self._schemas.get(f"{name}-update")
        table: Json = schema.get("x-dynamics-table") or {}
        sets = (table["entitySet"], *table.get("alsoIn", ())) if table else ()
        navigation: Json = schema.get("x-dynamics-navigation") or {}
        columns: dict[str, Column] = {}
        links: dict[str, Link] = {}
        for member, shape in (schema.get("properties") or {}).items():
            if member in navigation:
                bind = f"{member}@odata.bind"
                column = navigation[member].get("column") or ""
                links[member] = Link(member, self._type(shape)[0], column, _has(create, bind), _has(update, bind))
            elif not member.startswith("@"):
                columns[member] = replace(
                    self._column(member, shape, required=bool(create) and member in (create or {}).get("required", ())),
                    creatable=_has(create, member),
                    updatable=_has(update, member),
                )
        return Structure(
            name,
            sets,
            frozenset(verb for entity_set in sets for verb in self._verbs.get(entity_set, ())),
            tuple(table.get("key", ())),
            frozenset(tuple(key) for key in table.get("alternateKeys", ())),
            bool(schema.get("x-dynamics-open")),
            columns,
            links,
            schema.get("description") or "",
            str(schema.get("x-assumed") or ""),
        )

    def _column(self, name: str, shape: Json, *, required: bool) -> Column:
        text, nullable = self._type(shape)
        choice = self._choice(shape)
        return Column(
            name,
            text,
            None if choice else nullable,
            required,
            max_length=shape.get("maxLength"),
            choice=choice,
            description=shape.get("description") or "",
            assumed=str(shape.get("x-assumed") or ""),
        )

    def _type(self, shape: Json) -> tuple[str, bool | None]:
        """The type of a shape by its Edm name, and whether it may be null (None: cannot be told)."""
        variants = shape.get("anyOf")
        if variants:
            inner = [variant for variant in variants if variant.get("type") != "null"]
            text = " | ".join(self._type(variant)[0] for variant in inner)
            return text, len(inner) < len(variants)
        if "$ref" in shape:
            name = shape["$ref"].removeprefix(_REFERENCE)
            return ("Edm.Int32" if name.startswith(_CHOICE) else name), False
        if "x-dynamics-edm" in shape:
            return shape["x-dynamics-edm"], None
        plain = shape.get("type")
        if plain == "array":
            return f"Collection({self._type(shape.get('items') or {})[0]})", False
        nullable = isinstance(plain, list) and "null" in plain
        return edm_type(shape) or _summary(shape), nullable

    def _choice(self, shape: Json) -> Choice | None:
        name = shape.get("x-dynamics-choices")
        for variant in (shape, *shape.get("anyOf", ())):
            reference = str(variant.get("$ref", "")).removeprefix(_REFERENCE)
            name = reference if reference.startswith(_CHOICE) else name
        schema = self._schemas.get(name) if name else None
        if schema is None:
            return None
        labels = schema.get("x-dynamics-choice") or {str(value): "" for value in schema.get("enum", ())}
        languages = schema.get("x-dynamics-labels") or {}
        return Choice(
            str(schema.get("title") or name),
            {int(value): str(label) for value, label in labels.items()},
            {int(value): texts for value, texts in languages.items()},
        )

    def _resolve(self, shape: Json) -> Json:
        reference = shape.get("$ref")
        return self._schemas[reference.removeprefix(_REFERENCE)] if reference else shape


def _content(holder: Json) -> Json:
    """The schema of a body, an answer or a parameter with a media type."""
    for media in (holder.get("content") or {}).values():
        return media.get("schema") or {}
    return {}


def _answer(endpoint: Json) -> Json:
    """The schema of the first successful answer that has one."""
    for status, answer in (endpoint.get("responses") or {}).items():
        schema = _content(answer) if str(status).startswith("2") else None
        if schema:
            return schema
    return {}


def _has(schema: Json | None, member: str) -> bool:
    """Whether a write shape takes a member; types without write shapes are written as they are read."""
    return schema is None or member in schema.get("properties", ())


def _summary(shape: Json) -> str:
    """A shape that stands for no Edm type, as text that is equal for equal shapes."""
    texts = ("description", "title", "example", "examples", "x-assumed")
    kept = {key: value for key, value in shape.items() if key not in texts}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False) if kept else "any"


def _inner(type_name: str) -> str:
    return type_name.removeprefix("Collection(").removesuffix(")")


def _closure(structures: Mapping[str, Structure], operations: Mapping[str, list[Overload]]) -> set[str]:
    """Types that callers send as part of something else, so that a member which may not be null has to be given."""
    found: set[str] = set()
    open_ends = list(_sent(structures, operations))
    while open_ends:
        name = _inner(open_ends.pop())
        if name in structures and not structures[name].entity_sets and name not in found:
            found.add(name)
            open_ends += (column.type for column in structures[name].columns.values())
    return found


def _sent(structures: Mapping[str, Structure], operations: Mapping[str, list[Overload]]) -> Iterator[str]:
    for structure in structures.values():
        if structure.entity_sets:
            yield from (column.type for column in structure.columns.values() if column.creatable)
    for overloads in operations.values():
        yield from (parameter.type for overload in overloads for parameter in overload.parameters.values())


def _as_input(structure: Structure) -> Structure:
    """A type that callers send: what may not be null is required, but for collections, which may be empty."""
    columns = {
        name: replace(column, required=column.nullable is False and not column.type.startswith("Collection("))
        for name, column in structure.columns.items()
    }
    return replace(structure, columns=columns)
