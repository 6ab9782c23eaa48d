"""Putting a document together: schema children in, one `Metadata` out.

Decides what the schemas say jointly: which names are taken, which container is the service's and what it inherits from
the one it extends, where annotations with a target belong, and which annotations are alternate keys. Whether references
lead anywhere is for `csdl.check`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from lxml import etree

from .elements import ElementReader
from .model import (
    ALTERNATE_KEYS,
    Annotations,
    AnnotationValue,
    ComplexType,
    EntityContainer,
    EntityType,
    EnumType,
    Metadata,
    Operation,
    PropertyRef,
    TypeDefinition,
)
from .placement import place
from .scan import Header, line_of

T = TypeVar("T", EntityType, ComplexType, EnumType, TypeDefinition)


@dataclass(slots=True)
class _Container:
    value: EntityContainer
    extends: str | None


@dataclass(slots=True)
class Assembly:
    """The parts of one document, as they are read."""

    reader: ElementReader
    header: Header
    entity_types: dict[str, EntityType] = field(default_factory=dict)
    complex_types: dict[str, ComplexType] = field(default_factory=dict)
    enum_types: dict[str, EnumType] = field(default_factory=dict)
    type_definitions: dict[str, TypeDefinition] = field(default_factory=dict)
    operations: dict[str, list[Operation]] = field(default_factory=dict)
    containers: dict[str, _Container] = field(default_factory=dict)
    outside: list[tuple[str, Annotations, int]] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)
    warnings: list[tuple[str, int | None]] = field(default_factory=list)

    def add(self, element: etree._Element, namespace: str) -> None:
        """Take in one child of a Schema."""
        reader = self.reader
        match etree.QName(element).localname:
            case "EntityType":
                self._add_type(self.entity_types, reader.entity_type(element, namespace), element)
            case "ComplexType":
                self._add_type(self.complex_types, reader.complex_type(element, namespace), element)
            case "EnumType":
                self._add_type(self.enum_types, reader.enum_type(element, namespace), element)
            case "TypeDefinition":
                self._add_type(self.type_definitions, reader.type_definition(element, namespace), element)
            case "Action":
                self._add_operation(reader.operation(element, namespace, "action"), element)
            case "Function":
                self._add_operation(reader.operation(element, namespace, "function"), element)
            case "EntityContainer":
                self._add_container(element, namespace)
            case "Term":
                self._take(f"{namespace}.{reader.name_of(element)}", "term", element)
            case "Annotations":
                self._add_annotations(element)

    def finish(self, size: int) -> Metadata:
        """The document as a whole, references unchecked."""
        known = frozenset(self.header.schemas)
        metadata = Metadata(
            source=self.reader.source,
            version=self.header.version,
            namespaces=dict(self.header.schemas),
            entity_types=self.entity_types,
            complex_types=self.complex_types,
            enum_types=self.enum_types,
            type_definitions=self.type_definitions,
            operations={name: tuple(overloads) for name, overloads in self.operations.items()},
            container=self._service_container(),
            external_namespaces=frozenset(self.header.includes) - known,
            size=size,
        )
        for target, found, line in self.outside:
            if not place(metadata, target, found) and not self._is_elsewhere(target):
                self.warnings.append((f"annotations target {target!r}, which the document does not declare", line))
        for name, entity_type in self.entity_types.items():
            keys = _alternate_keys(entity_type.annotations)
            if keys:
                self.entity_types[name] = replace(entity_type, alternate_keys=keys)
        return metadata

    def _take(self, name: str, kind: str, element: etree._Element) -> None:
        other = self.taken.get(name)
        if other is not None and not (other == kind and kind in ("action", "function")):
            self.reader.fail(element, f"{name} is declared twice (as {other} and as {kind})")
        self.taken[name] = kind

    def _add_type(self, into: dict[str, T], value: T, element: etree._Element) -> None:
        self._take(value.name, str(etree.QName(element).localname), element)
        into[value.name] = value

    def _add_operation(self, operation: Operation, element: etree._Element) -> None:
        self._take(operation.name, operation.kind, element)
        overloads = self.operations.setdefault(operation.name, [])
        signature = _signature(operation)
        if any(_signature(other) == signature for other in overloads):
            self.reader.fail(element, f"{operation.kind} {operation.name} is declared twice with the same parameters")
        overloads.append(operation)

    def _add_container(self, element: etree._Element, namespace: str) -> None:
        container = self.reader.container(element, namespace)
        self._take(container.name, "EntityContainer", element)
        extends = element.get("Extends")
        base = self.reader.names.qualified(extends) if extends else None
        if base and "." not in base:  # a container may be named without its namespace (CSDL 4.0)
            base = f"{namespace}.{base}"
        self.containers[container.name] = _Container(container, base)

    def _add_annotations(self, element: etree._Element) -> None:
        target = element.get("Target")
        if not target:
            self.reader.fail(element, "Annotations has no Target")
        found = self.reader.expressions.annotations(element, element.get("Qualifier"))
        self.outside.append((self.reader.names.path(target), found, line_of(element)))

    def _is_elsewhere(self, target: str) -> bool:
        """Whether a target belongs to another document, or is something that the model does not keep."""
        head = target.partition("/")[0].partition("(")[0]
        if head in self.taken or head in self.header.schemas:
            unkept = self.taken.get(head) in (None, "term")
            return unkept or target.count("/") > 1 or "@" in target or target.endswith("/$ReturnType")
        return head.rpartition(".")[0] in self.header.includes

    def _service_container(self) -> EntityContainer:
        """The container of the service: the one that no other extends, with all that it inherits."""
        extended = {part.extends for part in self.containers.values()}
        outermost = [part for name, part in self.containers.items() if name not in extended]
        if not outermost:
            if self.containers:
                first = next(iter(self.containers.values()))
                self.reader.fail_at(first.value.line, f"the container {first.value.name} extends itself")
            self.warnings.append(("the document declares no EntityContainer, so no table can be reached", None))
            return EntityContainer(name="")
        for other in outermost[1:]:
            message = f"the container {other.value.name} is left out: {outermost[0].value.name} is the service's"
            self.warnings.append((message, other.value.line))
        return self._inherit(outermost[0])

    def _inherit(self, part: _Container, seen: tuple[str | None, ...] = ()) -> EntityContainer:
        if part.extends is None:
            return part.value
        if part.extends in seen:
            self.reader.fail_at(part.value.line, f"the container {part.extends} extends itself")
        base = self.containers.get(part.extends)
        if base is None:
            if part.extends.rpartition(".")[0] not in self.header.includes:
                self.reader.fail_at(part.value.line, f"the container {part.extends}, which is extended, is missing")
            self.warnings.append((f"the container {part.extends}, which is extended, is elsewhere", part.value.line))
            return part.value
        inherited, own = self._inherit(base, (*seen, part.extends)), part.value
        names = [*inherited.entity_sets, *inherited.singletons, *(item.name for item in inherited.imports)]
        for name in (*own.entity_sets, *own.singletons, *(item.name for item in own.imports)):
            if name in names:
                self.reader.fail_at(part.value.line, f"{own.name} declares {name!r}, which it inherits already")
        return replace(
            own,
            entity_sets={**inherited.entity_sets, **own.entity_sets},
            singletons={**inherited.singletons, **own.singletons},
            imports=(*inherited.imports, *own.imports),
            annotations={**inherited.annotations, **own.annotations},
        )


def _signature(operation: Operation) -> tuple[object, ...]:
    """What tells overloads apart: for an action its binding, for a function all parameters (CSDL 4.01)."""
    if operation.kind == "action":
        return (operation.binding,)
    unnamed = 1 if operation.bound else 0  # the name of a binding parameter is no part of a call
    names = tuple(parameter.name for parameter in operation.parameters[unnamed:])
    return (operation.bound, names, tuple(parameter.type for parameter in operation.parameters))


def _alternate_keys(annotations: Annotations) -> tuple[tuple[PropertyRef, ...], ...]:
    """The keys that either vocabulary's `AlternateKeys` holds: a collection of records of a collection of records."""
    keys: dict[tuple[PropertyRef, ...], None] = {}
    for term in ALTERNATE_KEYS:
        for record in _items(annotations.get(term)):
            parts = record.get("Key") if isinstance(record, dict) else None
            references = tuple(reference for part in _items(parts) if (reference := _reference(part)))
            if references:
                keys[references] = None
    return tuple(keys)


def _items(value: AnnotationValue) -> tuple[AnnotationValue, ...]:
    return value if isinstance(value, tuple) else ()


def _reference(part: AnnotationValue) -> PropertyRef | None:
    if not isinstance(part, dict):
        return None
    name, alias = part.get("Name"), part.get("Alias")
    if not isinstance(name, str) or not name:
        return None
    return PropertyRef(name, alias if isinstance(alias, str) and alias and alias != name else None)
