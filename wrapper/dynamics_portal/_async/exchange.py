"""The exchange: one request over the transport, and its whole answer. The last steps of a call: log ► HTTP.

It sends over a wire rather than through a client of httpx2, so that no redirect is ever followed with a token, no
cookie is kept, and nothing of a prepared request is worked out twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx2

from .. import _logging
from .._concurrency import LimitReachedError, async_cut_off
from .._deadline import GRACE
from .._multipart import is_multipart
from .._outcome import Answer, Fault, Outcome, fault_of
from ..redaction import secrets_of
from .wires import AsyncReply, AsyncWire

MAX_ERROR_BODY = 1 << 20  # bytes of an error's body that are read: more says no more, and may never end


class AsyncExchange:
    """Sends requests, each once."""

    __slots__ = ("_clock", "_wire")

    def __init__(self, wire: AsyncWire, clock: Callable[[], float]) -> None:
        self._wire = wire
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
            if time_left is None:
                outcome = await self._receive(method, url, headers, content, timeouts, time_left, whole)
            else:
                limit = time_left() + GRACE
                outcome = await async_cut_off(
                    limit, self._receive, method, url, headers, content, timeouts, time_left, whole
                )
        except LimitReachedError:
            outcome = Fault("timeout (the whole request)", may_have_run=True)
        except self._wire.errors as error:
            outcome = fault_of(error)
        if unwrap is not None and isinstance(outcome, Answer):
            outcome = unwrap(outcome)
        if isinstance(outcome, Answer) and (unwrap is not None or not outcome.ok):
            outcome.secrets = secrets_of(headers, content)
        if logs:
            _logging.log_attempt(method, url, outcome, self._clock() - started, correlation_id, attempt)
        return outcome

    async def _receive(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        content: bytes | None,
        timeouts: Mapping[str, float | None],
        time_left: Callable[[], float] | None,
        whole: bool,
    ) -> Outcome:
        reply = await self._wire.send(method, url, headers, content, timeouts)
        try:
            answer = Answer(reply.status, reply.headers, b"")
            whole = whole and (answer.ok or is_multipart(reply.headers.get("content-type", "")))
            answer.content = await self._read(reply, answer, time_left, whole)
        finally:
            await reply.aclose()
        return answer

    async def _read(
        self, reply: AsyncReply, answer: Answer, time_left: Callable[[], float] | None, whole: bool
    ) -> bytes:
        """The body. Of that of a batch the status says nothing: it may be that of one request in it which failed."""
        parts: list[bytes] = []
        size = 0
        try:
            while (part := await reply.part()) is not None:
                if parts and time_left is not None and time_left() <= 0:
                    raise httpx2.ReadTimeout("")  # it still comes in; what has come whole is taken, even late
                parts.append(part)
                size += len(part)
                if size > MAX_ERROR_BODY and not whole:
                    break
        except self._wire.errors:
            if answer.ok:
                raise
            # of an error's body that breaks off or cannot be decompressed, the status is told all the same
        return b"".join(parts)
