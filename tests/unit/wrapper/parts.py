"""Batches as a service sees them: the requests in a body, and the body that answers them. It shares nothing with the
client's own codec but the standard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx2


class Asked(NamedTuple):
    """A request in a batch."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes
    content_id: str | None

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.content)


class Said(NamedTuple):
    """An answer in a batch."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})
    content_id: str | None = None


def asked(request: httpx2.Request) -> list[Asked | list[Asked]]:
    """The requests of a batch; a change set is a list."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    return [_item(part) for part in _parts(BytesParser(policy=HTTP).parsebytes(head + request.content))]


def _parts(message: Message[Any, Any]) -> list[Any]:
    assert message.is_multipart(), "the body is no multipart message"
    return list(message.get_payload())


def _item(part: Message[Any, Any]) -> Asked | list[Asked]:
    if part.get_content_type() == "multipart/mixed":
        return [item for inner in _parts(part) if isinstance(item := _item(inner), Asked)]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    line, _, rest = content.partition(b"\r\n")
    method, url, version = line.decode().split(" ")
    assert version == "HTTP/1.1"
    inner = BytesParser(policy=HTTP).parsebytes(rest)
    body = inner.get_payload(decode=True)
    assert isinstance(body, bytes)
    return Asked(method, url, {name.lower(): str(value) for name, value in inner.items()}, body, part["Content-ID"])


def said(*items: Said | list[Said], status: int = 200, headers: dict[str, str] | None = None) -> httpx2.Response:
    """The answer to a batch. Its status is that of what failed, as Dataverse has it, where the test says so."""
    content_type = {"Content-Type": "multipart/mixed; boundary=batchresponse_1"}
    return httpx2.Response(
        status, headers={**content_type, **(headers or {})}, content=_joined(items, "batchresponse_1")
    )


def _joined(items: Any, boundary: str) -> bytes:
    text = b""
    for number, item in enumerate(items):
        text += f"--{boundary}\r\n".encode()
        if isinstance(item, list):
            inner = f"changesetresponse_{number}"
            text += f"Content-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode() + _joined(item, inner) + b"\r\n"
        else:
            text += _answer(item)
    return text + f"--{boundary}--\r\n".encode()


def _answer(item: Said) -> bytes:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    head += [] if item.content_id is None else [f"Content-ID: {item.content_id}"]
    head += ["", f"HTTP/1.1 {item.status} {HTTPStatus(item.status).phrase}"]
    head += [f"{name}: {value}" for name, value in item.headers.items()]
    body = b"" if item.body is None else json.dumps(item.body).encode()
    return "\r\n".join([*head, "", ""]).encode() + body + b"\r\n"


def refused(status: int, code: str = "0x0", message: str = "", content_id: str | None = None) -> Said:
    """An error as Dataverse words it."""
    return Said(status, {"error": {"code": code, "message": message}}, content_id=content_id)


def made(url: str, content_id: str | None = None) -> Said:
    """A row was created."""
    return Said(204, headers={"OData-EntityId": url}, content_id=content_id)
