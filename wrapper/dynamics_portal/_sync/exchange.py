# Derived from ../_async/exchange.py by tools/derive_sync.py; change that file, not this one.
"""The exchange: one request over the transport, and its whole answer. The last steps of a call: log ► HTTP.

It uses the transport itself rather than a client of httpx2, so that no redirect is ever followed with a token, no
cookie is kept, and nothing of a prepared request is worked out twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from .. import _logging
from .._outcome import Answer, Fault, Outcome, fault_of

MAX_ERROR_BODY = 1 << 20  # bytes of an error's body that are read: more says no more, and may never end


class Exchange:
    """Sends requests, each once."""

    __slots__ = ("_clock", "_transport")

    def __init__(self, transport: httpx2.BaseTransport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock

    def send(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        content: bytes | None,
        timeouts: Mapping[str, float | None],
        *,
        correlation_id: str,
        attempt: int,
        time_left: Callable[[], float] | None = None,
    ) -> Outcome:
        """What came of the request. `time_left`, where given, ends a body that takes too long."""
        logs = _logging.is_on()
        started = self._clock() if logs else 0.0
        try:
            request = httpx2.Request(method, url, headers=headers, content=content, extensions={"timeout": timeouts})
            outcome = self._receive(request, time_left)
        except (httpx2.RequestError, OSError) as error:
            outcome = fault_of(error)
        except httpx2.InvalidURL:
            outcome = Fault("the request's URL is not valid", may_have_run=False, transient=False)
        if logs:
            _logging.log_attempt(method, url, outcome, self._clock() - started, correlation_id, attempt)
        return outcome

    def _receive(self, request: httpx2.Request, time_left: Callable[[], float] | None) -> Outcome:
        response = self._transport.handle_request(request)
        try:
            if response.is_success and time_left is None:
                content = response.read()
            else:
                content = self._read_some(response, time_left)
        finally:
            response.close()
        return Answer(response.status_code, _lower(response.headers), content)

    def _read_some(self, response: httpx2.Response, time_left: Callable[[], float] | None) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > MAX_ERROR_BODY:
                break
            if time_left is not None and time_left() <= 0:
                raise httpx2.ReadTimeout("")
        return b"".join(parts)


def _lower(headers: Any) -> dict[str, str]:
    """Headers by names in lower case; what httpx2 gives, as a dictionary."""
    return dict(headers)
