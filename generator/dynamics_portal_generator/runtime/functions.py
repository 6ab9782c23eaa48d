"""Dataverse's query functions, as methods of the columns whose types they fit.

The service evaluates them: it knows the user, the user's day, the organisation's fiscal year and its hierarchies.

Source: Dataverse Web API, "Web API Query Function Reference", "Filter rows using OData" (Dataverse query functions).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from .conditions import OWN, Condition, Part, Root, Said, Value
from .edm import quoted
from .expression import ColumnExpression

NAMESPACE: Final = "Microsoft.Dynamics.CRM."
_LARGEST: Final = 2**31 - 1
_OPPOSITES: Final = {
    "Between": "NotBetween",
    "ContainValues": "DoesNotContainValues",
    "EqualBusinessId": "NotEqualBusinessId",
    "EqualUserId": "NotEqualUserId",
    "In": "NotIn",
    "Under": "NotUnder",
}
_OPPOSITE: Final = {**_OPPOSITES, **{opposite: name for name, opposite in _OPPOSITES.items()}}
"""Function to the one that holds where it does not. All others cannot be negated."""


def function(column: ColumnExpression[Root], name: str, **arguments: str) -> Condition[Root]:
    """The condition that a function states of a column. `arguments`: the further parameters, as literals.

    The function takes the logical name of a lookup, and of a column of another row its name there: the way to that row
    stands before the function.
    """
    own = column._column.name
    if own.startswith("_") and own.endswith("_value"):
        own = own[1:].removesuffix("_value")
    values: list[Part] = []
    for parameter, text in arguments.items():
        values += [f",{parameter}=", Value(text)]

    def said(name: str) -> Said:
        return Said((OWN, f"{column._place.prefix()}{NAMESPACE}{name}(PropertyName='{own}'", *values, ")"))

    denied = said(_OPPOSITE[name]) if name in _OPPOSITE else name
    return Condition(column._place.root, said(name), denied, functions=True)


def of_values(column: ColumnExpression[Root], name: str, values: Iterable[Any]) -> Condition[Root]:
    """The condition of a function of a list, which is a list of strings in JSON, whatever the column's type."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{column._named()}: {name} takes a list of values, got {type(values).__name__}")
    texts = [column._spoken(value) for value in values]
    if not texts:
        raise ValueError(f"{column._named()}: {name} takes at least one value")
    return function(column, name, PropertyValues=json.dumps(texts, ensure_ascii=False, separators=(",", ":")))


def of_number(column: ColumnExpression[Root], name: str, number: int, parameter: str = "PropertyValue") -> str:
    """The literal of a whole number above 0."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"{column._named()}: {name} takes a whole number, got {type(number).__name__}")
    if not 1 <= number <= _LARGEST:
        raise ValueError(f"{column._named()}: {name} takes a whole number from 1 to {_LARGEST}")
    return str(int(number))


class _Function:
    """A query function as a method of a column: bound to it when it is looked up."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Plain(_Function):
    """A function without further parameters."""

    __slots__ = ()

    def __get__(self, column: ColumnExpression[Root], owner: Any = None) -> Callable[[], Condition[Root]]:
        return partial(function, column, self.name)


class Counted(_Function):
    """A function of a whole number from 1."""

    __slots__ = ()

    def __get__(self, column: ColumnExpression[Root], owner: Any = None) -> Callable[[int], Condition[Root]]:
        return lambda number: function(column, self.name, PropertyValue=of_number(column, self.name, number))


class OfPeriod(Protocol[Root]):
    """A bound function of a fiscal period and a fiscal year."""

    def __call__(self, period: int, year: int) -> Condition[Root]:
        """The condition."""
        ...


class InPeriod(_Function):
    """A function of a fiscal period and a fiscal year."""

    __slots__ = ()

    def __get__(self, column: ColumnExpression[Root], owner: Any = None) -> OfPeriod[Root]:
        def bound(period: int, year: int) -> Condition[Root]:
            first, second = (of_number(column, self.name, number) for number in (period, year))
            return function(column, self.name, PropertyValue1=first, PropertyValue2=second)

        return bound


class OnDay(_Function):
    """A function of a day."""

    __slots__ = ()

    def __get__(self, column: ColumnExpression[Root], owner: Any = None) -> Callable[[dt.date], Condition[Root]]:
        def bound(day: dt.date) -> Condition[Root]:
            if not isinstance(day, dt.date) or isinstance(day, dt.datetime):
                raise TypeError(f"{column._named()}: {self.name} takes a date, got {type(day).__name__}")
            return function(column, self.name, PropertyValue=quoted(day.isoformat()))

        return bound


