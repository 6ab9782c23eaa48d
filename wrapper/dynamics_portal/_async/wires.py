"""Wires: what carries one request and brings its answer. The asynchronous shell. The
synchronous shell, `_sync`, is derived from this one.

There are two. `AsyncTransportWire` goes by a transport of httpx2, which somebody gave to the client, or by the
platform's fetch. `AsyncSocketWire`, in `sockets`, is the client's own. Neither follows a redirect, keeps a cookie, or
adds anything to what it is told to send but what HTTP needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import httpx2

from .._fetch import HAS_FETCH, check_trust
from .fetch import AsyncFetchTransport

if TYPE_CHECKING:
    import ssl

Headers = list[tuple[str, str]]


class AsyncReply(Protocol):
    """An answer whose head has come. `headers`: by names in lower case."""

    @property
    def status(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in lower case; values of one name are joined by commas."""
        ...

    async def part(self) -> bytes | None:
        """The next part of the body, decompressed; `None` at its end."""
        ...

    async def aclose(self) -> None:
        """Give back what the answer holds, whether it was read to its end or not."""
        ...


class AsyncWire(Protocol):
    """What carries requests."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What it raises, also as an answer is read, where there is none or it breaks off: see `fault_of`."""
        ...

    async def send(
        self, method: str, url: str, headers: Headers, content: bytes | None, timeouts: Mapping[str, float | None]
    ) -> AsyncReply:
        """Send a request. Returns when the head of its answer has come."""
        ...

    async def aclose(self) -> None:
        """End what the wire has opened itself."""
        ...


class AsyncTransportWire:
    """Requests by a transport of httpx2. `owned`: whether the transport is closed along with the wire."""

    __slots__ = ("_owned", "_transport")

    errors = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)

    def __init__(self, transport: httpx2.AsyncBaseTransport, *, owned: bool = False) -> None:
        self._transport = transport
        self._owned = owned

    async def send(
        self, method: str, url: str, headers: Headers, content: bytes | None, timeouts: Mapping[str, float | None]
    ) -> AsyncReply:
        """Send a request through the transport."""
        request = httpx2.Request(method, url, headers=headers, content=content, extensions={"timeout": timeouts})
        return _AsyncTransportReply(await self._transport.handle_async_request(request))

    async def aclose(self) -> None:
        """Close the transport, unless it is somebody else's."""
        if self._owned:
            await self._transport.aclose()


class _AsyncTransportReply:
    __slots__ = ("_parts", "_response", "headers", "status")

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._parts = response.aiter_bytes()
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)

    async def part(self) -> bytes | None:
        return await anext(self._parts, None)

    async def aclose(self) -> None:
        await self._response.aclose()


def async_default_wire(ssl_context: ssl.SSLContext | None) -> AsyncWire:
    """What carries requests where no transport is given: sockets, or fetch where there are none."""
    if HAS_FETCH:
        check_trust(ssl_context)
        return AsyncTransportWire(AsyncFetchTransport(), owned=True)
    from .sockets import AsyncSocketWire  # TLS takes its time to be loaded

    return AsyncSocketWire(ssl_context)
