"""Retry: whether an attempt is repeated, and after which delay. No I/O: tenacity runs the loop, a `Course` answers it.

An attempt is repeated only where that does no harm: it provably did not run (the request never left, or was refused
with 429, or with 503 and `Retry-After`), or running it twice does what running it once does.

Source: Dataverse, "Service protection API limits" (429 and `Retry-After`); RFC 9110, "Idempotent Methods".
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from ._error_mapping import retry_after
from ._outcome import Answer, Fault, Outcome
from ._throttle import OPEN

RETRIED: Final = frozenset({429, 500, 502, 503, 504})
"""The statuses that are retried; all others are final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently a call is repeated.

    `max_attempts`: attempts in all, the first one included. 1 is no retry.
    `initial_delay`: seconds before the second attempt.
    `multiplier`: by which each further delay grows.
    `max_delay`: seconds that no computed delay exceeds.
    `jitter`: the share of a computed delay that is random, from 0 (none) to 1 (full jitter).
    `max_retry_after`: seconds of `Retry-After` that are waited for. Where the service asks for more, the call fails at
    once, with `retry_after` on the exception. Dataverse has been seen to ask for 300. A call that is held back since
    the service has asked another one of the same identity to wait does so for no longer than this in all.
    `random`: gives numbers from 0 to 1; seeded by tests.

    `Retry-After` wins over the computed delay. Raises `ValueError` for numbers that make no sense, `TypeError` for what
    is none.

    >>> RetryPolicy(jitter=0).delay(1), RetryPolicy(jitter=0).delay(2), RetryPolicy(jitter=0).delay(9)
    (1.0, 2.0, 16.0)
    """

    max_attempts: int = 3
    initial_delay: float = 1.0
    multiplier: float = 2.0
    max_delay: float = 16.0
    jitter: float = 1.0
    max_retry_after: float = 300.0
    random: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        _check_type("max_attempts", self.max_attempts, int, "a whole number")
        for name in ("initial_delay", "multiplier", "max_delay", "jitter", "max_retry_after"):
            _check_type(name, getattr(self, name), (int, float), "a number")
        if not callable(self.random):
            raise TypeError(f"random: expected a function, got {type(self.random).__name__}")
        if self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter must be from 0 to 1")
        for name in ("initial_delay", "multiplier", "max_delay", "max_retry_after"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise ValueError(f"{name} must be a finite number that is not negative")

    def delay(self, attempt: int) -> float:
        """Seconds between this attempt (from 1) and the next."""
        try:
            full = min(self.initial_delay * self.multiplier ** (attempt - 1), self.max_delay)
        except OverflowError:
            full = self.max_delay
        return full * (1 - self.jitter + self.jitter * self.random())

    def spread(self) -> float:
        """Seconds by which a call that was held back on another one's account comes later than it could.

        So that not all of them come at once: up to the random share of the first delay.
        """
        return self.initial_delay * self.jitter * self.random()


def _check_type(name: str, value: object, kind: type | tuple[type, ...], what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{name}: expected {what}, got {type(value).__name__}")


def asked_to_wait(outcome: Outcome) -> float | None:
    """Seconds for which the service wants no more requests of this identity: 429, or 503, with `Retry-After`."""
    if isinstance(outcome, Answer) and outcome.status in (429, 503):
        return retry_after(outcome.headers)
    return None


def is_throttled(outcome: Outcome) -> bool:
    """Whether the service turned the request away for now: 429, or 503 with `Retry-After`."""
    return isinstance(outcome, Answer) and (outcome.status == 429 or asked_to_wait(outcome) is not None)


def did_not_run(outcome: Outcome) -> bool:
    """Whether the service provably did nothing of what was asked."""
    if isinstance(outcome, Fault):
        return not outcome.may_have_run
    return is_throttled(outcome)


def is_worth_repeating(outcome: Outcome, *, repeatable: bool) -> bool:
    """Whether another attempt may help and does no harm. `repeatable`: running it twice is running it once."""
    passing = outcome.transient if isinstance(outcome, Fault) else outcome.status in RETRIED
    return passing and (repeatable or did_not_run(outcome))


class AttemptState(Protocol):
    """What a course reads of the future in which tenacity keeps an attempt."""

    @property
    def failed(self) -> bool:
        """Whether it raised."""
        ...


class RetryState(Protocol):
    """What a course reads of tenacity's `RetryCallState`."""

    @property
    def upcoming_sleep(self) -> float:
        """Seconds that `wait` has just asked for."""
        ...

    @property
    def outcome(self) -> AttemptState | None:
        """The last attempt."""
        ...


class Course:
    """The repetitions of one call: its budget, which no other call shares, and what its attempts came to."""

    __slots__ = ("_defers", "_held", "_policy", "_repeatable", "_time_left", "attempts", "last", "passed", "uncertain")

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        repeatable: bool,
        time_left: Callable[[], float] | None = None,
        defers: bool = False,
    ) -> None:
        self._policy = policy
        self._defers = defers
        self._repeatable = repeatable
        self._time_left = time_left
        self._held = 0.0
        self.attempts = 0
        self.uncertain = False
        """Whether an attempt before the last one may have run."""
        self.last: Outcome | None = None
        self.passed = OPEN
        """The last moment until which the call has waited at a gate, or been asked to wait itself."""

    def record(self, outcome: Outcome) -> Outcome:
        """Take note of an attempt's outcome."""
        self.uncertain = self.may_have_run
        self.attempts += 1
        self.last = outcome
        return outcome

    @property
    def may_have_run(self) -> bool:
        """Whether any attempt so far may have run."""
        return self.uncertain or (self.last is not None and not did_not_run(self.last))

    def should_repeat(self, state: RetryState | None = None) -> bool:
        """Whether the last outcome is worth another attempt. tenacity's `retry`."""
        if state is not None and state.outcome is not None and state.outcome.failed:
            return False  # an exception, which is no outcome: there was no token
        last = self.last
        if last is None or (isinstance(last, Answer) and last.ok):
            return False
        if self._defers and is_throttled(last):
            return False
        return self._policy.max_attempts > 1 and is_worth_repeating(last, repeatable=self._repeatable)

    def wait(self, state: RetryState | None = None) -> float:
        """Seconds before the next attempt. tenacity's `wait`."""
        asked = retry_after(self.last.headers) if isinstance(self.last, Answer) else None
        return self._policy.delay(self.attempts) if asked is None else asked

    def is_over(self, state: RetryState) -> bool:
        """Whether attempts or time are used up. tenacity's `stop`, which it asks after `wait`."""
        if self.attempts >= self._policy.max_attempts or state.upcoming_sleep > self._policy.max_retry_after:
            return True
        return self._time_left is not None and state.upcoming_sleep >= self._time_left()

    def hold_back(self, until: float, now: float) -> float | None:
        """Seconds to wait at a gate that opens at `until` before the next attempt; 0 where it is open.

        `None` where it opens too late for this call. Once waited for, the gate lets the call pass, whatever the clock
        says then, unless it has been closed for longer meanwhile.
        """
        left = until - now
        if left > 0:
            self._held += left
            if self._held > self._policy.max_retry_after:
                return None
        time_left = math.inf if self._time_left is None else self._time_left()
        if 0 < left >= time_left:
            return None
        self.passed = until
        if left <= 0:
            return 0.0
        later = left + self._policy.spread()
        return later if later < time_left else left
