"""The network, twice: how connections are opened and counted, for tasks (`async_…`) and for threads (`sync_…`).

Sockets and TLS are httpcore2's network backends; for tasks of asyncio there is one of our own (`_asyncio_network`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore2


def sync_network() -> httpcore2.NetworkBackend:
    """What opens connections for threads."""
    return httpcore2.SyncBackend()


def async_network() -> httpcore2.AsyncNetworkBackend:
    """What opens connections for tasks, whichever library's they are."""
    return _AnyTasks()


class _AnyTasks(httpcore2.AsyncNetworkBackend):
    """Finds out with each connection whose tasks are running."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return await httpcore2.TrioBackend().connect_tcp(host, port, timeout, local_address, socket_options)
        from ._asyncio_network import AsyncioNetwork

        return await AsyncioNetwork().connect_tcp(host, port, timeout, local_address, socket_options)


class AsyncSlots:
    """So many tasks at a time."""

    __slots__ = ("_semaphore",)

    def __init__(self, count: int) -> None:
        self._semaphore = anyio.Semaphore(count, fast_acquire=True)

    async def take(self, seconds: float | None) -> None:
        """Wait for a slot, no longer than some seconds. Raises `httpcore2.PoolTimeout` then."""
        try:
            self._semaphore.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(seconds) as scope:
                await self._semaphore.acquire()
            if scope.cancelled_caught:
                raise httpcore2.PoolTimeout from None

    def give(self) -> None:
        """Give a slot back."""
        self._semaphore.release()


class SyncSlots:
    """So many threads at a time."""

    __slots__ = ("_semaphore",)

    def __init__(self, count: int) -> None:
        self._semaphore = threading.Semaphore(count)

    def take(self, seconds: float | None) -> None:
        """Wait for a slot, no longer than some seconds. Raises `httpcore2.PoolTimeout` then."""
        if not self._semaphore.acquire(timeout=seconds):
            raise httpcore2.PoolTimeout

    def give(self) -> None:
        """Give a slot back."""
        self._semaphore.release()
