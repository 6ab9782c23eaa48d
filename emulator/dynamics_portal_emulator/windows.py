"""The time windows of Dataverse's query functions (`LastXDays`, `ThisMonth`, `OlderThanXYears`, …).

It decides from when to when each reaches ("Web API Query Function Reference"). Days begin at midnight and weeks on
Sunday, both in UTC: the emulator's user has no time zone of its own. Whether a row lies within is asked by
`conditions`.
"""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta
from typing import TypeAlias

Window: TypeAlias = tuple[datetime | None, datetime | None]
"""From (inclusive) and to (exclusive); None is open."""

_COUNTED = re.compile(r"(Last|Next|OlderThan)X(Minutes|Hours|Days|Weeks|Months|Years)")
_NAMED = re.compile(r"(Last|This|Next)(Week|Month|Year)")
_STEPS = {"Minutes": 1, "Hours": 60, "Days": 24 * 60, "Weeks": 7 * 24 * 60}  # minutes
_FIXED_DAYS = {
    "Today": (0, 1),
    "Yesterday": (-1, 0),
    "Tomorrow": (1, 2),
    "Last7Days": (-7, 1),
    "Next7Days": (0, 8),
}


def needs_count(name: str) -> bool:
    """Whether a function takes a number (`LastXDays`)."""
    return _COUNTED.fullmatch(name) is not None


def window(name: str, now: datetime, count: int = 0) -> Window | None:
    """The window of a function at a moment; None for a function that is about something else."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if name in _FIXED_DAYS:
        first, last = _FIXED_DAYS[name]
        return midnight + timedelta(days=first), midnight + timedelta(days=last)
    counted = _COUNTED.fullmatch(name)
    if counted:
        direction, unit = counted.groups()
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
    first = midnight.replace(day=1) if unit == "Month" else midnight.replace(month=1, day=1)
    return _months(first, offset * (12 if unit == "Year" else 1))
