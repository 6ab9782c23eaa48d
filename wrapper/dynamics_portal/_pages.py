"""Pages: what an answer says beside its rows, and the rows, read a stretch at a time where that is quicker.

With the extra `fast`, rows are read from a page's bytes as they are needed, so that a page of megabytes is never there
as objects at once. A stretch ends before a row that begins with the same name as the first one; no text holds such a
place, for there a quotation mark follows a backslash. A stretch that is no list by itself, because the place was inside
a row, is read together with all that follows. What the row class does not read from bytes is read as dictionaries, as
is every page without the extra.

Source: OData JSON Format 4.01, "Entity", "Entity Collection".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from . import _json
from ._seam import RowModel

_VALUE: Final = b'"value"'
_ANNOTATION: Final = b'}],"@'
_FIRST_NAME: Final = re.compile(rb'\{"[^"\\]{1,200}":')
_HEAD: Final = 10_000  # bytes in which rows begin, after what a page says of itself
_STRETCH: Final = 32_768  # bytes: they fit into a processor's own memory, with the objects that are made of them


class Rows(NamedTuple):
    """Rows that follow each other on a page: objects of the row class, or dictionaries."""

    items: Sequence[Any]
    are_objects: bool = False


class PageBytes:
    """The rows of a page that are not read yet."""

    __slots__ = ("_at", "_between", "_end", "_model", "_view", "content", "document")

    def __init__(
        self, content: bytes, document: Mapping[str, Any], start: int, end: int, between: bytes, model: RowModel
    ) -> None:
        self.content = content
        self._view = memoryview(content)
        self.document = document
        self._between = between  # what stands between two rows: the end of one, and the first name of the next
        self._at = start
        self._end = end
        self._model = model

    @property
    def at_end(self) -> bool:
        """Whether all rows are read."""
        return self._at >= self._end

    def read(self) -> Rows:
        """The next rows, of which there are some. Raises `ValueError` where they are no JSON objects."""
        place = self.content.find(self._between, self._at + _STRETCH, self._end)
        stop = self._end if place < 0 else place + 1
        try:
            rows = self._read_to(stop)
        except ValueError:
            if stop == self._end:
                raise
            stop = self._end
            rows = self._read_to(stop)
        self._at = stop + 1  # after the comma
        return rows

    def _read_to(self, stop: int) -> Rows:
        content = b"".join((b"[", self._view[self._at : stop], b"]"))
        objects = self._model.list_from_json(content)
        if objects is None:
            rows = _dictionaries(_json.decode(content))
            if (objects := self._model.list_from_dicts(rows)) is None:
                return Rows(rows)
        return Rows(objects, are_objects=True)


def split(content: bytes, model: RowModel) -> PageBytes | None:
    """A page whose rows are read later; `None` for one without rows, or of another form than Dataverse's own.

    What a page says beside its rows is read as it stands without them, so it is sound if that is where they end.
    """
    name = content.find(_VALUE + b":[{", 0, _HEAD)
    start, end = name + len(_VALUE) + 2, content.rfind(b"}]") + 1
    first = _FIRST_NAME.match(content, start)
    if name < 0 or end <= start or content.count(b"{", 0, start) != 1 or first is None:
        return None
    rest = content[:start] + content[end:]
    if rest.count(_VALUE) != 1:
        return None
    between = b"}," + first[0]
    try:
        document = _json.decode_object(rest)
    except ValueError:
        return None
    return PageBytes(content, document, start, end, between, model) if _ends(content, start, end, between) else None


def _ends(content: bytes, start: int, end: int, between: bytes) -> bool:
    """Whether rows that begin in one place end in the other, which may be the end of an annotation after them."""
    place = content.rfind(between, start, end)
    try:
        _dictionaries(_json.decode(b"[" + content[place + 2 if place >= 0 else start : end] + b"]"))
    except ValueError:  # or it is the rows', and what looks like the beginning of the last one is inside it
        first = content.find(_ANNOTATION, start)
        return first == end - 1 or (first < 0 and content[end:] == b"]}")
    return True


def read_page(content: bytes) -> tuple[dict[str, Any], list[Any]]:
    """A page, and its rows as dictionaries. Raises `ValueError` or `KeyError` for what is no page."""
    document = _json.decode_object(content)
    return document, _dictionaries(document["value"])


def _dictionaries(rows: Any) -> list[Any]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("no list of rows")
    return rows
