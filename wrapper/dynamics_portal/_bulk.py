"""Bulk: many rows in few requests, with a result for each. State machines without I/O.

Rows are taken in rounds: so many that each of the workers has a few chunks, and no more, so that memory does not grow
with the input. A chunk goes as CreateMultiple, UpdateMultiple or UpsertMultiple, where all of its rows are written or
none; one that is refused, and one of a table that lacks the message, goes as `$batch`, where each row is by itself. A
round's results are given in the order of the rows.

The ids of new rows are made of the run's own id and the row's place, before anything is sent. So a chunk whose answer
was lost is sent again, also by another process (`BulkCheckpoint`), and makes no row twice: what was refused since its
id is there already is looked up.

Source: Dataverse, "Use bulk operation messages", "Optimize performance for bulk operations"; Dataverse Web API,
"Execute batch operations using the Web API".
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar, cast
from uuid import UUID, uuid4, uuid5

from . import _json
from ._batch import MAX_OPERATIONS, BatchRun, Group, Step
from ._call import JSON_BODY, Call
from ._checked import checking_input
from ._failures import unreadable
from ._outcome import Answer
from ._partition import COLUMN, PartitionRequests
from ._pending import Pending
from ._requests import TableRequests
from .errors import (
    AuthFailureError,
    DynamicsPortalClientException,
    InvalidRequestError,
    NetworkError,
    RateLimitedError,
    invalid,
)

K_co = TypeVar("K_co", covariant=True)
R = TypeVar("R")

Progress: TypeAlias = "Callable[[BulkProgress], object]"
"""What is told how far a run has come."""

Input: TypeAlias = Iterable[R]
AsyncInput: TypeAlias = Iterable[R] | AsyncIterable[R]
"""Rows, however they come."""

Verb: TypeAlias = Literal["create", "update", "upsert", "delete"]

CHUNK: Final = 100  # rows in a bulk message: Microsoft's advice is to begin with 100
BATCH: Final = 10  # rows in a `$batch`: its advice is to begin small, with 10
ROUND: Final = 4  # chunks for each worker: one that is slow keeps the others from little
MAX_CONCURRENCY: Final = 52  # requests at a time that the service allows a user

_MESSAGES: Final[Mapping[str, str]] = {
    "create": "CreateMultiple",
    "update": "UpdateMultiple",
    "upsert": "UpsertMultiple",
}
_NO_MESSAGE: Final = "0x80040800"  # the table takes no such message
_CHECKPOINT: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(\d{1,18})")
_NOT_THE_ROWS: Final = (AuthFailureError, NetworkError, RateLimitedError)


class BulkCheckpoint(str):
    """How far a run has come, as text to store: its id, and how many rows are done with. It holds no personal data.

    `resume_from` takes it up, in another process too: with the same rows in the same order, of which those that are
    done with are passed over. Rows after it may have been written before the run ended; they are written again, which
    makes nothing twice: new rows have the same ids as before, and what is deleted already counts as deleted.
    """

    __slots__ = ()


class BulkProgress(NamedTuple):
    """How far a run has come: rows that are settled, and how many of them have failed."""

    settled: int
    failed: int


class RowResult(Generic[K_co]):
    """What has become of a row. `index`: its place in the input, from 0. `row`: the row, or the key, as it was given.

    `key`: its key; `None` where it failed and has none. `error`: why it failed, as the verb for a single row raises it.
    """

    __slots__ = ("error", "index", "key", "row")

    def __init__(self, index: int, row: Any, key: Any, error: DynamicsPortalClientException | None) -> None:
        self.index = index
        self.row = row
        self.key: K_co | None = key
        self.error = error

    @property
    def ok(self) -> bool:
        """Whether it is done."""
        return self.error is None

    def __repr__(self) -> str:
        return f"<RowResult: {self.index}, {'done' if self.error is None else type(self.error).__name__}>"


class _Entry(NamedTuple):
    """A row of a round. `target`: what stands before its columns in a bulk message."""

    place: int
    row: Any
    pending: Pending[Any]
    step: Step | None = None
    key: Any = None
    target: bytes = b""


class BulkWork:
    """A run: takes rows, tells what is to be sent for them, and gives their results in order.

    `lacking`: messages that tables were found to lack, which is remembered beyond the run.
    Raises `InvalidRequestError` for options that make no sense.
    """

    def __init__(
        self,
        requests: TableRequests,
        verb: Verb,
        lacking: set[str],
        *,
        chunk_size: int | None,
        concurrency: int,
        resume_from: str | None,
    ) -> None:
        self._requests = requests
        self._verb = verb
        self._lacking = lacking
        self.message = "" if isinstance(requests, PartitionRequests) else _MESSAGES.get(verb, "")
        self._chunk = _between("chunk_size", chunk_size or (CHUNK if self.sends_messages else BATCH), MAX_OPERATIONS)
        self.concurrency = _between("concurrency", concurrency, MAX_CONCURRENCY)
        self._run_id, self.skip = (uuid4(), 0) if resume_from is None else _read_checkpoint(resume_from)
        self._again = resume_from is not None
        self._index = self.skip
        self._given = self.skip
        self._failed = 0
        self._entries: list[_Entry] = []
        self._results: deque[RowResult[Any]] = deque()
        self._begun = False

    @property
    def sends_messages(self) -> bool:
        """Whether its table is not known to lack the message."""
        return bool(self.message) and self.lacks not in self._lacking

    @property
    def lacks(self) -> str:
        """Under which name it is remembered that the table lacks the message."""
        return f"{self._requests.model.table().entity_set}/{self.message}"

    @property
    def checkpoint(self) -> BulkCheckpoint:
        """After the rows whose results have been given."""
        return BulkCheckpoint(f"{self._run_id}:{self._given}")

    @property
    def progress(self) -> BulkProgress:
        """Of this process."""
        return BulkProgress(self._index - self.skip - len(self._entries), self._failed)

    @property
    def has_rows(self) -> bool:
        """Whether there are rows whose results are yet to come."""
        return bool(self._entries)

    @property
    def wants(self) -> bool:
        """Whether the round takes another row."""
        return not self._begun and len(self._entries) < self._chunk * self.concurrency * ROUND

    def add(self, row: Any) -> None:
        """Take a row. One that cannot be sent fails by itself."""
        pending: Pending[Any] = Pending(self._verb, self._requests.model.table().name, self._index + 1)
        try:
            entry = self._entry(row, pending)
        except InvalidRequestError as error:
            pending.fail(error)
            entry = _Entry(self._index, row, pending)
        self._entries.append(entry)
        self._index += 1

    def chunks(self) -> list[ChunkRun]:
        """What is to be sent for the rows of the round."""
        again, self._begun = self._again or self._begun, bool(self._entries)
        entries = [entry for entry in self._entries if entry.pending.state == "waiting"]
        return [
            ChunkRun(self, self._requests, entries[start : start + self._chunk], uncertain=again)
            for start in range(0, len(entries), self._chunk)
        ]

    def settle(self) -> None:
        """Make results of the rows of the round."""
        for entry in self._entries:
            error = entry.pending.error
            value = entry.pending.result() if error is None else None
            self._failed += error is not None
            self._results.append(RowResult(entry.place, entry.row, entry.key if value is None else value, error))
        self._entries = []
        self._begun = False

    def take(self) -> RowResult[Any] | None:
        """The next result; `None` where there is none yet."""
        if not self._results:
            return None
        self._given += 1
        return self._results.popleft()

    def learn_lacking(self) -> None:
        """The table lacks the message."""
        self._lacking.add(self.lacks)

    def _entry(self, row: Any, pending: Pending[Any]) -> _Entry:
        requests = self._requests
        if self._verb == "create":
            call, key = requests.create(self._with_id(row))

            def made(answer: Answer) -> Any:
                return requests.key(answer) if key is None else key

            exists = (lambda: requests.exists(key)) if call.repeatable else None
            return self._made(row, Step(pending, call, made, exists), key, {})
        if self._verb == "delete":
            call = requests.delete(row, None)
            return self._made(row, Step(pending, call, lambda answer: None, lambda: requests.exists(row)), row, {})
        key, values = self._divided(row)
        call = requests.update(key, values, None) if self._verb == "update" else requests.upsert(key, values)

        def put(answer: Answer) -> Any:
            return requests.key(answer)

        return self._made(row, Step(pending, call, put), key, self._named(key))

    def _made(self, row: Any, step: Step, key: Any, target: Mapping[str, Any]) -> _Entry:
        says = isinstance(row, Mapping) and "@odata.type" in row
        kind = {} if says else {"@odata.type": self._requests.model.__type__}
        return _Entry(self._index, row, step.pending, step, key, _json.encode({**kind, **target})[:-1])

    def _with_id(self, row: Any) -> Any:
        """The row with an id that is the same whenever the run is repeated, where it has none of its own."""
        model, name = self._requests.model, self._requests.chosen_key
        if name is None or self._requests.given_key(row) is not None:
            return row
        key = uuid5(self._run_id, str(self._index))
        if isinstance(row, Mapping):
            return {**row, name: key}
        if not isinstance(row, cast("type", model)):
            return row  # which is none, as `create` will say
        placed = copy(row)
        setattr(placed, model.__columns__[name].attribute, key)
        return placed

    @checking_input
    def _divided(self, row: Any) -> tuple[Any, Any]:
        """The key of a row that is given with it, and what is to be written."""
        if isinstance(row, tuple):
            if len(row) != 2:
                raise TypeError("expected a row that has its key, or a pair of a key and what is to be written")
            return row[0], row[1]
        key = self._requests.given_key(row)
        if key is None:
            names = ", ".join(self._requests.model.table().key)
            raise ValueError(
                f"a row without its key ({names}) is not to be found: give it, or a pair of a key and the row"
            )
        if isinstance(row, Mapping):
            return key, {name: value for name, value in row.items() if name not in self._requests.model.table().key}
        return key, row

    def _named(self, key: Any) -> dict[str, Any]:
        """How a target of a bulk message says which row it is."""
        names = self._requests.model.table().key
        if len(names) == 1 and not isinstance(key, Mapping):
            return {names[0]: str(key) if isinstance(key, UUID) else key}
        return {"@odata.id": self._requests.model.path(key)}


class ChunkRun:
    """The course of a chunk: `next_call` says what to send, `feed` and `fail` take what came of it.

    `uncertain`: its rows may have been written before.
    """

    def __init__(self, work: BulkWork, requests: TableRequests, entries: Sequence[_Entry], *, uncertain: bool) -> None:
        self._work = work
        self._requests = requests
        self._entries = entries
        self._uncertain = uncertain
        self._single: BatchRun | None = None
        self._done = False
        self.steps = [entry.step for entry in entries if entry.step is not None]
        if len(entries) == 1 or not work.sends_messages:
            self._begin_single()

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
        keys = [entry.key for entry in self._entries]
        if any(key is None for key in keys):  # of new rows whose keys the service has chosen
            try:
                keys = _json.decode_object(answer.content)["Ids"]
                if not isinstance(keys, list) or len(keys) != len(self._entries):
                    raise ValueError
            except (ValueError, KeyError):
                keys = []
        for position, entry in enumerate(self._entries):
            if keys:
                entry.pending.settle(keys[position])
            else:
                entry.pending.fail(unreadable("the answer lacks the ids of rows", answer.status, call.correlation_id))

    def fail(self, error: DynamicsPortalClientException) -> None:
        """Take the failure of a request. Where it is that of some row, all go by themselves, so that the others are
        written and each has its own result."""
        if self._single is not None:
            self._single.fail(error)
            return
        lacking = error.status_code in (405, 501) or error.dynamics_code == _NO_MESSAGE
        if lacking:
            self._work.learn_lacking()
        repeatable = all(step.call.repeatable for step in self.steps)
        hopeless = isinstance(error, _NOT_THE_ROWS) or error.status_code is None
        if not lacking and (hopeless or (error.may_have_run and not repeatable)):
            self._done = True
            for entry in self._entries:
                problem = error.copy()
                problem.may_have_run = error.may_have_run or self._uncertain
                entry.pending.fail(problem)
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
        targets = b",".join(_target(entry) for entry in self._entries)
        settings, table = self._requests.settings, self._requests.model.table()
        return Call(
            "POST",
            f"{settings.root.url}{table.entity_set}/Microsoft.Dynamics.CRM.{self._work.message}",
            settings.new_correlation_id(),
            headers=(JSON_BODY,),
            content=b'{"Targets":[' + targets + b"]}",
            repeatable=all(step.call.repeatable for step in self.steps),
        )


def _target(entry: _Entry) -> bytes:
    """A row in a bulk message: what says which it is, and the columns that its own request holds."""
    content = entry.step.call.content if entry.step is not None else None
    inner = (content or b"{}")[1:]
    comma = b"" if inner == b"}" or entry.target == b"{" else b","
    return entry.target + comma + inner


def _between(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise invalid(f"{name}: expected a whole number from 1 to {most}")
    return value


def _read_checkpoint(text: Any) -> tuple[UUID, int]:
    found = _CHECKPOINT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid("resume_from: expected the text of a checkpoint, as `checkpoint` gives it")
    return UUID(found[1]), int(found[2])
