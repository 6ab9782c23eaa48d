"""Where annotations with a target belong: `<Annotations Target="…">` to the element that the target names.

An annotation that stands inside its element wins over one from outside. Targets inside a usage (a property of a complex
type as one entity type uses it), on another annotation or on a return type have no place in the model and are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .model import (
    Annotations,
    EntityContainer,
    EntitySet,
    EnumType,
    Metadata,
    Operation,
    OperationImport,
    Singleton,
    StructuredType,
    TypeDefinition,
)


def place(metadata: Metadata, target: str, annotations: Annotations) -> bool:
    """Add annotations to the element that a target names. False where the model has no such element."""
    places = list(_places(metadata, target))
    for place_ in places:
        # The reader made these dictionaries, and until it returns nobody else has seen them.
        assert isinstance(place_, dict)
        for term, value in annotations.items():
            place_.setdefault(term, value)
    return bool(places)


def _places(metadata: Metadata, target: str) -> Iterator[Annotations]:
    head, _, member = target.partition("/")
    name, parenthesis, signature = head.partition("(")
    if name in metadata.operations:
        overloads = metadata.operations[name]
        if parenthesis:
            types = tuple(part for part in signature.removesuffix(")").split(",") if part)
            overloads = tuple(operation for operation in overloads if _matches(operation, types))
        yield from _of_operations(overloads, member)
    elif name == metadata.container.name:
        yield from _of_container(metadata.container, member)
    else:
        type_ = metadata.structured_type(name) or metadata.enum_types.get(name) or metadata.type_definitions.get(name)
        if type_ is not None:
            yield from _of_type(type_, member)


def _of_type(type_: StructuredType | EnumType | TypeDefinition, member: str) -> Iterator[Annotations]:
    if not member:
        yield type_.annotations
    elif isinstance(type_, StructuredType):
        if member in type_.properties:
            yield type_.properties[member].annotations
        elif member in type_.navigation:
            yield type_.navigation[member].annotations
    elif isinstance(type_, EnumType):
        yield from (item.annotations for item in type_.members if item.name == member)


def _of_operations(overloads: tuple[Operation, ...], member: str) -> Iterator[Annotations]:
    for operation in overloads:
        if not member:
            yield operation.annotations
        else:
            yield from (item.annotations for item in operation.parameters if item.name == member)


def _of_container(container: EntityContainer, member: str) -> Iterator[Annotations]:
    if not member:
        yield container.annotations
        return
    sets: Mapping[str, EntitySet | Singleton | OperationImport] = {
        **container.entity_sets,
        **container.singletons,
        **{item.name: item for item in container.imports},
    }
    if member in sets:
        yield sets[member].annotations


def _matches(operation: Operation, types: tuple[str, ...]) -> bool:
    if operation.kind == "action":
        return types == ((str(operation.binding),) if operation.binding else ())
    return types == tuple(str(parameter.type) for parameter in operation.parameters)
