"""Conditions: which of Spark's the service is asked, and which Spark must still judge. No I/O.

A condition may be sent where it finds every row that Spark's finds. Spark is spared judging again where it finds no
other row either. What is sent:

- Whole numbers, choices, booleans, days, ids in their usual spelling: equality and lists; order, where there is one;
  null. These mean the same to both.
- Text: equality and lists, judged again: the service compares regardless of case and of blanks at the end, and each
  text is equal to itself under any collation. Not inequality, not order, and not the beginning, the end or a part of a
  text: to Danish_Norwegian_CI_AS, 'Haakon' does not begin with 'Ha'.
- Decimals of at most 4 digits after the point, which every money column keeps, judged again.
- Moments, widened to whole seconds, judged again: the service keeps fewer digits than Spark, column by column.
- Nothing of doubles but null, whose last digits the service rounds.

Null is no value to Spark and one to Dataverse, so an inequality is sent with what it means for null.

Source: Apache Spark, `pyspark.sql.datasource.Filter`; Dataverse Web API, "Filter rows using OData"; Dataverse, "Column
data types"; SQL Server, "Collation and Unicode support".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, or_
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from pyspark.sql.datasource import (
    EqualNullSafe,
    EqualTo,
    Filter,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNotNull,
    IsNull,
    LessThan,
    LessThanOrEqual,
    Not,
)

from .._seam import RowModel
from ._columns import Kind, kind_of

_LONGEST: Final = 2_000  # characters of one condition; beyond it the address would grow too long
_LONGEST_TOGETHER: Final = 8_000
_SECOND: Final = dt.timedelta(seconds=1)
_MONEY_DIGITS: Final = 4

Said: TypeAlias = tuple[Any, bool]
"""A condition of the package's, and whether it says exactly what Spark's does."""


class Operand(NamedTuple):
    """A value as the package takes it, and whether it equals just what Spark's equals."""

    value: Any
    exact: bool


def pushed(model: RowModel, filters: Iterable[Filter]) -> tuple[Any, list[Filter]]:
    """The condition to send, `None` where there is none, and those of Spark's that it must judge itself."""
    conditions: list[Any] = []
    left: list[Filter] = []
    size = 0
    for item in filters:
        said = _said(model, item)
        length = 0 if said is None else len(said[0]._filter_(model))
        if said is None or length > _LONGEST or size + length > _LONGEST_TOGETHER:
            left.append(item)
            continue
        size += length
        conditions.append(said[0])
        if not said[1]:
            left.append(item)
    return (reduce(and_, conditions) if conditions else None), left


def _said(model: RowModel, item: Filter) -> Said | None:
    """What is sent for a condition; `None` for nothing."""
    if isinstance(item, Not):
        return _denied(model, item.child)
    path = item.attribute
    column = model.__columns__.get(path[0]) if len(path) == 1 else None
    kind = None if column is None else kind_of(column)
    if column is None or kind is None:
        return None
    expression = getattr(model._columns_(), column.attribute)
    if isinstance(item, IsNull) or (isinstance(item, EqualNullSafe) and item.value is None):
        return expression.is_null(), True
    if isinstance(item, IsNotNull):
        return expression.is_not_null(), kind != "text"
    if isinstance(item, In):
        return _among(expression, kind, item)
    compare = _COMPARISONS.get(type(item))
    if compare is None or (compare is not eq and kind not in _ORDERED):
        return None
    if kind == "moment":
        return _moment(expression, compare, item.value)
    operand = _operand(kind, item.value)
    return None if operand is None else (compare(expression, operand.value), operand.exact)


def _denied(model: RowModel, item: Filter) -> Said | None:
    """The opposite of a condition, of those only that mean the same to both."""
    said = _said(model, item)
    if said is None or not said[1]:
        return None
    if isinstance(item, IsNull):
        return _said(model, IsNotNull(item.attribute))
    if isinstance(item, IsNotNull):
        return _said(model, IsNull(item.attribute))
    expression = getattr(model._columns_(), model.__columns__[item.attribute[0]].attribute)
    if isinstance(item, EqualNullSafe):
        return (expression.is_not_null() if item.value is None else ~said[0] | expression.is_null()), True
    if isinstance(item, EqualTo) or (isinstance(item, In) and None not in item.value):
        return ~said[0] & expression.is_not_null(), True
    return None


def _among(expression: Any, kind: Kind, item: In) -> Said | None:
    if kind not in ("id", "choice", "whole", "flag", "day", "text"):
        return None
    operands = [_operand(kind, value) for value in item.value if value is not None]
    found = [operand for operand in operands if operand is not None]
    if not found or len(found) < len(operands):
        return None
    values, exact = [operand.value for operand in found], all(operand.exact for operand in found)
    if kind in ("flag", "day"):  # of which Microsoft does not say that `In` takes them
        return reduce(or_, [expression == value for value in values]), exact
    return expression.in_(values), exact


def _operand(kind: Kind, value: Any) -> Operand | None:
    read = _OPERANDS.get(kind)
    return None if read is None else read(value)


def _id(value: Any) -> Operand | None:
    if not isinstance(value, str):
        return None
    try:
        key = UUID(value)
    except ValueError:
        return None
    return Operand(key, str(key) == value)


def _whole(value: Any) -> Operand | None:
    return Operand(value, True) if type(value) is int and -(2**63) <= value < 2**63 else None


def _choice(value: Any) -> Operand | None:
    return Operand(value, True) if type(value) is int and -(2**31) <= value < 2**31 else None


def _decimal(value: Any) -> Operand | None:
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    exponent = value.normalize().as_tuple().exponent
    return Operand(value, False) if isinstance(exponent, int) and -exponent <= _MONEY_DIGITS else None


def _text(value: Any) -> Operand | None:
    return Operand(value, False) if isinstance(value, str) and value.strip() else None  # an empty text is kept as null


def _moment(expression: Any, compare: Callable[[Any, Any], Any], value: Any) -> Said | None:
    """From the whole second at or before a moment, up to the one after it."""
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        return None
    try:
        begin = value.astimezone(dt.UTC).replace(microsecond=0)
        end = begin if compare is lt and not value.microsecond else begin + _SECOND
    except OverflowError:
        return None
    if compare in (gt, ge):
        return expression >= begin, False
    if compare in (lt, le):
        return expression < end, False
    return (expression >= begin) & (expression < end), False


_ORDERED: Final[frozenset[Kind]] = frozenset(("whole", "decimal", "day", "moment"))
_COMPARISONS: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    EqualTo: eq,
    EqualNullSafe: eq,
    LessThan: lt,
    LessThanOrEqual: le,
    GreaterThan: gt,
    GreaterThanOrEqual: ge,
}
_OPERANDS: Final[Mapping[Kind, Callable[[Any], Operand | None]]] = {
    "id": _id,
    "choice": _choice,
    "whole": _whole,
    "flag": lambda value: Operand(value, True) if isinstance(value, bool) else None,
    "day": lambda value: Operand(value, True) if type(value) is dt.date else None,
    "decimal": _decimal,
    "text": _text,
}
