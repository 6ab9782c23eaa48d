"""Chunks of a bulk run: a bulk message for all of their rows or, where that cannot be, each row by itself. State
machines without I/O.

A chunk goes as CreateMultiple, UpdateMultiple or UpsertMultiple, where all of its rows are written or none; one that is
refused, and one of a table that lacks the message, goes as `$batch`, where each row is by itself.

Source: Dataverse, "Use bulk operation messages"; Dataverse Web API, "Execute batch operations using the Web API".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from . import _json
from ._batch import BatchRun, Group, Step
from ._bulk_rows import Entry, Verb
from ._call import JSON_BODY, Call
from ._checked import checking_input
from ._failures import unreadable
from ._outcome import Answer
from ._partition import COLUMN, PartitionRequests
from ._requests import TableRequests
from .errors import AuthFailureError, DynamicsPortalClientException, NetworkError, RateLimitedError

_MESSAGES: Final[Mapping[Verb, str]] = {
    "create": "CreateMultiple",
    "update": "UpdateMultiple",
    "upsert": "UpsertMultiple",
}
_NO_MESSAGE: Final = "0x80040800"  # the table takes no such message
_NOT_THE_ROWS: Final = (AuthFailureError, NetworkError, RateLimitedError)


class BulkMessage:
    """The bulk message of a verb and a table, and whether the table is known to lack it.

    `lacking`: messages that tables were found to lack, which is remembered beyond the run. `repeatable`: whether
    sending it twice does what sending it once does; of new rows, where their keys are chosen here.
    """

    __slots__ = ("_lacking", "_learned", "name", "repeatable", "table")

    def __init__(self, requests: TableRequests, verb: Verb, lacking: set[str]) -> None:
        self.name = "" if isinstance(requests, PartitionRequests) else _MESSAGES.get(verb, "")
        self.table = requests.model.table().entity_set
        self.repeatable = verb != "create" or requests.chosen_key is not None
        self._lacking = lacking
        self._learned = f"{self.table}/{self.name}"

    @property
    def is_sent(self) -> bool:
        """Whether there is one, and its table is not known to lack it."""
        return bool(self.name) and self._learned not in self._lacking

    def learn_lacking(self) -> None:
        """The table lacks the message."""
        self._lacking.add(self._learned)


class ChunkRun:
    """The course of a chunk: `next_call` says what to send, `feed` and `fail` take what came of it.

    `uncertain`: its rows may have been written before.
    """

    def __init__(
        self, message: BulkMessage, requests: TableRequests, entries: Sequence[Entry], *, uncertain: bool
    ) -> None:
        self._bulk = message
        self._requests = requests
        self._entries = entries
        self._uncertain = uncertain
        self._single: BatchRun | None = None
        self._done = False
        if len(entries) == 1 or not message.is_sent:
            self._begin_single()

    @property
    def steps(self) -> list[Step]:
        """The requests for the rows by themselves."""
        return [entry.step for entry in self._entries]

    def next_call(self) -> Call | None:
        """What to send next; `None` at the end."""
        if self._single is not None:
            return self._single.next_call()
        return None if self._done else self._message()

    def feed(self, answer: Answer, call: Call) -> None:
        """Take an answer."""
        if self._single is not None:
            self._single.feed(answer, call)
            return
        self._done = True
        if all(entry.made_key is not None for entry in self._entries):
            return  # and none has failed
        try:  # new rows whose keys the service has chosen
            keys = _json.decode_object(answer.content)["Ids"]
            if not isinstance(keys, list) or len(keys) != len(self._entries):
                raise ValueError
        except (ValueError, KeyError):
            for entry in self._entries:
                entry.fail(unreadable("the answer lacks the ids of rows", answer.status, call.correlation_id))
            return
        for entry, key in zip(self._entries, keys, strict=True):
            entry.settle(key)

    def fail(self, error: DynamicsPortalClientException) -> None:
        """Take the failure of a request. Where it is that of some row, all go by themselves, so that the others are
        written and each has its own result."""
        if self._single is not None:
            self._single.fail(error)
            return
        lacking = error.status_code in (405, 501) or error.dynamics_code == _NO_MESSAGE
        if lacking:
            self._bulk.learn_lacking()
        hopeless = isinstance(error, _NOT_THE_ROWS) or error.status_code is None
        if not lacking and (hopeless or (error.may_have_run and not self._bulk.repeatable)):
            self._done = True
            for entry in self._entries:
                problem = error.copy()
                problem.may_have_run = error.may_have_run or self._uncertain
                entry.fail(problem)
            return
        partial = COLUMN in self._requests.model.__columns__  # an elastic table keeps what it could write
        self._uncertain = self._uncertain or error.may_have_run or partial
        self._begin_single()

    def _begin_single(self) -> None:
        groups = [Group([step]) for step in self.steps]
        for group in groups:
            group.uncertain = self._uncertain
        self._single = BatchRun(groups, self._requests.settings, continue_on_error=True)

    @checking_input
    def _message(self) -> Call:
        targets = b",".join([entry.target for entry in self._entries])
        settings = self._requests.settings
        return Call(
            "POST",
            f"{settings.root.url}{self._bulk.table}/Microsoft.Dynamics.CRM.{self._bulk.name}",
            settings.new_correlation_id(),
            headers=(JSON_BODY,),
            content=b'{"Targets":[' + targets + b"]}",
            repeatable=self._bulk.repeatable,
        )
