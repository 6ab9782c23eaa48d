"""The way of a call that goes nowhere: the client's checks are made, nothing is sent, writes are kept."""

from __future__ import annotations

from .._call import Call
from .._noop import RecordedWrite, answer_of
from .._outcome import Answer
from ..errors import invalid
from .caller import AsyncCaller


class AsyncNoOpCaller(AsyncCaller):
    """Takes the place of `AsyncCaller` in a client that does nothing."""

    __slots__ = ("_writes",)

    def __init__(self) -> None:
        self.closed = False
        self._writes: list[RecordedWrite] = []

    async def call(self, call: Call) -> Answer:
        """The answer of a service without rows."""
        if self.closed:
            raise invalid("the client is closed")
        if call.method != "GET":
            self._writes.append(RecordedWrite(call))
        return answer_of(call)

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """The writes so far, the first one first."""
        return tuple(self._writes)
