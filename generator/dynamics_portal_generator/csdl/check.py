"""References of a whole document: does each name lead somewhere.

A reference to a missing type, base type, operation or key property is an error, unless its namespace is included from
another document. What services are known to publish all the same is accepted and told: bindings to sets that do not
exist, constraints and alternate keys over properties that do not exist, members that a base type has already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from dynamics_portal_generator.nearest import nearest

from .error import CsdlError, located
from .model import (
    EntitySet,
    EntityType,
    Metadata,
    NavigationProperty,
    Property,
    PropertyRef,
    Singleton,
    StructuredType,
    TypeRef,
)
from .names import PRIMITIVES

_OLD_PRIMITIVES = frozenset(("Edm.DateTime", "Edm.Time", "Edm.Float"))


def check(metadata: Metadata) -> tuple[str, ...]:
    """Raise `CsdlError` for the first reference that leads nowhere; return what was accepted, a line each.

    Alternate keys over missing properties are taken away from their entity types.
    """
    checker = _Checker(metadata)
    checker.types()
    checker.operations()
    checker.container()
    return tuple(checker.warnings)


class _Checker:
    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._kinds: dict[str, str] = {
            **dict.fromkeys(metadata.entity_types, "entity type"),
            **dict.fromkeys(metadata.complex_types, "complex type"),
            **dict.fromkeys(metadata.enum_types, "enumeration"),
            **dict.fromkeys(metadata.type_definitions, "type definition"),
            **dict.fromkeys(PRIMITIVES, "primitive type"),
        }
        self._properties: dict[str, Mapping[str, Property]] = {}
        self.warnings: list[str] = []

    def types(self) -> None:
        """Base types first: the other checks walk along them."""
        metadata = self._metadata
        structured: list[StructuredType] = [*metadata.entity_types.values(), *metadata.complex_types.values()]
        for type_ in structured:
            self._base(type_)
        for type_ in structured:
            self._ancestry(type_)
        for type_ in structured:
            for item in type_.properties.values():
                self._type(item.type, f"{type_.name}/{item.name}", item.line)
            for link in type_.navigation.values():
                self._navigation(type_, link)
        for entity_type in list(metadata.entity_types.values()):
            self._key(entity_type)
            self._alternate_keys(entity_type)
        for definition in metadata.type_definitions.values():
            if definition.underlying not in PRIMITIVES:
                self._fail(
                    f"{definition.name} has no primitive underlying type: {definition.underlying}", definition.line
                )

    def operations(self) -> None:
        """Parameters and results."""
        for operation in self._metadata.all_operations():
            for parameter in operation.parameters:
                self._type(parameter.type, f"the parameter {parameter.name} of {operation.name}", parameter.line)
            if operation.return_type is not None:
                self._type(operation.return_type, f"the result of {operation.name}", operation.line)
            elif operation.kind == "function":
                self._warn(f"the function {operation.name} has no ReturnType", operation.line)

    def container(self) -> None:
        """Sets, singletons, imports and the sets that bindings lead to."""
        container = self._metadata.container
        for entity_set in container.entity_sets.values():
            self._entity_type(entity_set.entity_type, f"the entity set {entity_set.name}", entity_set.line)
        for singleton in container.singletons.values():
            self._entity_type(singleton.type, f"the singleton {singleton.name}", singleton.line)
        for item in container.imports:
            kinds = {operation.kind for operation in self._metadata.operations.get(item.operation, ())}
            if item.kind not in kinds and not self._is_external(item.operation):
                self._missing(
                    f"the {item.kind} import {item.name}",
                    item.kind,
                    item.operation,
                    item.line,
                    self._metadata.operations,
                )
        missing: Counter[str] = Counter()
        lines: dict[str, int] = {}
        holders: list[EntitySet | Singleton] = [*container.entity_sets.values(), *container.singletons.values()]
        for holder in holders:
            for target in holder.bindings.values():
                name = target.removeprefix(f"{container.name}/").partition("/")[0]
                if name not in container.entity_sets and name not in container.singletons and "." not in name:
                    missing[name] += 1
                    lines.setdefault(name, holder.line)
        for name, count in missing.items():
            what = "navigation property binding leads" if count == 1 else "navigation property bindings lead"
            self._warn(f"{count} {what} to the entity set {name!r}, which does not exist", lines[name])

    def _base(self, type_: StructuredType) -> None:
        if type_.base is None or self._is_external(type_.base):
            return
        kind = self._kinds[type_.name]
        if self._kinds.get(type_.base) != kind:
            pool = self._metadata.entity_types if kind == "entity type" else self._metadata.complex_types
            self._missing(f"the base type of {type_.name}", kind, type_.base, type_.line, pool)
        seen = [type_.name]
        current = type_.base
        while current and current not in seen:
            seen.append(current)
            base = self._metadata.structured_type(current)
            current = base.base or "" if base else ""
        if current == type_.name:
            self._fail(f"base types form a cycle: {' → '.join((*seen, current))}", type_.line)

    def _ancestry(self, type_: StructuredType) -> None:
        """A member that a base type has already is told; the derived one counts."""
        inherited: set[str] = set()
        for part in self._metadata.ancestry(type_.name)[:-1]:
            inherited.update(part.properties, part.navigation)
        again = sorted(inherited.intersection((*type_.properties, *type_.navigation)))
        if again:
            self._warn(f"{type_.name} declares {', '.join(again)} again, which its base type has already", type_.line)

    def _navigation(self, type_: StructuredType, link: NavigationProperty) -> None:
        where = f"{type_.name}/{link.name}"
        self._entity_type(link.type.name, where, link.line)
        for dependent, _ in link.constraints:
            if not self._reaches(type_.name, dependent):
                self._warn(
                    f"the referential constraint of {where} names {dependent!r}, which does not exist", link.line
                )

    def _key(self, entity_type: EntityType) -> None:
        for reference in entity_type.key:
            if not self._reaches(entity_type.name, reference.path):
                self._missing(
                    f"the Key of {entity_type.name}",
                    "property",
                    reference.path,
                    entity_type.line,
                    self._all_properties(entity_type.name),
                )

    def _alternate_keys(self, entity_type: EntityType) -> None:
        kept: list[tuple[PropertyRef, ...]] = []
        for key in entity_type.alternate_keys:
            missing = [part.path for part in key if not self._reaches(entity_type.name, part.path)]
            if missing:
                self._warn(
                    f"an alternate key of {entity_type.name} is left out: {', '.join(missing)} does not exist",
                    entity_type.line,
                )
            else:
                kept.append(key)
        if len(kept) < len(entity_type.alternate_keys):
            types = self._metadata.entity_types
            assert isinstance(types, dict)  # the reader's own, not yet handed out
            types[entity_type.name] = replace(entity_type, alternate_keys=tuple(kept))

    def _reaches(self, type_name: str, path: str) -> bool:
        """Whether a path leads from a type to a property, through complex types and single-valued navigation."""
        current = type_name
        segments = path.split("/")
        for index, segment in enumerate(segments):
            if "." in segment:
                current = segment
                continue
            found = self._all_properties(current).get(segment)
            if found is None and index + 1 < len(segments):
                link = self._metadata.all_navigation(current).get(segment)
                if link is None:
                    return self._is_open_ended(current)
                current = link.type.name
            elif found is None:
                return self._is_open_ended(current)
            else:
                current = found.type.name
        return True

    def _is_open_ended(self, type_name: str) -> bool:
        """Whether a type may have members that this document does not show."""
        chain = self._metadata.ancestry(type_name)
        return not chain or any(part.open or (part.base and self._is_external(part.base)) for part in chain)

    def _all_properties(self, type_name: str) -> Mapping[str, Property]:
        if type_name not in self._properties:
            self._properties[type_name] = self._metadata.all_properties(type_name)
        return self._properties[type_name]

    def _type(self, reference: TypeRef, where: str, line: int) -> None:
        if reference.name not in self._kinds and not self._is_external(reference.name):
            if reference.name in _OLD_PRIMITIVES:
                self._fail(f"{where} has the type {reference.name} of OData V2 or V3; only V4 is read", line)
            self._missing(where, "type", reference.name, line, self._kinds)

    def _entity_type(self, name: str, where: str, line: int) -> None:
        if name != "Edm.EntityType" and name not in self._metadata.entity_types and not self._is_external(name):
            self._missing(where, "entity type", name, line, self._metadata.entity_types)

    def _is_external(self, name: str) -> bool:
        return name.rpartition(".")[0] in self._metadata.external_namespaces

    def _missing(self, where: str, kind: str, name: str, line: int, known: Mapping[str, object]) -> NoReturn:
        hint = nearest(name, known)
        self._fail(f"{where} refers to the {kind} {name}, which the document does not declare{hint}", line)

    def _fail(self, message: str, line: int) -> NoReturn:
        raise CsdlError(message, source=self._metadata.source, line=line)

    def _warn(self, message: str, line: int) -> None:
        self.warnings.append(located(message, self._metadata.source, line))
