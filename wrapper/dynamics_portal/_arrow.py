"""Arrow: the type that stands for each column of a table, and what its field tells of the column. No I/O.

Ids are text, which every tool compares and joins: pandas and Polars read Arrow's own type of ids as bytes. Choices are
numbers, with their labels in the field's metadata, or with `labels` text of a dictionary. Choices of several values are
lists of numbers. Decimals keep all of their digits; moments are UTC to the microsecond, finer ones are cut off. What
has no type in Arrow (objects, lists of them) is its JSON.

Metadata of a field: `dataverse.column`, its name; `dataverse.type`, its Edm type; `dataverse.choice`, of a choice, a
JSON object of its values and labels. Of a schema: `dataverse.table`, `dataverse.entity_set`.

Source: Dataverse, "Column data types"; OData JSON Format 4.01, "Primitive Value"; Apache Arrow Columnar Format.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pyarrow.compute as pc  # type: ignore[import-untyped] # as above

from ._checked import checking_input
from ._seam import ColumnInfo, RowModel, package_of_model

COLUMN: Final = b"dataverse.column"
TYPE: Final = b"dataverse.type"
CHOICE: Final = b"dataverse.choice"
TABLE: Final = b"dataverse.table"
ENTITY_SET: Final = b"dataverse.entity_set"

MOMENT: Final = pa.timestamp("us", tz="UTC")
DECIMAL: Final = pa.decimal128(38, 12)  # Dataverse: 15 digits before the point (currency), 12 after it (exchange rates)
LABEL: Final = pa.dictionary(pa.int32(), pa.string())
_YEAR_ONE: Final = pa.scalar(dt.datetime(1, 1, 1), pa.timestamp("us"))
_GUID: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

Arrays = Callable[[Any], Any]
"""From an array to another."""


class Kind(NamedTuple):
    """How values of a type become Arrow's.

    `type`: what they are in a batch, without labels. `read`: what Arrow's own reader of JSON makes of them; `None`
    where it cannot. `convert`: from there to `type`; raises `ValueError` for what does not fit. `plain`: from a value
    of a row to what an array of `type` is made of; `None` for the value itself.
    """

    type: Any
    read: Any
    convert: Arrays | None = None
    plain: Callable[[Any], Any] | None = None


class ArrowColumn(NamedTuple):
    """A column of a batch. `label`: from the array of its kind to one of labels; `None` where it stays as it is."""

    name: str
    attribute: str
    kind: Kind
    field: Any
    label: Arrays | None


@checking_input
def columns_of(model: RowModel, select: Any, labels: bool) -> list[ArrowColumn]:
    """The columns of a batch: those that are selected, in that order, or all. Raises an invalid request for unknown
    ones."""
    if not isinstance(labels, bool):
        raise TypeError(f"labels: expected True or False, got {type(labels).__name__}")
    names = list(model.__columns__)
    if select is not None:
        ((_, text),) = model._query_(select=select)
        names = list(dict.fromkeys(text.split(",")))
    return [_column(model, name, labels) for name in names]


def schema_of(model: RowModel, columns: list[ArrowColumn]) -> Any:
    """The schema of batches with these columns."""
    table = model.table()
    return pa.schema(
        [column.field for column in columns],
        metadata={TABLE: table.name.encode(), ENTITY_SET: table.entity_set.encode()},
    )


def _column(model: RowModel, name: str, labels: bool) -> ArrowColumn:
    column = model.__columns__[name]
    kind, metadata = kind_of(model, column), {COLUMN: name.encode(), TYPE: column.type.encode()}
    known = labels_of(model, column)
    if known is not None:
        metadata[CHOICE] = json.dumps({str(value): label for value, label in known.items()}).encode()
    label = None if known is None or not labels else _labeller(known, listed=kind is CHOICES)
    shown = kind.type if label is None else pa.list_(LABEL) if kind is CHOICES else LABEL
    return ArrowColumn(name, column.attribute, kind, pa.field(name, shown, metadata=metadata), label)


def kind_of(model: RowModel, column: ColumnInfo) -> Kind:
    """The kind that a column is of."""
    if column.file:
        return KINDS["Edm.Guid"]
    if not column.model:
        return KINDS.get(column.type, JSON)
    stands = package_of_model(model).model(column.model)
    if not (isinstance(stands, type) and issubclass(stands, Enum)) or column.type.startswith("Collection("):
        return JSON
    if column.type == "Edm.String":
        return CHOICES
    return KINDS["Edm.Int32"]._replace(plain=int) if column.type.startswith("Edm.") else MEMBER


def labels_of(model: RowModel, column: ColumnInfo) -> Mapping[int, str] | None:
    """Values and labels of a choice, in the organisation's base language; `None` for a column that is none."""
    if not column.model or not column.type.startswith("Edm."):
        return None
    return getattr(package_of_model(model).model(column.model), "__labels__", {})


