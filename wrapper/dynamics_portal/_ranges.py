"""Key ranges: a table cut into conditions on one column, so that its parts can be read apart from each other. No I/O.

    for part in portal.contacts.ranges(8):              # a condition for `filter=`, also of another process
        portal.contacts.list(filter=part)

Each row fits exactly one of the conditions, whatever its value is and whatever the table does meanwhile: neighbours
share a border (`lt x`, `ge x`), the first and the last are open, and rows without a value go with the first. So borders
decide how even the parts are, never whether they are complete. That holds where a row keeps its value; one whose value
is changed while parts are read may be found in two or in none, and so `createdon`, which stays, is the default.

Ordered comparisons are documented for numbers, dates and text, and not for ids: ids are refused, since nobody says in
which order they are. Text is refused, since its order is a collation's; choices, since they have no order.

Source: Dataverse Web API, "Filter rows using OData"; Dataverse, "condition operator values" (data types of `ge`, `lt`).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import Any, Final, NamedTuple

from ._seam import RowModel

DEFAULT: Final = "createdon"
_SECOND: Final = dt.timedelta(seconds=1)
_ORIGIN: Final = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


RANGED: Final = frozenset(
    f"Edm.{name}" for name in ("Byte", "Date", "DateTimeOffset", "Decimal", "Int16", "Int32", "Int64", "SByte")
)
"""Types of the columns that a table can be cut by."""


class KeyRange(NamedTuple):
    """Values from `low` to below `high`; `None` is open. `nulls`: with the rows that have none."""

    low: Any
    high: Any
    nulls: bool

    def contains(self, value: Any) -> bool:
        """Whether a row with this value is in it."""
        if value is None:
            return self.nulls
        return (self.low is None or value >= self.low) and (self.high is None or value < self.high)


def borders(low: Any, high: Any, parts: int) -> list[Any]:
    """Where to cut between the lowest and the highest value: at most `parts - 1` values, rising, above the lowest."""
    if low is None or high is None:
        return []
    start, stop = _number(low), _number(high)
    cuts = (start + -((start - stop) * part // parts) for part in range(1, parts))  # rounded up
    return [_value(cut, low) for cut in dict.fromkeys(cuts) if start < cut <= stop]


def split(cuts: list[Any]) -> list[KeyRange]:
    """The ranges between borders: one more than there are borders, which together hold every row once."""
    edges = [None, *cuts, None]
    return [KeyRange(edges[place], edges[place + 1], nulls=place == 0) for place in range(len(edges) - 1)]


def _number(value: Any) -> int:
    """A value as a number of steps in which borders are chosen: seconds, days, whole numbers."""
    if isinstance(value, dt.datetime):
        return (value.astimezone(dt.UTC) - _ORIGIN) // _SECOND
    if isinstance(value, dt.date):
        return value.toordinal()
    return int(value.to_integral_value() if isinstance(value, Decimal) else value)


def _value(number: int, like: Any) -> Any:
    if isinstance(like, dt.datetime):
        return _ORIGIN + number * _SECOND
    if isinstance(like, dt.date):
        return dt.date.fromordinal(number)
    return Decimal(number) if isinstance(like, Decimal) else number


def column_of(model: RowModel, by: Any) -> str:
    """The name of the column to cut by. Raises `ValueError` or `TypeError` for one that cannot be cut."""
    if by is None and DEFAULT not in model.__columns__:
        raise ValueError(f"by: {model.table().name} has no column {DEFAULT!r}: name another number or date")
    ((_, name),) = model._query_(select=[DEFAULT if by is None else by])
    column = model.__columns__[name]
    if column.type not in RANGED or column.model:
        kind = "a choice" if column.model else column.type
        raise ValueError(f"by: {name} is {kind}; a table is cut by a whole number, a decimal, a date or a moment")
    return name


def condition(model: RowModel, name: str, found: KeyRange, filter: Any = None) -> Any:
    """The condition that a row is in a range, joined with a filter."""
    column = getattr(model._columns_(), model.__columns__[name].attribute)
    parts = [] if found.low is None else [column >= found.low]
    parts += [] if found.high is None else [column < found.high]
    within = reduce(and_, parts) if parts else column.is_not_null()
    return both(model, within | column.is_null() if found.nulls else within, filter)


def both(model: RowModel, one: Any, filter: Any) -> Any:
    """A condition joined with a filter, where there is one: a condition, or text where the filter is text."""
    if filter is None:
        return one
    return one & filter if hasattr(filter, "_filter_") else f"({one._filter_(model)}) and ({filter})"