class OfRow(_Function):
    """A function of the id of a row."""

    __slots__ = ()

    def __get__(self, column: ColumnExpression[Root], owner: Any = None) -> Callable[[UUID | str], Condition[Root]]:
        return lambda key: function(column, self.name, PropertyValue=quoted(column._spoken(key)))


class DateFunctions(ColumnExpression[Root]):
    """What Dataverse can say of a date.

    "Last", "this" and "next" are calendar units, a week from Sunday on. "Last x" and "next x" hold within so many units
    before or after now, "older than x" before that; where days begin and end is the calling user's time zone. Fiscal
    years and periods are as the organisation has set them. Only `on` and its like take a day of the caller's.
    """

    __slots__ = ()

    on = OnDay("On")
    on_or_after = OnDay("OnOrAfter")
    on_or_before = OnDay("OnOrBefore")

    yesterday = Plain("Yesterday")
    today = Plain("Today")
    tomorrow = Plain("Tomorrow")
    last_7_days = Plain("Last7Days")
    next_7_days = Plain("Next7Days")
    last_week = Plain("LastWeek")
    this_week = Plain("ThisWeek")
    next_week = Plain("NextWeek")
    last_month = Plain("LastMonth")
    this_month = Plain("ThisMonth")
    next_month = Plain("NextMonth")
    last_year = Plain("LastYear")
    this_year = Plain("ThisYear")
    next_year = Plain("NextYear")

    last_x_hours = Counted("LastXHours")
    last_x_days = Counted("LastXDays")
    last_x_weeks = Counted("LastXWeeks")
    last_x_months = Counted("LastXMonths")
    last_x_years = Counted("LastXYears")
    next_x_hours = Counted("NextXHours")
    next_x_days = Counted("NextXDays")
    next_x_weeks = Counted("NextXWeeks")
    next_x_months = Counted("NextXMonths")
    next_x_years = Counted("NextXYears")
    older_than_x_minutes = Counted("OlderThanXMinutes")
    older_than_x_hours = Counted("OlderThanXHours")
    older_than_x_days = Counted("OlderThanXDays")
    older_than_x_weeks = Counted("OlderThanXWeeks")
    older_than_x_months = Counted("OlderThanXMonths")
    older_than_x_years = Counted("OlderThanXYears")

    last_fiscal_period = Plain("LastFiscalPeriod")
    this_fiscal_period = Plain("ThisFiscalPeriod")
    next_fiscal_period = Plain("NextFiscalPeriod")
    last_fiscal_year = Plain("LastFiscalYear")
    this_fiscal_year = Plain("ThisFiscalYear")
    next_fiscal_year = Plain("NextFiscalYear")
    last_x_fiscal_periods = Counted("LastXFiscalPeriods")
    last_x_fiscal_years = Counted("LastXFiscalYears")
    next_x_fiscal_periods = Counted("NextXFiscalPeriods")
    next_x_fiscal_years = Counted("NextXFiscalYears")
    in_fiscal_period = Counted("InFiscalPeriod")
    in_fiscal_year = Counted("InFiscalYear")
    in_fiscal_period_and_year = InPeriod("InFiscalPeriodAndYear")
    in_or_after_fiscal_period_and_year = InPeriod("InOrAfterFiscalPeriodAndYear")
    in_or_before_fiscal_period_and_year = InPeriod("InOrBeforeFiscalPeriodAndYear")


class IdFunctions(ColumnExpression[Root]):
    """What Dataverse can say of an id: how it stands to the calling user, and in the table's hierarchy to a row."""

    __slots__ = ()

    equal_user_id = Plain("EqualUserId")
    not_equal_user_id = Plain("NotEqualUserId")
    equal_business_id = Plain("EqualBusinessId")
    not_equal_business_id = Plain("NotEqualBusinessId")
    equal_role_business_id = Plain("EqualRoleBusinessId")
    equal_user_teams = Plain("EqualUserTeams")
    equal_user_or_user_teams = Plain("EqualUserOrUserTeams")
    equal_user_or_user_hierarchy = Plain("EqualUserOrUserHierarchy")
    equal_user_or_user_hierarchy_and_teams = Plain("EqualUserOrUserHierarchyAndTeams")

    above = OfRow("Above")
    above_or_equal = OfRow("AboveOrEqual")
    under = OfRow("Under")
    under_or_equal = OfRow("UnderOrEqual")
    not_under = OfRow("NotUnder")
