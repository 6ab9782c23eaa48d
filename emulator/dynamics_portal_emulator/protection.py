"""Service protection limits, and the web servers that enforce them each on its own.

It decides which web server a request reaches, when one refuses it, and what it says about what is left ("Service
protection API limits"; "Send parallel requests"). All of it in the emulator's time: nothing waits. That `Retry-After`
grows while a client goes on asking is documented, by how much is not: here it doubles with each refusal, from one
second up to the window.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Literal, TypeAlias

Limit: TypeAlias = Literal["requests", "time", "concurrency"]
COOKIE = "ARRAffinity"
_CODES: dict[Limit, str] = {"requests": "0x80072322", "time": "0x80072321", "concurrency": "0x80072326"}


@dataclass(frozen=True)
class Protection:
    """The limits of one user on one web server: `requests` and `seconds` of execution within a `window` (seconds), and
    `concurrent` requests at a time."""

    requests: int = 6000
    seconds: float = 1200.0
    window: float = 300.0
    concurrent: int = 52


def refusal_body(limit: Limit, protection: Protection) -> dict[str, dict[str, str]]:
    """The error that tells of a limit, in Dataverse's words."""
    over = f"over time window of {protection.window:.0f} seconds."
    message = {
        "requests": f"Number of requests exceeded the limit of {protection.requests} {over}",
        "time": (
            f"Combined execution time of incoming requests exceeded limit of {protection.seconds * 1000:,.0f} "
            f"milliseconds {over} Decrease number of concurrent requests or reduce the duration of requests and try "
            "again later."
        ),
        "concurrency": f"Number of concurrent requests exceeded the limit of {protection.concurrent}.",
    }[limit]
    return {"error": {"code": _CODES[limit], "message": message}}


@dataclass(frozen=True)
class Refusal:
    """A request that is turned away: why, and after how many whole seconds to come again."""

    limit: Limit
    retry_after: int


@dataclass
class Server:
    """What one web server knows of the user: a state machine without a clock."""

    protection: Protection
    _begun: deque[float] = field(default_factory=deque)
    _spent: deque[tuple[float, float]] = field(default_factory=deque)
    _sum: float = 0.0
    _in_flight: int = 0
    _blocked_until: float = -math.inf
    _refusals: int = 0

    def admit(self, now: float) -> Refusal | None:
        """Takes a request in, or turns it away."""
        self._forget(now)
        if self._in_flight >= self.protection.concurrent:
            return Refusal("concurrency", self._longer())
        limit, free = self._exceeded(now)
        if limit is None and now >= self._blocked_until:
            self._refusals = 0
            self._begun.append(now)
            self._in_flight += 1
            return None
        self._blocked_until = max(self._blocked_until, free, now + self._longer())
        return Refusal(limit or "requests", math.ceil(self._blocked_until - now))

    def _longer(self) -> int:
        """Seconds to wait after one more refusal."""
        self._refusals += 1
        return int(min(2 ** min(self._refusals - 1, 30), self.protection.window))

    def _exceeded(self, now: float) -> tuple[Limit | None, float]:
        """The limit that is reached, and the moment from which it no longer is."""
        window, free = self.protection.window, now
        limit: Limit | None = None
        beyond = len(self._begun) - self.protection.requests
        if beyond >= 0:
            limit, free = "requests", self._begun[beyond] + window
        left = self._sum
        for moment, seconds in self._spent:
            if left < self.protection.seconds:
                break
            limit, free = limit or "time", max(free, moment + window)
            left -= seconds
        return limit, free

    def _forget(self, now: float) -> None:
        while self._begun and now - self._begun[0] >= self.protection.window:
            self._begun.popleft()
        while self._spent and now - self._spent[0][0] >= self.protection.window:
            self._sum -= self._spent.popleft()[1]
        if not self._spent:
            self._sum = 0.0  # what rounding has left

    def spend(self, now: float, seconds: float) -> None:
        """Counts the execution of a request that was taken in."""
        self._spent.append((now, seconds))
        self._sum += seconds

    def leave(self) -> None:
        """A request that was taken in has been answered."""
        self._in_flight -= 1

    def remaining(self, now: float) -> tuple[int, float]:
        """Requests and seconds of execution that are left."""
        self._forget(now)
        requests = max(self.protection.requests - len(self._begun), 0)
        return requests, max(self.protection.seconds - self._sum, 0.0)


class Servers:
    """The web servers behind the emulator's name. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._servers: dict[int, Server] = {}
        self._next = 0
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Begins anew."""
        with self._lock:
            self._servers.clear()
            self._next = 0

    def choose(self, count: int, cookies: str) -> int:
        """The server that a request reaches: that of its cookie, else each in turn."""
        wanted = _affinity(cookies)
        with self._lock:
            for number in range(count):
                if wanted == cookie_of(number):
                    return number
            chosen = self._next % count
            self._next += 1
            return chosen

    def admit(self, number: int, protection: Protection) -> Refusal | None:
        """Takes a request in at a server, or turns it away."""
        with self._lock:
            server = self._servers.setdefault(number, Server(protection))
            if server.protection != protection:  # a test has changed the limits: what has been counted stays
                server.protection = protection
            return server.admit(self._clock())

    def spend(self, number: int, seconds: float) -> None:
        """Counts the execution of a request at a server."""
        with self._lock:
            if number in self._servers:
                self._servers[number].spend(self._clock(), seconds)

    def leave(self, number: int) -> None:
        """A request at a server has been answered."""
        with self._lock:
            if number in self._servers:
                self._servers[number].leave()

    def headers(self, number: int) -> dict[str, str]:
        """What a server tells of what is left. Microsoft formats the seconds for people: `1,200.00`."""
        with self._lock:
            requests, seconds = self._servers[number].remaining(self._clock())
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(requests),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:,.2f}",
        }


def cookie_of(number: int) -> str:
    """The value of a server's affinity cookie."""
    return hashlib.sha256(f"server {number}".encode()).hexdigest()


def _affinity(cookies: str) -> str | None:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None
