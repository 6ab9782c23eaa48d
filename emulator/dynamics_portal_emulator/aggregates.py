"""Sums, averages, extremes and counts of columns, and the parts of dates that rows are grouped by.

It decides the value and the type of each ("Aggregate data using FetchXml"; `$apply` means the same): nulls are left
out, whole numbers have whole averages, decimals stay exact, and weeks begin on Sunday. What is grouped, and how the
answer looks, is decided by `fetching`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from .errors import Kind
from .operands import NUMBERS, Operand
from .windows import PERIOD_MONTHS

_WHOLE = "Edm.Int64"
_FRACTIONS = ("Edm.Double", "Edm.Single")


def aggregated(function: str, operand: Operand, *, distinct: bool = False) -> Operand:
    """The aggregate of a column by a function of FetchXML. DataverseError 400 for a column that has none."""
    expression, kind = operand.expression, operand.kind
    if function == "count":
        return Operand(sa.func.count(), _WHOLE)
    if function == "countcolumn":
        return Operand(sa.func.count(sa.distinct(expression) if distinct else expression), _WHOLE)
    if function in ("min", "max"):
        found: sa.ColumnElement[Any] = (sa.func.min if function == "min" else sa.func.max)(expression)
        return Operand(found + "Z" if kind == "Edm.DateTimeOffset" else found, kind, operand.name, operand.table)
    if kind not in NUMBERS:
        raise Kind.BAD_FETCH.error(problem=f"the aggregate '{function}' needs a column of numbers")
    if kind == "Edm.Decimal":
        exact = sa.func.exact_sum if function == "sum" else sa.func.exact_average
        total: sa.ColumnElement[Any] = exact(expression)
        return Operand(sa.func.coalesce(total, "0") if function == "sum" else total, kind)
    if function == "sum":
        return Operand(sa.func.coalesce(sa.func.sum(expression), 0), kind if kind in _FRACTIONS else _WHOLE)
    average: sa.ColumnElement[Any] = sa.func.avg(expression)
    return Operand(average, kind) if kind in _FRACTIONS else Operand(sa.cast(average, sa.Integer), _WHOLE)


def date_part(part: str, operand: Operand) -> Operand:
    """A part of a date; fiscal ones as they are called, `Quarter 1 FY2023`. DataverseError 400 for no date."""
    if operand.kind not in ("Edm.Date", "Edm.DateTimeOffset"):
        raise Kind.BAD_FETCH.error(problem=f"the dategrouping '{part}' needs a column of dates")
    day = sa.func.substr(operand.expression, 1, 10)
    year, month = _digits(day, 1, 4), _digits(day, 6, 2)
    quarter = (month + (PERIOD_MONTHS - 1)) // PERIOD_MONTHS
    if part.startswith("fiscal"):
        name = sa.literal("FY") + sa.cast(year, sa.Text)
        whole = sa.literal("Quarter ") + sa.cast(quarter, sa.Text) + " " + name
        return Operand(whole if part == "fiscal-period" else name, "Edm.String")
    if part == "week":
        first = sa.cast(sa.func.strftime("%w", day, "start of year"), sa.Integer)
        found = (sa.cast(sa.func.strftime("%j", day), sa.Integer) + first - 1) // 7 + 1
    else:
        found = {"day": _digits(day, 9, 2), "month": month, "year": year}.get(part, quarter)
    return Operand(found, "Edm.Int32")


def _digits(day: sa.ColumnElement[Any], start: int, size: int) -> sa.ColumnElement[Any]:
    return sa.cast(sa.func.substr(day, start, size), sa.Integer)
