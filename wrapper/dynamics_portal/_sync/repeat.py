# Derived from ../_async/repeat.py by tools/derive_sync.py; change that file, not this one.
"""Repetition: runs an attempt, and again as its course says. tenacity does the loop, from the first failure on."""

from __future__ import annotations

from collections.abc import Callable

from .._outcome import Outcome
from ..retry import Course


def sync_repeat(attempt: Callable[[], Outcome], course: Course, sleep: Callable[[float], None]) -> Outcome:
    """The outcome of the last attempt. What an attempt raises is final."""
    first = course.record(attempt())
    if not course.should_repeat():
        return first
    from tenacity import Retrying  # a call that succeeds does without it

    entered = False

    def again() -> Outcome:
        nonlocal entered
        if not entered:  # tenacity's first attempt is the one that has failed already
            entered = True
            return first
        return course.record(attempt())

    retrying = Retrying(
        sleep=sleep,
        retry=course.should_repeat,
        wait=course.wait,
        stop=course.is_over,
        retry_error_callback=lambda state: course.last,
    )
    outcome: Outcome = retrying(again)
    return outcome
