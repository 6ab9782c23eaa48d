# Derived from ../_async/noop.py by tools/derive_sync.py; change that file, not this one.
"""The way of a call that goes nowhere: the client's checks are made, nothing is sent, writes are kept."""

from __future__ import annotations

from .._call import Call, Lifetime
from .._deadline import Deadline
from .._noop import RecordedWrite, answer_of
from .._outcome import Answer
from .._settings import Settings
from ..errors import invalid
from .caller import Caller


class NoOpCaller(Caller):
    """Takes the place of `Caller` in a client that does nothing."""

    __slots__ = ("_writes",)

    def __init__(self) -> None:
        self._lifetime = Lifetime()
        self._writes: list[RecordedWrite] = []

    def with_settings(self, settings: Settings) -> NoOpCaller:
        """Itself: there is nothing that settings would change."""
        return self

    def deadline(self) -> None:
        """None: nothing here takes time."""

    def call(self, call: Call, deadline: Deadline | None = None) -> Answer:
        """The answer of a service without rows."""
        if self._lifetime.closed:
            raise invalid("the client is closed")
        if not call.reads:
            self._writes.append(RecordedWrite(call))
        return answer_of(call)

    @property
    def sends(self) -> bool:
        """They do not."""
        return False

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """The writes so far, the first one first."""
        return tuple(self._writes)
