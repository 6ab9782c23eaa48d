"""Uploads and downloads of file and image columns over the Web API.

It decides what a PATCH with bytes means, how chunks become a file, and which part of one a GET gets ("Use file column
data": Upload a file in a single request, Upload the file in chunks, Download the file in chunks using Web API;
"File attributes": the Location by which a download goes on). Chunks may come in any order and more than once; a session
is over with its last chunk, which may be repeated, too. What a column takes is decided by `attachments`.
"""

from __future__ import annotations

import base64
import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from .attachments import OCTETS, Attachment, Attachments
from .errors import DataverseError, Kind
from .exchange import Answer, Request, json_answer
from .preconditions import check_version
from .query import Place
from .resources import MarkSegment, PropertySegment
from .schema import Table
from .settings import MEGABYTE
from .store import Row
from .writing import Writer

_WHOLE = 128 * MEGABYTE  # bytes that one request may upload
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})(?:/\d+)?")


@dataclass
class _Session:
    """An upload in chunks: where it leads, and which parts have come."""

    table: Table
    row_key: str
    column: str
    blob: str
    name: str
    size: int | None = None
    parts: list[tuple[int, int]] = field(default_factory=list)
    done: bool = False

    def add(self, start: int, stop: int) -> None:
        """Notes a part, joined with what it touches."""
        joined: list[tuple[int, int]] = []
        for first, last in sorted([*self.parts, (start, stop)]):
            if joined and first <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], last))
            else:
                joined.append((first, last))
        self.parts = joined

    @property
    def complete(self) -> bool:
        return self.parts == [(0, self.size)]


