"""The children of a Schema, one converter each: from an XML element to a value of the model.

A converter looks at its element only: it checks what the element itself must have (names, numbers, no duplicates among
its children) and resolves aliases. What needs the whole document is decided in `csdl.assembly` and `csdl.check`.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from lxml import etree

from .attributes import AttributeReader, children_of, tag_of
from .expressions import ExpressionReader
from .model import (
    Annotations,
    ComplexType,
    EntityContainer,
    EntitySet,
    EntityType,
    EnumMember,
    EnumType,
    NavigationProperty,
    Operation,
    OperationImport,
    Property,
    PropertyRef,
    Singleton,
    TypeDefinition,
)
from .names import Names
from .scan import EDM, line_of

_ENUM_RANGES = {
    "Edm.Byte": (0, 2**8 - 1),
    "Edm.SByte": (-(2**7), 2**7 - 1),
    "Edm.Int16": (-(2**15), 2**15 - 1),
    "Edm.Int32": (-(2**31), 2**31 - 1),
    "Edm.Int64": (-(2**63), 2**63 - 1),
}


class _Structured(TypedDict):
    name: str
    base: str | None
    abstract: bool
    open: bool
    properties: dict[str, Property]
    navigation: dict[str, NavigationProperty]
    annotations: Annotations
    line: int


class ElementReader(AttributeReader):
    """Converts the elements of one document."""

    def __init__(self, names: Names, source: str) -> None:
        super().__init__(names, source)
        self.expressions = ExpressionReader(names, source)

    def entity_type(self, element: etree._Element, namespace: str) -> EntityType:
        """An `EntityType` element. Its alternate keys are taken from its annotations in `csdl.assembly`."""
        has_stream = self.flag(element, "HasStream")
        return EntityType(**self._structured(element, namespace), key=self._key(element), has_stream=has_stream)

    def complex_type(self, element: etree._Element, namespace: str) -> ComplexType:
        """A `ComplexType` element."""
        return ComplexType(**self._structured(element, namespace))

    def enum_type(self, element: etree._Element, namespace: str) -> EnumType:
        """An `EnumType` element. A member without a value has that of the one before it plus one, from zero."""
        underlying = element.get("UnderlyingType", "Edm.Int32")
        if underlying not in _ENUM_RANGES:
            self.fail(element, f"an enumeration cannot have the underlying type {underlying!r}")
        low, high = _ENUM_RANGES[underlying]
        members: dict[str, EnumMember] = {}
        following = 0
        for child in element.iterchildren(f"{EDM}Member"):
            name = self.name_of(child)
            value = self.integer(child, "Value")
            value = following if value is None else value
            if not low <= value <= high:
                self.fail(child, f"the value {value} of the member {name} does not fit {underlying}")
            self.add_once(members, name, EnumMember(name, value, self.expressions.annotations(child)), child)
            following = value + 1
        return EnumType(
            name=f"{namespace}.{self.name_of(element)}",
            members=tuple(members.values()),
            is_flags=self.flag(element, "IsFlags"),
            underlying=underlying,
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def type_definition(self, element: etree._Element, namespace: str) -> TypeDefinition:
        """A `TypeDefinition` element."""
        return TypeDefinition(
            name=f"{namespace}.{self.name_of(element)}",
            underlying=self.names.qualified(self.required(element, "UnderlyingType")),
            max_length=self.max_length(element),
            precision=self.integer(element, "Precision"),
            scale=self.scale(element),
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def operation(self, element: etree._Element, namespace: str, kind: Literal["action", "function"]) -> Operation:
        """An `Action` or `Function` element: one overload."""
        name = self.name_of(element)
        bound = self.flag(element, "IsBound")
        parameters: dict[str, Property] = {}
        for child in element.iterchildren(f"{EDM}Parameter"):
            parameter = self.property(child)
            self.add_once(parameters, parameter.name, parameter, child)
        if bound and not parameters:
            self.fail(element, f"the bound {kind} {name} has no binding parameter")
        result = element.find(f"{EDM}ReturnType")
        path = element.get("EntitySetPath")
        return Operation(
            kind=kind,
            name=f"{namespace}.{name}",
            bound=bound,
            entity_set_path=self.names.path(path) if path else None,
            composable=self.flag(element, "IsComposable"),
            parameters=tuple(parameters.values()),
            return_type=None if result is None else self.type_of(result),
            return_nullable=result is None or self.flag(result, "Nullable", default=True),
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def property(self, element: etree._Element) -> Property:
        """A `Property` or `Parameter` element."""
        return Property(
            name=self.name_of(element),
            type=self.type_of(element),
            nullable=self.flag(element, "Nullable", default=True),
            max_length=self.max_length(element),
            precision=self.integer(element, "Precision"),
            scale=self.scale(element),
            unicode=self.flag(element, "Unicode", default=True),
            srid=element.get("SRID"),
            default=element.get("DefaultValue"),
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def container(self, element: etree._Element, namespace: str) -> EntityContainer:
        """An `EntityContainer` element, without what it extends."""
        sets: dict[str, EntitySet] = {}
        singletons: dict[str, Singleton] = {}
        imports: list[OperationImport] = []
        names: dict[str, str] = {}
        for child in children_of(element):
            kind = tag_of(child)
            if kind in ("EntitySet", "Singleton", "ActionImport", "FunctionImport"):
                name = self.name_of(child)
                self.add_once(names, name, kind, child)
            if kind == "EntitySet":
                sets[name] = self._entity_set(child, name)
            elif kind == "Singleton":
                singletons[name] = self._singleton(child, name)
            elif kind == "ActionImport":
                imports.append(self._import(child, name, "action", "Action"))
            elif kind == "FunctionImport":
                imports.append(self._import(child, name, "function", "Function"))
        return EntityContainer(
            name=f"{namespace}.{self.name_of(element)}",
            entity_sets=sets,
            singletons=singletons,
            imports=tuple(imports),
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def _entity_set(self, element: etree._Element, name: str) -> EntitySet:
        entity_type = self.names.qualified(self.required(element, "EntityType"))
        bindings = self._bindings(element)
        return EntitySet(name, entity_type, bindings, self.expressions.annotations(element), line_of(element))

    def _singleton(self, element: etree._Element, name: str) -> Singleton:
        return Singleton(
            name=name,
            type=self.names.qualified(self.required(element, "Type")),
            nullable=self.flag(element, "Nullable"),
            bindings=self._bindings(element),
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def _import(
        self, element: etree._Element, name: str, kind: Literal["action", "function"], attribute: str
    ) -> OperationImport:
        entity_set = element.get("EntitySet")
        return OperationImport(
            kind=kind,
            name=name,
            operation=self.names.qualified(self.required(element, attribute)),
            entity_set=self.names.path(entity_set) if entity_set else None,
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def _bindings(self, element: etree._Element) -> dict[str, str]:
        bindings: dict[str, str] = {}
        for child in element.iterchildren(f"{EDM}NavigationPropertyBinding"):
            path = self.names.path(self.required(child, "Path"))
            self.add_once(bindings, path, self.names.path(self.required(child, "Target")), child)
        return bindings

    def _structured(self, element: etree._Element, namespace: str) -> _Structured:
        """What entity types and complex types have in common."""
        properties, navigation = self._members(element)
        return {
            "name": f"{namespace}.{self.name_of(element)}",
            "base": self.reference(element, "BaseType"),
            "abstract": self.flag(element, "Abstract"),
            "open": self.flag(element, "OpenType"),
            "properties": properties,
            "navigation": navigation,
            "annotations": self.expressions.annotations(element),
            "line": line_of(element),
        }

    def _members(self, element: etree._Element) -> tuple[dict[str, Property], dict[str, NavigationProperty]]:
        properties: dict[str, Property] = {}
        navigation: dict[str, NavigationProperty] = {}
        for child in children_of(element):
            kind = tag_of(child)
            if kind == "Property":
                value = self.property(child)
                self.add_once(properties, value.name, value, child)
            elif kind == "NavigationProperty":
                link = self._navigation(child)
                self.add_once(navigation, link.name, link, child)
        for name in properties.keys() & navigation.keys():
            self.fail(element, f"{name!r} is both a property and a navigation property of {element.get('Name')}")
        return properties, navigation

    def _navigation(self, element: etree._Element) -> NavigationProperty:
        on_delete = element.find(f"{EDM}OnDelete")
        partner = element.get("Partner")
        return NavigationProperty(
            name=self.name_of(element),
            type=self.type_of(element),
            nullable=self.flag(element, "Nullable", default=True),
            partner=self.names.path(partner) if partner else None,
            contains_target=self.flag(element, "ContainsTarget"),
            constraints=tuple(
                (
                    self.names.path(self.required(child, "Property")),
                    self.names.path(self.required(child, "ReferencedProperty")),
                )
                for child in element.iterchildren(f"{EDM}ReferentialConstraint")
            ),
            on_delete=None if on_delete is None else on_delete.get("Action"),
            annotations=self.expressions.annotations(element),
            line=line_of(element),
        )

    def _key(self, element: etree._Element) -> tuple[PropertyRef, ...]:
        keys = list(element.iterchildren(f"{EDM}Key"))
        if len(keys) > 1:
            self.fail(keys[1], f"{element.get('Name')} has more than one Key")
        references: dict[str, PropertyRef] = {}
        for child in keys[0].iterchildren(f"{EDM}PropertyRef") if keys else ():
            reference = PropertyRef(self.names.path(self.required(child, "Name")), child.get("Alias"))
            self.add_once(references, reference.name, reference, child)
        if keys and not references:
            self.fail(keys[0], f"the Key of {element.get('Name')} names no property")
        return tuple(references.values())
