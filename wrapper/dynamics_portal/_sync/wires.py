# Derived from ../_async/wires.py by tools/derive_sync.py; change that file, not this one.
"""Wires: what carries one request and brings its answer. The synchronous shell. It
is derived from the asynchronous one, `_async`.

There are two. `TransportWire` goes by a transport of httpx2, which somebody gave to the client, or by the
platform's fetch. `SocketWire`, in `sockets`, is the client's own. Neither follows a redirect, keeps a cookie, or
adds anything to what it is told to send but what HTTP needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import httpx2

from .._fetch import HAS_FETCH, check_trust
from .fetch import FetchTransport

if TYPE_CHECKING:
    import ssl

Headers = list[tuple[str, str]]


class Reply(Protocol):
    """An answer whose head has come. `headers`: by names in lower case."""

    @property
    def status(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in lower case; values of one name are joined by commas."""
        ...

    def part(self) -> bytes | None:
        """The next part of the body, decompressed; `None` at its end."""
        ...

    def close(self) -> None:
        """Give back what the answer holds, whether it was read to its end or not."""
        ...


class Wire(Protocol):
    """What carries requests."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What it raises, also as an answer is read, where there is none or it breaks off: see `fault_of`."""
        ...

    def send(
        self, method: str, url: str, headers: Headers, content: bytes | None, timeouts: Mapping[str, float | None]
    ) -> Reply:
        """Send a request. Returns when the head of its answer has come."""
        ...

    def close(self) -> None:
        """End what the wire has opened itself."""
        ...


class TransportWire:
    """Requests by a transport of httpx2. `owned`: whether the transport is closed along with the wire."""

    __slots__ = ("_owned", "_transport")

    errors = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)

    def __init__(self, transport: httpx2.BaseTransport, *, owned: bool = False) -> None:
        self._transport = transport
        self._owned = owned

    def send(
        self, method: str, url: str, headers: Headers, content: bytes | None, timeouts: Mapping[str, float | None]
    ) -> Reply:
        """Send a request through the transport."""
        request = httpx2.Request(method, url, headers=headers, content=content, extensions={"timeout": timeouts})
        return _TransportReply(self._transport.handle_request(request))

    def close(self) -> None:
        """Close the transport, unless it is somebody else's."""
        if self._owned:
            self._transport.close()


class _TransportReply:
    __slots__ = ("_parts", "_response", "headers", "status")

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._parts = response.iter_bytes()
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)

    def part(self) -> bytes | None:
        return next(self._parts, None)

    def close(self) -> None:
        self._response.close()


def sync_default_wire(ssl_context: ssl.SSLContext | None) -> Wire:
    """What carries requests where no transport is given: sockets, or fetch where there are none."""
    if HAS_FETCH:
        check_trust(ssl_context)
        return TransportWire(FetchTransport(), owned=True)
    from .sockets import SocketWire  # TLS takes its time to be loaded

    return SocketWire(ssl_context)
