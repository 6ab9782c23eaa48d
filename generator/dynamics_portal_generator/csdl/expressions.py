"""Annotations of an element: terms and the values of their expressions (CSDL XML 4.01, "Vocabulary and Annotation").

Constants, enumeration members, collections and records become Python values; paths stay text, with their aliases
resolved. Dynamic expressions (`If`, `Apply`, `Cast`, …) need a row to be evaluated against: they are read as None.
A term without a value means `true`, the default of every tagging term.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from lxml import etree

from .error import CsdlError
from .model import AnnotationValue, EnumValue
from .names import Names
from .scan import EDM, line_of

_TEXTS = frozenset(("String", "Date", "DateTimeOffset", "Duration", "TimeOfDay", "Guid", "Binary", "UrlRef"))
_PATHS = frozenset(
    ("Path", "PropertyPath", "NavigationPropertyPath", "AnnotationPath", "ModelElementPath", "LabeledElementReference")
)
_CONSTANTS = (*sorted(_TEXTS), *sorted(_PATHS), "Bool", "Int", "Decimal", "Float", "EnumMember")
_ANNOTATION = f"{EDM}Annotation"


class ExpressionReader:
    """Reads the annotations of the elements of one document."""

    def __init__(self, names: Names, source: str) -> None:
        self._names = names
        self._source = source

    def annotations(self, element: etree._Element, qualifier: str | None = None) -> dict[str, AnnotationValue]:
        """The annotations that stand inside an element, nested ones as `term@term`. `qualifier` is that of the
        surrounding `Annotations` element."""
        found: dict[str, AnnotationValue] = {}
        if not len(element):  # most elements have no children: the cheapest answer first
            return found
        for child in element.iterchildren(_ANNOTATION):
            term = self._names.term(child.get("Term") or self._fail(child, "an Annotation has no Term"))
            own = child.get("Qualifier") or qualifier
            key = f"{term}#{own}" if own else term
            if key in found:
                self._fail(child, f"the annotation {key} is given twice")
            found[key] = self._value(child, default=True)
            for nested, value in self.annotations(child).items():
                found[f"{key}@{nested}"] = value
        return found

    def _value(self, holder: etree._Element, default: AnnotationValue) -> AnnotationValue:
        """The value that an element holds as an attribute or as its child expression."""
        for kind in _CONSTANTS:
            text = holder.get(kind)
            if text is not None:
                return self._constant(kind, text, holder)
        for child in _expressions(holder):
            return self._expression(child)
        return default

    def _expression(self, element: etree._Element) -> AnnotationValue:
        kind = etree.QName(element).localname
        if kind == "Collection":
            return tuple(self._expression(child) for child in _expressions(element))
        if kind == "Record":
            return self._record(element)
        if kind in _CONSTANTS:
            return self._constant(kind, element.text or "", element)
        if kind == "LabeledElement":
            return self._value(element, default=None)
        return None

    def _record(self, element: etree._Element) -> dict[str, AnnotationValue]:
        record: dict[str, AnnotationValue] = {}
        for child in element.iterchildren(f"{EDM}PropertyValue"):
            name = child.get("Property") or self._fail(child, "a PropertyValue has no Property")
            record[name] = self._value(child, default=None)
        return record

    def _constant(self, kind: str, text: str, element: etree._Element) -> AnnotationValue:
        if kind in _TEXTS:
            return text
        stripped = text.strip()
        if kind in _PATHS:
            return self._names.path(stripped)
        if kind == "EnumMember":
            return EnumValue(tuple(member.rpartition("/")[2] for member in stripped.split()))
        if kind == "Bool" and stripped.lower() in ("true", "false"):
            return stripped.lower() == "true"
        try:
            if kind == "Int":
                return int(stripped)
            if kind in ("Decimal", "Float"):
                return Decimal({"INF": "Infinity", "-INF": "-Infinity"}.get(stripped, stripped))
        except (ValueError, InvalidOperation):
            pass
        self._fail(element, f"{text!r} is no {kind} value")

    def _fail(self, element: etree._Element, message: str) -> NoReturn:
        raise CsdlError(message, source=self._source, line=line_of(element))


def _expressions(element: etree._Element) -> Iterator[etree._Element]:
    """The child elements that are expressions: those of CSDL, without the annotations of the holder."""
    for child in element.iterchildren(f"{EDM}*"):
        if child.tag != _ANNOTATION:
            yield child
