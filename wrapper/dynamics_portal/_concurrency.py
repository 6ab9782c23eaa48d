"""Waiting, asking and locking, twice: for tasks (`async_…`) and for threads (`sync_…`), each pair with one meaning.

The synchronous shell is derived from the asynchronous one by exchanging these names, so each pair takes the same
arguments. Tasks go through anyio where it is there, so that they may be asyncio's or trio's; asyncio serves where it
is not, which is in a browser or an edge function. Where there are no threads, what would run in one runs at once.
"""

from __future__ import annotations

import contextvars
import inspect
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final, TypeVar, cast

from .credentials import CredentialError

T = TypeVar("T")

HAS_THREADS: Final = sys.platform not in ("emscripten", "wasi")
"""Whether threads can be started here. WebAssembly has none."""


class LimitReachedError(Exception):
    """What was waited for took longer than it was given."""


def tasks_library() -> Any:
    """anyio, where it is there."""
    try:
        import anyio  # threads do without it
    except ImportError:
        return None
    return anyio


async def async_within(seconds: float, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """What a coroutine function gives; it is cancelled after some seconds. Raises `LimitReachedError` then."""
    anyio = tasks_library()
    if anyio is None:
        import asyncio  # only where anyio is not

        scope = asyncio.timeout(max(seconds, 0.0))
        try:
            async with scope:
                return await function(*arguments)
        except TimeoutError:
            if not scope.expired():
                raise
    else:
        with anyio.move_on_after(max(seconds, 0.0)):
            return await function(*arguments)
    raise LimitReachedError


def sync_within(seconds: float, function: Callable[..., T], *arguments: Any) -> T:
    """What a function gives, run in a thread that is waited for no longer than some seconds.

    Raises `LimitReachedError` then. A thread cannot be ended from outside: it goes on until its function returns, which
    closes what it has opened, and what comes of it is dropped. It does not keep the process alive.
    """
    if not HAS_THREADS:
        return function(*arguments)
    kept: list[tuple[Any, BaseException | None]] = []

    def work() -> None:
        try:
            kept.append((function(*arguments), None))
        except BaseException as error:  # raised again in the thread that waits, whatever it is
            kept.append((None, error))

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name="dynamics-portal", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no more threads can be had
        return function(*arguments)
    thread.join(max(seconds, 0.0))
    if not kept:
        raise LimitReachedError
    value, error = kept.pop()
    if error is None:
        return cast("T", value)
    try:
        raise error
    finally:
        del error  # else the exception and this frame would hold each other


async_cut_off = async_within


def sync_cut_off(seconds: float, function: Callable[..., T], *arguments: Any) -> T:
    """What a function gives. A thread is not cut off: the timeouts of its request and the clock have to end it."""
    return function(*arguments)


async def async_ask(function: Callable[..., T | Awaitable[T]], *arguments: Any) -> T:
    """What somebody else's function gives: awaited where it is asynchronous.

    One that is not runs in a thread of its own, since it may take its time and other tasks must not wait for it.
    """
    value: T | Awaitable[T]
    if inspect.iscoroutinefunction(function) or not HAS_THREADS:
        value = function(*arguments)
    else:
        value = await _in_thread(function, *arguments)
    return await value if inspect.isawaitable(value) else value


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    anyio = tasks_library()
    if anyio is None:
        import asyncio  # only where anyio is not

        return await asyncio.to_thread(function, *arguments)
    return cast("T", await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True))


def sync_ask(function: Callable[..., T | Awaitable[T]], *arguments: Any) -> T:
    """What somebody else's function gives. Raises `CredentialError` where it would have to be awaited."""
    value = function(*arguments)
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise CredentialError("asynchronous credentials need an asynchronous client")
    return value


def async_lock() -> AbstractAsyncContextManager[Any]:
    """A lock that one task at a time holds."""
    anyio = tasks_library()
    if anyio is None:
        import asyncio  # only where anyio is not

        return asyncio.Lock()
    return cast("AbstractAsyncContextManager[Any]", anyio.Lock())


def sync_lock() -> AbstractContextManager[Any]:
    """A lock that one thread at a time holds."""
    return threading.Lock()


async def async_sleep(seconds: float) -> None:
    """Let other tasks run for some seconds."""
    anyio = tasks_library()
    if anyio is None:
        import asyncio  # only where anyio is not

        await asyncio.sleep(seconds)
    else:
        await anyio.sleep(seconds)


sync_sleep = time.sleep