@dataclass
class Transfers:
    """Answers uploads and downloads."""

    attachments: Attachments
    writer: Writer
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Drops the uploads that have not ended."""
        with self._lock:
            self._sessions.clear()

    def is_upload(self, place: Place) -> bool:
        """Whether a place is a column that takes files."""
        return len(place.rest) == 1 and self._column(place) is not None

    def is_download(self, place: Place) -> bool:
        """Whether a place is the content of such a column."""
        return len(place.rest) == 2 and place.rest[1] == MarkSegment("$value") and self._column(place) is not None

    def is_part(self, request: Request, place: Place) -> bool:
        """Whether a part of such a column's content is asked for as a property, in base64."""
        return len(place.rest) == 1 and "range" in request.call.headers and self._column(place) is not None

    @staticmethod
    def _column(place: Place) -> str | None:
        segment = place.rest[0]
        if not isinstance(segment, PropertySegment) or place.row is None:
            return None
        table = place.table.schema.table(place.row.type)
        name = segment.declared.name
        return name if name in table.files or name in table.images else None

    def upload(self, request: Request, place: Place) -> Answer:
        """A whole file, the beginning of a session, or a chunk. DataverseError 400, 412 or 413."""
        row, column = place.row, self._column(place)
        if row is None or column is None:
            raise Kind.METHOD_NOT_ALLOWED.error(method="PATCH")
        table = self.attachments.schema.table(row.type)
        headers = request.call.headers
        name = headers.get("x-ms-file-name") or request.given.get("x-ms-file-name", "")
        token = request.given.get("sessiontoken")
        if token is not None:  # clients may send x-ms-transfer-mode with each chunk, too
            return self._chunk(request, token, table, row, column)
        if headers.get("x-ms-transfer-mode", "").lower() == "chunked":
            return self._begin(request, table, row, column, name)
        check_version(request, row)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != OCTETS:
            raise Kind.WRONG_MEDIA_TYPE.error(given=kind, expected=OCTETS)
        self._named(table, column, name)
        blobs = self.attachments.blobs
        if request.call.size >= _WHOLE:
            raise Kind.UPLOAD_TOO_LARGE.error(limit=_WHOLE // MEGABYTE)
        blob = blobs.new()
        blobs.write(blob, 0, request.call.content())
        self.take(table, row.key, column, blob, name)
        return Answer(204)

    def _named(self, table: Table, column: str, name: str) -> None:
        if not name:
            raise Kind.BAD_QUERY.error(problem="The file's name is missing: send x-ms-file-name.")
        self.attachments.check_name(table, column, name)

    def _begin(self, request: Request, table: Table, row: Row, column: str, name: str) -> Answer:
        check_version(request, row)
        self._named(table, column, name)
        token = uuid.uuid4().hex
        with self._lock:
            self._sessions[token] = _Session(table, row.key, column, self.attachments.blobs.new(), name)
        headers = {
            "Location": f"{request.root}/{request.path}?sessiontoken={token}",
            "Accept-Ranges": "bytes",
            "x-ms-chunk-size": str(self.attachments.settings.chunk_size),
            "Access-Control-Expose-Headers": "x-ms-chunk-size",
        }
        return Answer(200, headers)

    def _chunk(self, request: Request, token: str, table: Table, row: Row, column: str) -> Answer:
        with self._lock:  # one chunk of a session after the other; others of other sessions wait, too
            session = self._sessions.get(token)
            if session is None or (session.table, session.row_key, session.column) != (table, row.key, column):
                raise Kind.BAD_QUERY.error(problem="The sessiontoken is not valid for this column.")
            start, stop, size = self._place(request)
            if session.size not in (None, size):
                raise Kind.BAD_QUERY.error(problem="Content-Range tells another size than the chunks before.")
            if session.done:
                return Answer(204)
            self.attachments.check_size(table, column, size)
            session.size = size
            self.attachments.blobs.write(session.blob, start, request.call.content())
            session.add(start, stop)
            if not session.complete:
                return Answer(206)
            try:
                self.take(table, row.key, column, session.blob, session.name)
            except DataverseError:
                del self._sessions[token]  # its bytes are gone, too
                raise
            session.done = True
            return Answer(204)

    def _place(self, request: Request) -> tuple[int, int, int]:
        """Start, end and size of a chunk, from Content-Range. DataverseError 400."""
        match = _CONTENT_RANGE.fullmatch(request.call.headers.get("content-range", ""))
        if match is None:
            raise Kind.BAD_QUERY.error(problem="A chunk needs Content-Range: bytes <start>-<end>/<size>.")
        start, last, size = (int(number) for number in match.groups())
        length = last + 1 - start
        if length <= 0 or last >= size or length != request.call.size:
            raise Kind.BAD_QUERY.error(problem="Content-Range does not fit the body.")
        if length > self.attachments.settings.chunk_size:
            problem = f"A chunk must not be larger than {self.attachments.settings.chunk_size} bytes."
            raise Kind.BAD_QUERY.error(problem=problem)
        return start, last + 1, size

    def take(
        self, table: Table, row_key: str, column: str, blob: str, name: str, mime_type: str | None = None
    ) -> Attachment:
        """Makes a blob the file of a row's column, and lets the row tell of it. DataverseError 400."""
        with self.attachments.store.transaction():
            taken = self.attachments.take(table, row_key, column, blob, name, mime_type)
            self.writer.tell(table, row_key, self.attachments.columns(table, row_key, column))
            return taken

    def download(self, request: Request, place: Place) -> Answer:
        """The content of a file, or the part that `Range` names; no content where there is none."""
        found = self._found(request, place)
        if found is None:
            return Answer(204)
        start, stop, status, told = self._told(request, found)
        content = self.attachments.blobs.pieces(found.key, start, stop)
        headers = {**told, "Content-Type": OCTETS, "Content-Length": str(stop - start)}
        return Answer(status, headers, stream=content)

    def part(self, request: Request, place: Place) -> Answer:
        """A part of a file as the value of its property. So goes on who follows the Location that came with the part
        before: it names the column without `$value`."""
        found = self._found(request, place)
        if found is None:
            return Answer(204)
        start, stop, status, told = self._told(request, found)
        content = b"".join(self.attachments.blobs.pieces(found.key, start, stop))
        context = f"{request.root}/$metadata#{request.path}"
        return json_answer(status, {"@odata.context": context, "value": base64.b64encode(content).decode()}, told)

    def _found(self, request: Request, place: Place) -> Attachment | None:
        row, column = place.row, self._column(place)
        if row is None or column is None:
            raise Kind.METHOD_NOT_ALLOWED.error(method="GET")
        table = self.attachments.schema.table(row.type)
        full = request.given.get("size", "").lower() == "full"
        if full and (table.name, column) in self.attachments.settings.without_full_images:
            return None
        return self.attachments.of(table, row.key, column)

    def _told(self, request: Request, found: Attachment) -> tuple[int, int, int, dict[str, str]]:
        """Where the part that is asked for starts and ends, the status, and what headers tell of it."""
        told = {"x-ms-file-size": str(found.size), **_named_headers(found), "mimetype": found.mime_type}
        exposed = ["x-ms-file-size", "x-ms-file-name", "mimetype"]
        part = _part(request.call.headers, found.size)
        start, stop, status = 0, found.size, 200
        if part is not None:
            start, stop, status = *part, 206
            told |= {
                "x-ms-chunk-size": str(self.attachments.settings.chunk_size),
                "Content-Range": f"bytes {start}-{stop - 1}/{found.size}",
                "Location": f"{request.root}/{request.path.removesuffix('/$value')}?FileContinuationToken={found.key}",
            }
            exposed.insert(2, "x-ms-chunk-size")
        return start, stop, status, {**told, "Access-Control-Expose-Headers": "; ".join(exposed)}

    def delete(self, place: Place) -> Answer:
        """Removes a column's file."""
        row, column = place.row, self._column(place)
        if row is None or column is None:
            raise Kind.METHOD_NOT_ALLOWED.error(method="DELETE")
        self.remove(self.attachments.schema.table(row.type), row.key, column)
        return Answer(204)

    def remove(self, table: Table, row_key: str, column: str) -> None:
        """Removes a file and what its row tells of it."""
        with self.attachments.store.transaction():
            self.attachments.drop(table, row_key, column)
            self.writer.tell(table, row_key, self.attachments.columns(table, row_key, column))


def _part(headers: Mapping[str, str], size: int) -> tuple[int, int] | None:
    """Start and end of what `Range` asks for; None for all. DataverseError 416 for what the file does not have."""
    text = headers.get("range")
    if text is None:
        return None
    match = _RANGE.fullmatch(text.strip())
    if match is None or match.groups() == ("", ""):
        return None  # RFC 9110, section 14.2: a Range that is not understood is passed over
    first, last = match.groups()
    start = max(size - int(last), 0) if not first else int(first)
    stop = size if not first or not last else min(int(last) + 1, size)
    if start >= stop:
        raise Kind.NO_RANGE.error(size=size)
    return start, stop


def _named_headers(attachment: Attachment) -> dict[str, str]:
    """The file's name: headers hold ASCII only, so that others are percent-encoded (RFC 8187)."""
    plain = attachment.name.isascii() and attachment.name.isprintable()
    encoded = quote(attachment.name, safe="")
    shown = attachment.name.replace("\\", "\\\\").replace('"', '\\"')
    disposition = f'attachment; filename="{shown}"' if plain else f"attachment; filename*=UTF-8''{encoded}"
    return {"x-ms-file-name": attachment.name if plain else encoded, "Content-Disposition": disposition}
