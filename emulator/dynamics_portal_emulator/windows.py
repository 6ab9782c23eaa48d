"""The time windows of Dataverse's query functions (`LastXDays`, `ThisMonth`, `InFiscalYear`, …).

It decides from when to when each reaches ("Web API Query Function Reference"). Days begin at midnight and weeks on
Sunday, both in UTC: the emulator's user has no time zone of its own. A fiscal year is the calendar year and its periods
are quarters, the settings of a new organisation ("Work with fiscal year settings"). Whether a row lies within is asked
by `functions`.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Window: TypeAlias = tuple[datetime | None, datetime | None]
"""From (inclusive) and to (exclusive); None is open."""

PERIOD_MONTHS = 3
PERIODS = 12 // PERIOD_MONTHS

_COUNTED = re.compile(
    r"(Last|Next|OlderThan)X(Minutes|Hours|Days|Weeks|Months|Years)|(Last|Next)X(FiscalPeriods|FiscalYears)"
)
_NAMED = re.compile(r"(Last|This|Next)(Week|Month|Year|FiscalPeriod|FiscalYear)")
_STEPS = {"Minutes": 1, "Hours": 60, "Days": 24 * 60, "Weeks": 7 * 24 * 60}  # minutes
_FIXED_DAYS = {
    "Today": (0, 1),
    "Yesterday": (-1, 0),
    "Tomorrow": (1, 2),
    "Last7Days": (-7, 1),
    "Next7Days": (0, 8),
}
_MONTHS = {"Month": 1, "Year": 12, "FiscalPeriod": PERIOD_MONTHS, "FiscalYear": 12}


def needs_count(name: str) -> bool:
    """Whether a function takes a number (`LastXDays`)."""
    return _COUNTED.fullmatch(name) is not None and name not in ("LastXMinutes", "NextXMinutes")


def window(name: str, now: datetime, count: int = 0) -> Window | None:
    """The window of a function at a moment; None for a function that is about something else."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if name in _FIXED_DAYS:
        first, last = _FIXED_DAYS[name]
        return midnight + timedelta(days=first), midnight + timedelta(days=last)
    counted = _COUNTED.fullmatch(name) if needs_count(name) else None
    if counted and counted[4]:
        unit = counted[4].removesuffix("s")
        past = counted[3] == "Last"
        return (_period(midnight, unit, -count), now) if past else (now, _period(midnight, unit, 1 + count))
    if counted:
        direction, unit = counted[1], counted[2]
        fine = unit in ("Minutes", "Hours")
        if direction == "Next":
            return now, _shift(now if fine else midnight + timedelta(days=1), unit, count)
        start = _shift(now if fine else midnight, unit, -count)
        return (None, start) if direction == "OlderThan" else (start, now)
    named = _NAMED.fullmatch(name)
    if named:
        offset = {"Last": -1, "This": 0, "Next": 1}[named[1]]
        return _period(midnight, named[2], offset), _period(midnight, named[2], offset + 1)
    return None


def fiscal_window(name: str, values: Sequence[int]) -> Window | None:
    """The window of a function that names a fiscal year, or a fiscal period and its year; None for another one."""
    if name == "InFiscalYear":
        return datetime(values[0], 1, 1, tzinfo=UTC), datetime(values[0] + 1, 1, 1, tzinfo=UTC)
    if not name.endswith("FiscalPeriodAndYear"):
        return None
    period, year = values
    start = _months(datetime(year, 1, 1, tzinfo=UTC), (period - 1) * PERIOD_MONTHS)
    end = _months(start, PERIOD_MONTHS)
    if name == "InOrAfterFiscalPeriodAndYear":
        return start, None
    return (None, end) if name == "InOrBeforeFiscalPeriodAndYear" else (start, end)


def period_months(period: int) -> list[str]:
    """The months of a fiscal period, whatever the year, as two digits each."""
    first = (period - 1) * PERIOD_MONTHS + 1
    return [f"{month:02}" for month in range(first, first + PERIOD_MONTHS)]


def _shift(moment: datetime, unit: str, count: int) -> datetime:
    if unit in _STEPS:
        return moment + timedelta(minutes=_STEPS[unit] * count)
    return _months(moment, count * (12 if unit == "Years" else 1))


def _months(moment: datetime, count: int) -> datetime:
    """The same day some months on; the last one of a month that is too short for it."""
    years, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    day = min(moment.day, calendar.monthrange(years, month + 1)[1])
    return moment.replace(year=years, month=month + 1, day=day)


def _period(midnight: datetime, unit: str, offset: int) -> datetime:
    if unit == "Week":
        sunday = midnight - timedelta(days=(midnight.weekday() + 1) % 7)
        return sunday + timedelta(weeks=offset)
    size = _MONTHS[unit]
    first = midnight.replace(month=(midnight.month - 1) // size * size + 1, day=1)
    return _months(first, offset * size)
