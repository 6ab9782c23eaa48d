"""Repetition: runs an attempt, and again as its course says. tenacity does the loop, from the first failure on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .._outcome import Outcome
from ..retry import Course


async def async_repeat(
    attempt: Callable[[], Awaitable[Outcome]], course: Course, sleep: Callable[[float], Awaitable[None]]
) -> Outcome:
    """The outcome of the last attempt. What an attempt raises is final."""
    first = course.record(await attempt())
    if not course.should_repeat():
        return first
    from tenacity import AsyncRetrying  # a call that succeeds does without it

    entered = False

    async def again() -> Outcome:
        nonlocal entered
        if not entered:  # tenacity's first attempt is the one that has failed already
            entered = True
            return first
        return course.record(await attempt())

    retrying = AsyncRetrying(
        sleep=sleep,
        retry=course.should_repeat,
        wait=course.wait,
        stop=course.is_over,
        retry_error_callback=lambda state: course.last,
    )
    outcome: Outcome = await retrying(again)
    return outcome
