"""`$batch`: many requests in one, and change sets that happen as a whole or not at all.

It decides how a multipart body is taken apart and put together, what may stand in it, what `$1` stands for within a
change set, and when a batch ends early ("Execute batch operations using the Web API"). Each request in it is answered
by `service` as any other.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from email import policy
from email.message import Message
from email.parser import BytesParser
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from .errors import DataverseError, Kind
from .exchange import Answer, Call, refused
from .store import Store
from .values import decode, encode

LIMIT = 1000  # requests in a batch, as Dataverse has it
MAX_ADDRESS = 65_536  # characters of an address within a batch
_IN_PATH = re.compile(r"(?:/[^/]+){3}/\$(\w+)((?:/.*)?)")
_REFERENCE = re.compile(r"/?\$(\w+)((?:/.*)?)")
_RESERVED = ("metadata", "batch", "entity", "all", "crossjoin")
_HTTP = policy.compat32.clone(linesep="\r\n")


@dataclass(frozen=True)
class _Step:
    """A request of a batch, with the id by which later ones may refer to it."""

    call: Call
    content_id: str | None


class _FailedError(Exception):
    """Undoes a change set: the answer that made it fail."""

    def __init__(self, answer: Answer, step: _Step) -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.step = step


@dataclass(frozen=True)
class Batch:
    """Answers batches; `handle` answers each request in them."""

    store: Store
    handle: Callable[[Call], Answer]

    def answer(self, call: Call, root: str) -> Answer:
        """Answers a batch; `root` is the path of the Web API. DataverseError 400 or 415 for a body that is none."""
        parts = _parts(_message(call.headers.get("content-type", ""), call.body))
        items = [self._item(part, root) for part in parts]
        if sum(len(item) if isinstance(item, list) else 1 for item in items) > LIMIT:
            raise Kind.BATCH_TOO_LARGE.error(limit=LIMIT)
        keep_on = "odata.continue-on-error" in call.headers.get("prefer", "").lower()
        answered: list[bytes] = []
        status = 200
        for item in items:
            text, failed = self._change_set(item) if isinstance(item, list) else self._single(item)
            answered.append(text)
            if failed and not keep_on:
                status = failed
                break
        boundary = f"batchresponse_{uuid.uuid4()}"
        return Answer(status, {"Content-Type": f"multipart/mixed; boundary={boundary}"}, _joined(answered, boundary))

    def _item(self, part: Message[str, str], root: str) -> _Step | list[_Step]:
        if part.get_content_type() != "multipart/mixed":
            return _step(part, root)
        steps = [_step(inner, root) for inner in _parts(part)]
        ids: set[str] = set()
        for step in steps:
            if step.call.method == "GET":
                raise Kind.BAD_BATCH.error(problem="A change set must not hold GET requests.")
            if step.content_id is None:
                raise Kind.BAD_BATCH.error(problem="Each request of a change set needs a Content-ID.")
            if step.content_id in ids:
                raise Kind.BAD_BATCH.error(problem=f"The Content-ID '{step.content_id}' occurs twice in a change set.")
            ids.add(step.content_id)
        return steps

    def _single(self, step: _Step) -> tuple[bytes, int]:
        answer = self._answered(step, _References())
        return _part(answer, step.content_id), answer.status if answer.status >= 400 else 0

    def _answered(self, step: _Step, made: _References) -> Answer:
        try:
            call = made.resolved(step.call)
        except DataverseError as error:
            return refused(error)
        return self.handle(call)

    def _change_set(self, steps: Sequence[_Step]) -> tuple[bytes, int]:
        """The part that answers a change set, and the status with which it failed (0 where it did not)."""
        made = _References()
        answered: list[bytes] = []
        try:
            with self.store.transaction():
                for step in steps:
                    answer = self._answered(step, made)
                    if answer.status >= 400:
                        raise _FailedError(answer, step)
                    made.note(step.content_id, answer.headers.get("OData-EntityId"))
                    answered.append(_part(answer, step.content_id))
        except _FailedError as failure:
            return _part(failure.answer, failure.step.content_id), failure.answer.status
        boundary = f"changesetresponse_{uuid.uuid4()}"
        head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n"
        return head.encode() + _joined(answered, boundary), 0


@dataclass
class _References:
    """Rows made earlier in a change set, which `$1` stands for in addresses and in bodies."""

    addresses: dict[str, str] = field(default_factory=dict)

    def note(self, content_id: str | None, address: str | None) -> None:
        if content_id is not None and address is not None:
            self.addresses[content_id] = address

    def resolved(self, call: Call) -> Call:
        """The request with addresses in place of references. DataverseError 400 for one to nothing made before."""
        match = _IN_PATH.fullmatch(call.path)
        path = call.path
        if match and match[1] not in _RESERVED:
            path = urlsplit(self._address(match[1])).path + match[2]
        if b'"$' not in call.body and b'"/$' not in call.body:
            return replace(call, path=path)
        try:
            body = decode(call.body)
        except ValueError:  # refused where it is read
            return replace(call, path=path)
        return replace(call, path=path, body=encode(self._in_body(body)))

    def _in_body(self, content: Any) -> Any:
        """Only what is an address in a body refers: other text may begin with a dollar, too."""
        if isinstance(content, list):
            return [self._in_body(item) for item in content]
        if not isinstance(content, dict):
            return content
        return {
            name: self._bound(value) if name.endswith(("@odata.bind", "@odata.id")) else self._in_body(value)
            for name, value in content.items()
        }

    def _bound(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._bound(item) for item in value]
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        return self._address(match[1]) + match[2] if match else value

    def _address(self, content_id: str) -> str:
        address = self.addresses.get(content_id)
        if address is None:
            problem = f"Content-ID Reference: '${content_id}' does not exist in the batch context."
            raise Kind.BAD_BATCH.error(problem=problem)
        return address


def _message(content_type: str, body: bytes) -> Message[str, str]:
    if not content_type.lower().startswith("multipart/mixed"):
        raise Kind.WRONG_MEDIA_TYPE.error(given=content_type, expected="multipart/mixed with a boundary")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    return BytesParser(policy=_HTTP).parsebytes(head + body)


def _parts(message: Message[str, str]) -> Iterator[Message[str, str]]:
    content: Any = message.get_payload()
    if not isinstance(content, list) or message.defects:
        raise Kind.BAD_BATCH.error(problem="The body is no multipart message with the boundary that its header names.")
    yield from content


def _step(part: Message[str, str], root: str) -> _Step:
    """The request in a part."""
    raw = part.get_payload(decode=True)
    if part.get_content_type() != "application/http" or not isinstance(raw, bytes):
        raise Kind.BAD_BATCH.error(problem="Each part of a batch must be application/http or a change set.")
    line, _, rest = raw.lstrip(b"\r\n").partition(b"\n")
    method, address = _request_line(line.decode("latin-1").rstrip("\r"))
    inner = BytesParser(policy=_HTTP).parsebytes(rest)
    body = inner.get_payload(decode=True)
    target = urlsplit(address)
    path = target.path if target.path.startswith("/") else f"{root}/{target.path}"
    if path.rstrip("/").endswith("/$batch"):
        raise Kind.BAD_BATCH.error(problem="A batch cannot hold another batch.")
    headers = {name.lower(): value for name, value in inner.items()}
    call = Call(method, path, target.query, headers, body if isinstance(body, bytes) else b"")
    return _Step(call, part.get("Content-ID") or headers.get("content-id"))


def _request_line(line: str) -> tuple[str, str]:
    """Method and address. The address is what stands between the first blank and the last, for it may hold blanks
    itself: so reads OData's own library for .NET, with which Dataverse answers."""
    method, _, rest = line.partition(" ")
    address, _, version = rest.rpartition(" ")
    if not method or not address.strip():
        raise Kind.BAD_BATCH.error(
            problem=f"The request line '{line}' is invalid. The request line at the start of each operation must be of "
            "the format 'HttpMethod RequestUrl HttpVersion'."
        )
    if version != "HTTP/1.1":
        raise Kind.BAD_BATCH.error(
            problem=f"The HTTP version '{version}' used in a batch operation request or response is not valid. The "
            "value must be 'HTTP/1.1'."
        )
    if len(address) > MAX_ADDRESS:
        raise Kind.BAD_BATCH.error(problem="Invalid URI: The Uri string is too long.")
    return method.upper(), address.strip()


def _part(answer: Answer, content_id: str | None) -> bytes:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        head.append(f"Content-ID: {content_id}")
    head += ["", f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    head += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + answer.body + b"".join(answer.stream or ())


def _joined(parts: Sequence[bytes], boundary: str) -> bytes:
    edge = f"--{boundary}".encode()
    return b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"
