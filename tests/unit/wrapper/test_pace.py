"""Pace: how many requests are in flight, when the next one begins, and how many rows go into one."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamics_portal._pace import (
    CONCURRENCY,
    EXECUTION_TIME,
    MAX_CONCURRENCY,
    REQUESTS,
    WINDOW,
    ChunkSize,
    Pace,
    Patience,
)

NOTHING: Mapping[str, str] = MappingProxyType({})


def filled(pace: Pace, now: float) -> int:
    """Begin as many requests as may begin. Gives how many are in flight."""
    while pace.opens(now) <= now:
        pace.begin(now)
    return pace.in_flight


def rounds(
    pace: Pace, count: int, headers: Mapping[str, str] = NOTHING, *, seconds: float = 2.0, now: float = 0.0
) -> float:
    """Let so many rounds of requests go well. Gives the moment after them."""
    for _ in range(count):
        flight = filled(pace, now)
        now += seconds
        for _ in range(flight):
            pace.answered(now, seconds, 100, headers)
    return now


def test_it_begins_small_and_grows_fast_to_what_is_recommended_and_slowly_beyond() -> None:
    pace = Pace(None, 0.0)
    assert filled(pace, 0.0) == 4
    hint = {"x-ms-dop-hint": "20"}
    now = rounds(pace, 6, hint)
    assert pace.limit in (20, 21)
    before = pace.limit
    rounds(pace, 30, hint, now=now)
    assert before + 9 <= pace.limit <= before + 13, "one more in 5 s"


@pytest.mark.parametrize("hint", ["", "0", "-3", "4.5", "٤", "9" * 400, "x"])
def test_a_recommendation_that_makes_no_sense_does_no_harm(hint: str) -> None:
    pace = Pace(None, 0.0)
    rounds(pace, 200, {"x-ms-dop-hint": hint})
    assert 4 < pace.limit <= MAX_CONCURRENCY


def test_nothing_begins_before_retry_after_has_passed_and_then_one_by_one() -> None:
    pace = Pace(None, 0.0)
    filled(pace, 0.0)
    pace.refused(1.0, 0.0, EXECUTION_TIME, 30.0)
    pace.refused(1.1, 0.0, EXECUTION_TIME, 40.0)
    assert pace.opens(1.2) == 41.1
    assert pace.opens(1.2, 50.0) == 50.0, "nor before the gate of the identity opens"
    for _ in range(2):
        pace.answered(2.0, 2.0, 100, {})
    pace.refused(41.1, 2.0, None, 5.0)
    assert (filled(pace, 46.1), pace.opens(46.1)) == (1, math.inf), "one request tells whether it is over"


def test_too_many_at_a_time_are_fewer_from_then_on() -> None:
    pace = Pace(None, 0.0)
    now = rounds(pace, 10, {"x-ms-dop-hint": "40"})
    flight = filled(pace, now)
    pace.refused(now, now - 1, CONCURRENCY, 1.0)
    assert pace.limit == int(flight * 0.9)
    for _ in range(pace.in_flight):
        pace.answered(now + 1, 1.0, 100, {})
    most = pace.limit
    rounds(pace, 10, {"x-ms-dop-hint": "40"}, now=now + 1)
    assert pace.limit == most, "for a while"


def test_refusals_of_requests_that_had_begun_before_tell_nothing_new() -> None:
    pace = Pace(None, 0.0)
    filled(pace, 0.0)
    for _ in range(4):
        pace.refused(1.0, 0.0, None, 1.0)
    assert (pace.limit, pace.refusals, pace.in_flight) == (2, 4, 0)


def test_slower_answers_make_it_fewer() -> None:
    pace = Pace(None, 0.0)
    now = rounds(pace, 40)
    before = pace.limit
    rounds(pace, 20, seconds=9.0, now=now)
    assert pace.limit < before


def test_failures_make_it_fewer_and_hold_it_back() -> None:
    pace = Pace(None, 0.0)
    now = rounds(pace, 40)
    before, flight = pace.limit, filled(pace, now)
    for _ in range(3):
        pace.failed(now, 9.0)
    assert pace.limit <= before // 8 + 1
    assert pace.opens(now) == now + 4.0
    for _ in range(flight - 3):
        pace.failed(now, 9.0)
    assert pace.opens(now) <= now + 60.0


def test_a_fixed_number_stays_but_waits_as_it_is_told() -> None:
    pace = Pace(7, 0.0)
    now = rounds(pace, 50, {"x-ms-dop-hint": "40"})
    filled(pace, now)
    pace.refused(now, now - 1, EXECUTION_TIME, 9.0)
    pace.failed(now, 1.0)
    assert (pace.limit, pace.opens(now)) == (7, now + 9.0)


def test_what_the_service_says_is_left_is_told_and_steers_nothing() -> None:
    told = {"x-ms-ratelimit-burst-remaining-xrm-requests": "0", "x-ms-ratelimit-time-remaining-xrm-requests": "0.00"}
    one, other = Pace(None, 0.0), Pace(None, 0.0)
    now = rounds(one, 60, told)
    assert now == rounds(other, 60)
    assert (one.told, other.told) == (told, {})
    assert (one.limit, one.opens(now)) == (other.limit, other.opens(now))


class Limited:
    """A service that takes so many requests within a window, or so many seconds of them."""

    def __init__(self, code: str, most: float) -> None:
        self.code, self.most = code, most
        self.used: deque[tuple[float, float]] = deque()
        self.sum = 0.0

    def wait(self, now: float, seconds: float) -> float | None:
        """Take a request, or tell after how many seconds to come again."""
        while self.used and now - self.used[0][0] >= WINDOW:
            self.sum -= self.used.popleft()[1]
        if self.sum >= self.most:
            return math.ceil(self.used[0][0] + WINDOW - now) or 1
        cost = 1.0 if self.code == REQUESTS else seconds
        self.used.append((now, cost))
        self.sum += cost
        return None


def driven(pace: Pace, service: Limited, seconds: float, until: float) -> list[float]:
    """Send requests that take so many seconds until some moment. Gives the moments at which they were refused."""
    now, flying, refused = 0.0, deque[float](), list[float]()
    while now < until:
        while pace.opens(now) <= now:
            pace.begin(now)
            wait = service.wait(now, seconds)
            if wait is None:
                flying.append(now)
            else:
                pace.refused(now, now, service.code, wait)
                refused.append(now)
        moments = [pace.opens(now), flying[0] + seconds if flying else math.inf]
        now = max(min(moments), now)
        while flying and flying[0] + seconds <= now:
            pace.answered(now, now - flying.popleft(), 100, {})
    return refused


@settings(max_examples=10)
@given(
    st.sampled_from([(REQUESTS, 600.0), (EXECUTION_TIME, 1200.0), (EXECUTION_TIME, 4800.0)]),
    st.floats(0.5, 8.0),
)
def test_a_limit_is_found_once_and_then_kept_to(limit: tuple[str, float], seconds: float) -> None:
    code, most = limit
    taken = 0.0

    class Counted(Limited):
        def wait(self, now: float, seconds: float) -> float | None:
            nonlocal taken
            found = super().wait(now, seconds)
            taken += (found is None) * (1.0 if code == REQUESTS else seconds)
            return found

    pace, service = Pace(None, 0.0), Counted(code, most)
    until = 8 * WINDOW
    refused = driven(pace, service, seconds, until)
    possible = min(most / WINDOW, MAX_CONCURRENCY / (seconds if code == REQUESTS else 1)) * until
    assert taken >= 0.9 * possible
    assert len(refused) <= 16, "two in a window"


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["answered", "troubled", "failed", "refused", "cut off", "wait"]),
        st.sampled_from([None, REQUESTS, EXECUTION_TIME, CONCURRENCY, "0x80071151"]),
        st.floats(0.0, 400.0),
    ),
    max_size=120,
)


@given(st.sampled_from([None, 1, 52]), EVENTS)
def test_whatever_happens_it_always_goes_on_some_time(fixed: int | None, events: list[tuple[str, Any, float]]) -> None:
    pace, now = Pace(fixed, 0.0), 0.0
    for kind, code, seconds in events:
        if pace.opens(now) <= now:
            pace.begin(now)
        now += seconds
        if kind == "wait" or not pace.in_flight:
            continue
        if kind == "refused":
            pace.refused(now, now - seconds, code, None if code is None else seconds)
        elif kind == "failed":
            pace.failed(now, seconds)
        elif kind == "cut off":
            pace.cut_off()
        else:
            pace.answered(now, seconds, 10, {"x-ms-dop-hint": "9"}, troubled=kind == "troubled")
        assert 1 <= pace.limit <= MAX_CONCURRENCY
        assert pace.in_flight >= 0
    while pace.in_flight:
        pace.cut_off()
    for _ in range(1000):  # with nothing in flight there is always a moment from which something may be
        moment = pace.opens(now)
        if moment <= now:
            break
        assert moment < now + 4000
        now = moment
    else:
        pytest.fail("it never goes on")


# How many rows go into a request.


def test_rows_become_more_while_requests_are_quick_and_fewer_where_they_take_long() -> None:
    size = ChunkSize(None, first=100, most=1000, seconds=5.0)
    for _ in range(30):
        size.took(size.rows, size.rows * 0.02)
    assert 175 <= size.rows <= 375
    size.took(size.rows, 100.0)
    assert size.rows <= 190
    size.took(7, 0.001)
    assert size.rows <= 190, "the last few rows of a run tell nothing"


def test_what_was_too_much_is_halved_and_not_tried_again() -> None:
    size = ChunkSize(None, first=100, most=1000, seconds=5.0)
    size.was_too_much(100)
    assert size.rows == 50
    for _ in range(30):
        size.took(size.rows, 0.01)
    assert size.rows == 50


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.booleans(), st.integers(1, 1000), st.floats(0, 1e6)), max_size=50),
)
def test_rows_are_always_some_and_never_too_many(first: int, events: list[tuple[bool, int, float]]) -> None:
    size, fixed = ChunkSize(None, first=first, most=1000, seconds=5.0), ChunkSize(first, first=9, most=99, seconds=1.0)
    for took, rows, seconds in events:
        for each in (size, fixed):
            if took:
                each.took(each.rows, seconds)
            else:
                each.was_too_much(rows)
        assert 1 <= size.rows <= 1000
    assert fixed.rows == first


def test_patience_is_over_when_nothing_has_got_through_for_too_long() -> None:
    patience = Patience(900.0)
    assert not patience.is_over(1e9)
    patience.refused(100.0)
    patience.refused(500.0)
    assert not patience.is_over(1000.0)
    assert patience.is_over(1000.1)
    patience.got_through()
    assert not patience.is_over(1e9)
