"""Arrow: the verbs of a table that read it into record batches and write them, and the iterator over batches."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .._frames import empty_frames, reticent_class
from .._seam import Filters, Orders, Queried, Selects, Written
from .._workers import async_each
from .many import AsyncMany

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped] # it has no type hints

    from .._arrow_pages import BatchPages
    from .._arrow_reading import BatchWork
    from .._arrow_stream import AsyncBatchStream
    from .._bulk import Progress, Verb
    from .._call import Call
    from .bulk import AsyncBulk
    from .caller import AsyncCaller

C = TypeVar("C")
K = TypeVar("K")
T = TypeVar("T")
W = TypeVar("W")
R_co = TypeVar("R_co", covariant=True)


@reticent_class
class AsyncArrow(AsyncMany[R_co]):
    """The part of a table that speaks Arrow. Clients make tables: see `AsyncTable`."""

    __slots__ = ()

    def read_arrow(
        self: AsyncArrow[Queried[C, T]],
        *,
        filter: str | Filters[T] | None = None,
        select: Sequence[C | Selects[T]] | None = None,
        order_by: str | Orders[T] | Sequence[str | Orders[T]] | None = None,
        top: int | None = None,
        page_size: int | None = None,
        labels: bool = False,
        ranges: int | Sequence[str | Filters[T]] | None = None,
    ) -> AsyncBatchStream:
        """Rows as Arrow record batches, one a page, read as they are taken: for pandas, Polars, DuckDB, files.

        `labels`: choices as text, by their labels, in place of numbers. `ranges`: how many parts of the table to read
        at a time, by `createdon`, or the conditions of the parts, as `ranges` gives them; rows then come in no order.
        The rest is as for `list`. Types are kept: `arrow_schema` says which, the metadata of a field says of what.
        Needs the extra `arrow`; raises `ImportError` without it.
        Source: as for `list`; Apache Arrow, "The Arrow C data interface".
        """
        from .._arrow_stream import arrow_module, async_stream  # what few services need

        work = arrow_module("_arrow_reading").BatchWork(
            self._requests,
            ranges=ranges,
            labels=labels,
            select=select,
            filter=filter,
            order_by=order_by,
            top=top,
            page_size=page_size,
        )
        return cast("AsyncBatchStream", async_stream(AsyncRecordBatches(work, self._caller)))

    def write_arrow(
        self: AsyncArrow[Written[W, C, T, K]],
        data: Any,
        verb: Verb = "create",
        *,
        key: C | Sequence[C] | None = None,
        skip_nulls: bool = False,
        chunk_size: int | None = None,
        concurrency: int | None = None,
        on_progress: Progress | None = None,
        resume_from: str | None = None,
    ) -> AsyncBulk[K]:
        """Rows of Arrow's, created, updated or upserted: a table, record batches, or what gives a stream of them, as
        data frames do. Each row has a result, by its place in the data, as for `create_many`.

        Columns are named as the service names them, lookups as `<navigation property>@odata.bind`, with the text of a
        reference (`contacts(…)`). Names and types are checked now, values row by row. `verb`: `update` and `upsert`
        find rows by their key, or by the columns of an alternate `key`. `skip_nulls`: leave alone what is null; by
        default it is emptied. A choice may be its label in the base language. The rest is as for `create_many`.
        Raises `InvalidRequestError` for a schema that does not fit, `ImportError` without the extra `arrow`.
        """
        from .._arrow_stream import arrow_module  # what few services need

        rows = arrow_module("_arrow_rows").rows_of(self._requests.model, data, verb, key, skip_nulls=skip_nulls)
        many: Any = {"create": self.create_many, "update": self.update_many, "upsert": self.upsert_many}[verb]
        options = {"chunk_size": chunk_size, "concurrency": concurrency, "resume_from": resume_from}
        given = {name: value for name, value in options.items() if value is not None}
        bulk: AsyncBulk[K] = many(rows, on_progress=on_progress, **given)
        return bulk

    async def ranges(
        self: AsyncArrow[Queried[C, T]],
        parts: int,
        *,
        by: C | Selects[T] | None = None,
        filter: str | Filters[T] | None = None,
    ) -> builtins.list[str | Filters[T]]:
        """Conditions that divide the table: each row meets exactly one, so that its parts can be read apart.

        `parts`: how many; fewer where the column has fewer values. `by`: a column of numbers, dates or moments, by
        default `createdon`. Two small requests ask for its lowest and highest value, between which borders are set
        evenly; rows without a value go with the first part. A row whose value changes while parts are read may come
        twice or not at all. `filter`: what all of the rows meet; it becomes a part of each condition.
        Source: Dataverse Web API, "Filter rows using OData".
        """
        from .._ranges import RangeFinder  # what few services need

        finder = RangeFinder(self._requests, parts, by, filter)
        while (call := finder.next_call()) is not None:
            finder.feed(await self._caller.call(call), call)
        return finder.conditions()


@reticent_class
class AsyncRecordBatches(AsyncIterator["pyarrow.RecordBatch"]):
    """The record batches of a query: `async for batch in portal.contacts.read_arrow(): …`.

    Where a page cannot be had, the exception is raised at that point; taking the next batch tries that page again.
    """

    __slots__ = ("_caller", "_work")

    def __init__(self, work: BatchWork, caller: AsyncCaller) -> None:
        self._work = work
        self._caller = caller

    @property
    def schema(self) -> pyarrow.Schema:
        """The schema of the batches."""
        return self._work.schema

    def __aiter__(self) -> AsyncRecordBatches:
        return self

    async def __anext__(self) -> pyarrow.RecordBatch:
        try:
            while (batch := self._work.take()) is None:
                if not await self._round():
                    raise StopAsyncIteration
        except BaseException as error:
            empty_frames(error)
            raise
        return batch

    async def _round(self) -> bool:
        """Read a page of each part. False where there is none."""
        while (finder := self._work.finder) is not None:
            call = finder.next_call()
            if call is None:
                self._work.divide()
            else:
                finder.feed(await self._caller.call(call), call)
        jobs = self._work.jobs()
        if jobs:
            await async_each(len(jobs), self._read, jobs)
        return bool(jobs)

    async def _read(self, job: tuple[BatchPages, Call]) -> None:
        part, call = job
        part.feed(await self._caller.call(call), call)
