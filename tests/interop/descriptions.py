"""Two OpenAPI descriptions of one `$metadata` document, and what can be asked of them together."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from dynamics_portal_generator.csdl import Metadata, TypeRef

Json: TypeAlias = dict[str, Any]

METHODS = {"get": "Read", "post": "Insert", "patch": "Update", "put": "Update", "delete": "Delete"}
CAPABILITIES = "Org.OData.Capabilities.V1."


@dataclass(frozen=True)
class Pair:
    """A document and the two descriptions of it."""

    metadata: Metadata
    reference: Json
    ours: Json
    kept: tuple[str, ...] = ()

    @functools.cached_property
    def our_paths(self) -> Json:
        """Our paths, but for those of sets that the reference converter was not asked to keep."""
        return {path: item for path, item in self.ours["paths"].items() if self.keeps(path)}

    def keeps(self, path: str) -> bool:
        return not self.kept or names(path)[0] in (*self.kept, "$batch")

    @functools.cached_property
    def our_reach(self) -> set[str]:
        """Schemas that our paths lead to, without going through tables that were not kept."""
        foreign = {
            entity_set.entity_type
            for entity_set in self.metadata.container.entity_sets.values()
            if self.kept and entity_set.name not in self.kept
        }
        return self._closure(references(self.our_paths, self.ours), stop=foreign)

    @functools.cached_property
    def stubs(self) -> set[str]:
        """Types for which the reference has a stub only, and what they alone lead to."""
        text = json.dumps(self.reference)
        aliases = {alias: full for full, alias in self.metadata.namespaces.items() if alias}
        stubbed = (name.rpartition(".") for name in re.findall(r"Stub for ([\w.]+)", text))
        return self._closure(f"{aliases.get(namespace, namespace)}.{name}" for namespace, _, name in stubbed)

    def _closure(self, schemas: Iterable[str], stop: Collection[str] = ()) -> set[str]:
        reached: set[str] = set()
        todo = list(schemas)
        while todo:
            name = todo.pop()
            if name not in reached and name not in stop:
                reached.add(name)
                todo += references(self.ours["components"]["schemas"][name], self.ours)
        return reached

    def holders(self, type_name: str) -> Iterator[Any]:
        """Entity sets and singletons of a type."""
        container = self.metadata.container
        yield from (item for item in container.entity_sets.values() if item.entity_type == type_name)
        yield from (item for item in container.singletons.values() if item.type == type_name)

    def restricts(self, holder: Any, method: str) -> bool:
        """Whether capabilities of a set or singleton speak of a method."""
        terms = {f"{METHODS[method]}Restrictions"} | ({"IndexableByKey"} if method != "post" else set())
        return any(f"{CAPABILITIES}{term}" in holder.annotations for term in terms)

    def steps(self, path: str) -> Iterator[tuple[str, str]]:
        """Each segment after the first, and whether it is `navigation`, `property`, `operation` or `special`."""
        first, *rest = names(path)
        container = self.metadata.container
        current = ""
        if first in container.entity_sets:
            current = container.entity_sets[first].entity_type
        elif first in container.singletons:
            current = container.singletons[first].type
        for name in rest:
            if name.startswith("$"):
                yield name, "special"
            elif link := self.metadata.all_navigation(current).get(name):
                yield name, "navigation"
                current = link.type.name
            elif found := self.metadata.all_properties(current).get(name):
                yield name, "property"
                current = found.type.name
            elif name in self.metadata.operations:
                yield name, "operation"
                current = (self.metadata.operations[name][0].return_type or TypeRef("")).name
            else:
                yield name, "unknown"


def names(path: str) -> list[str]:
    """Segments of a path without keys and arguments: `/contacts({id})/NS.f(a=@a)` → `contacts`, `NS.f`."""
    return re.sub(r"\([^()]*\)", "", path).strip("/").split("/")


def references(part: Any, document: Json) -> Iterator[str]:
    """Names of the schemas that a part of a description refers to; through shared responses, too."""
    if isinstance(part, dict):
        target = part.get("$ref")
        if isinstance(target, str) and target.startswith("#/components/schemas/"):
            yield target.rpartition("/")[2]
        elif isinstance(target, str) and target.startswith("#/components/responses/"):
            yield from references(document["components"]["responses"][target.rpartition("/")[2]], document)
        for value in part.values():
            yield from references(value, document)
    elif isinstance(part, list):
        for value in part:
            yield from references(value, document)


def properties(name: str, schemas: Json) -> Json:
    """Properties of a schema, those of its base types included."""
    return _properties(schemas[name], schemas)


def _properties(schema: Json, schemas: Json) -> Json:
    found: Json = {}
    for part in schema.get("allOf", ()):
        target = part.get("$ref", "").rpartition("/")[2]
        found.update(_properties(schemas[target] if target else part, schemas))
    return {**found, **schema.get("properties", {})}


def type_of(schema: str) -> tuple[str, str]:
    """A schema's type and its use: `NS.contact-create` → `NS.contact`, `create`."""
    name, _, use = schema.partition("-")
    return name, use
