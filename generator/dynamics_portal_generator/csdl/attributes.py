"""Attributes of CSDL elements as Python values: names, flags, numbers, references, each with its own one-line error.

Which element has which attributes is for `csdl.elements`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NoReturn, TypeVar

from lxml import etree

from .error import CsdlError
from .model import TypeRef
from .names import Names, is_identifier
from .scan import EDM, line_of

T = TypeVar("T")


class AttributeReader:
    """Reads the attributes of the elements of one document."""

    def __init__(self, names: Names, source: str) -> None:
        self.names = names
        self.source = source

    def fail(self, element: etree._Element, message: str) -> NoReturn:
        """Raise the error of an element."""
        raise CsdlError(message, source=self.source, line=line_of(element))

    def fail_at(self, line: int, message: str) -> NoReturn:
        """Raise the error of what stands at a line."""
        raise CsdlError(message, source=self.source, line=line)

    def name_of(self, element: etree._Element) -> str:
        """The Name of an element, which must be a simple identifier."""
        name = self.required(element, "Name")
        if not is_identifier(name):
            self.fail(element, f"{tag_of(element)} has the name {name!r}, which is no identifier")
        return name

    def add_once(self, into: dict[str, T], name: str, value: T, element: etree._Element) -> None:
        """Put a value under a name that must be free."""
        if name in into:
            self.fail(element, f"{tag_of(element)} {name!r} is declared twice")
        into[name] = value

    def required(self, element: etree._Element, attribute: str) -> str:
        """An attribute that must be there."""
        value = (element.get(attribute) or "").strip()
        if not value:
            named = element.get("Name")
            self.fail(element, f"{tag_of(element)}{f' {named!r}' if named else ''} has no {attribute}")
        return value

    def reference(self, element: etree._Element, attribute: str) -> str | None:
        """The qualified name that an attribute holds."""
        value = element.get(attribute)
        return self.names.qualified(value) if value else None

    def type_of(self, element: etree._Element) -> TypeRef:
        """The Type of an element."""
        return self.names.type_ref(self.required(element, "Type"))

    def flag(self, element: etree._Element, attribute: str, default: bool = False) -> bool:
        """An attribute that is true or false."""
        text = element.get(attribute)
        if text is None:
            return default
        if text in ("true", "1"):
            return True
        if text in ("false", "0"):
            return False
        self.fail(element, f"{attribute}={text!r} of {tag_of(element)} is neither true nor false")

    def integer(self, element: etree._Element, attribute: str) -> int | None:
        """An attribute that is a whole number."""
        text = element.get(attribute)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            self.fail(element, f"{attribute}={text!r} of {tag_of(element)} is no whole number")

    def max_length(self, element: etree._Element) -> int | None:
        """The MaxLength of an element; None where there is none or `max`."""
        return None if element.get("MaxLength") in (None, "max", "Max") else self.integer(element, "MaxLength")

    def scale(self, element: etree._Element) -> int | Literal["variable", "floating"] | None:
        """The Scale of an element; Dataverse writes `Variable` with a capital."""
        text = element.get("Scale", "").lower()
        if text == "variable":
            return "variable"
        if text == "floating":
            return "floating"
        return self.integer(element, "Scale")


def children_of(element: etree._Element) -> Iterator[etree._Element]:
    """The child elements of CSDL's own; those of other XML namespaces are extensions without meaning here."""
    return element.iterchildren(f"{EDM}*")


def tag_of(element: etree._Element) -> str:
    """The name of an element without its XML namespace."""
    return str(etree.QName(element).localname)
