"""Record batches as rows that are written: what a schema must be, and the rows of each batch. No I/O.

A schema is checked whole before anything is sent: names as a write takes them, and types that hold what the column
holds. Values are then checked row by row, as those of any other row, so that one that does not fit fails alone.
A choice may be its number or its label; an id text, or 16 bytes; a moment needs a time zone; money needs a decimal,
since a binary fraction is another number.

Source: Apache Arrow, "The Arrow PyCapsule Interface"; otherwise as for the wrapper's own writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
from pyarrow import types as pt

from . import _json
from ._arrow import CHOICES, DECIMAL, JSON, KINDS, MOMENT, kind_of, labels_of
from ._checked import checking_input
from ._seam import RowModel
from .errors import invalid

_BIND: Final = "@odata.bind"
_DIGITS: Final = Context(prec=76)  # as many as any decimal of Arrow's has
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_DAY: Final = dt.date(1970, 1, 1).toordinal()
_CREATED: Final = ("read-write", "create")
_ID_BYTES: Final = 16
_SLICE: Final = 1000  # rows of a batch that are Python's at a time
VERBS: Final = ("create", "update", "upsert")

Maker = Callable[[Any], Any]
Test = Callable[[Any], bool]
"""Whether a type of Arrow's holds what a column does."""


class RowWriter(NamedTuple):
    """Makes rows of batches. `makers`: what makes each column's values of Arrow's; `None` where they are the same.

    `key`: columns of an alternate key, by which rows are found. `skip_nulls`: what is null is left alone.
    """

    schema: Any
    makers: Sequence[Maker | None]
    key: Sequence[str]
    skip_nulls: bool

    def rows(self, batch: Any) -> Iterator[Any]:
        """The rows of a batch: mappings, or pairs of a key and a mapping."""
        if not batch.schema.equals(self.schema):
            raise invalid("data: a batch has another schema than the first one")
        names = self.schema.names
        for start in range(0, batch.num_rows, _SLICE):
            arrays = batch.slice(start, _SLICE).columns
            columns = [_values(array, make) for array, make in zip(arrays, self.makers, strict=True)]
            for values in zip(*columns, strict=True):
                row = dict(zip(names, values, strict=True))
                key = {name: row.pop(name) for name in self.key}
                if self.skip_nulls:
                    row = {name: value for name, value in row.items() if value is not None}
                yield (key, row) if key else row


def _values(array: Any, make: Maker | None) -> list[Any]:
    values: list[Any] = _quick(array).to_pylist()
    return values if make is None else [None if value is None else make(value) for value in values]


def rows_of(model: RowModel, data: Any, verb: Any, key: Any, *, skip_nulls: bool) -> Any:
    """The iterator over the rows of a table, of a batch, or of any number of batches, however they come.

    Raises an invalid request for what is none of these, and where the schema does not fit the table.
    """
    if isinstance(data, AsyncIterable):
        writer = _writer(model, getattr(data, "schema", None), verb, key, skip_nulls)
        return _rows_async(writer, data)
    batches = _batches(data)
    return _rows(_writer(model, batches.schema, verb, key, skip_nulls), batches)


