"""Faults that a test injects: errors, dropped connections, broken bodies, throttling, waiting.

It decides which request a fault hits and how often. Carrying it out is the app's part. Nothing here sleeps: a delay
moves the emulator's clock, and a request that is to hang waits for an event of the test's.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .protection import Limit, Protection, refusal_body

Moment = Literal["before", "after"]


@dataclass
class Fault:
    """What is to happen to requests of a method (None: any) whose path matches a pattern (None: any of the Web API).

    `times` counts how many requests it still hits. With `status` the request is not handled but answered so; `drop`
    closes the connection before the request is handled, or after it was handled and committed; `raw` replaces the
    answer of a handled request; `seconds` move the clock on, and `event` is waited for, before anything else happens.
    """

    times: int = 1
    method: str | None = None
    path: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    drop: Moment | None = None
    raw: bytes | None = None
    seconds: float = 0.0
    event: threading.Event | None = None

    def hits(self, method: str, path: str, *, web_api: bool) -> bool:
        """Whether a request is hit."""
        if self.times <= 0 or (self.method is not None and self.method.upper() != method):
            return False
        return web_api if self.path is None else re.search(self.path, path) is not None


class Faults:
    """The faults that are still to come, in the order in which they were added. Safe to use from several threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        *,
        status: int,
        times: int = 1,
        method: str | None = None,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Fault:
        """Answers with a status instead of handling. `path` is a regular expression, searched in the path; `body` is
        an object to send as JSON, text, or bytes; None sends an error in Dataverse's shape."""
        if body is None:
            body = {"error": {"code": "0x80040216", "message": f"An injected fault with status {status}."}}
        return self._append(Fault(times, method, path, status, dict(headers or {}), body))

    def throttle(
        self,
        *,
        times: int = 1,
        retry_after: str = "1",
        limit: Limit = "requests",
        method: str | None = None,
        path: str | None = None,
    ) -> Fault:
        """A 429 of one of the service protection limits, with `Retry-After` in seconds or as a date."""
        headers, body = {"Retry-After": retry_after}, refusal_body(limit, Protection())
        return self.add(status=429, times=times, method=method, path=path, headers=headers, body=body)

    def drop_before(self, *, times: int = 1, method: str | None = None, path: str | None = None) -> Fault:
        """Closes the connection before the request is handled: nothing has happened."""
        return self._append(Fault(times, method, path, drop="before"))

    def drop_after_commit(self, *, times: int = 1, method: str | None = None, path: str | None = None) -> Fault:
        """Handles the request and closes the connection without an answer: it has happened."""
        return self._append(Fault(times, method, path, drop="after"))

    def malformed(
        self,
        body: bytes | str,
        content_type: str = "application/json",
        *,
        times: int = 1,
        method: str | None = None,
        path: str | None = None,
    ) -> Fault:
        """Handles the request and answers with its status, but with this body."""
        raw = body.encode() if isinstance(body, str) else body
        return self._append(Fault(times, method, path, headers={"Content-Type": content_type}, raw=raw))

    def delay(self, seconds: float, *, times: int = 1, method: str | None = None, path: str | None = None) -> Fault:
        """Lets that much of the emulator's time pass before the request is handled. Nothing sleeps."""
        return self._append(Fault(times, method, path, seconds=seconds))

    def hold(self, *, times: int = 1, method: str | None = None, path: str | None = None) -> threading.Event:
        """Keeps requests waiting until the returned event is set, or the emulator stops; then they are handled."""
        event = threading.Event()
        self._append(Fault(times, method, path, event=event))
        return event

    def _append(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def take(self, method: str, path: str, *, web_api: bool) -> Fault | None:
        """The first fault that hits a request; it counts as used."""
        with self._lock:
            for fault in self._faults:
                if fault.hits(method, path, web_api=web_api):
                    fault.times -= 1
                    return fault
        return None

    @property
    def pending(self) -> int:
        """How many more requests are to be hit."""
        with self._lock:
            return sum(max(fault.times, 0) for fault in self._faults)

    def release(self) -> None:
        """Lets go of every request that is held."""
        with self._lock:
            for fault in self._faults:
                if fault.event is not None:
                    fault.event.set()

    def clear(self) -> None:
        """Forgets all faults, and lets go of what is held."""
        self.release()
        with self._lock:
            self._faults.clear()
