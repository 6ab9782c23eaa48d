"""Many rows: the verbs of a table that write any number of them, from any iterable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from .._frames import reticent_class
from .._requests import Key
from .._seam import Queried, Written
from ..errors import invalid
from .writes import AsyncWrites

if TYPE_CHECKING:
    from .._bulk import AsyncInput, Progress, Verb
    from .bulk import AsyncBulk
    from .caller import AsyncCaller

C = TypeVar("C")
K = TypeVar("K")
T = TypeVar("T")
W = TypeVar("W")
R_co = TypeVar("R_co", covariant=True)


@reticent_class
class AsyncMany(AsyncWrites[R_co]):
    """The part of a table that writes many rows. Clients make tables: see `AsyncTable`."""

    __slots__ = ()

    def create_many(
        self: AsyncMany[Written[W, C, T, K]],
        rows: AsyncInput[W | Written[W, C, T, K]],
        *,
        chunk_size: int | None = None,
        concurrency: int | None = None,
        through: Sequence[AsyncMany[Any]] = (),
        on_progress: Progress | None = None,
        resume_from: str | None = None,
    ) -> AsyncBulk[K]:
        """New rows, of any iterable and any number of them: `async for result in portal.contacts.create_many(rows): …`.

        Each row has a result of its own, in order: done, with its key, or failed, with what `create` would have raised.
        Rows are taken and sent as results are taken, some chunks ahead; `run()` writes all and gives those that failed.
        `chunk_size`: rows in a request, always so many, at most 1,000. Default: 100 to begin with where the table has a
        bulk message, else 10, and then so many that a request takes some seconds. `concurrency`: requests at a time,
        always so many, at most 52. Default: few to begin with, and then as many as the service takes.
        `through`: the same table of other clients, of the same organisation and other application users, whom the rows
        are spread over: the service's limits count for each user. In all else they go as through this client.
        `on_progress`: called with a `BulkProgress` some chunks at a time.
        `resume_from`: the `checkpoint` of a run that has ended early, of the same rows in the same order. No row is
        made twice; for that, the id of a row that has none is made of the run's id and the row's place. For a table
        whose key is no id there is no such way: a request is repeated only where it provably did not run.
        Source: Dataverse, "Use bulk operation messages", "Optimize performance for bulk operations", "Service
        protection API limits".
        """
        return self._many("create", rows, chunk_size, concurrency, through, on_progress, resume_from)

    def update_many(
        self: AsyncMany[Written[W, C, T, K]],
        rows: AsyncInput[W | Written[W, C, T, K] | tuple[Key, W | Written[W, C, T, K]]],
        *,
        chunk_size: int | None = None,
        concurrency: int | None = None,
        through: Sequence[AsyncMany[Any]] = (),
        on_progress: Progress | None = None,
        resume_from: str | None = None,
    ) -> AsyncBulk[K]:
        """Changes of rows that are there: rows that hold their key, or pairs of a key and what changes.

        A row is to occur once: what is sent at a time has no order. The rest is as for `create_many`.
        """
        return self._many("update", rows, chunk_size, concurrency, through, on_progress, resume_from)

    def upsert_many(
        self: AsyncMany[Written[W, C, T, K]],
        rows: AsyncInput[W | Written[W, C, T, K] | tuple[Key, W | Written[W, C, T, K]]],
        *,
        chunk_size: int | None = None,
        concurrency: int | None = None,
        through: Sequence[AsyncMany[Any]] = (),
        on_progress: Progress | None = None,
        resume_from: str | None = None,
    ) -> AsyncBulk[K]:
        """Changes of rows, and new rows where there are none: rows that hold their key, or pairs of a key and a row.

        Of a row that was found by an alternate key the result has that key. The rest is as for `update_many`.
        """
        return self._many("upsert", rows, chunk_size, concurrency, through, on_progress, resume_from)

    def delete_many(
        self,
        keys: AsyncInput[Key],
        *,
        chunk_size: int | None = None,
        concurrency: int | None = None,
        through: Sequence[AsyncMany[Any]] = (),
        on_progress: Progress | None = None,
        resume_from: str | None = None,
    ) -> AsyncBulk[Any]:
        """The end of rows, by their keys. The rest is as for `create_many`.

        Where an attempt before may have run, a row that is no longer there counts as deleted.
        """
        return self._many("delete", keys, chunk_size, concurrency, through, on_progress, resume_from)

    async def delete_where(
        self: AsyncMany[Queried[C, T]],
        *conditions: tuple[C, str, *tuple[Any, ...]],
        job_name: str,
        start: datetime | None = None,
    ) -> UUID:
        """Let the service delete whatever rows meet all conditions: `delete_where(("statecode", "Equal", 1), …)`.

        A condition is a column, an operator by its name in Microsoft's ConditionOperator (`Equal`, `LessThan`, `Null`),
        and its values. `start`: when, with a time zone; by default now. The result is the id of a job of the service's
        (`asyncoperations`), which runs for as long as it takes, and does not tell which rows are gone: `delete_many`
        does. A lost answer leaves open whether there is a job, and is not asked for again.
        Source: Dataverse, "Delete data in bulk"; Dataverse Web API, "BulkDelete Action".
        """
        from .._bulk_delete import bulk_delete, job_of  # what few services need

        call = bulk_delete(self._requests, conditions, job_name, start)
        return job_of(await self._caller.call(call), call)

    def _many(
        self,
        verb: Verb,
        rows: Any,
        chunk_size: int | None,
        concurrency: int | None,
        through: Sequence[AsyncMany[Any]],
        on_progress: Progress | None,
        resume_from: str | None,
    ) -> AsyncBulk[Any]:
        from .._bulk import BulkWork  # what few services need
        from .bulk import AsyncBulk

        caller = self._caller
        callers = self._others(through)
        work = BulkWork(
            self._requests,
            verb,
            caller.lacking,
            chunk_size=chunk_size,
            concurrency=concurrency,
            resume_from=resume_from,
        )
        return AsyncBulk(work, rows, [caller, *callers], on_progress)

    def _others(self, through: Sequence[AsyncMany[Any]]) -> list[AsyncCaller]:
        """Callers that are other application users, and this client in all else."""
        from .._errand import check_through  # what few services need

        callers = []
        for other in through:
            if not isinstance(other, AsyncMany):
                raise invalid(f"through: expected tables of other clients, got {type(other).__name__}")
            check_through(self._requests, other._requests, sends=other._caller.sends)
            sends = self._caller.sends
            callers.append(other._caller.with_settings(self._caller.terms.settings) if sends else other._caller)
        return callers