def _labeller(labels: Mapping[int, str], *, listed: bool) -> Arrays:
    """A function from numbers to their labels. A number that the package does not know is its own label."""

    def label(numbers: Any) -> Any:
        found = [value for value in pc.unique(numbers).to_pylist() if value is not None and value not in labels]
        known = {**labels, **{value: str(value) for value in found}}
        texts = list(dict.fromkeys(known.values()))
        places = pa.array([texts.index(text) for text in known.values()], pa.int32())
        indices = pc.take(places, pc.index_in(numbers, value_set=pa.array(list(known), pa.int32())))
        return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))

    def label_lists(lists: Any) -> Any:
        flat = label(lists.flatten())
        offsets = pc.cumulative_sum(pc.fill_null(pc.list_value_length(lists), 0))
        edges = pa.concat_arrays([pa.array([0], pa.int32()), offsets.cast(pa.int32())])
        return pa.ListArray.from_arrays(edges, flat, mask=pc.is_null(lists))

    return label_lists if listed else label


def _guids(texts: Any) -> Any:
    """The ids, if all are spelled as the service spells them."""
    if pc.all(pc.match_substring_regex(texts, _GUID)).as_py() is False:
        raise ValueError("not an id")
    return texts


def _days(texts: Any) -> Any:
    return _datable(texts.cast(pa.date32()))


def _datable(days: Any) -> Any:
    """The days or moments, if Python has them all: Arrow knows a year 0."""
    earliest = pc.min(days)
    if earliest.is_valid and pc.less(earliest, _YEAR_ONE.cast(days.type)).as_py():
        raise ValueError("before the year 1")
    return days


def _finite(numbers: Any) -> Any:
    """The numbers, if they are some: Arrow reads NaN and Infinity, which are no JSON."""
    if pc.all(pc.is_finite(numbers)).as_py() is False:
        raise ValueError("not a finite number")
    return numbers


def _numbers(texts: Any) -> Any:
    """The numbers of choices of several values."""
    return pc.split_pattern(texts, ",").cast(pa.list_(pa.int32()))


def _bytes(texts: Any) -> Any:
    found = [None if text is None else base64.b64decode(text, validate=True) for text in texts.to_pylist()]
    return pa.array(found, pa.binary())


def _member_text(value: Any) -> str:
    return str(value.format() if hasattr(value, "parse") else value)


def _direct(type_: Any) -> Kind:
    return Kind(type_, type_)


KINDS: Final[Mapping[str, Kind]] = {
    "Edm.String": _direct(pa.string()),
    "Edm.Guid": Kind(pa.string(), pa.string(), _guids, str),
    "Edm.Boolean": _direct(pa.bool_()),
    "Edm.SByte": _direct(pa.int8()),
    "Edm.Byte": _direct(pa.uint8()),
    "Edm.Int16": _direct(pa.int16()),
    "Edm.Int32": _direct(pa.int32()),
    "Edm.Int64": _direct(pa.int64()),
    "Edm.Decimal": _direct(DECIMAL),
    "Edm.Double": Kind(pa.float64(), pa.float64(), _finite),
    "Edm.Single": Kind(pa.float32(), pa.float32(), _finite),
    "Edm.DateTimeOffset": Kind(MOMENT, MOMENT, _datable),
    "Edm.Date": Kind(pa.date32(), pa.string(), _days),
    "Edm.TimeOfDay": Kind(pa.time64("us"), None),
    "Edm.Duration": Kind(pa.duration("us"), None),
    "Edm.Binary": Kind(pa.binary(), pa.string(), _bytes),
}
"""Edm type to the kind of its columns; all others are `JSON`."""
CHOICES: Final = Kind(pa.list_(pa.int32()), pa.string(), _numbers, lambda values: sorted(map(int, values)))
MEMBER: Final = Kind(pa.string(), pa.string(), None, _member_text)
JSON: Final = Kind(pa.string(), None)
