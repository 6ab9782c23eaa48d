# Derived from ../_async/bulk.py by tools/derive_sync.py; change that file, not this one.
"""Bulk: the iterator that writes many rows as their results are taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from .._bulk import BulkCheckpoint, BulkWork, Progress, RowResult
from .._bulk_chunk import ChunkRun
from .._frames import empty_frames, reticent_class
from .._workers import sync_each, sync_next, sync_rows
from .batch import drive
from .caller import Caller

K_co = TypeVar("K_co", covariant=True)
_END = object()


@reticent_class
class Bulk(Iterator[RowResult[K_co]], Generic[K_co]):
    """The results of many rows, in their order: `async for result in portal.contacts.create_many(rows): …`.

    Rows are taken and written, in rounds, as results are taken: nothing happens before the first one is, and whoever
    ends early leaves the rest unwritten. What the rows' own iterable raises is raised here; nothing of that round has
    been sent then.
    """

    def __init__(self, work: BulkWork, rows: Any, caller: Caller, on_progress: Progress | None) -> None:
        self._work = work
        self._rows = sync_rows(rows)
        self._caller = caller
        self._on_progress = on_progress
        self._skip = work.skip
        self._ended = False

    @property
    def checkpoint(self) -> BulkCheckpoint:
        """How far it has come: after the results that were taken. It is text to store, for `resume_from`."""
        return self._work.checkpoint

    def __iter__(self) -> Bulk[K_co]:
        return self

    def __next__(self) -> RowResult[K_co]:
        try:
            while (result := self._work.take()) is None:
                if not self._round():
                    raise StopIteration
        except BaseException as error:
            empty_frames(error)
            raise
        return result

    def run(self) -> list[RowResult[K_co]]:
        """Write all rows. Gives the results of those that failed."""
        return [result for result in self if not result.ok]

    def _round(self) -> bool:
        """Take rows and write them. False where there are none."""
        while self._work.wants and not self._ended:
            row = sync_next(self._rows, _END)
            if row is _END:
                self._ended = True
            elif self._skip:
                self._skip -= 1
            else:
                self._work.add(row)
        if not self._work.has_rows:
            return False
        sync_each(self._work.concurrency, self._write, self._work.chunks())
        self._work.settle()
        if self._on_progress is not None:
            self._on_progress(self._work.progress)
        return True

    def _write(self, chunk: ChunkRun) -> None:
        if self._caller.sends:
            drive(chunk, self._caller)
            return
        for step in chunk.steps:
            step.pending.settle(step.read(self._caller.call(step.call)))
