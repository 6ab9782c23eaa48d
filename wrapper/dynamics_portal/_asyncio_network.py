"""Connections for tasks of asyncio: TCP and TLS as the event loop itself does them, through a protocol.

httpcore2's own way goes through anyio's streams, whose TLS costs a request more than all the rest of it does.

Source: Python, "Transports and Protocols" (flow control, `loop.start_tls`).
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections import deque
from collections.abc import Iterable
from typing import Any, ClassVar, Final, cast

import httpcore2

HIGH_WATER: Final = 1 << 20  # bytes that came and were not read at which the sender is made to wait
_NEXT_ADDRESS: Final = 0.25  # seconds after which the next address of a host is tried as well. Source: RFC 8305


class AsyncioStream(asyncio.Protocol, httpcore2.AsyncNetworkStream):
    """One connection: what came is kept until it is read."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parts: deque[bytes] = deque()
        self._kept = 0
        self._over = False
        """Whether nothing comes any more."""
        self._lost = False
        """Whether it ended otherwise than by the server's own will."""
        self._full = False
        """Whether what is to be sent has to wait."""
        self._reader: asyncio.Future[bool] | None = None
        self._writer: asyncio.Future[bool] | None = None
        self._poll: Any = None

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._kept += len(data)
        if self._kept > HIGH_WATER:
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> None:
        self._over = True
        _wake(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._lost = self._lost or exc is not None
        self._full = False
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writer)

    # What the connection's user wants.

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What came; nothing where the server has ended the connection."""
        while not self._parts:
            if self._over:
                if self._lost:
                    raise httpcore2.ReadError
                return b""
            self._reader = self._loop.create_future()
            if not await self._woken(self._reader, timeout):
                raise httpcore2.ReadTimeout
        data = self._parts.popleft()
        if len(data) > max_bytes:
            self._parts.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        before, self._kept = self._kept, self._kept - len(data)
        if before > HIGH_WATER >= self._kept and not self._over:
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes; returns when little enough of them waits to be sent."""
        if not buffer:
            return
        if self._over or self._transport.is_closing():
            raise httpcore2.WriteError
        self._transport.write(buffer)
        while self._full:
            self._writer = self._loop.create_future()
            if not await self._woken(self._writer, timeout):
                raise httpcore2.WriteTimeout
            if self._over:
                raise httpcore2.WriteError

    async def _woken(self, waiting: asyncio.Future[bool], timeout: float | None) -> bool:
        """Wait for the event loop to tell something. False where nothing came in some seconds."""
        timer = None if timeout is None else self._loop.call_later(timeout, _expire, waiting)
        try:
            return await waiting
        finally:
            if timer is not None:
                timer.cancel()

    async def aclose(self) -> None:
        """End it at once; nothing is waited for."""
        if not self._loop.is_closed():  # after that, only the end of the object ends its socket
            self._transport.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection, encrypted. Raises `httpcore2.ConnectTimeout` or `httpcore2.ConnectError`."""
        try:
            async with asyncio.timeout(timeout):
                self._transport = await self._loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore2.ConnectTimeout from error
        except BaseException as error:
            self._transport.abort()
            if isinstance(error, OSError):  # `ssl.SSLError` is one
                raise httpcore2.ConnectError from error
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """`is_readable`: whether a read would not have to wait, which of an idle connection means that it has ended."""
        if info != "is_readable":
            return self._transport.get_extra_info(info)
        if self._loop is not asyncio.get_running_loop():
            return True  # its client has outlived its event loop, and is used on another one
        return bool(self._parts) or self._over or self._transport.is_closing() or self._has_come()

    def _has_come(self) -> bool:
        """Whether the socket has something that the event loop has not seen yet, since other tasks kept it busy."""
        socket = self._transport.get_extra_info("socket")
        number = -1 if socket is None else cast("int", socket.fileno())
        if number < 0:
            return True
        if not hasattr(select, "poll"):  # Windows
            return bool(select.select([number], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(number, select.POLLIN)
        return bool(self._poll.poll(0))


class AsyncioNetwork(httpcore2.AsyncNetworkBackend):
    """Opens connections on the running event loop of asyncio."""

    stream: ClassVar[type[AsyncioStream]] = AsyncioStream

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection. Raises `httpcore2.ConnectTimeout` or `httpcore2.ConnectError`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                _, stream = await loop.create_connection(
                    self.stream,
                    host,
                    port,
                    happy_eyeballs_delay=None if _is_address(host) else _NEXT_ADDRESS,
                    local_addr=None if local_address is None else (local_address, 0),
                )
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            raise httpcore2.ConnectError from error
        return stream


def _is_address(host: str) -> bool:
    """Whether there is nothing to look up, and so no other address to try meanwhile."""
    return ":" in host or host.replace(".", "").isdigit()


def _wake(waiting: asyncio.Future[bool] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(True)


def _expire(waiting: asyncio.Future[bool]) -> None:
    if not waiting.done():
        waiting.set_result(False)
