"""The windows of relative dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_emulator.windows import fiscal_window, needs_count, period_months, window

NOW = datetime(2024, 3, 31, 13, 46, 40, tzinfo=UTC)  # a Sunday


def at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "count", "start", "end"),
    [
        ("Today", 0, "2024-03-31", "2024-04-01"),
        ("Yesterday", 0, "2024-03-30", "2024-03-31"),
        ("Tomorrow", 0, "2024-04-01", "2024-04-02"),
        ("Last7Days", 0, "2024-03-24", "2024-04-01"),
        ("Next7Days", 0, "2024-03-31", "2024-04-08"),
        ("ThisWeek", 0, "2024-03-31", "2024-04-07"),
        ("LastWeek", 0, "2024-03-24", "2024-03-31"),
        ("ThisMonth", 0, "2024-03-01", "2024-04-01"),
        ("NextMonth", 0, "2024-04-01", "2024-05-01"),
        ("LastYear", 0, "2023-01-01", "2024-01-01"),
        ("LastXDays", 2, "2024-03-29", "2024-03-31T13:46:40"),
        ("LastXHours", 2, "2024-03-31T11:46:40", "2024-03-31T13:46:40"),
        ("LastXMonths", 1, "2024-02-29", "2024-03-31T13:46:40"),
        ("LastXYears", 1, "2023-03-31", "2024-03-31T13:46:40"),
        ("NextXDays", 1, "2024-03-31T13:46:40", "2024-04-02"),
        ("NextXMonths", 1, "2024-03-31T13:46:40", "2024-05-01"),
        ("LastFiscalPeriod", 0, "2023-10-01", "2024-01-01"),
        ("ThisFiscalPeriod", 0, "2024-01-01", "2024-04-01"),
        ("NextFiscalYear", 0, "2025-01-01", "2026-01-01"),
        ("LastXFiscalPeriods", 2, "2023-07-01", "2024-03-31T13:46:40"),
        ("NextXFiscalPeriods", 2, "2024-03-31T13:46:40", "2024-10-01"),
        ("LastXFiscalYears", 2, "2022-01-01", "2024-03-31T13:46:40"),
        ("OlderThanXWeeks", 1, None, "2024-03-24"),
        ("OlderThanXMinutes", 6, None, "2024-03-31T13:40:40"),
    ],
)
def test_each_function_has_its_window(name: str, count: int, start: str | None, end: str) -> None:
    assert window(name, NOW, count) == (at(start), at(end))


def test_fiscal_years_are_calendar_years_and_their_periods_quarters() -> None:
    assert fiscal_window("InFiscalYear", [2024]) == (at("2024-01-01"), at("2025-01-01"))
    assert fiscal_window("InFiscalPeriodAndYear", [2, 2024]) == (at("2024-04-01"), at("2024-07-01"))
    assert fiscal_window("InOrAfterFiscalPeriodAndYear", [4, 2024]) == (at("2024-10-01"), None)
    assert fiscal_window("InOrBeforeFiscalPeriodAndYear", [4, 2024]) == (None, at("2025-01-01"))
    assert fiscal_window("Today", []) is None
    assert period_months(4) == ["10", "11", "12"]


def test_other_functions_have_none() -> None:
    assert window("EqualUserId", NOW) is None
    assert needs_count("LastXDays")
    assert not needs_count("LastWeek")


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Week", "Month", "Year"]),
)
def test_last_this_and_next_touch_and_hold_now(now: datetime, unit: str) -> None:
    last, this, following = (window(f"{name}{unit}", now) for name in ("Last", "This", "Next"))

    assert last is not None
    assert this is not None
    assert following is not None
    assert last[1] == this[0]
    assert this[1] == following[0]
    assert this[0] is not None
    assert this[1] is not None
    assert this[0] <= now < this[1]
    assert this[1] - this[0] >= timedelta(days=7)
