"""Many rows at once, twice: by tasks (`async_…`) and by threads (`sync_…`), each pair with one meaning, as in
`_concurrency`. The rows themselves are taken one after another, by whoever takes the results."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from ._concurrency import HAS_THREADS, tasks_library
from .errors import invalid

J = TypeVar("J")


async def async_each(concurrency: int, function: Callable[[J], Awaitable[None]], jobs: Iterable[J]) -> None:
    """Call a function for each job, for so many at a time. What one of them raises is raised when all have ended."""
    waiting, failures = iter(jobs), list[Exception]()

    async def work() -> None:
        for job in waiting:
            try:
                await function(job)
            except Exception as error:  # raised below, when nothing of it is still running
                failures.append(error)
                return

    anyio = tasks_library()
    if anyio is None:
        import asyncio  # only where anyio is not

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    else:
        async with anyio.create_task_group() as tasks:
            for _ in range(concurrency):
                tasks.start_soon(work)
    if failures:
        raise failures[0]


def sync_each(concurrency: int, function: Callable[[J], None], jobs: Iterable[J]) -> None:
    """Call a function for each job, for so many at a time. What one of them raises is raised when all have ended."""
    todo = list(jobs)
    if not HAS_THREADS or concurrency == 1 or len(todo) < 2:  # then in this thread
        for job in todo:
            function(job)
        return
    context = contextvars.copy_context()
    with ThreadPoolExecutor(min(concurrency, len(todo)), thread_name_prefix="dynamics-portal") as pool:
        ends = [pool.submit(context.copy().run, function, job) for job in todo]
    for end in ends:
        end.result()


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
