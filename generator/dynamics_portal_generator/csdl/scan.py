"""The first look at a document: is it harmless, is it OData v4 CSDL, and which aliases does it declare.

Nothing is built here: the parser's events go to a target that keeps a few names. A document type declaration is
refused at its first token, before any entity of it is read, so that neither entity expansion nor external entities can
happen in the second pass, which `csdl.reader` makes. Sizes and depths are bounded for both passes here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from .error import CsdlError
from .names import is_identifier, is_namespace

EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
VERSIONS = ("4.0", "4.01")

MAX_SIZE = 512 * 1024 * 1024  # bytes: two hundred times the metadata of a large organisation
MAX_DEPTH = 100  # elements: a deeply nested annotation has about twenty

_CHUNK = 64 * 1024  # bytes
_OLD_EDMX = "{http://schemas.microsoft.com/ado/2007/06/edmx}"
_OLD_EDM = re.compile(r"\{http://schemas\.microsoft\.com/ado/20\d\d/\d\d/edm\}")
_POSITION = re.compile(r", line \d+, column \d+$")


@dataclass(slots=True)
class Header:
    """What a document says of itself: its version, its schemas and what it includes (namespace to alias)."""

    version: str = ""
    schemas: dict[str, str | None] = field(default_factory=dict)
    includes: dict[str, str | None] = field(default_factory=dict)

    @property
    def aliases(self) -> dict[str, str]:
        """Alias to namespace."""
        both = {**self.includes, **self.schemas}
        return {alias: namespace for namespace, alias in both.items() if alias}


class _Refused(Exception):
    """Raised inside the parser's target, which is told no positions. `near` is text to find the line by."""

    def __init__(self, message: str, near: str) -> None:
        super().__init__(message)
        self.near = near


class _Target:
    """Receives the parser's events (lxml's parser target interface)."""

    def __init__(self) -> None:
        self.header = Header()
        self.depth = 0

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise _Refused("a document type declaration (DOCTYPE) is not allowed in a $metadata document", "<!DOCTYPE")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.depth += 1
        if self.depth == 1:
            self._root(tag, attributes)
        elif self.depth > MAX_DEPTH:
            raise _Refused(f"elements are nested more than {MAX_DEPTH} deep", "")
        elif self.depth == 3:
            self._third_level(tag, attributes)

    def end(self, tag: str) -> None:
        self.depth -= 1

    def close(self) -> Header:
        return self.header

    def _root(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag.startswith(_OLD_EDMX):
            raise _Refused("this is OData V2 or V3 metadata; only OData V4 is read", "Edmx")
        if tag != f"{EDMX}Edmx":
            local = tag.rpartition("}")[2]
            raise _Refused(f"not an OData $metadata document: the root element is {tag}, not {EDMX}Edmx", local)
        self.header.version = attributes.get("Version", "")
        if self.header.version not in VERSIONS:
            expected = " or ".join(VERSIONS)
            raise _Refused(f"OData version {self.header.version!r} is not supported; expected {expected}", "Edmx")

    def _third_level(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == f"{EDM}Schema":
            self._declare(self.header.schemas, attributes, "Schema")
        elif tag == f"{EDMX}Include":
            self._declare(self.header.includes, attributes, "edmx:Include")
        elif _OLD_EDM.match(tag):
            namespace = tag.partition("}")[0][1:]
            raise _Refused(f"the schema's XML namespace {namespace} is of OData V2 or V3; only V4 is read", namespace)

    def _declare(self, into: dict[str, str | None], attributes: Mapping[str, str], what: str) -> None:
        namespace, alias = attributes.get("Namespace", ""), attributes.get("Alias")
        if not is_namespace(namespace):
            raise _Refused(f"{what} has no usable Namespace ({namespace!r})", f"<{what}")
        if alias is not None and not is_identifier(alias):
            raise _Refused(f"{what} {namespace} has an unusable Alias ({alias!r})", f'"{namespace}"')
        for other, taken in {**self.header.includes, **self.header.schemas}.items():
            if alias and other != namespace and alias in (taken, other):
                raise _Refused(f"the alias {alias!r} is declared for {other} and for {namespace}", f'"{namespace}"')
        into[namespace] = into.get(namespace) or alias


def scan(data: bytes, source: str) -> Header:
    """The header of a document. Raises `CsdlError` for anything that is not harmless OData v4 CSDL XML."""
    if len(data) > MAX_SIZE:
        raise CsdlError(f"the document is larger than {MAX_SIZE // 1024**2} MiB", source=source)
    if data.lstrip()[:1] in (b"{", b"["):
        raise CsdlError("this is JSON; a $metadata document in XML is needed", source=source, line=1)
    target: Any = _Target()  # lxml's stubs demand every optional method of a parser target
    parser = etree.XMLParser(target=target, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        for start in range(0, max(len(data), 1), _CHUNK):  # the parser refuses to buffer over 10 MB at once
            parser.feed(data[start : start + _CHUNK])
        header = parser.close()
    except _Refused as refusal:
        raise CsdlError(str(refusal), source=source, line=_line_of(data, refusal.near)) from None
    except etree.XMLSyntaxError as error:
        raise not_well_formed(error, source) from None
    assert isinstance(header, Header)
    if not header.schemas:
        raise CsdlError("the document declares no Schema in the OData V4 namespace", source=source)
    return header


def line_of(element: etree._Element) -> int:
    """The line of an element, from 1; 0 where the parser kept none."""
    line = getattr(element, "sourceline", None)  # wrongly typed in lxml's stubs
    return line if isinstance(line, int) else 0


def not_well_formed(error: etree.XMLSyntaxError, source: str) -> CsdlError:
    """The one-line error for a document that the XML parser gave up on."""
    text = _POSITION.sub("", str(error.msg or "the document is empty"))
    return CsdlError(f"not well-formed XML: {text}", source=source, line=error.lineno or 1)


def _line_of(data: bytes, text: str) -> int | None:
    """The line of the first occurrence of a text, where it is found (a document need not be UTF-8)."""
    position = data.find(text.encode()) if text else -1
    return data.count(b"\n", 0, position) + 1 if position >= 0 else None
