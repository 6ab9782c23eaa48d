# Derived from ../_async/noop.py by tools/derive_sync.py; change that file, not this one.
"""The way of a call that goes nowhere: the client's checks are made, nothing is sent, writes are kept."""

from __future__ import annotations

from .._call import Call
from .._noop import RecordedWrite, answer_of
from .._outcome import Answer
from ..errors import invalid
from .caller import Caller


class NoOpCaller(Caller):
    """Takes the place of `Caller` in a client that does nothing."""

    __slots__ = ("_writes",)

    def __init__(self) -> None:
        self.closed = False
        self._writes: list[RecordedWrite] = []

    def call(self, call: Call) -> Answer:
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
