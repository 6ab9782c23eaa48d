"""Arrow: the verbs of a table that read it into record batches and write them, and the iterator over batches."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from .._arrow_stream import ChangedBatch
from .._frames import empty_frames, reticent_class
from .._seam import Filters, Orders, Queried, Selects, Written
from ..errors import DynamicsPortalClientException
from .many import AsyncMany

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped] # it has no type hints

    from .._arrow_changes import ChangeWork
    from .._arrow_reading import BatchWork, PageRun
    from .._arrow_stream import AsyncBatchStream
    from .._bulk import Progress
    from .._changes import ChangeToken
    from .._range_finder import RangeFinder
    from .bulk import AsyncBulk
    from .caller import AsyncCaller
    from .crew import AsyncCrew

B = TypeVar("B")
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
        Related rows are not read along.

        `labels`: choices as text, by their labels, in place of numbers. `ranges`: how many parts of the table to read
        at a time, by `createdon`, or the conditions of the parts, as `ranges` gives them; rows then come in no order.
        The rest is as for `list`. Types are kept: `arrow_schema` says which, the metadata of a field says of what.
        Needs the extra `arrow`; raises `ImportError` without it.
        Source: as for `list`; Apache Arrow, "The Arrow C data interface".
        """
        from .._arrow_stream import arrow_module, async_stream  # what few services need

        work = arrow_module("_arrow_reading").TableWork(
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
        verb: Literal["create", "update", "upsert"] = "create",
        *,
        key: C | Sequence[C] | None = None,
        skip_nulls: bool = False,
        chunk_size: int | None = None,
        concurrency: int | None = None,
        through: Sequence[AsyncMany[Any]] = (),
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
        return self._many(verb, rows, chunk_size, concurrency, through, on_progress, resume_from)

    def changes_arrow(
        self: AsyncArrow[Queried[C, T]],
        since: str | None = None,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        page_size: int | None = None,
        labels: bool = False,
    ) -> AsyncBatchChanges:
        """What is new, changed or gone, as by `changes`, in Arrow: of each page a record batch and an array of ids.

        `since`: the `token` of the last time, of this verb or of `changes`; by default all rows come, as changed ones.
        `labels`: as for `read_arrow`; the rest is as for `changes`. Raises `ImportError` without the extra `arrow`.
        Source: Dataverse, "Use change tracking to synchronize data with external systems".
        """
        from .._arrow_stream import arrow_module  # what few services need

        work = arrow_module("_arrow_changes").ChangeWork(self._requests, since, select, page_size, labels=labels)
        return AsyncBatchChanges(work, self._caller)

    async def ranges(
        self: AsyncArrow[Queried[C, T]],
        parts: int,
        *,
        by: C | Selects[T] | None = None,
        filter: str | Filters[T] | None = None,
        even: bool = False,
    ) -> builtins.list[str | Filters[T]]:
        """Conditions that divide the table: each row meets exactly one, so that its parts can be read apart.

        `parts`: how many; fewer where the column has fewer values. `by`: a column of numbers, dates or moments, by
        default `createdon`. Two small requests ask for its lowest and highest value, between which borders are set
        evenly; rows without a value go with the first part. A row whose value changes while parts are read may come
        twice or not at all. `filter`: what all of the rows meet; it becomes a part of each condition. `even`: count the
        rows between borders, too, and set them so that the parts have about as many: some requests more for each part.
        Source: Dataverse Web API, "Filter rows using OData", "Aggregate data using OData".
        """
        from .._range_finder import RangeFinder  # what few services need

        finder = RangeFinder(self._requests, parts, by, filter, even=even)
        await find_ranges(finder, self._caller)
        return finder.conditions()


@reticent_class
class AsyncBatches(AsyncIterator[B], Generic[B]):
    """What the pages of a query come to, read as they are taken.

    Where a page cannot be had, the exception is raised at that point; taking the next batch asks for it again.
    """

    __slots__ = ("_caller", "_crew", "_work")

    def __init__(self, work: BatchWork, caller: AsyncCaller) -> None:
        self._work = work
        self._caller = caller
        self._crew: AsyncCrew[PageRun] | None = None

    @property
    def schema(self) -> pyarrow.Schema:
        """The schema of the record batches."""
        return self._work.schema

    def __aiter__(self) -> AsyncBatches[B]:
        return self

    async def __anext__(self) -> B:
        try:
            while (batch := self._work.take()) is None:
                if not await self._go_on():
                    raise StopAsyncIteration
        except BaseException as error:
            if self._crew is not None and not isinstance(error, Exception):
                self._crew.cut_off()  # cancelled: what is on its way is not waited for by anybody
            empty_frames(error)
            raise
        return cast("B", batch)

    async def aclose(self) -> None:
        """End early: what is on its way is cut off."""
        if self._crew is not None:
            self._crew.cut_off()

    async def _go_on(self) -> bool:
        """Have the next page, or pages of several parts. False where there is none."""
        await self._find()
        if self._work.is_whole or not self._caller.sends:
            run = self._work.next_run()
            if run is not None:
                await self._read(run)
            return run is not None
        if self._crew is None:
            from .crew import AsyncCrew  # what few services need

            self._crew = AsyncCrew([self._caller], concurrency=None)
        while self._crew.has_room() and (run := self._work.next_run()) is not None:
            self._crew.begin(run)
        errands = await self._crew.ended()
        self._work.returned([errand.run for errand in errands])
        return bool(errands) or not self._crew.is_idle

    async def _find(self) -> None:
        """Ask for what divides the table, where it is to be divided."""
        if self._work.finder is not None:
            await find_ranges(self._work.finder, self._caller)
            self._work.divide()

    async def _read(self, run: PageRun) -> None:
        while (call := run.next_call()) is not None:
            try:
                answer = await self._caller.call(call)
            except DynamicsPortalClientException as error:
                run.fail(error)
            else:
                run.feed(answer, call)
        self._work.returned([run])


@reticent_class
class AsyncRecordBatches(AsyncBatches["pyarrow.RecordBatch"]):
    """The record batches of a query: `async for batch in portal.contacts.read_arrow(): …`.

    Pages are asked for as batches are taken. Where one cannot be had, the exception is raised at that point; taking the
    next batch asks for it again.
    """

    __slots__ = ()


@reticent_class
class AsyncBatchChanges(AsyncBatches[ChangedBatch]):
    """Changes of a table, page by page: `async for page in portal.contacts.changes_arrow(since=token): …`.

    Each has the rows that are new or were changed as a record batch, `changed`, and the ids of those that are gone,
    `removed`. A page that cannot be had is asked for again when the next one is taken.
    """

    __slots__ = ()

    @property
    def token(self) -> ChangeToken:
        """From where to ask the next time, as text to store. It holds no personal data.

        Raises `InvalidRequestError` before the last page was taken.
        """
        return cast("ChangeWork", self._work).token


async def find_ranges(finder: RangeFinder, caller: AsyncCaller) -> None:
    """Ask what a finder wants to know."""
    while (call := finder.next_call()) is not None:
        try:
            answer = await caller.call(call)
        except DynamicsPortalClientException as error:
            finder.fail(error)
        else:
            finder.feed(answer, call)
