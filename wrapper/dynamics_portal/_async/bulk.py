"""Bulk: the iterator that writes many rows as their results are taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from .._bulk import BulkCheckpoint, BulkWork, Progress, RowResult
from .._bulk_chunk import ChunkRun
from .._frames import empty_frames, reticent_class
from .._workers import async_each, async_next, async_rows
from .batch import drive
from .caller import AsyncCaller

K_co = TypeVar("K_co", covariant=True)
_END = object()


@reticent_class
class AsyncBulk(AsyncIterator[RowResult[K_co]], Generic[K_co]):
    """The results of many rows, in their order: `async for result in portal.contacts.create_many(rows): …`.

    Rows are taken and written, in rounds, as results are taken: nothing happens before the first one is, and whoever
    ends early leaves the rest unwritten. What the rows' own iterable raises is raised here; nothing of that round has
    been sent then.
    """

    def __init__(self, work: BulkWork, rows: Any, caller: AsyncCaller, on_progress: Progress | None) -> None:
        self._work = work
        self._rows = async_rows(rows)
        self._caller = caller
        self._on_progress = on_progress
        self._skip = work.skip
        self._ended = False

    @property
    def checkpoint(self) -> BulkCheckpoint:
        """How far it has come: after the results that were taken. It is text to store, for `resume_from`."""
        return self._work.checkpoint

    def __aiter__(self) -> AsyncBulk[K_co]:
        return self

    async def __anext__(self) -> RowResult[K_co]:
        try:
            while (result := self._work.take()) is None:
                if not await self._round():
                    raise StopAsyncIteration
        except BaseException as error:
            empty_frames(error)
            raise
        return result

    async def run(self) -> list[RowResult[K_co]]:
        """Write all rows. Gives the results of those that failed."""
        return [result async for result in self if not result.ok]

    async def _round(self) -> bool:
        """Take rows and write them. False where there are none."""
        while self._work.wants and not self._ended:
            row = await async_next(self._rows, _END)
            if row is _END:
                self._ended = True
            elif self._skip:
                self._skip -= 1
            else:
                self._work.add(row)
        if not self._work.has_rows:
            return False
        await async_each(self._work.concurrency, self._write, self._work.chunks())
        self._work.settle()
        if self._on_progress is not None:
            self._on_progress(self._work.progress)
        return True

    async def _write(self, chunk: ChunkRun) -> None:
        if self._caller.sends:
            await drive(chunk, self._caller)
            return
        for step in chunk.steps:
            step.pending.settle(step.read(await self._caller.call(step.call)))
