"""Transfers: where an upload or a download is, and which call comes next. State machines without I/O.

A file travels in chunks of at most 4 MB, each one call, so that memory holds one chunk, a fault costs one chunk, and
the state between two chunks can be stored and taken up again.

Source: Dataverse, "Use file column data" ("Upload the file in chunks using Web API", "Upload a file in a single request
using Web API", "Download the file in chunks using Web API"), "Use image column data".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import quote, unquote

from ._call import Call, Headers
from ._failures import unreadable
from ._outcome import Answer
from ._settings import Settings
from .errors import DynamicsPortalClientException, ErrorCode

Progress = Callable[[int, int], None]
"""Called after each chunk with how many bytes are done, and of how many."""

CHUNK: Final = 4 * 1024 * 1024  # bytes: the most that the service takes, and what it recommends
NO_SUCH_RANGE: Final = 416  # the status for a range outside of the file (RFC 9110, "416 Range Not Satisfiable")
_OCTETS: Final = ("Content-Type", "application/octet-stream")
_RANGE: Final = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_QUOTED: Final = "\"'"


class TransferState(str):
    """Where an upload or a download has come to, as text to store. It holds a row's key and a file's name, and of an
    upload the right to write this file; its representation shows none of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<TransferState>"


class UploadState:
    """The state of an upload: how much of the file the service has.

    A file of one chunk is sent by one request. A larger one begins with a request that brings the session's address;
    then the chunks follow, in order. Each of these requests may be repeated: a chunk names its place.
    """

    __slots__ = ("_chunk", "_session", "_settings", "_url", "done", "name", "offset", "size")

    def __init__(self, settings: Settings, url: str, name: str, size: int) -> None:
        self._settings = settings
        self._url = url
        self._session: str | None = None
        self._chunk = CHUNK
        self.name = name
        self.size = size
        self.offset = 0
        self.done = False

    def __repr__(self) -> str:
        return f"<Upload: {self.offset} of {self.size} bytes>"

    @property
    def begins(self) -> bool:
        """Whether the next call is the one that opens the session."""
        return self._session is None and self.size > CHUNK

    @property
    def wanted(self) -> int:
        """How many bytes the next chunk has."""
        return min(self._chunk, self.size - self.offset)

    @property
    def is_last(self) -> bool:
        """Whether the next chunk is the last one."""
        return self.offset + self.wanted == self.size

    def take_up(self, session: str, offset: int, chunk: int) -> None:
        """Go on with a session that was opened before."""
        if not 0 <= offset < self.size or not 0 < chunk <= CHUNK:
            raise ValueError("state: its numbers make no sense")
        self._session, self.offset, self._chunk = session, offset, chunk

    def begin_call(self) -> Call:
        """The call that opens a session. A session that is never used holds nothing, so it may be repeated."""
        return self._call(self._named(self._url), (("x-ms-transfer-mode", "chunked"),), None)

    def begun(self, answer: Answer, call: Call) -> None:
        """Take the session that a call has opened."""
        location, size = answer.headers.get("location"), answer.headers.get("x-ms-chunk-size", "")
        try:
            session = self._settings.root.follow(location or "", call.url, "the service's address for the chunks")
        except ValueError as error:
            problem = str(error)
        else:
            if location and session.startswith(self._settings.root.url):
                self._session = session
                self._chunk = min(int(size), CHUNK) if size.isascii() and size.isdigit() and int(size) > 0 else CHUNK
                return
            problem = "the service gave no address for the chunks"
        raise unreadable(problem, answer.status, call.correlation_id)

    def chunk_call(self, content: bytes) -> Call:
        """The call that sends the next chunk, or the whole file."""
        if self._session is None:
            return self._call(self._named(self._url), (_OCTETS,), content)
        place = f"bytes {self.offset}-{self.offset + len(content) - 1}/{self.size}"
        headers: Headers = (_OCTETS, ("Content-Range", place))
        if self.name.isascii():
            return self._call(self._session, (*headers, ("x-ms-file-name", self.name)), content)
        return self._call(self._named(self._session), headers, content)

    def sent(self, count: int) -> None:
        """The service has the chunk."""
        self.offset += count
        self.done = self.offset == self.size

    @property
    def state(self) -> TransferState:
        """What another process needs to go on."""
        root = self._settings.root.url
        facts = {
            "path": self._url.removeprefix(root),
            "session": (self._session or "").removeprefix(root),
            "name": self.name,
            "size": self.size,
            "offset": self.offset,
            "chunk": self._chunk,
        }
        return TransferState(json.dumps(facts))

    def _named(self, url: str) -> str:
        """The address with the file's name: a header holds ASCII only, a query any script."""
        return f"{url}{'&' if '?' in url else '?'}x-ms-file-name={quote(self.name, safe='')}"

    def _call(self, url: str, headers: Headers, content: bytes | None) -> Call:
        return Call("PATCH", url, self._settings.new_correlation_id(), headers=headers, content=content)


