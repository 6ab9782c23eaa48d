"""The exchange: one request over the transport, and its whole answer. The last steps of a call: log ► HTTP.

It uses the transport itself rather than a client of httpx2, so that no redirect is ever followed with a token, no
cookie is kept, and nothing of a prepared request is worked out twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from .. import _logging
from .._concurrency import LimitReachedError, async_cut_off
from .._deadline import GRACE
from .._multipart import is_multipart
from .._outcome import Answer, Fault, Outcome, fault_of
from ..redaction import secrets_of

MAX_ERROR_BODY = 1 << 20  # bytes of an error's body that are read: more says no more, and may never end


class AsyncExchange:
    """Sends requests, each once."""

    __slots__ = ("_clock", "_transport")

    def __init__(self, transport: httpx2.AsyncBaseTransport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock

    async def send(
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
        whole: bool = True,
        unwrap: Callable[[Answer], Answer] | None = None,
    ) -> Outcome:
        """What came of the request. `time_left`, where given, ends an answer that takes too long.

        `whole`: a success is read to its end, however long it is, and so is what a batch came to. `unwrap`: finds the
        answer that is meant in another.
        """
        logs = _logging.is_on()
        started = self._clock() if logs else 0.0
        try:
            request = httpx2.Request(method, url, headers=headers, content=content, extensions={"timeout": timeouts})
            if time_left is None:
                outcome = await self._receive(request, time_left, whole)
            else:
                outcome = await async_cut_off(time_left() + GRACE, self._receive, request, time_left, whole)
        except LimitReachedError:
            outcome = Fault("timeout (the whole request)", may_have_run=True)
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
            outcome = fault_of(error)
        if unwrap is not None and isinstance(outcome, Answer):
            outcome = unwrap(outcome)
        if isinstance(outcome, Answer) and (unwrap is not None or not outcome.ok):
            outcome.secrets = secrets_of(headers, content)
        if logs:
            _logging.log_attempt(method, url, outcome, self._clock() - started, correlation_id, attempt)
        return outcome

    async def _receive(self, request: httpx2.Request, time_left: Callable[[], float] | None, whole: bool) -> Outcome:
        response = await self._transport.handle_async_request(request)
        try:
            content = await self._read(response, time_left, whole and (response.is_success or _is_batch(response)))
        finally:
            await response.aclose()
        return Answer(response.status_code, _lower(response.headers), content)

    async def _read(self, response: httpx2.Response, time_left: Callable[[], float] | None, whole: bool) -> bytes:
        if whole and time_left is None:
            return await response.aread()
        parts: list[bytes] = []
        size = 0
        try:
            async for part in response.aiter_bytes():
                if parts and time_left is not None and time_left() <= 0:
                    raise httpx2.ReadTimeout("")  # it still comes in; what has come whole is taken, even late
                parts.append(part)
                size += len(part)
                if size > MAX_ERROR_BODY and not whole:
                    break
        except (httpx2.TransportError, httpx2.DecodingError):
            if response.is_success:
                raise
            # of an error's body that breaks off or cannot be decompressed, the status is told all the same
        return b"".join(parts)


def _is_batch(response: httpx2.Response) -> bool:
    """Whether an answer holds those of several requests: its status may be that of one which failed."""
    return is_multipart(response.headers.get("content-type", ""))


def _lower(headers: Any) -> dict[str, str]:
    """Headers by names in lower case; what httpx2 gives, as a dictionary."""
    return dict(headers)
