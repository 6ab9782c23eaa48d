"""Waiting and locking, twice: for tasks (`async_…`) and for threads (`sync_…`), each pair with one meaning.

The synchronous shell is derived from the asynchronous one by exchanging these names, so each pair takes the same
arguments. Tasks go through anyio where it is there, so that they may be asyncio's or trio's; asyncio serves where it
is not, which is in a browser or an edge function.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

T = TypeVar("T")


def _anyio() -> Any:
    try:
        import anyio  # threads do without it
    except ImportError:
        return None
    return anyio


class async_limit:  # stands beside functions, and is used like one
    """A block of a task that is cut off after some seconds with `TimeoutError`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 0.0)
        self._scope: Any = None

    async def __aenter__(self) -> None:
        anyio = _anyio()
        if anyio is None:
            import asyncio  # only where anyio is not

            self._scope = asyncio.timeout(self._seconds)
            await self._scope.__aenter__()
        else:
            self._scope = anyio.fail_after(self._seconds)
            self._scope.__enter__()

    async def __aexit__(self, *exception: Any) -> bool | None:
        if hasattr(self._scope, "__aexit__"):
            return cast("bool | None", await self._scope.__aexit__(*exception))
        return cast("bool | None", self._scope.__exit__(*exception))


def sync_limit(seconds: float) -> AbstractContextManager[None]:
    """A block of a thread. A thread is not cut off from outside: the request's own timeouts and the clock do it."""
    return nullcontext()


def async_lock() -> AbstractAsyncContextManager[Any]:
    """A lock that one task at a time holds."""
    anyio = _anyio()
    if anyio is None:
        import asyncio  # only where anyio is not

        return asyncio.Lock()
    return cast("AbstractAsyncContextManager[Any]", anyio.Lock())


def sync_lock() -> AbstractContextManager[Any]:
    """A lock that one thread at a time holds."""
    return threading.Lock()


async def async_sleep(seconds: float) -> None:
    """Let other tasks run for some seconds."""
    anyio = _anyio()
    if anyio is None:
        import asyncio  # only where anyio is not

        await asyncio.sleep(seconds)
    else:
        await anyio.sleep(seconds)


sync_sleep = time.sleep


async def async_resolve(value: T | Awaitable[T]) -> T:
    """The value, or what it gives when it is awaited."""
    return await value if inspect.isawaitable(value) else value


def sync_resolve(value: T | Awaitable[T]) -> T:
    """The value. Raises `TypeError` where it would have to be awaited."""
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise TypeError("an asynchronous credential provider needs AsyncDynamicsPortalClient")
    return value
