"""Pace: how many requests an identity has in flight, when the next one may begin, how many rows go into one. No I/O.

A `Pace` begins with few requests at a time and lets more be, fast up to what `x-ms-dop-hint` recommends and then
slowly, while answers come well. It takes a refusal as the service means it: nothing is begun until `Retry-After` has
passed. One for the number or the execution time within a window also tells what the window holds: as much as was used
in it. From then on no more than that is used within any window, at a steady rate, and a little more is tried each time
that a window has gone by without a refusal. So the limit is found once, not run into again and again, which would make
the service ask for longer and longer waits. One for too many at a time tells how many are. Answers that take twice as
long as they did, and failures, make it fewer.

What the service says is left (`x-ms-ratelimit-…`) is kept to be shown, and decides nothing, as Microsoft asks.

Source: Dataverse, "Service protection API limits", "Send parallel requests", "Optimize performance for bulk
operations".
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Final

from ._throttle import LONGEST, OPEN

WINDOW: Final = 300.0  # seconds within which the service counts requests and their execution time
MAX_CONCURRENCY: Final = 52  # requests at a time that the service allows a user by default

REQUESTS: Final = "0x80072322"
EXECUTION_TIME: Final = "0x80072321"
CONCURRENCY: Final = "0x80072326"

_START: Final = 4  # requests at a time before anything is known
_UNTOLD: Final = 8  # requests at a time that are reached fast where the service recommends none
_GROWTH: Final = 5.0  # seconds from one request more at a time to the next, beyond what is recommended
_RECOVERY: Final = 60.0  # the same, beyond what was refused as too many at a time
_MARGIN: Final = 0.995  # of what a window is known to hold: what is used of it
_CATCH_UP: Final = 1.1  # how much faster than the steady rate it may go to make up for a pause
_BINDING: Final = 0.9  # of what a window is known to hold: where less was used, more need not be tried
_ENOUGH: Final = 20  # requests that tell how much a window holds
_LESS: Final = 0.7  # of the requests at a time: what is left after a refusal that tells no more
_ROUGH: Final = 0.5  # by which share more of a window is tried while it is not well known what it holds,
_ROUGH_TIME: Final = 30.0  # and after how many seconds again
_MOST_STEP: Final = 0.25  # by which share at the most more of a window is tried
_SLOWER: Final = 2.0  # times the usual duration: then there are too many at a time
_OFTEN: Final = 0.2  # share of requests that had to be repeated: then there are too many at a time
_LONGEST_HOLD: Final = 60.0  # seconds between attempts while everything fails
_GRAIN: Final = 0.25  # seconds that are counted together


class Used:
    """Requests and their seconds within the last window."""

    __slots__ = ("_parts", "requests", "seconds")

    def __init__(self) -> None:
        self._parts: deque[tuple[float, int, float]] = deque()
        self.requests = 0
        self.seconds = 0.0

    def add(self, now: float, seconds: float) -> None:
        """Count a request."""
        self.forget(now)
        self.requests += 1
        self.seconds += seconds
        if self._parts and now - self._parts[-1][0] < _GRAIN:
            begun, count, sum_ = self._parts[-1]
            self._parts[-1] = (begun, count + 1, sum_ + seconds)
        else:
            self._parts.append((now, 1, seconds))

    def forget(self, now: float) -> None:
        """Drop what is older than the window."""
        while self._parts and now - self._parts[0][0] >= WINDOW + _GRAIN:
            _, count, seconds = self._parts.popleft()
            self.requests -= count
            self.seconds -= seconds
        if not self._parts:
            self.seconds = 0.0  # what rounding has left

    def frees(self, requests: float, seconds: float) -> float:
        """When so many requests and seconds will have been dropped. Infinite where there are not as many."""
        for begun, count, sum_ in self._parts:
            requests, seconds = requests - count, seconds - sum_
            if requests <= 0 and seconds <= 0:
                return begun + WINDOW + _GRAIN
        return math.inf


class Pace:
    """The pace of one identity in one run. `concurrency`: always so many at a time; `None`: as many as turn out well.

    Moments are by the client's clock. `in_flight`: requests that have begun and not ended. `refusals`: how many were
    turned away. `limit`: how many may be in flight.
    """

    def __init__(self, concurrency: int | None, now: float) -> None:
        self._fixed = concurrency is not None
        self.limit = _START if concurrency is None else concurrency
        self.in_flight = 0
        self.refusals = 0
        self.told: dict[str, str] = {}
        """The last `x-ms-ratelimit-…` headers, by their names."""
        self._hint = _UNTOLD
        self._most = MAX_CONCURRENCY
        self._begun = now
        self._grown = self._raised = self._eased = self._tried = now
        self._learned = OPEN
        self._hold = OPEN
        self._failures = 0
        self._probing = False
        self._used = Used()
        self._mean = 0.0
        self._troubles = 0.0
        self._weight = 0
        self._usual = self._latest = 0.0
        self._last = OPEN
        self._caps: dict[str, float] = {}
        self._rough = False
        self._step = 1 - _MARGIN

    def opens(self, now: float, gate: float = OPEN) -> float:
        """When the next request may begin: now or later; infinite where one has to end before. `gate`: not earlier."""
        until = max(self._hold, gate)
        if now < until:
            return until
        if self.in_flight >= (1 if self._probing and not self._caps else self.limit):
            return math.inf
        return max(self._spaced(), self._allowed(now), now) if self._caps else now

    def begin(self, now: float) -> None:
        """A request begins."""
        self.in_flight += 1
        self._last = now

    def cut_off(self) -> None:
        """A request was given up."""
        self.in_flight -= 1

    def answered(
        self, now: float, seconds: float, weight: int, headers: Mapping[str, str], *, troubled: bool = False
    ) -> None:
        """A request was answered, after some seconds. `weight`: how many rows it was for. `troubled`: not at once."""
        full = 2 * self.in_flight >= self.limit  # others of the same round may have been answered before
        self._ended(now, seconds, known=not troubled)
        self._failures, self._probing = 0, False
        self._read(headers)
        if self._fixed:
            return
        self._troubles += 0.05 * (troubled - self._troubles)
        if self._troubles > _OFTEN:
            self._ease(now)
        if not troubled:
            self._compare(now, seconds / max(weight, 1), weight)
        if full:
            self._grow(now)
        self._try_more(now)

    def failed(self, now: float, seconds: float) -> None:
        """A request has failed for good: no answer, or none that the service meant to give."""
        self._ended(now, seconds, known=False)
        self._failures += 1
        if self._failures > 1:
            self._hold = max(self._hold, now + min(2.0 ** (self._failures - 1), _LONGEST_HOLD))
        if not self._fixed:
            self.limit = max(1, self.limit // 2)

    def refused(self, now: float, begun: float, code: str | None, wait: float | None) -> None:
        """A request that had begun at some moment was turned away, with the service's code, for some seconds."""
        at_once = self.in_flight
        self.in_flight -= 1
        self.refusals += 1
        seconds = min(1.0 if wait is None else wait, LONGEST)
        self._hold = max(self._hold, now + seconds)
        self._probing = True
        if self._fixed or begun < self._learned:
            return  # what it tells was known since it began
        self._learned, self._step = now, 1 - _MARGIN
        if code == CONCURRENCY:
            self._most = self.limit = max(1, min(self.limit, int(at_once * 0.9)))
            self._raised = now
        elif code in (REQUESTS, EXECUTION_TIME):
            self._learn(now, code, seconds)
        else:
            self.limit = max(1, int(self.limit * _LESS))
        self._grown = self._tried = now

    def _ended(self, now: float, seconds: float, *, known: bool) -> None:
        """Count a request. How long one took that was repeated, or has failed, is not known: waits are in it."""
        self.in_flight -= 1
        if not known and self._mean:
            seconds = min(seconds, self._mean)
        self._mean = seconds if not self._mean else self._mean + 0.1 * (seconds - self._mean)
        self._used.add(now, seconds)

    def _read(self, headers: Mapping[str, str]) -> None:
        hint = headers.get("x-ms-dop-hint", "")
        if hint.isdecimal() and hint.isascii() and len(hint) < 6:
            self._hint = min(max(int(hint), 1), MAX_CONCURRENCY)
        for name in ("x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests"):
            if name in headers:
                self.told[name] = headers[name]

    def _grow(self, now: float) -> None:
        """Let one more be in flight."""
        if now >= self._raised + _RECOVERY:
            self._most, self._raised = min(self._most + 1, MAX_CONCURRENCY), now
        if self.limit < min(self._hint, self._most):
            self.limit += 1
        elif self.limit < self._most and now >= self._grown + _GROWTH:
            self.limit, self._grown = self.limit + 1, now

    def _ease(self, now: float) -> None:
        """Let fewer be in flight, once in the time that a change takes to show."""
        if now >= self._eased + max(2 * self._mean, _GROWTH):
            self.limit, self._eased = max(1, int(self.limit * 0.9)), now

    def _compare(self, now: float, seconds: float, weight: int) -> None:
        """Whether requests of the same kind take longer than they did."""
        if weight != self._weight:
            self._weight, self._usual, self._latest = weight, seconds, seconds
            return
        self._latest += 0.2 * (seconds - self._latest)
        self._usual = min(self._usual * 1.001, self._latest)  # what was usual is forgotten in time
        if self._latest > _SLOWER * self._usual:
            self._ease(now)

    def _learn(self, now: float, code: str, wait: float) -> None:
        """What a window holds: as much as was used in it when the service refused more.

        Before a whole window has passed, it may hold what another run has used as well. Then what was used until more
        is let in tells how much a window would hold at that rate, and that is no less than what was used.
        """
        self._used.forget(now)
        if self._used.requests < _ENOUGH:  # others have used it up
            self._begun = now + wait
            self.limit = max(1, int(self.limit * _LESS))
            return
        used = self._used.requests if code == REQUESTS else self._used.seconds
        known, span = self._caps.get(code), now - self._begun
        if span < WINDOW:
            cap = max(used, used * WINDOW / max(span + wait, 1.0))
        else:
            cap = used if known is None or self._rough else min(known, max(used, 0.8 * known))
        self._rough = span < WINDOW
        self._caps[code] = _MARGIN * max(cap, 1.0 if code == REQUESTS else self._mean)

    def _try_more(self, now: float) -> None:
        """A window has passed without a refusal: try whether a little more goes."""
        if self._rough and now >= self._tried + _ROUGH_TIME:
            self._tried = now
            self._caps = {code: cap * (1 + _ROUGH) for code, cap in self._caps.items()}
        if not self._caps or now < self._tried + WINDOW:
            return
        self._tried = now
        used = {REQUESTS: self._used.requests, EXECUTION_TIME: self._used.seconds}
        if any(used[code] >= _BINDING * cap for code, cap in self._caps.items()):
            self._caps = {code: cap * (1 + self._step) for code, cap in self._caps.items()}
            self._step = min(2 * self._step, _MOST_STEP)

    def _spaced(self) -> float:
        """When the next request may begin so that they come at a steady rate."""
        gaps = [(1 if code == REQUESTS else self._mean) / cap for code, cap in self._caps.items()]
        return self._last + max(gaps) * WINDOW / _CATCH_UP

    def _allowed(self, now: float) -> float:
        """When the next request may begin so that the window holds it, and those in flight."""
        self._used.forget(now)
        coming = self.in_flight + 1
        requests = self._used.requests + coming - self._caps.get(REQUESTS, math.inf)
        seconds = self._used.seconds + coming * self._mean - self._caps.get(EXECUTION_TIME, math.inf)
        if requests <= 0 and seconds <= 0:
            return now
        frees = self._used.frees(requests, seconds)
        return now if math.isinf(frees) and not self.in_flight else frees