class DownloadState:
    """The state of a download: how much of the file has come, and what the service says of it."""

    __slots__ = ("_chunk", "_settings", "_url", "content_type", "expected", "name", "offset", "size")

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._chunk = CHUNK
        self.offset = 0
        self.size: int | None = None
        self.name = ""
        self.content_type = ""
        self.expected: tuple[int, str] | None = None
        """Size and name of the file of which a part was taken before."""

    def __repr__(self) -> str:
        return f"<Download: {self.offset} of {'?' if self.size is None else self.size} bytes>"

    def take_up(self, offset: int, size: int, name: str) -> None:
        """Go on with a file of which a part was taken before."""
        if not 0 <= offset <= size:
            raise ValueError("state: its numbers make no sense")
        self.offset, self.size, self.name, self.expected = offset, size, name, (size, name)

    @property
    def done(self) -> bool:
        """Whether all of it has come."""
        return self.size is not None and self.offset >= self.size

    def next_call(self, *, whole: bool = False) -> Call:
        """The call that brings the next chunk, or the whole file: an empty one has no range that could be asked for."""
        place = f"bytes={self.offset}-{self.offset + self._chunk - 1}"
        headers: Headers = () if whole else (("Range", place),)
        return Call("GET", self._url, self._settings.new_correlation_id(), headers=headers, empty=b"")

    def feed(self, answer: Answer, call: Call) -> bytes:
        """The bytes that an answer brought. One without a range is the whole file: not every file is kept in parts."""
        content, size = answer.content, _number(answer.headers.get("x-ms-file-size"))
        if answer.status == 204:
            raise _nothing_there(call)
        if answer.status == 206:
            place = _RANGE.fullmatch(answer.headers.get("content-range", ""))
            if place is not None and int(place[1]) != self.offset:
                raise unreadable("the service sent another part than was asked for", 206, call.correlation_id)
            size = int(place[3]) if place is not None else size
        else:
            content, size = content[self.offset :], len(content)
        name = readable_name(answer.headers.get("x-ms-file-name", ""))
        if size is None or (not content and self.offset < size) or self.offset + len(content) > size:
            raise unreadable("the service did not send the part that was asked for", answer.status, call.correlation_id)
        if self.expected not in (None, (size, name)):
            raise _changed(call)
        self.expected, self.size, self.name = (size, name), size, name
        self.content_type = answer.headers.get("mimetype") or answer.headers.get("content-type", "")
        self._chunk = min(_number(answer.headers.get("x-ms-chunk-size")) or CHUNK, CHUNK)
        self.offset += len(content)
        return content

    def state_at(self, offset: int) -> TransferState:
        """What another process needs to go on from an offset."""
        path = self._url.removeprefix(self._settings.root.url)
        facts = {"path": path, "name": self.name, "size": self.size or 0, "offset": offset}
        return TransferState(json.dumps(facts))


def readable_name(text: str) -> str:
    """The file's name from a header: as it is, or percent-encoded UTF-8, and never more than a name.

    Which of the two the service sends is not documented. Whoever uploaded the file chose the name, so folders in it
    and what cannot be printed are taken away: it must not lead out of the folder where somebody puts the file.
    """
    text = text.strip().strip(_QUOTED)
    with suppress(UnicodeDecodeError):  # then it is a name with a percent sign
        text = unquote(text, errors="strict")
    plain = "".join(character for character in re.split(r"[/\\]", text)[-1] if character.isprintable())
    return "" if plain in (".", "..") else plain


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _nothing_there(call: Call) -> DynamicsPortalClientException:
    return DynamicsPortalClientException(
        ErrorCode.NOT_FOUND,
        explanation="the column holds no file" + (" in full size" if call.url.endswith("?size=full") else ""),
        status_code=204,
        correlation_id=call.correlation_id,
        attempts=1,
    )


def _changed(call: Call) -> DynamicsPortalClientException:
    return DynamicsPortalClientException(
        ErrorCode.CONFLICT,
        explanation="the file was replaced while it was downloaded; download it anew",
        correlation_id=call.correlation_id,
        attempts=1,
    )
