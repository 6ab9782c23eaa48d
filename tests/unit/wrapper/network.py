"""A network of the tests' own: connections that say what a script tells them, for both shells."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore2
import httpx2

from dynamics_portal._async.exchange import AsyncExchange
from dynamics_portal._async.sockets import AsyncSocketWire
from dynamics_portal._async.wires import AsyncTransportWire
from dynamics_portal._outcome import Outcome
from dynamics_portal._sync.exchange import Exchange
from dynamics_portal._sync.sockets import SocketWire
from dynamics_portal._sync.wires import TransportWire

Read = bytes | Exception
TIMEOUTS: dict[str, float | None] = {"connect": 30.0, "pool": 30.0, "read": 30.0, "write": 30.0}
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which nothing is encrypted with; made once, since it takes its time
URL = "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts"


class Line:
    """One connection: what it says, read by read, nothing at the end; and what it was told."""

    def __init__(self, reads: Iterable[Read], *, write: Exception | None = None) -> None:
        self.reads = list(reads)
        self.write_error = write
        self.sent = b""
        self.open = True
        self.readable = False
        """Whether something has come that nobody has read: of an idle connection, that the server has ended it."""

    def take(self) -> bytes:
        if not self.open:
            raise httpcore2.ReadError
        found = self.reads.pop(0) if self.reads else b""
        if isinstance(found, Exception):
            raise found
        return found

    def give(self, data: bytes) -> None:
        if self.write_error is not None:
            raise self.write_error
        self.sent += data


class SyncStream(httpcore2.NetworkStream):
    def __init__(self, line: Line) -> None:
        self.line = line

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.line.take()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.line.give(buffer)

    def close(self) -> None:
        self.line.open = False

    def start_tls(self, *arguments: Any, **keywords: Any) -> SyncStream:
        return self

    def get_extra_info(self, info: str) -> Any:
        return self.line.readable if info == "is_readable" else None


class AsyncStream(httpcore2.AsyncNetworkStream):
    def __init__(self, line: Line) -> None:
        self.line = line

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.line.take()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.line.give(buffer)

    async def aclose(self) -> None:
        self.line.open = False

    async def start_tls(self, *arguments: Any, **keywords: Any) -> AsyncStream:
        return self

    def get_extra_info(self, info: str) -> Any:
        return self.line.readable if info == "is_readable" else None


class Lines:
    """The connections that are opened, each after another. One that is an exception cannot be opened."""

    def __init__(self, *lines: Line | Exception) -> None:
        self._left = list(lines)
        self.opened: list[tuple[str, int]] = []

    def next(self, host: str, port: int) -> Line:
        self.opened.append((host, port))
        found = self._left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class SyncNetwork(httpcore2.NetworkBackend):
    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def connect_tcp(self, host: str, port: int, *arguments: Any, **keywords: Any) -> SyncStream:
        return SyncStream(self.lines.next(host, port))


class AsyncNetwork(httpcore2.AsyncNetworkBackend):
    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    async def connect_tcp(self, host: str, port: int, *arguments: Any, **keywords: Any) -> AsyncStream:
        return AsyncStream(self.lines.next(host, port))


class Way:
    """One way over the network, driven without its difference: by connections of our own, or by httpx2's transport."""

    def __init__(self, lines: Lines, *, own: bool = True, asynchronous: bool = False) -> None:
        self.lines = lines
        self.runner = asyncio.Runner() if asynchronous else None
        network: Any = AsyncNetwork(lines) if asynchronous else SyncNetwork(lines)
        if own:
            self.wire: Any = (AsyncSocketWire if asynchronous else SocketWire)(CONTEXT, network)
        else:
            transport: Any = (httpx2.AsyncHTTPTransport if asynchronous else httpx2.HTTPTransport)(verify=CONTEXT)
            pool = httpcore2.AsyncConnectionPool if asynchronous else httpcore2.ConnectionPool
            transport._pool = pool(network_backend=network, keepalive_expiry=5.0)
            self.wire = (AsyncTransportWire if asynchronous else TransportWire)(transport, owned=True)
        self.exchange: Any = (AsyncExchange if asynchronous else Exchange)(self.wire, lambda: 0.0)

    def run(self, value: Any) -> Any:
        return value if self.runner is None else self.runner.run(value)

    def send(
        self,
        method: str = "GET",
        url: str = URL,
        headers: Iterable[tuple[str, str]] = (),
        content: bytes | None = None,
        timeouts: Mapping[str, float | None] = TIMEOUTS,
        **keywords: Any,
    ) -> Outcome:
        """What came of a request."""
        sending = self.exchange.send(
            method, url, list(headers), content, timeouts, correlation_id="c", attempt=1, **keywords
        )
        outcome: Outcome = self.run(sending)
        return outcome

    def close(self) -> None:
        self.run(self.wire.aclose() if self.runner is not None else self.wire.close())
        if self.runner is not None:
            self.runner.close()
