"""Batches: several operations in one request, sent when their block ends."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .._batch import BatchRun, Group, Run
from .._batch_verbs import BatchBase, BatchTable, DynamicsChangeSet
from .._frames import reticent, reticent_class
from .._settings import Settings
from ..errors import DynamicsPortalClientException
from .caller import AsyncCaller

if TYPE_CHECKING:
    from .._seam import AsyncPortal as _Package
else:

    class _Package:  # the package's tables are found by name at run time
        pass


@reticent_class
class AsyncBatch(BatchBase):
    """Operations that go in one request. Clients make it: `async with portal.batch() as batch: …`.

    `batch.contacts`, or for any package `batch.table(Contact)`, has the verbs of a table that need one request, and
    `batch.execute(…)` takes operations; each gives a `Pending`, whose `.result()` is there when the block has ended.
    They run in order. Where one fails, those after it do not run, and leaving the block raises its exception; with
    `continue_on_error` all run, and nothing is raised but by `.result()`. A block that is left by an exception sends
    nothing.

    More than 1,000 operations, or 32 MiB, go in several requests, one after another; a request that fails as a whole
    ends the batch either way. A request is repeated where each of its operations may be repeated by itself.
    Source: Dataverse Web API, "Execute batch operations using the Web API".
    """

    _caller: AsyncCaller

    async def __aenter__(self) -> Self:
        return self._begin()

    @reticent
    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        failure = await self._send(self._end(error))
        if failure is not None:
            raise failure

    async def _send(self, groups: Sequence[Group]) -> DynamicsPortalClientException | None:
        """What leaving the block raises."""
        if not self._caller.sends:
            for step in (step for group in groups for step in group.steps):
                step.pending.settle(step.read(await self._caller.call(step.call)))
            return None
        failure = await run_batch(groups, self._recorder.settings, self._caller, self._continues)
        return None if self._continues else failure


async def run_batch(
    groups: Sequence[Group], settings: Settings, caller: AsyncCaller, continues: bool
) -> DynamicsPortalClientException | None:
    """Send operations and settle their results. Gives what failed first."""
    run = BatchRun(groups, settings, continue_on_error=continues)
    await drive(run, caller)
    return run.failure


async def drive(run: Run, caller: AsyncCaller) -> None:
    """Send what a state machine wants to be sent, until it wants nothing more."""
    deadline = caller.deadline()
    while (call := run.next_call()) is not None:
        try:
            answer = await caller.call(call, deadline)
        except DynamicsPortalClientException as error:
            run.fail(error)
        else:
            run.feed(answer, call)


@reticent_class
class AsyncDynamicsBatch(_Package, AsyncBatch):
    """A batch with HLF's tables, typed."""

    def change_set(self) -> DynamicsChangeSet:
        """Operations that happen as a whole or not at all, as for `AsyncBatch`."""
        return DynamicsChangeSet(self._recorder)


class AsyncAnyBatch(AsyncDynamicsBatch):
    """How a batch of a client with `api=` looks to the type checker: every name may be a table. Not a class to make."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> BatchTable[Any]: ...
