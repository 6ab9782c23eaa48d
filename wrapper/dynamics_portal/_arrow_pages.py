"""Pages as record batches: from the bytes of an answer to Arrow's arrays. No I/O.

Arrow's own reader of JSON makes columns of a page at once, without an object for any value; it takes what has the form
that the service gives, and nothing else. Where it takes a page not, or a column of it needs more than it can do, the
row class reads the page, as it does for `list`, and decides what is a fault.

Source: Apache Arrow, "Reading JSON files" (explicit schema).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pyarrow.json as pj  # type: ignore[import-untyped] # as above

from . import _json as _wire
from ._arrow import JSON, ArrowColumn, schema_of
from ._call import Call
from ._failures import decoded
from ._outcome import Answer
from ._pages import read_page
from ._paging import NEXT_LINK, Listing
from ._seam import RowModel


class BatchReader:
    """Makes a record batch of a page."""

    links: ClassVar[tuple[str, ...]] = (NEXT_LINK,)
    """What else than rows is read of a page."""
    beside: ClassVar[tuple[str, ...]] = ()
    """What else than columns is read of a row, as text. No column may be called so."""

    def __init__(self, model: RowModel, columns: list[ArrowColumn]) -> None:
        self._model = model
        self._columns = columns
        self.schema = schema_of(model, columns)
        self._shape: Any = None
        if all(column.kind.read is not None and column.name not in self.beside for column in columns):
            row = [pa.field(column.name, column.kind.read) for column in columns]
            row += [pa.field(name, pa.string()) for name in self.beside]
            links = [pa.field(name, pa.string()) for name in self.links]
            self._shape = pa.schema([*links, pa.field("value", pa.list_(pa.struct(row)))])

    def read(self, answer: Answer) -> tuple[Mapping[str, Any], Any]:
        """What a page says beside its rows, and its rows. Raises `ValueError` or its like for what is no page."""
        return self._read_arrays(answer.content) or self._read_rows(answer)

    def _read_arrays(self, content: bytes) -> tuple[Mapping[str, Any], Any] | None:
        """The same by Arrow's reader; `None` where it is not to be had from it."""
        if self._shape is None or not content:
            return None
        try:
            table = pj.read_json(
                pa.BufferReader(content),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(content) + 1),
                parse_options=pj.ParseOptions(
                    explicit_schema=self._shape, unexpected_field_behavior="ignore", newlines_in_values=True
                ),
            )
            lists = table["value"].combine_chunks()
            rows = lists.flatten()
            if len(lists) != 1 or lists.null_count or rows.null_count:
                return None
            batch = self._of_arrays(rows.flatten())
        except (pa.ArrowException, ValueError):
            return None
        return {name: link for name in self.links if (link := table[name][0].as_py()) is not None}, batch

    def _of_arrays(self, arrays: list[Any]) -> Any:
        """The batch of what Arrow has read: an array for each column, and for what is read beside them."""
        finished = [_finished(column, array) for column, array in zip(self._columns, arrays, strict=False)]
        batch = pa.RecordBatch.from_arrays(finished, schema=self.schema)
        batch.validate(full=True)  # that text is UTF-8
        return batch

    def _read_rows(self, answer: Answer) -> tuple[Mapping[str, Any], Any]:
        """The same by the row class."""
        document, found = read_page(answer.content)
        try:
            return document, self._of_rows(found)
        except (pa.ArrowException, OverflowError):
            pass  # raised below without the value, which is in Arrow's words
        raise ValueError("a value that its column's type in Arrow does not hold")

    def _of_rows(self, found: list[Any]) -> Any:
        """The batch of rows that are objects of JSON."""
        rows = [self._model.from_dict(item) for item in found]
        arrays = [self._array(column, found, rows) for column in self._columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, column: ArrowColumn, found: list[Any], rows: list[Any]) -> Any:
        if column.kind is JSON:
            values = [_json(row.to_dict().get(column.name)) for row in rows]
        else:
            plain = column.kind.plain or _itself
            values = [
                None if item.get(column.name) is None else plain(getattr(row, column.attribute))
                for item, row in zip(found, rows, strict=True)
            ]
        return _labelled(column, pa.array(values, column.kind.type))


class BatchPages:
    """A query whose pages are record batches: the state of a listing, whose rows are the batch in hand."""

    __slots__ = ("_listing", "_reader")

    def __init__(self, reader: BatchReader, listing: Listing) -> None:
        self._reader = reader
        self._listing = listing

    def next_call(self) -> Call | None:
        """The call that brings the next page; `None` at the end. A call that failed may be made again."""
        return self._listing.next_call()

    def feed(self, answer: Answer, call: Call) -> None:
        """Take the page that a call has brought."""
        document, batch = decoded(lambda: self._reader.read(answer), answer.status, call.correlation_id)
        self._listing.turn(document, batch, answer.status, call)

    def take(self) -> Any | None:
        """The batch in hand; `None` where there is none, or one without rows."""
        batch = self._listing.take_part()
        return batch if len(batch) else None


def _finished(column: ArrowColumn, array: Any) -> Any:
    return _labelled(column, array if column.kind.convert is None else column.kind.convert(array))


def _labelled(column: ArrowColumn, array: Any) -> Any:
    return array if column.label is None else column.label(array)


def _itself(value: Any) -> Any:
    return value


def _json(value: Any) -> str | None:
    return None if value is None else _wire.encode(value).decode()
