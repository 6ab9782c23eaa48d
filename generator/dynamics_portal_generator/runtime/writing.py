"""Writing rows at speed: the encoder of many rows of a model.

Rows that are written together have mostly the same names. What names alone decide (which columns they are, who may
write them) is then decided once, and straight-line code is made for them (`row_code`); rows whose names are rare go
column by column. It decides nothing by itself: a row that it refuses, or does not know how to write, is left to
`encode_write`, which writes the same or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from .edm import UNSET
from .encode import BIND, Write
from .reading import REFUSALS
from .row_code import (
    Shape,
    Writer,
    Written,
    holds_more,
    join,
    make_column_writer,
    make_writer,
    part_of,
    written_names,
)
from .table import Row

_SIGHTS: Final = 8  # rows of the same names, before code for them is worth making
_SHAPES: Final = 64  # sets of names with code of their own


class RowEncoder:
    """Encodes rows for one kind of write.

    `key` is the key column, which a row may hold whatever it is written for. `allows` says whether a name may be
    written, `required` what each row needs, unless others that it is bound to bring it.
    """

    __slots__ = (
        "_allows",
        "_checked",
        "_codes",
        "_columns",
        "_key",
        "_model",
        "_of_mapping",
        "_of_row",
        "_required",
        "_write",
    )

    def __init__(
        self,
        model: type[Row[Any, Any]],
        write: Write,
        key: str,
        allows: Callable[[str], bool],
        required: Collection[str],
    ) -> None:
        self._model = model
        self._write: Write = write
        self._key = key
        self._allows = allows
        self._required = required
        self._codes: _Codes = model._cached("_written_by", _Codes)
        self._checked: dict[Shape, Writer | None] = {}
        self._columns: dict[str, Callable[[Any], Any]] = {}
        self._of_mapping: Writer | None = None  # the one that has written the last row
        self._of_row: Writer | None = None

    def encode(self, values: Any) -> Written | None:
        """The row's JSON object and its key; `None` where it is left to `encode_write`."""
        kind = type(values)
        if kind is dict:
            writer = self._of_mapping
        elif kind is self._model:
            writer = self._of_row
        else:
            return None
        if writer is not None:
            try:
                written = writer(values)
            except REFUSALS:
                written = None
            if written is not None:
                return written
        try:
            return self._by_another(values, writer)
        except REFUSALS:
            return None

    def _by_another(self, values: Any, last: Writer | None) -> Written | None:
        """Encode a row which the last one's code does not fit, or has refused."""
        is_row = type(values) is not dict
        if is_row and (holds_more(values.additional_properties) or self._model.__absent__ is not UNSET):
            return None
        held = {column.name: value for column, value in values._set()} if is_row else values
        shape = Shape(self._write, self._key, is_row, tuple(held))
        writer = self._writer(shape)
        if writer is None:
            return self._column_by_column(held, shape)
        if writer is last:
            return None
        if is_row:
            self._of_row = writer
        else:
            self._of_mapping = writer
        return writer(values)

    def _writer(self, shape: Shape) -> Writer | None:
        if shape not in self._checked:
            writer = self._codes.writer(self._model, shape)
            if writer is None:
                return None
            names = written_names(self._model, shape)
            self._checked[shape] = writer if self._is_whole(names) and all(map(self._allows, names)) else None
        return self._checked[shape]

    def _column_by_column(self, held: dict[Any, Any], shape: Shape) -> Written | None:
        names = written_names(self._model, shape)
        if not names or not self._is_whole(names):
            return None
        values = {}
        for name in names:
            write = self._columns.get(name)
            if write is None:
                write = self._codes.column_writer(self._model, shape, name)
                if write is None or not self._allows(name):
                    return None
                self._columns[name] = write
            values[name] = write(held[name])
        return join(values), held.get(self._key)

    def _is_whole(self, names: Collection[str]) -> bool:
        """Whether a row that holds these names lacks nothing."""
        return all(name in names for name in self._required) or any(name.endswith(BIND) for name in names)


class _Codes:
    """The code that has been made for a model, and how often other shapes have been seen."""

    __slots__ = ("_columns", "_sights", "_writers")

    def __init__(self) -> None:
        self._writers: dict[Shape, Writer | None] = {}
        self._sights: dict[Shape, int] = {}
        self._columns: dict[tuple[Write, str, str], Callable[[Any], Any] | None] = {}

    def writer(self, model: type[Row[Any, Any]], shape: Shape) -> Writer | None:
        """The code for a shape; `None` where there is none, or not yet."""
        if shape in self._writers:
            return self._writers[shape]
        seen = self._sights.get(shape, 0) + 1
        if seen < _SIGHTS:
            if len(self._sights) >= _SHAPES:
                self._sights.clear()
            self._sights[shape] = seen
            return None
        if len(self._writers) >= _SHAPES:
            return None
        writer = self._writers[shape] = make_writer(model, shape)
        return writer

    def column_writer(self, model: type[Row[Any, Any]], shape: Shape, name: str) -> Callable[[Any], Any] | None:
        """The code for a column, or a lookup; `None` where there is none."""
        asked = (shape.write, shape.key, name)
        if asked not in self._columns:
            part = part_of(model, name, shape.write, shape.key)
            if part is None:  # it may be anything, and is not remembered
                return None
            self._columns[asked] = make_column_writer(part)
        return self._columns[asked]
