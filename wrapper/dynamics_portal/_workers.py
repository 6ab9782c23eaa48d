"""Many requests at once, twice: by tasks (`Async…`) and by threads (`Sync…`), each pair with one meaning, as in
`_concurrency`. What comes of them, and the rows themselves, are taken by whoever takes the results, in one thread."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

from ._concurrency import HAS_THREADS, tasks_library
from .errors import invalid

J = TypeVar("J")


class AsyncLanes(Generic[J]):
    """Jobs that run beside the one who began them, as tasks. None of them raises: what a function raises is told with
    its job."""

    def __init__(self) -> None:
        self._running: dict[int, tuple[J, Callable[[], object]]] = {}
        self._done: list[tuple[J, Exception | None]] = []
        self._news: Any = None
        self._number = 0

    def begin(self, function: Callable[[J], Awaitable[None]], job: J, *, alone: bool = False) -> None:
        """Call a function for a job. `alone`: there is never another one beside it."""
        self._number += 1
        cancel = _in_task(self._run, self._number, function, job)
        self._running[self._number] = (job, cancel)

    async def _run(self, number: int, function: Callable[[J], Awaitable[None]], job: J) -> None:
        error = None
        try:
            await function(job)
        except Exception as raised:  # raised again by who takes the job
            error = raised
        if self._running.pop(number, None) is not None:
            self._done.append((job, error))
            if self._news is not None:
                self._news.set()

    async def ended(self) -> list[tuple[J, Exception | None]]:
        """The jobs that have ended, and what they raised; waits until there is one."""
        if not self._done:
            self._news = _event()
            await self._news.wait()
        done, self._done = self._done, []
        return done

    def cut_off(self) -> list[J]:
        """End what runs. Gives the jobs."""
        running, self._running = self._running, {}
        for _, cancel in running.values():
            cancel()
        return [job for job, _ in running.values()]


class SyncLanes(Generic[J]):
    """Jobs that run beside the one who began them, in threads which do not keep the process alive. None of them raises:
    what a function raises is told with its job."""

    def __init__(self) -> None:
        self._done: SimpleQueue[tuple[J, Exception | None]] = SimpleQueue()

    def begin(self, function: Callable[[J], None], job: J, *, alone: bool = False) -> None:
        """Call a function for a job. `alone`: there is never another one beside it, so that no thread is needed."""
        if alone or not HAS_THREADS:
            self._run(function, job)
            return
        context = contextvars.copy_context()
        work = threading.Thread(
            target=context.run, args=(self._run, function, job), name="dynamics-portal", daemon=True
        )
        try:
            work.start()
        except RuntimeError:  # no more threads can be had
            self._run(function, job)

    def _run(self, function: Callable[[J], None], job: J) -> None:
        try:
            function(job)
        except Exception as error:  # raised again by who takes the job
            self._done.put((job, error))
        else:
            self._done.put((job, None))

    def ended(self) -> list[tuple[J, Exception | None]]:
        """The jobs that have ended, and what they raised; waits until there is one."""
        done = [self._done.get()]
        while not self._done.empty():
            done.append(self._done.get())
        return done

    def cut_off(self) -> list[J]:
        """Nothing: threads cannot be ended from outside."""
        return []


def _event() -> Any:
    anyio = tasks_library()
    if anyio is None:
        import asyncio  # only where anyio is not

        return asyncio.Event()
    return anyio.Event()


def _in_task(function: Callable[..., Awaitable[None]], *arguments: Any) -> Callable[[], object]:
    """Run a coroutine function in a task that nobody waits for. Gives what ends it."""
    import asyncio  # only where there are tasks

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # it is trio's
        return _in_trio(function, *arguments)
    return loop.create_task(cast("Coroutine[Any, Any, None]", function(*arguments))).cancel


def _in_trio(function: Callable[..., Awaitable[None]], *arguments: Any) -> Callable[[], object]:
    import trio  # type: ignore[import-not-found] # it is running

    scope = trio.CancelScope()

    async def run() -> None:
        with scope:
            await function(*arguments)

    trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
    return cast("Callable[[], object]", scope.cancel)


def async_rows(rows: Any) -> Any:
    """The iterator over rows, asynchronous or not. Raises an invalid request for what gives none."""
    return rows.__aiter__() if isinstance(rows, AsyncIterable) else sync_rows(rows)


def sync_rows(rows: Any) -> Iterator[Any]:
    """The iterator over rows. Raises an invalid request for what gives none."""
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise invalid(f"rows: expected an iterable of rows, got {type(rows).__name__}")
    return iter(rows)


async def async_next(rows: Any, end: Any) -> Any:
    """The next row; `end` where there is none."""
    if isinstance(rows, AsyncIterator):
        try:
            return await anext(rows)
        except StopAsyncIteration:
            return end
    return next(cast("Iterator[Any]", rows), end)


def sync_next(rows: Iterator[Any], end: Any) -> Any:
    """The next row; `end` where there is none."""
    return next(rows, end)
