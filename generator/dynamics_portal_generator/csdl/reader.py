"""Reading CSDL: OData v4 `$metadata` XML, 4.0 or 4.01, in, `Metadata` out.

Two passes over the bytes: `csdl.scan` refuses what is hostile or no CSDL and learns the aliases; then each child of a
Schema is converted when it ends and freed at once, so that the tree of a large document is never in memory. Converting,
joining and checking are `csdl.elements`, `csdl.assembly` and `csdl.check`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from lxml import etree

from .assembly import Assembly
from .check import check
from .elements import ElementReader
from .error import CsdlError, located
from .model import Metadata
from .names import Names
from .scan import EDM, MAX_SIZE, not_well_formed, scan

__all__ = ["CsdlError", "read_metadata"]

_PART = 1024 * 1024  # bytes read at a time
_CHILDREN = (
    "EntityType",
    "ComplexType",
    "EnumType",
    "TypeDefinition",
    "Action",
    "Function",
    "EntityContainer",
    "Term",
    "Annotations",
)


def read_metadata(source: Path | bytes | BinaryIO, *, name: str | None = None) -> Metadata:
    """Read a `$metadata` document.

    `name` is what messages call the document; it defaults to the path, else to `$metadata`. What is odd but harmless is
    in `Metadata.warnings`.

    Raises `CsdlError`, one line with file and line, for what cannot be read, is no well-formed XML, declares a document
    type, is no OData V4 CSDL, or refers to something that it does not declare.
    """
    label = name or (str(source) if isinstance(source, Path) else "$metadata")
    data = _read(source, label)
    header = scan(data, label)
    reader = ElementReader(Names(header.aliases), label)
    assembly = Assembly(reader, header)
    for namespace, element in _schema_children(data, reader):
        assembly.add(element, namespace)
    metadata = assembly.finish(len(data))
    told = [located(message, label, line) for message, line in assembly.warnings]
    return replace(metadata, warnings=(*told, *check(metadata)))


def _read(source: Path | bytes | BinaryIO, label: str) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                return _read_stream(file)
        return _read_stream(source)
    except OSError as error:
        raise CsdlError(f"cannot be read: {error.strerror or type(error).__name__}", source=label) from None


def _read_stream(stream: BinaryIO) -> bytes:
    """All of a stream, but for what lies beyond the size that `scan` refuses."""
    parts: list[bytes] = []
    size = 0
    while size <= MAX_SIZE and (part := stream.read(_PART)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _schema_children(data: bytes, reader: ElementReader) -> Iterator[tuple[str, etree._Element]]:
    """Each child of each Schema with the schema's namespace, freed when the next one is asked for."""
    events = etree.iterparse(
        BytesIO(data),
        tag=tuple(f"{EDM}{child}" for child in _CHILDREN),
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        for _, element in events:
            schema = element.getparent()
            if schema is None or schema.tag != f"{EDM}Schema":
                reader.fail(element, f"{etree.QName(element).localname} stands outside a Schema")
            yield schema.get("Namespace", ""), element
            element.clear()
            while element.getprevious() is not None:
                del schema[0]
    except etree.XMLSyntaxError as error:
        raise not_well_formed(error, reader.source) from None
