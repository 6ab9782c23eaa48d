# Derived from ../_async/partition.py by tools/derive_sync.py; change that file, not this one.
"""Partitions: a table's verbs within one partition of an elastic table, in one session."""

from __future__ import annotations

from typing import TypeVar

from .._call import Call
from .._deadline import Deadline
from .._frames import reticent_class
from .._noop import RecordedWrite
from .._outcome import Answer
from .._partition import PartitionRequests, Session
from .._settings import Settings
from .caller import Caller, Terms
from .table import Table

R_co = TypeVar("R_co", covariant=True)


@reticent_class
class Partition(Table[R_co]):
    """One partition of an elastic table, with the verbs of a table: `portal.readings.partition("device-1")`.

    A key is a row's id, which is unique within a partition. Rows that are created are put into the partition, queries
    find those of it alone. What was written here is seen by what is read here afterwards.
    FetchXML, saved views, files and `total` know no partition, and are refused.
    """

    __slots__ = ("_session",)

    def __init__(self, requests: PartitionRequests, caller: Caller, session: Session) -> None:
        super().__init__(requests, SessionCaller(caller, session))
        self._session = session

    @property
    def session_token(self) -> str | None:
        """The session of the last write, for another process to see it; `None` before the first one."""
        return self._session.token


class SessionCaller(Caller):
    """Carries calls out in a session: each with the token of the last write."""

    __slots__ = ("_caller", "_session")

    def __init__(self, caller: Caller, session: Session) -> None:
        self._caller = caller
        self._session = session

    def with_settings(self, settings: Settings) -> SessionCaller:
        """The same session, with other settings."""
        return SessionCaller(self._caller.with_settings(settings), self._session)

    def close(self) -> None:
        """Send nothing any more."""
        self._caller.close()

    @property
    def sends(self) -> bool:
        """Whether calls go anywhere."""
        return self._caller.sends

    @property
    def lacking(self) -> set[str]:
        """Bulk messages that tables were found to lack."""
        return self._caller.lacking

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """Writes that were kept instead of sent."""
        return self._caller.recorded

    @property
    def terms(self) -> Terms:
        """What whoever paces calls goes by."""
        return self._caller.terms

    def deadline(self) -> Deadline | None:
        """The end of what begins now."""
        return self._caller.deadline()

    def call(self, call: Call, deadline: Deadline | None = None) -> Answer:
        """The answer of a success."""
        answer = self._caller.call(self._session.joined(call), deadline)
        self._session.note(answer)
        return answer
