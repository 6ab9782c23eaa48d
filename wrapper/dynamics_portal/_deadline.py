"""Deadlines: what is left of the time that something may take in all, by the client's clock. No I/O.

The phases of a request (connect, write, read) each begin with what is left then. One that is drawn out, byte by byte,
is ended by the client's own connections, and in tasks by whoever waits (`_concurrency`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .errors import DynamicsPortalClientException, ErrorCode

GRACE: Final = 0.05  # seconds after the end at which a task is cut off: a phase's own timeout tells more, and is first
_SHORTEST: Final = 0.001  # seconds; 0 would mean not to wait at all


class Deadline:
    """The end of some seconds that began when it was made."""

    __slots__ = ("_clock", "_end", "_seconds")

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds that are left; 0 or less when it has passed."""
        return self._end - self._clock()

    def passed(self, correlation_id: str, attempts: int) -> DynamicsPortalClientException:
        """The exception for a call that it ended between two attempts, or before the first."""
        return DynamicsPortalClientException(
            ErrorCode.NETWORK_ERROR,
            explanation=f"the deadline of {self._seconds:g} s passed before the request could be sent",
            correlation_id=correlation_id,
            attempts=attempts,
        )


class Remaining(dict[str, float | None]):
    """Timeouts of a request's phases: each its own, but no more than what is left of a deadline when it begins.

    The transport asks for one with `get` at the start of connecting, writing and reading.
    """

    def __init__(self, deadline: Deadline, timeouts: Mapping[str, float | None] | None = None) -> None:
        super().__init__()
        self._deadline = deadline
        self._timeouts = timeouts or {}

    def get(self, key: str, default: Any = None) -> float:
        """Seconds that the phase may take, never 0."""
        left = max(self._deadline.left(), _SHORTEST)
        own = self._timeouts.get(key)
        return left if own is None else min(own, left)

    @property
    def passed(self) -> bool:
        """Whether nothing is left. A phase that is drawn out, byte by byte, has no end of its own."""
        return self._deadline.left() <= 0

    def __getitem__(self, key: str) -> float:
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        return True
