"""The CSDL model: what an OData v4 `$metadata` document declares, as immutable values.

The names are those of the OData CSDL XML 4.01 specification. Type names are qualified by their namespace (never by an
alias), collections are told apart from single values, and annotations that target an element from outside have been
moved to it. The model decides nothing about OpenAPI, Python or Dataverse; `csdl.reader` makes it from XML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

AnnotationValue: TypeAlias = (
    "bool | int | Decimal | str | EnumValue | tuple[AnnotationValue, ...] | Mapping[str, AnnotationValue] | None"
)
"""An annotation's value: a constant, a tuple for a collection, a mapping for a record. A path is its text."""

COMPUTED = "Org.OData.Core.V1.Computed"
IMMUTABLE = "Org.OData.Core.V1.Immutable"
PERMISSIONS = "Org.OData.Core.V1.Permissions"
DESCRIPTION = "Org.OData.Core.V1.Description"
LONG_DESCRIPTION = "Org.OData.Core.V1.LongDescription"
OPTIONAL_PARAMETER = "Org.OData.Core.V1.OptionalParameter"
ALTERNATE_KEYS = ("OData.Community.Keys.V1.AlternateKeys", "Org.OData.Core.V1.AlternateKeys")


@dataclass(frozen=True, slots=True)
class EnumValue:
    """The members that an enumeration-valued annotation names, without their type."""

    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A reference to a type: its qualified name, and whether a collection of it is meant."""

    name: str
    collection: bool = False

    def __str__(self) -> str:
        return f"Collection({self.name})" if self.collection else self.name


Annotations: TypeAlias = Mapping[str, AnnotationValue]
"""Term (followed by `#qualifier` where there is one) to value. An annotation of an annotation stands beside it as
`term@term`, as CSDL JSON writes it."""


class Element:
    """What elements with a name and annotations have in common."""

    __slots__ = ()

    name: str
    annotations: Annotations

    @property
    def local_name(self) -> str:
        """The name without its namespace."""
        return local_name(self.name)

    @property
    def description(self) -> str | None:
        """`Core.Description`, else `Core.LongDescription`, where it is text."""
        found = (self.annotations.get(term) for term in (DESCRIPTION, LONG_DESCRIPTION))
        return next((text for text in found if isinstance(text, str) and text), None)


@dataclass(frozen=True, slots=True)
class Property(Element):
    """A structural property, a parameter's or a return type's twin in shape: a name, a type and its facets."""

    name: str
    type: TypeRef
    nullable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | Literal["variable", "floating"] | None = None
    unicode: bool = True
    srid: str | None = None
    default: str | None = None
    annotations: Annotations = field(default_factory=dict)
    line: int = 0

    @property
    def computed(self) -> bool:
        """Whether the service computes the value, so that a client never writes it (`Core.Computed`, or
        `Core.Permissions` without `Write`)."""
        if self.annotations.get(COMPUTED) is True:
            return True
        permissions = self.annotations.get(PERMISSIONS)
        return isinstance(permissions, EnumValue) and not {"Write", "ReadWrite"} & set(permissions.members)

    @property
    def immutable(self) -> bool:
        """Whether the value can be given on create only (`Core.Immutable`)."""
        return self.annotations.get(IMMUTABLE) is True

    @property
    def optional(self) -> bool:
        """Whether a parameter may be left out (`Core.OptionalParameter`)."""
        return OPTIONAL_PARAMETER in self.annotations


@dataclass(frozen=True, slots=True)
class NavigationProperty(Element):
    """A navigation property. `constraints` pairs a dependent property with the principal property it refers to."""

    name: str
    type: TypeRef
    nullable: bool = True
    partner: str | None = None
    contains_target: bool = False
    constraints: tuple[tuple[str, str], ...] = ()
    on_delete: str | None = None
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class PropertyRef:
    """A part of a key: the path of a property, and the alias that a key predicate uses for it."""

    path: str
    alias: str | None = None

    @property
    def name(self) -> str:
        """The name that a key predicate uses."""
        return self.alias or self.path


@dataclass(frozen=True, slots=True)
class StructuredType(Element):
    """An entity type or a complex type, with what it declares itself (inherited members are not repeated)."""

    name: str
    base: str | None = None
    abstract: bool = False
    open: bool = False
    properties: Mapping[str, Property] = field(default_factory=dict)
    navigation: Mapping[str, NavigationProperty] = field(default_factory=dict)
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class EntityType(StructuredType):
    """An entity type. `key` is what it declares itself; it may inherit one, and Dataverse has keyless ones."""

    key: tuple[PropertyRef, ...] = ()
    alternate_keys: tuple[tuple[PropertyRef, ...], ...] = ()
    has_stream: bool = False


@dataclass(frozen=True, slots=True)
class ComplexType(StructuredType):
    """A complex type."""


@dataclass(frozen=True, slots=True)
class EnumMember(Element):
    """A member of an enumeration with its value, counted on from the last one where the document gives none."""

    name: str
    value: int
    annotations: Annotations = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnumType(Element):
    """An enumeration."""

    name: str
    members: tuple[EnumMember, ...]
    is_flags: bool = False
    underlying: str = "Edm.Int32"
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class TypeDefinition(Element):
    """A named primitive type."""

    name: str
    underlying: str
    max_length: int | None = None
    precision: int | None = None
    scale: int | Literal["variable", "floating"] | None = None
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Operation(Element):
    """One overload of an action or a function. The first parameter of a bound one is its binding parameter."""

    kind: Literal["action", "function"]
    name: str
    bound: bool = False
    entity_set_path: str | None = None
    composable: bool = False
    parameters: tuple[Property, ...] = ()
    return_type: TypeRef | None = None
    return_nullable: bool = True
    annotations: Annotations = field(default_factory=dict)
    line: int = 0

    @property
    def binding(self) -> TypeRef | None:
        """The type that it is bound to."""
        return self.parameters[0].type if self.bound and self.parameters else None

    @property
    def own_parameters(self) -> tuple[Property, ...]:
        """The parameters that a caller gives: all but the binding parameter."""
        return self.parameters[1:] if self.bound else self.parameters


@dataclass(frozen=True, slots=True)
class EntitySet(Element):
    """An entity set. `bindings` maps the path of a navigation property to the path of the set it leads to."""

    name: str
    entity_type: str
    bindings: Mapping[str, str] = field(default_factory=dict)
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Singleton(Element):
    """A singleton."""

    name: str
    type: str
    nullable: bool = False
    bindings: Mapping[str, str] = field(default_factory=dict)
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class OperationImport(Element):
    """An action import or a function import: the name under which the service's root offers an unbound operation."""

    kind: Literal["action", "function"]
    name: str
    operation: str
    entity_set: str | None = None
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class EntityContainer(Element):
    """The entity container."""

    name: str
    entity_sets: Mapping[str, EntitySet] = field(default_factory=dict)
    singletons: Mapping[str, Singleton] = field(default_factory=dict)
    imports: tuple[OperationImport, ...] = ()
    annotations: Annotations = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Metadata:
    """A whole `$metadata` document. Mappings keep the order of the document; all keys are qualified names."""

    source: str
    version: str
    namespaces: Mapping[str, str | None]
    """Namespace of each schema to its alias."""
    entity_types: Mapping[str, EntityType]
    complex_types: Mapping[str, ComplexType]
    enum_types: Mapping[str, EnumType]
    type_definitions: Mapping[str, TypeDefinition]
    operations: Mapping[str, tuple[Operation, ...]]
    """Qualified name to its overloads."""
    container: EntityContainer
    external_namespaces: frozenset[str] = frozenset()
    """Namespaces that the document includes by reference; their types are known by name only."""
    size: int = 0
    """Bytes of the document."""
    warnings: tuple[str, ...] = ()
    """What the reader accepted although the document is not quite right, a line each (`file:line: what`)."""

    def structured_type(self, name: str) -> StructuredType | None:
        """The entity type or complex type of that qualified name."""
        return self.entity_types.get(name) or self.complex_types.get(name)

    def ancestry(self, name: str) -> tuple[StructuredType, ...]:
        """The type and its base types, the most basic first. Empty for an unknown name."""
        chain: dict[str, StructuredType] = {}
        current = self.structured_type(name)
        while current is not None and current.name not in chain:
            chain[current.name] = current
            current = self.structured_type(current.base) if current.base else None
        return tuple(reversed(chain.values()))

    def all_properties(self, name: str) -> dict[str, Property]:
        """Structural properties of a type, inherited ones first."""
        return {key: value for part in self.ancestry(name) for key, value in part.properties.items()}

    def all_navigation(self, name: str) -> dict[str, NavigationProperty]:
        """Navigation properties of a type, inherited ones first."""
        return {key: value for part in self.ancestry(name) for key, value in part.navigation.items()}

    def key_of(self, name: str) -> tuple[PropertyRef, ...]:
        """The key of an entity type, its own or inherited. Empty where it has none."""
        for part in reversed(self.ancestry(name)):
            if isinstance(part, EntityType) and part.key:
                return part.key
        return ()

    def alternate_keys_of(self, name: str) -> tuple[tuple[PropertyRef, ...], ...]:
        """Alternate keys of an entity type, inherited ones first, each once though derived types may repeat it."""
        parts = (part for part in self.ancestry(name) if isinstance(part, EntityType))
        return tuple(dict.fromkeys(key for part in parts for key in part.alternate_keys))

    def is_open(self, name: str) -> bool:
        """Whether a type or one of its base types is open."""
        return any(part.open for part in self.ancestry(name))

    def all_operations(self) -> Iterator[Operation]:
        """Every overload of every operation."""
        for overloads in self.operations.values():
            yield from overloads


def local_name(qualified: str) -> str:
    """`Microsoft.Dynamics.CRM.contact` → `contact`."""
    return qualified.rpartition(".")[2]
