"""A request and its answer, as the parts of the service pass them on.

It decides nothing about HTTP's transport and nothing about rows: it holds what was asked, parses the body, and shapes
answers.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from .errors import DataverseError, Kind
from .options import Options, Preferences, parse_options
from .rendering import Rendering
from .schema import Table
from .values import decode, encode

JSON = "application/json; odata.metadata=minimal"


@dataclass(frozen=True)
class Call:
    """A request. `path` and `query` are as they stood in the request line; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    upload: IO[bytes] | None = None
    """The body in place of `body`, where it is the content of a file."""

    @property
    def size(self) -> int:
        """How many bytes the body has."""
        return len(self.body) if self.upload is None else self.upload.seek(0, os.SEEK_END)

    def content(self) -> IO[bytes]:
        """The body from its beginning, whichever way it came."""
        if self.upload is None:
            return io.BytesIO(self.body)
        self.upload.seek(0)
        return self.upload


@dataclass(frozen=True)
class Answer:
    """An answer. `work` counts the rows that it took to read or write, or the requests of a batch; `stream` is a body
    that is handed out in pieces."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    work: int = 1
    stream: Iterator[bytes] | None = None


@dataclass(frozen=True)
class Request:
    """What the parts of the service need to know of one request."""

    call: Call
    root: str
    path: str
    given: Mapping[str, str]
    preferences: Preferences
    rendering: Rendering

    @property
    def options(self) -> Options:
        """The query options. DataverseError 400 for what is none."""
        return parse_options(self.given)

    def body(self, table: Table) -> Any:
        """The body for a row of a table. DataverseError 400 where there is none."""
        if not self.call.body.strip():
            raise Kind.BAD_PAYLOAD.error(table=table.name, problem="System.ArgumentException: Stream was not readable.")
        return self.json(table.name)

    def json(self, name: str) -> Any:
        """The body, parsed; `name` is told in the error. DataverseError 400 or 415 for a body that is no JSON."""
        kind = self.call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Kind.WRONG_MEDIA_TYPE.error(given=kind, expected="application/json")
        try:
            return decode(self.call.body)
        except (ValueError, UnicodeDecodeError):
            raise Kind.BAD_PAYLOAD.error(table=name, problem="Newtonsoft.Json: the body is not valid JSON.") from None


def applied(preferences: Preferences, *, page: bool, also: str | None = None) -> dict[str, str]:
    """The header that tells which preferences were honoured."""
    parts = [also] if also else []
    if page and preferences.page_size is not None:
        parts.append(f"odata.maxpagesize={preferences.page_size}")
    if preferences.annotations is not None:
        parts.append(f'odata.include-annotations="{preferences.annotations}"')
    return {"Preference-Applied": ",".join(parts)} if parts else {}


def refused(error: DataverseError) -> Answer:
    """The answer that an error is."""
    return Answer(error.status, {"Content-Type": JSON, **error.headers}, encode(error.body()))


def json_answer(status: int, content: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, {"Content-Type": JSON, **(headers or {})}, encode(content))
