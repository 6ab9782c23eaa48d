"""Multipart: the bytes of a batch, and what the answer to one holds. A codec without I/O and without policy.

A batch is a list of requests and change sets; a change set is a list of requests that happen as a whole or not at all.
The answers come in the same order, a change set's as a list, or as the one answer that says why it failed.

Source: OData Version 4.0 Part 1 (Protocol), "Batch Requests"; RFC 2046, "Multipart Media Type"; Dataverse Web API,
"Execute batch operations using the Web API".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from uuid import uuid4

from ._call import Headers
from ._outcome import Answer

_BOUNDARY: Final = re.compile(r'multipart/mixed\s*;.*?\bboundary="?([^";,\s]+)', re.IGNORECASE | re.DOTALL)
_STATUS_LINE: Final = re.compile(r"HTTP/\d(?:\.\d)?\s+(\d{3})\b")
_MAX_DEPTH: Final = 2  # a batch and a change set in it; nothing nests deeper


class Part(NamedTuple):
    """A request in a batch. `content_id`: by which later requests of its change set may refer to what it made."""

    method: str
    url: str
    headers: Headers = ()
    content: bytes | None = None
    content_id: str = ""


class ChangeSet(NamedTuple):
    """Requests that happen as a whole or not at all."""

    parts: tuple[Part, ...]


class PartAnswer(NamedTuple):
    """The answer to one request of a batch."""

    answer: Answer
    content_id: str = ""


def encode(items: Sequence[Part | ChangeSet]) -> tuple[str, bytes]:
    """The content type of a batch and its body.

    Raises `ValueError` for a part with a line break in its URL or its headers, which would make two parts of one.
    """
    boundary = _unused("batch", items)
    return _type(boundary), _joined([_item(item) for item in items], boundary)


def decode(content_type: str, body: bytes) -> list[PartAnswer | list[PartAnswer]]:
    """The answers in an answer to a batch, in order. Raises `ValueError` for what is none."""
    return _decode(content_type, body, _MAX_DEPTH)


def is_multipart(content_type: str) -> bool:
    """Whether an answer is one to a batch."""
    return content_type.strip().lower().startswith("multipart/mixed")


def _unused(kind: str, items: Sequence[Part | ChangeSet]) -> str:
    """A boundary that stands in none of the contents."""
    while True:
        boundary = f"{kind}_{uuid4()}"
        if not any(boundary.encode() in (part.content or b"") for part in _parts(items)):
            return boundary


def _parts(items: Sequence[Part | ChangeSet]) -> Iterator[Part]:
    for item in items:
        yield from item.parts if isinstance(item, ChangeSet) else (item,)


def _type(boundary: str) -> str:
    return f'multipart/mixed; boundary="{boundary}"'


def _joined(parts: Sequence[bytes], boundary: str) -> bytes:
    edge = b"--" + boundary.encode()
    return b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"


def _item(item: Part | ChangeSet) -> bytes:
    if isinstance(item, Part):
        return _request(item)
    boundary = _unused("changeset", item.parts)
    head = f"Content-Type: {_type(boundary)}\r\n\r\n"
    return head.encode() + _joined([_request(part) for part in item.parts], boundary)


def _request(part: Part) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if part.content_id:
        lines.append(f"Content-ID: {part.content_id}")
    lines += ["", f"{part.method} {part.url} HTTP/1.1", *(f"{name}: {value}" for name, value in part.headers)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a request of a batch has a line break in its URL or its headers")
    return "\r\n".join([*lines, "", ""]).encode() + (part.content or b"")


def _decode(content_type: str, body: bytes, depth: int) -> list[PartAnswer | list[PartAnswer]]:
    found = _BOUNDARY.match(content_type.strip())
    if found is None or depth == 0:
        raise ValueError("no answer to a batch")
    answers: list[PartAnswer | list[PartAnswer]] = []
    for part in _split(body, found[1].encode("latin-1")):
        headers, content = _head(part)
        kind = headers.get("content-type", "")
        if is_multipart(kind):
            inner = _decode(kind, content, depth - 1)
            answers.append([item for item in inner if isinstance(item, PartAnswer)])
        else:
            answers.append(PartAnswer(_answer(content), headers.get("content-id", "")))
    return answers


def _split(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the boundaries, without the line break that belongs to each."""
    edge = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    start: int | None = None
    for found in edge.finditer(body):
        if start is not None:
            yield re.sub(rb"\A\r?\n", b"", body[start : found.start()], count=1)
        if found[1]:
            return
        start = found.end()
    raise ValueError("an answer to a batch without its end")


def _head(text: bytes) -> tuple[dict[str, str], bytes]:
    """Headers, by names in lower case, and what follows the empty line after them."""
    headers: dict[str, str] = {}
    while True:
        line, _, text = text.partition(b"\n")
        line = line.rstrip(b"\r")
        if not line:
            return headers, text
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("no headers")
        headers[name.strip().lower()] = value.strip()


def _answer(content: bytes) -> Answer:
    line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    status = _STATUS_LINE.match(line.decode("latin-1"))
    if status is None:
        raise ValueError("no HTTP answer")
    headers, body = _head(rest)
    return Answer(int(status[1]), headers, body if body.strip() else b"")
