"""Conditions of a write: `If-Match` and `If-None-Match` ("Perform conditional operations using the Web API").

It decides whether a row may be written as it is.
"""

from __future__ import annotations

from .errors import Kind
from .exchange import Request
from .store import Row


def check_version(request: Request, row: Row) -> None:
    """DataverseError 412 where the row is not in the state that the request asks for."""
    if request.call.headers.get("if-none-match") == "*":
        raise Kind.DUPLICATE_KEY.error()
    wanted = request.call.headers.get("if-match")
    if wanted is not None and wanted != "*" and row.etag not in [tag.strip() for tag in wanted.split(",")]:
        raise Kind.VERSION_MISMATCH.error()
