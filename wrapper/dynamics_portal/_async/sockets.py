"""The client's own connections: kept open between requests, no more than so many at a time. The asynchronous shell. The
synchronous shell, `_sync`, is derived from this one.

What goes over a connection is decided in `_http11`; sockets and TLS are `_network`'s. It speaks HTTP/1.1, and goes by
no proxy. Where something has taken the place of httpx2's transports, to record, stub or trace what they carry, requests
go through it, as they would without connections of our own.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import h11
import httpcore2
import httpx2

from .._deadline import Remaining
from .._http11 import Head, Headers, Line, Origin, address_of
from .._inflate import Inflater, inflaters
from .._network import AsyncSlots, async_network
from .wires import AsyncReply, AsyncTransportWire

if TYPE_CHECKING:
    import ssl

MAX_CONNECTIONS: Final = 100  # at a time; a request that finds them all in use waits for one
KEPT_IDLE: Final = 5.0  # seconds that a connection is kept open without a request
_READ: Final = 1 << 16  # bytes that are read at once

ERRORS: Final = (
    *(httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, h11.ProtocolError),
    *AsyncTransportWire.errors,
)
"""What is raised by the network, by the protocol, and by what reads URLs and bodies as httpx2 does."""


class AsyncSocketWire:
    """Requests by connections of the client's own. `network` opens them."""

    __slots__ = ("_closed", "_context", "_idle", "_network", "_slots", "_transport", "_trusted")

    errors: tuple[type[Exception], ...] = ERRORS

    def __init__(
        self, ssl_context: ssl.SSLContext | None, network: httpcore2.AsyncNetworkBackend | None = None
    ) -> None:
        self._trusted = ssl_context or True
        self._context = httpx2.create_ssl_context(self._trusted)
        self._network = network or async_network()
        self._slots = AsyncSlots(MAX_CONNECTIONS)
        self._idle: dict[Origin, deque[_AsyncConnection]] = {}
        self._closed = False
        self._transport: AsyncTransportWire | None = None

    async def send(
        self, method: str, url: str, headers: Headers, content: bytes | None, timeouts: Mapping[str, float | None]
    ) -> AsyncReply:
        """Send a request. Returns when the head of its answer has come."""
        if _is_replaced():
            return await self._transport_wire().send(method, url, headers, content, timeouts)
        origin, target = address_of(url)
        await self._slots.take(timeouts.get("pool"))
        connection: _AsyncConnection | None = None
        try:
            connection = await self._idle_one(origin) or await self._opened(origin, timeouts)
            request = connection.line.request(method, origin.name, target, headers, content)
            with suppress(httpcore2.WriteError):  # who refuses a body may answer before it has come, and close
                await connection.stream.write(request, timeouts.get("write"))
            head = None
            while head is None:
                if isinstance(timeouts, Remaining) and timeouts.passed:
                    raise httpcore2.ReadTimeout
                await connection.receive(timeouts)
                head = connection.line.head()
            return AsyncSocketReply(self, origin, connection, timeouts, head)
        except BaseException:
            await self.release(origin, connection)
            raise

    async def _idle_one(self, origin: Origin) -> _AsyncConnection | None:
        """The connection that was used last, unless the server has ended it meanwhile."""
        idle = self._idle.get(origin)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread was faster
                break
            if time.monotonic() < connection.expires and not connection.stream.get_extra_info("is_readable"):
                return connection
            await connection.stream.aclose()
        return None

    async def _opened(self, origin: Origin, timeouts: Mapping[str, float | None]) -> _AsyncConnection:
        try:
            stream = await self._network.connect_tcp(origin.host, origin.port, timeouts.get("connect"))
        except UnicodeError as error:  # no name of a host: a part of it is too long
            raise httpcore2.ConnectError from error
        if origin.secure:
            self._context.set_alpn_protocols(["http/1.1"])
            try:
                stream = await stream.start_tls(self._context, origin.host, timeouts.get("connect"))
            except BaseException:
                await stream.aclose()
                raise
        return _AsyncConnection(stream)

    async def release(self, origin: Origin, connection: _AsyncConnection | None) -> None:
        """A request is over: its connection is kept where it can have another request, and else ended."""
        try:
            if connection is None:
                return
            if self._closed or not connection.line.ends():
                await connection.stream.aclose()
                return
            now = time.monotonic()
            connection.expires = now + KEPT_IDLE
            idle = self._idle.get(origin)
            if idle is None:
                idle = self._idle.setdefault(origin, deque())
            idle.append(connection)
            if len(idle) > 1 or self._closed:  # which another thread may have just done
                await _end_expired(idle, math.inf if self._closed else now)
        finally:
            self._slots.give()

    def _transport_wire(self) -> AsyncTransportWire:
        if self._transport is None:
            self._transport = AsyncTransportWire(httpx2.AsyncHTTPTransport(verify=self._trusted), owned=True)
        return self._transport

    async def aclose(self) -> None:
        """End the connections that are idle; the others end with their requests."""
        self._closed = True
        for idle in list(self._idle.values()):
            await _end_expired(idle, math.inf)
        if self._transport is not None:
            await self._transport.aclose()