def _rows(writer: RowWriter, batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        yield from writer.rows(batch)


async def _rows_async(writer: RowWriter, batches: AsyncIterable[Any]) -> AsyncIterator[Any]:
    async for batch in batches:
        for row in writer.rows(batch):
            yield row


@checking_input
def _batches(data: Any) -> Any:
    """A reader of batches."""
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    if hasattr(data, "__arrow_c_array__"):
        batch = pa.record_batch(data)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    if isinstance(data, Sequence) and data and all(isinstance(item, pa.RecordBatch) for item in data):
        if not all(item.schema.equals(data[0].schema) for item in data):
            raise ValueError("data: the batches have different schemas")
        return pa.RecordBatchReader.from_batches(data[0].schema, data)
    raise TypeError(f"data: expected a table, record batches or a stream of Arrow's, got {type(data).__name__}")


@checking_input
def _writer(model: RowModel, schema: Any, verb: Any, key: Any, skip_nulls: bool) -> RowWriter:
    if verb not in VERBS:
        raise ValueError(f"verb: expected one of {', '.join(VERBS)}")
    if not isinstance(schema, pa.Schema):
        raise TypeError("data: expected record batches with a schema")
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("data: two columns have the same name")
    keys = () if key is None else tuple([key] if isinstance(key, str) else key)
    if keys and verb == "create":
        raise ValueError("key: a new row is not found by one")
    missing = [name for name in keys or (() if verb == "create" else model.table().key) if name not in schema.names]
    if missing:
        raise ValueError(f"data: {', '.join(missing)} is missing, by which rows are found")
    known = [set(names) for names in (model.table().key, *model.table().alternate_keys)]
    if keys and set(keys) not in known:
        raise ValueError(f"key: {model.table().name} has no key ({', '.join(keys)})")
    return RowWriter(schema, [_maker(model, field, verb, keys) for field in schema], keys, skip_nulls)


def _maker(model: RowModel, field: Any, verb: str, keys: Sequence[str]) -> Maker | None:
    """What makes a column's values of Arrow's. Raises `ValueError` or `TypeError` where it cannot be written."""
    name, column = field.name, model.__columns__.get(field.name)
    type_ = field.type.value_type if pt.is_dictionary(field.type) else field.type
    if name.removesuffix(_BIND) in model.navigation() and name.endswith(_BIND):
        listed = model.navigation()[name.removesuffix(_BIND)].collection
        _check(name, "a reference", type_, _is_text_list if listed else _is_text)
        return None
    if name in model.navigation():
        raise ValueError(f"data: {name} leads to other rows, which are not written from Arrow")
    is_written = column is not None and column.access in (("read-write",) if verb == "update" else _CREATED)
    if not is_written and name not in keys and name not in model.table().key:
        model.encode_write({name: None}, "update" if verb == "update" else "create")  # raises, with what to do instead
    if column is None:
        raise ValueError(f"data: {name} is no column of {model.table().name}")
    kind, labels = kind_of(model, column), labels_of(model, column)
    if labels is not None:
        by_label = _by_label(labels)
        if kind is CHOICES:
            _check(name, "a choice of several values", type_, _is_list_of_choices)
            return lambda values: [by_label(value) for value in values]
        _check(name, "a choice", type_, lambda found: _is_whole(found) or _is_text(found))
        return by_label if _is_text(type_) else _whole if pt.is_floating(type_) else None
    if kind is JSON:
        _check(name, column.type, type_, _is_text)
        return _from_json(model, name)
    _check(name, column.type, type_, _TESTS.get(column.type, _is_text) if kind is not KINDS["Edm.Guid"] else _is_id)
    if pt.is_floating(type_) and column.type in _SMALL:
        return _whole
    if pt.is_decimal(type_):
        return _exact
    if pt.is_timestamp(type_) or pt.is_date(type_):
        return _moment if pt.is_timestamp(type_) else _day
    return _id if pt.is_fixed_size_binary(type_) and kind is KINDS["Edm.Guid"] else None


def _check(name: str, what: str, type_: Any, test: Test) -> None:
    if not pt.is_null(type_) and not test(type_):
        raise TypeError(f"data: {name} is {what}, and cannot be written from {type_}{_HINTS.get(what, '')}")


def _is_text(type_: Any) -> bool:
    return bool(pt.is_string(type_) or pt.is_large_string(type_) or pt.is_string_view(type_))


def _is_list(type_: Any) -> bool:
    return bool(pt.is_list(type_) or pt.is_large_list(type_) or pt.is_fixed_size_list(type_))


def _item(type_: Any) -> Any:
    return type_.value_type.value_type if pt.is_dictionary(type_.value_type) else type_.value_type


def _is_text_list(type_: Any) -> bool:
    return _is_list(type_) and _is_text(_item(type_))


def _is_list_of_choices(type_: Any) -> bool:
    return _is_list(type_) and (pt.is_integer(_item(type_)) or _is_text(_item(type_)) or pt.is_null(_item(type_)))


def _is_id(type_: Any) -> bool:
    wide = pt.is_fixed_size_binary(type_) and type_.byte_width == _ID_BYTES
    return _is_text(type_) or wide or getattr(type_, "extension_name", "") == "arrow.uuid"


def _is_whole(type_: Any) -> bool:
    """Whether it holds whole numbers; floats do up to 32 bits, and are what pandas makes of numbers with gaps."""
    return bool(pt.is_integer(type_) or pt.is_floating(type_))


def _is_moment(type_: Any) -> bool:
    return bool(pt.is_timestamp(type_)) and type_.tz is not None


def _is_binary(type_: Any) -> bool:
    return any(test(type_) for test in (pt.is_binary, pt.is_large_binary, pt.is_binary_view, pt.is_fixed_size_binary))


_SMALL: Final = ("Edm.SByte", "Edm.Byte", "Edm.Int16", "Edm.Int32")
_TESTS: Final[Mapping[str, Test]] = {
    **dict.fromkeys(_SMALL, _is_whole),
    "Edm.Int64": pt.is_integer,
    "Edm.Boolean": pt.is_boolean,
    "Edm.Decimal": lambda type_: pt.is_decimal(type_) or pt.is_integer(type_),
    "Edm.Double": lambda type_: pt.is_floating(type_) or pt.is_integer(type_),
    "Edm.Single": lambda type_: pt.is_floating(type_) or pt.is_integer(type_),
    "Edm.DateTimeOffset": _is_moment,
    "Edm.Date": pt.is_date,
    "Edm.TimeOfDay": pt.is_time,
    "Edm.Duration": pt.is_duration,
    "Edm.Binary": _is_binary,
}
"""Edm type to what holds its values; text holds all others."""
_HINTS: Final = {
    "Edm.Decimal": f": cast it to {DECIMAL}, for a binary fraction is another number",
    "Edm.DateTimeOffset": ": give timestamps with a time zone",
}


def _by_label(labels: Mapping[int, str]) -> Maker:
    """A function from a choice's label, or its number, to the number; what is neither stays, and is refused as a row's
    value."""
    numbers = {label: value for value, label in reversed(list(labels.items()))}

    def number(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return numbers.get(text) if text in numbers else int(text) if text.lstrip("-").isdecimal() else text

    return number


def _whole(value: float) -> Any:
    """The whole number that a float is; `None` for NaN. Another one stays, and is refused as the value of a row."""
    return None if value != value else int(value) if value.is_integer() else value


def _id(value: bytes) -> UUID:
    return UUID(bytes=value)


def _from_json(model: RowModel, name: str) -> Maker:
    """A function from JSON to the value that a row has; what is none stays, and is refused as the row's value."""

    def value(text: str) -> Any:
        try:
            return getattr(model.from_dict({name: _json.decode(text.encode())}), model.__columns__[name].attribute)
        except ValueError:
            return text

    return value


def _moment(microseconds: int) -> Any:
    """The moment, by the microseconds since 1970. Another than Python has stays a number, and is refused as such."""
    try:
        return _EPOCH + dt.timedelta(microseconds=microseconds)
    except OverflowError:
        return microseconds


def _day(days: int) -> Any:
    """The day, by the days since 1970. As for a moment."""
    try:
        return dt.date.fromordinal(_FIRST_DAY + days)
    except (ValueError, OverflowError):
        return days


def _exact(text: str) -> Decimal:
    """The number, without the zeros at its end that its column has in Arrow."""
    return Decimal(text).normalize(_DIGITS)


def _quick(array: Any) -> Any:
    """The array as what Python gets at fast: moments and days as numbers, decimals as text; none finer than Python's
    values."""
    if pt.is_dictionary(array.type):
        array = array.dictionary_decode()
    type_ = array.type
    if pt.is_decimal(type_):
        return array.cast(pa.string())
    if pt.is_date(type_):
        return array.cast(pa.date32()).cast(pa.int32())
    if pt.is_timestamp(type_) and type_.tz is not None:
        return array.cast(MOMENT, safe=False).cast(pa.int64())
    if pt.is_time64(type_) or pt.is_duration(type_):
        return array.cast(pa.time64("us") if pt.is_time(type_) else pa.duration("us"), safe=False)
    return array