class Patience:
    """How long a run goes on without any request getting through. `seconds`: at the most."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def refused(self, now: float) -> None:
        """A request was turned away."""
        self._since = now if self._since is None else self._since

    def got_through(self) -> None:
        """A request was not."""
        self._since = None

    def is_over(self, until: float) -> bool:
        """Whether waiting until some moment would be too long."""
        return self._since is not None and until - self._since > self._seconds


class ChunkSize:
    """How many rows go into a request: so many that it takes some seconds, and fewer where that was too much.

    `fixed`: always so many. `first`: to begin with. `most`: never more. `seconds`: what a request should take, about.
    """

    def __init__(self, fixed: int | None, *, first: int, most: int, seconds: float) -> None:
        self._fixed = fixed is not None
        self._most = most
        self._seconds = seconds
        self.rows = first if fixed is None else fixed

    def took(self, rows: int, seconds: float) -> None:
        """A request of so many rows took some seconds. It counts only where it was of the present size."""
        if self._fixed or rows != self.rows or 0.7 * self._seconds <= seconds <= 1.5 * self._seconds:
            return
        factor = min(max(self._seconds / max(seconds, 0.001), 0.5), 1.5)
        self.rows = min(max(round(rows * factor), 1), self._most)

    def was_too_much(self, rows: int) -> None:
        """A request of so many rows took too long, or was too large. So many are not tried again."""
        if not self._fixed:
            self._most = max(1, min(self._most, rows // 2))
            self.rows = min(self.rows, self._most)
