"""Names of a CSDL document: aliases become namespaces, texts become type references.

Whether a name exists is decided in `csdl.check`. Aliases hold in the whole document (CSDL XML 4.01, "Alias"), so all of
them are known before the first name is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .model import TypeRef

_SHAPES = ("", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "Collection")
PRIMITIVES = frozenset(
    f"Edm.{name}"
    for name in (
        *("Binary", "Boolean", "Byte", "Date", "DateTimeOffset", "Decimal", "Double", "Duration", "Guid", "Int16"),
        *("Int32", "Int64", "SByte", "Single", "Stream", "String", "TimeOfDay"),
        *("Untyped", "PrimitiveType", "ComplexType", "EntityType"),
        *(f"{space}{shape}" for space in ("Geography", "Geometry") for shape in _SHAPES),
    )
)
"""The built-in types that a property, a parameter or a result can have (CSDL XML 4.01, "Primitive Types" and "Built-In
Abstract Types")."""

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_NAMESPACE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def is_identifier(text: str) -> bool:
    """Whether a text is a simple identifier: a letter or underscore, then letters, digits and underscores."""
    return _IDENTIFIER.fullmatch(text) is not None


def is_namespace(text: str) -> bool:
    """Whether a text is a namespace: simple identifiers joined by dots."""
    return _NAMESPACE.fullmatch(text) is not None


class Names:
    """Resolves the names of one document. `aliases` maps alias to namespace."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._qualified: dict[str, str] = {}
        self._types: dict[str, TypeRef] = {}

    def qualified(self, text: str) -> str:
        """A qualified name with its alias, if it has one, replaced by the namespace."""
        known = self._qualified.get(text)
        if known is None:
            prefix, dot, local = text.strip().rpartition(".")
            known = self._qualified[text] = f"{self._aliases.get(prefix, prefix)}{dot}{local}"
        return known

    def type_ref(self, text: str) -> TypeRef:
        """`Collection(alias.name)` or `alias.name` as a type reference."""
        known = self._types.get(text)
        if known is None:
            inner = text.strip()
            collection = inner.startswith("Collection(") and inner.endswith(")")
            name = inner[len("Collection(") : -1] if collection else inner
            known = self._types[text] = TypeRef(self.qualified(name), collection)
        return known

    def term(self, text: str) -> str:
        """A term's qualified name, with its `#qualifier` where the text carries one."""
        name, hash_, qualifier = text.strip().partition("#")
        return f"{self.qualified(name)}{hash_}{qualifier}"

    def path(self, text: str) -> str:
        """A path with the aliases of its type casts and terms replaced."""
        if "." not in text:
            return text.strip()
        return "/".join(self._segment(segment) for segment in text.strip().split("/"))

    def _segment(self, segment: str) -> str:
        if segment.startswith("@"):
            return f"@{self.term(segment[1:])}"
        name, parenthesis, signature = segment.partition("(")
        if not parenthesis:
            return self.qualified(segment)
        types = (str(self.type_ref(part)) for part in signature.removesuffix(")").split(",") if part.strip())
        return f"{self.qualified(name)}({','.join(types)})"
