"""Bodies of several parts: the requests of a batch, and the answers to them, each scrubbed like one that goes alone.

Boundaries are numbered, so that a batch is the same text in every run. Line breaks become those of a text file, which
readers of an answer to a batch must take, too.

Source: OData Version 4.0 Part 1 (Protocol), "Batch Requests"; RFC 2046, "Multipart Media Type".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from .names import Names

BATCH: Final = "multipart/mixed"
_BOUNDARY: Final = re.compile(r'multipart/mixed\s*;.*?\bboundary="?([^";,\s]{1,200})', re.IGNORECASE | re.DOTALL)
_REQUEST: Final = re.compile(r"([A-Z]{1,10}) (.+) HTTP/1\.1")
_STATUS: Final = re.compile(r"HTTP/1\.\d (\d{3})\b.*")
_CONTENT_ID: Final = re.compile(r"[0-9]{1,9}")
_DEPTH: Final = 2  # a batch and a change set in it

Pairs = tuple[tuple[str, str], ...]
Message = Callable[[str, str, Pairs, bytes], tuple[str, Pairs, bytes]]
"""Scrubs a message in a part: what it is (a method, or nothing for an answer), its address or status, headers, body."""


class Parts:
    """Scrubs bodies of several parts. `message` scrubs what is in a part. Raises `ValueError` for what is no batch."""

    __slots__ = ("_message", "_names")

    def __init__(self, names: Names, message: Message) -> None:
        self._names = names
        self._message = message

    def body(self, kind: str, body: bytes, depth: int = _DEPTH) -> tuple[str, bytes]:
        """The type of the content, with its boundary, and the content."""
        found = _BOUNDARY.match(kind.strip())
        if found is None or depth == 0:
            raise ValueError("no batch")
        boundary = f"parts_{self._names.number_of('boundary', found[1])}"
        edge = b"--" + boundary.encode()
        parts = [edge + b"\n" + self._part(part, depth) + b"\n" for part in _split(body, found[1].encode("latin-1"))]
        return f"{BATCH}; boundary={boundary}", b"".join(parts) + edge + b"--\n"

    def _part(self, part: bytes, depth: int) -> bytes:
        headers, content = _head(part)
        given = {name.lower(): value for name, value in headers}
        kind = given.get("content-type", "")
        if kind.lower().startswith(BATCH):
            kind, content = self.body(kind, content, depth - 1)
            return f"content-type: {kind}\n\n".encode() + content
        content_id = given.get("content-id", "")
        lines = ["content-type: application/http", "content-transfer-encoding: binary"]
        lines += [f"content-id: {content_id}"] if _CONTENT_ID.fullmatch(content_id) else []
        return "\n".join([*lines, "", ""]).encode() + self._http(content.lstrip(b"\r\n"))

    def _http(self, content: bytes) -> bytes:
        first, _, rest = content.partition(b"\n")
        line = first.decode("latin-1").strip()
        headers, body = _head(rest)
        request, status = _REQUEST.fullmatch(line), _STATUS.fullmatch(line)
        if request is not None:
            start, pairs, body = self._message(request[1], request[2], headers, body.strip())
            start = f"{request[1]} {start} HTTP/1.1"
        elif status is not None:
            start, pairs, body = self._message("", status[1], headers, body.strip())
            start = f"HTTP/1.1 {start}"
        else:
            raise ValueError("no HTTP message")
        return "\n".join([start, *(f"{name}: {value}" for name, value in pairs), "", ""]).encode() + body


def _split(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the boundaries."""
    edge = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    start: int | None = None
    position = 0
    while (found := edge.search(body, position)) is not None:
        if start is not None:
            yield body[start : found.start()]
        if found[1]:
            return
        start = found.end()
        position = start - 1  # the break after one boundary may be the one before the next
    raise ValueError("a batch without its end")


def _head(text: bytes) -> tuple[Pairs, bytes]:
    """Headers, and what follows the empty line after them."""
    headers: list[tuple[str, str]] = []
    while text:
        line, _, text = text.partition(b"\n")
        if not line.strip():
            break
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("no headers")
        headers.append((name.strip(), value.strip()))
    return tuple(headers), text
