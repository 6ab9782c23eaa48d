"""HTTP/1.1 on one connection: where a URL leads, a request as bytes, and its answer as it comes in. No I/O.

h11 knows the protocol and refuses what breaks it; here is what of it one connection after another needs. What is sent
is what httpx2 would send, byte by byte in what matters, and what is received is read as httpx2 reads it.

Source: RFC 9112, "HTTP/1.1"; RFC 3986, "Uniform Resource Identifier (URI)".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

import h11
import httpx2

Headers = list[tuple[str, str]]

MAX_HEAD: Final = 100 * 1024  # bytes of an answer's head, or of a chunk's: no service sends as much
_PLAIN: Final = re.compile(  # an address that httpx2.URL leaves as it is: no host to encode, nothing to quote
    r"(https?://[a-z0-9.-]+(?::[0-9]+)?)"
    r"(/[A-Za-z0-9._~!$&'()*+,;=:@/?-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)*)"
)
_REQUEST: Final = (
    re.compile(  # a request's head that h11 would write alike, and whose framing is not the headers' to say
        r"[A-Z]+ [\x21-\x7e]+ HTTP/1\.1\r\n"
        r"(?:(?!(?i:connection|content-length|expect|te|trailer|transfer-encoding|upgrade):)"
        r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\r\n)+\r\n"
    )
)
_TOLD: Final = {method: h11.Request(method=method, target="/", headers=[("Host", "h")]) for method in ("GET", "DELETE")}
"""Requests without a body, as far as they matter for the answer."""
_END: Final = h11.EndOfMessage()
_WITH_LENGTH: Final = ("POST", "PUT", "PATCH")  # which say that they have no body. Source: RFC 9110, "Content-Length"


class Origin(NamedTuple):
    """Where connections lead."""

    secure: bool
    host: str
    port: int
    name: str
    """The value of the header `Host`."""


@lru_cache(maxsize=64)
def origin_of(address: str) -> Origin:
    """The origin of an absolute address, read as httpx2 reads it.

    Raises `httpx2.InvalidURL` or `httpx2.UnsupportedProtocol`.
    """
    url = httpx2.URL(address)
    if url.scheme not in ("http", "https"):
        raise httpx2.UnsupportedProtocol("neither http nor https")
    if not url.host:
        raise httpx2.InvalidURL("no host")
    secure = url.scheme == "https"
    return Origin(secure, url.raw_host.decode("ascii"), url.port or (443 if secure else 80), url.netloc.decode("ascii"))


def address_of(url: str) -> tuple[Origin, str]:
    """The origin of a URL, and the target of a request for it. Raises as `origin_of` does."""
    plain = _PLAIN.fullmatch(url)
    if plain is not None and "/." not in plain[2]:  # a path that leads up is for httpx2 to resolve
        return origin_of(plain[1]), plain[2]
    parsed = httpx2.URL(url)
    return origin_of(f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"), parsed.raw_path.decode("ascii")


class Head(NamedTuple):
    """How an answer begins: its status, and its headers by names in lower case."""

    status: int
    headers: dict[str, str]


class Line:
    """The two sides of one connection: one request at a time, and the answer to it.

    What the server does against the protocol is raised as `h11.RemoteProtocolError`, what would be sent against it as
    `h11.LocalProtocolError`.
    """

    __slots__ = ("_h11",)

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)

    def request(self, method: str, host: str, target: str, headers: Headers, content: bytes | None) -> bytes:
        """The bytes of a request. Raises `h11.LocalProtocolError` for what may not be sent.

        h11 writes and checks header by header, which takes it longer than all that it does for the answer. A head that
        one look finds to be as h11 would have it is written here, and of it h11 is told what the answer depends on.
        """
        told = _told(method, content)
        if told is not None:
            lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
            head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"
            if _REQUEST.fullmatch(head) and head.count("\n") == len(headers) + 3:
                self._h11.send(told)
                if content:
                    head = f"{head[:-2]}Content-Length: {len(content)}\r\n\r\n"
                    self._h11.send(h11.Data(data=content))
                self._h11.send(_END)
                return head.encode("ascii") + (content or b"")
        items = [("Host", host), *headers]
        if content or method in _WITH_LENGTH:
            items.append(("Content-Length", str(len(content or b""))))
        sent = self._h11.send(h11.Request(method=method, target=target, headers=items)) or b""
        if content:
            sent += self._h11.send(h11.Data(data=content)) or b""
        return sent + (self._h11.send(_END) or b"")

    def feed(self, data: bytes) -> None:
        """Bytes that came; none where the server has ended the connection."""
        if not data and self._h11.their_state is h11.SEND_RESPONSE:
            raise h11.RemoteProtocolError("the server closed the connection and sent no answer")
        self._h11.receive_data(data)

    def head(self) -> Head | None:
        """How the answer begins; `None` while that has not come."""
        while (event := self._h11.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Response):
                return Head(event.status_code, _decoded(event.headers))
        return None

    def part(self) -> bytes | None:
        """The next part of the answer's body; empty while none has come, `None` at its end."""
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                return b""
            if not isinstance(event, h11.Data):
                return None
            if event.data:
                return event.data

    def ends(self) -> bool:
        """Whether request and answer are over, and the connection can have another one.

        Bytes that came after the answer answer nothing that was asked: a connection that has some is not used again.
        """
        h11_connection = self._h11
        if h11_connection.our_state is not h11.DONE or h11_connection.their_state is not h11.DONE:
            return False
        if h11_connection.trailing_data[0]:
            return False
        h11_connection.start_next_cycle()
        return True


def _told(method: str, content: bytes | None) -> h11.Request | None:
    """What of a request matters for its answer; `None` where h11 is to write it."""
    if not content:
        return _TOLD.get(method)
    if method not in _WITH_LENGTH:
        return None
    return h11.Request(method=method, target="/", headers=[("Host", "h"), ("Content-Length", str(len(content)))])


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as text, as httpx2 takes them: UTF-8 where all of it is, else Latin-1; values of one name are joined."""
    try:
        items = [(name.decode("ascii"), value.decode("utf-8")) for name, value in headers]
    except UnicodeDecodeError:
        items = [(name.decode("ascii"), value.decode("latin-1")) for name, value in headers]
    found = dict(items)
    if len(found) < len(items):
        found = {}
        for name, value in items:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
