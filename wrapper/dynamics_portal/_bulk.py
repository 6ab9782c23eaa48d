"""Bulk: many rows in few requests, with a result for each. State machines without I/O.

Rows are taken in rounds: so many that each of the workers has a few chunks, and no more, so that memory does not grow
with the input. A round's results are given in the order of the rows. A run that has ended early is taken up again from
its `BulkCheckpoint`, also by another process: the rows that follow are sent again, which makes no row twice.

Source: Dataverse, "Use bulk operation messages", "Optimize performance for bulk operations".
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID, uuid4

from ._batch import MAX_OPERATIONS
from ._bulk_chunk import BulkMessage, ChunkRun
from ._bulk_rows import BulkRows, Entry
from ._bulk_rows import Verb as Verb
from ._requests import TableRequests
from .errors import DynamicsPortalClientException, invalid

K_co = TypeVar("K_co", covariant=True)
R = TypeVar("R")

Progress: TypeAlias = "Callable[[BulkProgress], object]"
"""What is told how far a run has come."""

Input: TypeAlias = Iterable[R]
AsyncInput: TypeAlias = Iterable[R] | AsyncIterable[R]
"""Rows, however they come."""

CHUNK: Final = 100  # rows in a bulk message: Microsoft's advice is to begin with 100
BATCH: Final = 10  # rows in a `$batch`: its advice is to begin small, with 10
ROUND: Final = 4  # chunks for each worker: one that is slow keeps the others from little
MAX_CONCURRENCY: Final = 52  # requests at a time that the service allows a user

_CHECKPOINT: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(\d{1,18})")


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
        self._message = BulkMessage(requests, verb, lacking)
        self._chunk = _between("chunk_size", chunk_size or (CHUNK if self._message.is_sent else BATCH), MAX_OPERATIONS)
        self.concurrency = _between("concurrency", concurrency, MAX_CONCURRENCY)
        self._run_id, self.skip = (uuid4(), 0) if resume_from is None else _read_checkpoint(resume_from)
        self._rows = BulkRows(requests, verb, self._run_id)
        self._again = resume_from is not None
        self._index = self.skip
        self._given = self.skip
        self._failed = 0
        self._entries: list[Entry] = []
        self._results: deque[RowResult[Any]] = deque()
        self._begun = False

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
        self._entries.append(self._rows.entry(self._index, row))
        self._index += 1

    def chunks(self) -> list[ChunkRun]:
        """What is to be sent for the rows of the round."""
        again, self._begun = self._again or self._begun, bool(self._entries)
        entries = [entry for entry in self._entries if not entry.failed]
        return [
            ChunkRun(self._message, self._requests, entries[start : start + self._chunk], uncertain=again)
            for start in range(0, len(entries), self._chunk)
        ]

    def settle(self) -> None:
        """Make results of the rows of the round."""
        for entry in self._entries:
            error = entry.error
            self._failed += error is not None
            self._results.append(RowResult(entry.place, entry.row, entry.key, error))
        self._entries = []
        self._begun = False

    def take(self) -> RowResult[Any] | None:
        """The next result; `None` where there is none yet."""
        if not self._results:
            return None
        self._given += 1
        return self._results.popleft()


def _between(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise invalid(f"{name}: expected a whole number from 1 to {most}")
    return value


def _read_checkpoint(text: Any) -> tuple[UUID, int]:
    found = _CHECKPOINT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid("resume_from: expected the text of a checkpoint, as `checkpoint` gives it")
    return UUID(found[1]), int(found[2])
