# Derived from ../_async/bulk.py by tools/derive_sync.py; change that file, not this one.
"""Bulk: the iterator that writes many rows as their results are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from .._bulk import BulkCheckpoint, BulkWork, Chunk, Progress, RowResult
from .._bulk_chunk import ChunkRun
from .._frames import empty_frames, reticent_class
from .._workers import sync_next, sync_rows
from ..errors import RateLimitedError
from .caller import Caller
from .crew import Crew

K_co = TypeVar("K_co", covariant=True)
_END = object()


@reticent_class
class Bulk(Iterator[RowResult[K_co]], Generic[K_co]):
    """The results of many rows, in their order: `async for result in portal.contacts.create_many(rows): …`.

    Rows are taken and written as results are taken: nothing happens before the first one is, nothing more is begun
    while none is, and whoever ends early leaves the rest unwritten, but for what is on its way, which `aclose()` ends.
    What the rows' own iterable raises is raised here in its place, after the results of the rows before it.

    A request that the service throttles is sent again when it may be; its rows have not failed. `RateLimitedError` is
    raised here where nothing has got through for three times `max_retry_after` of the client's `RetryPolicy`, which are
    15 minutes by default. Taking the next result goes on, and so does another process from the `checkpoint`.
    """

    def __init__(self, work: BulkWork, rows: Any, callers: Sequence[Caller], on_progress: Progress | None) -> None:
        self._work = work
        self._rows = sync_rows(rows)
        self._callers = callers
        self._crew: Crew[ChunkRun] | None = None
        self._on_progress = on_progress
        self._skip = work.skip
        self._ended = False
        self._problem: Exception | None = None
        self._broken: Exception | None = None

    @property
    def checkpoint(self) -> BulkCheckpoint:
        """How far it has come: after the results that were taken. It is text to store, for `resume_from`."""
        return self._work.checkpoint

    def __iter__(self) -> Bulk[K_co]:
        return self

    def __next__(self) -> RowResult[K_co]:
        try:
            while (result := self._work.take()) is None:
                if not self._go_on():
                    raise StopIteration
        except BaseException as error:
            if self._crew is not None and not isinstance(error, Exception):
                self._crew.cut_off()  # cancelled: what is on its way is not waited for by anybody
            empty_frames(error)
            raise
        return result

    def run(self) -> list[RowResult[K_co]]:
        """Write all rows. Gives the results of those that failed."""
        return [result for result in self if not result.ok]

    def close(self) -> None:
        """End early: what is on its way is cut off; its rows may have been written."""
        if self._crew is not None:
            self._crew.cut_off()

    def _go_on(self) -> bool:
        """Send as much as may be sent, and wait until a chunk is done with. False where there is none."""
        if self._broken is not None:
            raise self._broken  # what is left to send is not known any more
        try:
            done = self._send() if self._callers[0].sends else self._record()
        except RateLimitedError:
            raise
        except Exception as error:
            self._broken = error
            raise
        if done or self._work.has_results:
            return True
        if self._problem is not None:
            problem, self._problem, self._ended = self._problem, None, False
            raise problem
        return False

    def _send(self) -> bool:
        crew, work = self._crew or Crew(self._callers, concurrency=self._work.concurrency), self._work
        self._crew = crew
        while crew.has_room() and not self._ended and work.wants(crew.paces):
            chunk = self._chunk()
            if chunk.run is not None:
                crew.begin(chunk.run, len(chunk.entries))
        errands = crew.ended()
        for errand in errands:
            work.returned(errand)
        if self._on_progress is not None and errands:
            self._on_progress(work.progress(crew.paces))
        return not (crew.is_idle and self._ended)

    def _record(self) -> bool:
        """Let the rows of a chunk be recorded, where nothing is sent."""
        chunk = self._chunk()
        run = chunk.run
        if run is not None:
            for step in run.steps:
                step.pending.settle(step.read(self._callers[0].call(step.call)))
            self._work.settle(run)
            if self._on_progress is not None:
                self._on_progress(self._work.progress(()))
        return bool(chunk.entries)

    def _chunk(self) -> Chunk:
        """Take the rows of a chunk."""
        try:
            while self._skip and sync_next(self._rows, _END) is not _END:
                self._skip -= 1
            for _ in range(self._work.room):
                if (row := sync_next(self._rows, _END)) is _END:
                    self._ended = True
                    break
                self._work.add(row)
        except Exception as problem:  # raised in its place
            self._problem, self._ended = problem, True
        return self._work.chunk()
