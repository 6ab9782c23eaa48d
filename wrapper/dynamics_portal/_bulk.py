"""Bulk: many rows in few requests, with a result for each. State machines without I/O.

Rows are taken chunk by chunk, as requests can be sent, and results are given in the order of the rows. What is taken
and not yet given is bounded, so that memory does not grow with the input: a chunk that takes its time lets the others
go on, up to `AHEAD` times what is in flight. A run that has ended early is taken up again from its `BulkCheckpoint`,
also by another process: the rows that follow are sent again, which makes no row twice.

Source: Dataverse, "Use bulk operation messages", "Optimize performance for bulk operations".
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID, uuid4

from ._batch import MAX_OPERATIONS
from ._bulk_chunk import BulkMessage, ChunkRun
from ._bulk_rows import BulkRows, Entry
from ._bulk_rows import Verb as Verb
from ._errand import Errand
from ._pace import MAX_CONCURRENCY, ChunkSize, Pace
from ._requests import TableRequests
from .errors import DynamicsPortalClientException, NetworkError, invalid

K_co = TypeVar("K_co", covariant=True)
R = TypeVar("R")

Progress: TypeAlias = "Callable[[BulkProgress], object]"
"""What is told how far a run has come."""

Input: TypeAlias = Iterable[R]
AsyncInput: TypeAlias = Iterable[R] | AsyncIterable[R]
"""Rows, however they come."""

AHEAD: Final = 32  # times what is in flight: what may be taken while a chunk before it takes its time,
AHEAD_ROWS: Final = 100_000  # but no more rows than these,
AHEAD_LEAST: Final = 4  # unless even these times what is in flight are more

_CHECKPOINT: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(\d{1,14})")
_TOO_MUCH: Final = frozenset(
    {"0x80044151", "0x80044171", "0x80044172", "0x80044173", "0x80048d07", "0x80081111"}
)  # the database or a plug-in took too long


class BulkCheckpoint(str):
    """How far a run has come, as text to store: its id, and how many rows are done with. It holds no personal data.

    `resume_from` takes it up, in another process too: with the same rows in the same order, of which those that are
    done with are passed over. Rows after it may have been written before the run ended; they are written again, which
    makes nothing twice: new rows have the same ids as before, and what is deleted already counts as deleted.
    """

    __slots__ = ()


class BulkProgress(NamedTuple):
    """How far a run has come: rows that are settled, and how many of them have failed.

    `throttled`: requests that the service has turned away, and that were sent again. `concurrency`: requests that may
    be in flight now, `chunk_size`: rows that go into the next one. `requests_left`, `seconds_left`: what the service
    has said last of what is left (`x-ms-ratelimit-burst-remaining-xrm-requests`, `…-time-remaining-…`), as it says it;
    it is that of one web server and user, and steers nothing.
    """

    settled: int
    failed: int
    throttled: int = 0
    concurrency: int = 0
    chunk_size: int = 0
    requests_left: str | None = None
    seconds_left: str | None = None


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


class Chunk:
    """Rows that are sent together. `run`: how they are sent; `None` where none of them can be."""

    __slots__ = ("entries", "is_message", "run", "settled")

    def __init__(self, entries: Sequence[Entry], run: ChunkRun | None, *, is_message: bool) -> None:
        self.entries = entries
        self.run = run
        self.is_message = is_message
        self.settled = run is None


class BulkWork:
    """A run: takes rows, makes chunks of them, and gives their results in order.

    `lacking`: messages that tables were found to lack, which is remembered beyond the run.
    Raises `InvalidRequestError` for options that make no sense.
    """

    def __init__(
        self,
        requests: TableRequests,
        verb: Verb,
        lacking: set[str],
        *,
        chunk_size: int | None = None,
        concurrency: int | None = None,
        resume_from: str | None = None,
    ) -> None:
        self._requests = requests
        self._message = BulkMessage(requests, verb, lacking)
        fixed = None if chunk_size is None else _between("chunk_size", chunk_size, MAX_OPERATIONS)
        # Microsoft's advice: begin with 100 rows in a message, with 10 in a batch, and rather send more batches
        self._of_messages = ChunkSize(fixed, first=100, most=MAX_OPERATIONS, seconds=5.0)
        self._of_batches = ChunkSize(fixed, first=10, most=100, seconds=2.0)
        self.concurrency = None if concurrency is None else _between("concurrency", concurrency, MAX_CONCURRENCY)
        self._run_id, self.skip = (uuid4(), 0) if resume_from is None else _read_checkpoint(resume_from)
        self._rows = BulkRows(requests, verb, self._run_id)
        self._again = resume_from is not None
        self._index = self._given = self.skip
        self._settled = self._failed = 0
        self._entries: list[Entry] = []
        self._chunks: deque[Chunk] = deque()
        self._by_run: dict[int, Chunk] = {}
        self._ready: Iterator[Entry] = iter(())

    @property
    def checkpoint(self) -> BulkCheckpoint:
        """After the rows whose results have been given."""
        return BulkCheckpoint(f"{self._run_id}:{self._given}")

    def progress(self, paces: Sequence[Pace]) -> BulkProgress:
        """Of this process. `paces`: of the identities that the rows go through."""
        told = {name: value for pace in paces for name, value in pace.told.items()}
        return BulkProgress(
            self._settled,
            self._failed,
            sum(pace.refusals for pace in paces),
            sum(pace.limit for pace in paces),
            self._size.rows,
            told.get("x-ms-ratelimit-burst-remaining-xrm-requests"),
            told.get("x-ms-ratelimit-time-remaining-xrm-requests"),
        )

    @property
    def _size(self) -> ChunkSize:
        return self._of_messages if self._message.is_sent else self._of_batches

    def wants(self, paces: Sequence[Pace]) -> bool:
        """Whether another chunk may be taken: rows beyond the next results are kept, and are not to be too many."""
        sent = sum(pace.limit for pace in paces) * self._size.rows
        return self._index - self._given < max(min(AHEAD * sent, AHEAD_ROWS), AHEAD_LEAST * sent)

    @property
    def room(self) -> int:
        """How many rows a whole chunk takes beside those that have been added."""
        return self._size.rows - len(self._entries)

    def add(self, row: Any) -> None:
        """Take a row. One that cannot be sent fails by itself."""
        self._entries.append(self._rows.entry(self._index, row))
        self._index += 1

    def chunk(self) -> Chunk:
        """The rows that have been added, to be sent."""
        entries, self._entries = self._entries, []
        sent = [entry for entry in entries if entry.error is None]
        run = ChunkRun(self._message, self._requests, sent, uncertain=self._again) if sent else None
        chunk = Chunk(entries, run, is_message=self._message.is_sent and len(sent) > 1)
        if entries:
            self._chunks.append(chunk)
        if run is None:
            self._count(chunk)
        else:
            self._by_run[id(run)] = chunk
        return chunk

    def settle(self, run: ChunkRun) -> Chunk:
        """A chunk has been sent. Gives it."""
        chunk = self._by_run.pop(id(run))
        chunk.settled, chunk.run = True, None
        for entry in chunk.entries:
            entry.target = b""  # what has been sent need not be kept until its result is taken
        self._count(chunk)
        return chunk

    def returned(self, errand: Errand[ChunkRun]) -> None:
        """A chunk has been sent, and it is known how that went."""
        chunk = self.settle(errand.run)
        size = self._of_messages if chunk.is_message else self._of_batches
        if errand.trouble is not None:
            if _was_too_much(errand.trouble):
                size.was_too_much(len(chunk.entries))
        elif errand.smooth:
            size.took(len(chunk.entries), errand.seconds)

    def _count(self, chunk: Chunk) -> None:
        self._settled += len(chunk.entries)
        self._failed += sum([entry.error is not None for entry in chunk.entries])

    @property
    def has_results(self) -> bool:
        """Whether the chunk whose rows come next has been sent."""
        return bool(self._chunks) and self._chunks[0].settled

    def take(self) -> RowResult[Any] | None:
        """The next result; `None` where there is none yet."""
        while True:
            for entry in self._ready:
                self._given += 1
                return RowResult(entry.place, entry.row, entry.key, entry.error)
            if not self.has_results:
                return None
            self._ready = iter(self._chunks.popleft().entries)


def _was_too_much(error: DynamicsPortalClientException) -> bool:
    """Whether fewer rows in a request may help: no answer came, the service ran out of time, or it was too large."""
    timeout = isinstance(error, NetworkError) and error.may_have_run
    return timeout or error.status_code in (408, 413, 504) or error.dynamics_code in _TOO_MUCH


def _between(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise invalid(f"{name}: expected a whole number from 1 to {most}")
    return value


def _read_checkpoint(text: Any) -> tuple[UUID, int]:
    found = _CHECKPOINT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid("resume_from: expected the text of a checkpoint, as `checkpoint` gives it")
    return UUID(found[1]), int(found[2])