def _is_replaced() -> bool:
    """Whether httpx2's transport, or the method by which it or its pool sends, is no longer that of the library."""
    transport, pool = httpx2.AsyncHTTPTransport, httpcore2.AsyncConnectionPool
    return (
        not isinstance(transport, type)
        or _is_foreign(transport.handle_async_request, transport.aclose)
        or _is_foreign(pool.handle_async_request, pool.aclose)
    )


def _is_foreign(method: Any, other: Any) -> bool:
    """Whether a method comes from elsewhere than another one of its class."""
    return type(method) is not FunctionType or method.__globals__ is not other.__globals__


async def _end_expired(idle: deque[_AsyncConnection], now: float) -> None:
    """End the connections that have been idle for too long; the first is the one that was used longest ago."""
    try:
        while (oldest := idle.popleft()).expires < now:
            await oldest.stream.aclose()
        idle.appendleft(oldest)
    except IndexError:  # that was the last
        pass


class _AsyncConnection:
    __slots__ = ("expires", "line", "stream")

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self.stream = stream
        self.line = Line()
        self.expires = 0.0

    async def receive(self, timeouts: Mapping[str, float | None]) -> None:
        """Take what has come, once something has."""
        self.line.feed(await self.stream.read(_READ, timeouts.get("read")))


class AsyncSocketReply:
    """An answer that comes over a connection, which it holds until it is closed."""

    __slots__ = (
        "_connection",
        "_encodings",
        "_inflaters",
        "_origin",
        "_pieces",
        "_timeouts",
        "_wire",
        "headers",
        "status",
    )

    def __init__(
        self,
        wire: AsyncSocketWire,
        origin: Origin,
        connection: _AsyncConnection,
        timeouts: Mapping[str, float | None],
        head: Head,
    ) -> None:
        self._wire = wire
        self._origin = origin
        self._connection: _AsyncConnection | None = connection
        self._timeouts = timeouts
        self.status, self.headers = head
        self._encodings = self.headers.get("content-encoding")
        self._inflaters: tuple[Inflater, ...] | None = None
        self._pieces: Iterator[bytes] | None = None

    async def part(self) -> bytes | None:
        """The next part of the body, decompressed; `None` at its end."""
        while True:
            if self._pieces is not None:
                piece = next(self._pieces, None)
                if piece is not None:
                    return piece
            raw = await self._received()
            if raw is None or not self._encodings:
                return raw
            if self._inflaters is None:
                self._inflaters = inflaters(self._encodings)
            self._pieces = iter((raw,))
            for inflater in self._inflaters:
                self._pieces = inflater.through(self._pieces)

    async def _received(self) -> bytes | None:
        connection = self._connection
        if connection is None:
            raise httpx2.StreamClosed
        while not (part := connection.line.part()):
            if part is None:
                return None
            await connection.receive(self._timeouts)
        return part

    async def aclose(self) -> None:
        """Give the connection back, whether the answer was read to its end or not."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._wire.release(self._origin, connection)
