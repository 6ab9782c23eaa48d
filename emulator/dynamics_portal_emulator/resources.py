"""Addresses: from the path of a request to the resource that it means.

It decides which segments exist, what kind each is and what its key says ("OData URL Conventions", section Resource
Path). It reads no rows: following a path is the business of `query`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from dynamics_portal_generator.csdl import NavigationProperty, Property, PropertyRef, TypeRef

from .errors import DataverseError, Kind
from .filters import Call as FunctionCall
from .filters import Literal, Node, parse
from .schema import Schema, Table
from .values import Values

_SEGMENT = re.compile(r"([^()]*)(?:\((.*)\))?", re.DOTALL)
API = re.compile(r"/api/data/v9\.\d+(/.*)?")
"""The root of the Web API; any minor version of 9 is served alike."""


@dataclass(frozen=True)
class Key:
    """A row's key as an address gives it: primary, or an alternate one; values in stored form."""

    values: Mapping[str, Any]
    primary: bool

    @property
    def text(self) -> str:
        """The key as the store holds it."""
        return key_text(list(self.values.values()))


@dataclass(frozen=True)
class SetSegment:
    """An entity set or a singleton."""

    name: str
    table: Table
    singleton: bool = False


@dataclass(frozen=True)
class KeySegment:
    """A key predicate after a collection."""

    key: Key


@dataclass(frozen=True)
class NavigationSegment:
    """A navigation property."""

    table: Table
    navigation: NavigationProperty


@dataclass(frozen=True)
class PropertySegment:
    """A column."""

    declared: Property


@dataclass(frozen=True)
class CastSegment:
    """A derived type that narrows what comes before."""

    table: Table


@dataclass(frozen=True)
class CallSegment:
    """An action or a function, with its parameters as text."""

    name: str
    arguments: str | None


@dataclass(frozen=True)
class MarkSegment:
    """`$count`, `$ref` or `$value`."""

    name: str


Segment: TypeAlias = (
    SetSegment | KeySegment | NavigationSegment | PropertySegment | CastSegment | CallSegment | MarkSegment
)


def key_text(values: list[Any]) -> str:
    """One text for a key: its only value, or its values in order."""
    if len(values) == 1:
        return str(values[0])
    return "|".join(str(value).replace("\\", "\\\\").replace("|", "\\|") for value in values)


@dataclass(frozen=True)
class Resources:
    """Reads addresses against a document."""

    schema: Schema
    values: Values

    def parse(self, path: str) -> tuple[Segment, ...]:
        """The segments of a percent-encoded path below the root. DataverseError 404 or 400 for what does not exist."""
        segments: list[Segment] = []
        table: Table | None = None
        collection = False
        for text in path.strip("/").split("/"):
            name, arguments = _take_apart(unquote(text))
            segment, table, collection = self._segment(name, arguments, table, collection, not segments)
            segments.append(segment)
            if arguments is not None and not isinstance(segment, CallSegment):
                if table is None or not collection:
                    raise Kind.UNKNOWN_SEGMENT.error(segment=name)
                segments.append(KeySegment(self.key(table, arguments)))
                collection = False
        return tuple(segments)

    def _segment(
        self, name: str, arguments: str | None, table: Table | None, collection: bool, first: bool
    ) -> tuple[Segment, Table | None, bool]:
        """The segment, the type that it leads to, and whether to many of it."""
        metadata = self.schema.metadata
        if first:
            found = self.schema.set_table(name)
            if found is not None:
                return SetSegment(name, found), found, True
            singleton = metadata.container.singletons.get(name)
            target = self.schema.table_or_none(singleton.type) if singleton else None
            if target is not None:
                return SetSegment(name, target, singleton=True), target, False
            return CallSegment(name, arguments), None, False
        if name in ("$count", "$ref", "$value"):
            return MarkSegment(name), table, collection
        if table is not None:
            if not collection and name in table.navigation:
                navigation = table.navigation[name]
                many = navigation.type.collection
                return NavigationSegment(table, navigation), self.schema.table_or_none(navigation.type.name), many
            if not collection and name in table.properties:
                return PropertySegment(table.properties[name]), None, False
            if not collection and name in table.files:
                return PropertySegment(Property(name, TypeRef("Edm.Stream"))), None, False
            if name in metadata.entity_types and table.type in (part.name for part in metadata.ancestry(name)):
                narrowed = self.schema.table(name)
                return CastSegment(narrowed), narrowed, collection
            if "." in name:  # bound operations are called by their qualified name
                return CallSegment(name, arguments), None, False
        raise Kind.UNKNOWN_SEGMENT.error(segment=name)

    def key(self, table: Table, text: str) -> Key:
        """The key in a predicate: one value, or names with values. DataverseError 400 for no key of the table."""
        given = self._predicate(text)
        if isinstance(given, Literal):
            if len(table.key) != 1:
                raise Kind.BAD_URI.error(
                    problem=f"The key of '{table.type}' has {len(table.key)} parts; one was given."
                )
            given = {table.key[0].name: given}
        candidates = (table.key, *table.alternate_keys)
        for index, candidate in enumerate(candidates):
            if {part.name for part in candidate} == set(given):
                values = {part.path: self._key_value(table, part, given[part.name]) for part in candidate}
                return Key(values, index == 0)
        names = ", ".join(given)
        raise Kind.BAD_URI.error(
            problem=f"The key in the request URI is not valid for '{table.type}': no key is ({names})."
        )

    def _predicate(self, text: str) -> Literal | dict[str, Literal]:
        try:
            node: Node = parse(f"key({text})")
        except DataverseError:
            raise Kind.BAD_URI.error(problem="Bad Request - Error in query syntax.") from None
        arguments = node.arguments if isinstance(node, FunctionCall) else ()
        named = node.named if isinstance(node, FunctionCall) else {}
        if len(arguments) == 1 and not named and isinstance(arguments[0], Literal):
            return arguments[0]
        literals = {name: value for name, value in named.items() if isinstance(value, Literal)}
        if arguments or not literals or len(literals) != len(named):
            raise Kind.BAD_URI.error(problem="Bad Request - Error in query syntax.")
        return literals

    def _key_value(self, table: Table, part: PropertyRef, literal: Literal) -> Any:
        declared = table.key_property(part)
        if declared is None:
            raise Kind.NO_PROPERTY.error(name=part.path, type=table.type)
        try:
            return self.values.stored(declared, literal.value)
        except ValueError as error:
            raise Kind.BAD_URI.error(problem=f"The key value of '{part.name}' is {error}.") from None


def _take_apart(text: str) -> tuple[str, str | None]:
    match = _SEGMENT.fullmatch(text)
    if match is None:
        raise Kind.UNKNOWN_SEGMENT.error(segment=text)
    return match[1], match[2]


def literal_text(value: Any, kind: str) -> str:
    """A stored value as a key predicate writes it."""
    if kind == "Edm.String":
        return "'" + str(value).replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
