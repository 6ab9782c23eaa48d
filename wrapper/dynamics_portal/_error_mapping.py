"""Error mapping: from an answer that is no success to a code and facts. No I/O, and nothing here can fail.

The status decides, with three exceptions: where it is a general one (400, 500 or none) Dynamics' own code may say more
(`_dynamics_codes`), a body in OAuth's form is a failure to authenticate, and a segment of the path that is not found is
not found. What a body says is read by `_error_body`.

Source: Dataverse Web API, "Compose HTTP requests and handle errors"; RFC 6749, "Error Response"; RFC 9110,
"Retry-After".
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from .errors import ErrorCode

if TYPE_CHECKING:
    from ._error_body import Body

_BY_STATUS: Final[dict[int, ErrorCode]] = {
    401: ErrorCode.AUTH_FAILURE,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    407: ErrorCode.NETWORK_ERROR,  # a proxy on the way wants credentials; the service never saw the request
    408: ErrorCode.NETWORK_ERROR,
    409: ErrorCode.CONFLICT,
    410: ErrorCode.NOT_FOUND,
    412: ErrorCode.CONFLICT,
    428: ErrorCode.CONFLICT,
    429: ErrorCode.RATE_LIMITED,
}
_GENERAL: Final = frozenset({None, 400, 500})
_BUSY: Final = frozenset({"server_error", "temporarily_unavailable"})  # RFC 6749's words for a failure of the server
_NO_SEGMENT: Final = "Resource not found for the segment"  # with 0x8006088a or 0x80060888, and 404 or 400
_NO_CODE: Final = frozenset({None, "0x0", "0x00000000"})
_ID: Final = re.compile(r"[0-9A-Za-z\-]{1,64}")


class ErrorFacts(NamedTuple):
    """What an error answer says. `oauth_error`: RFC 6749's word (`invalid_client`), where the body has that form."""

    code: ErrorCode
    dynamics_code: str | None
    message: str
    request_id: str | None
    retry_after: float | None
    oauth_error: str | None = None


def read_error(status: int | None, headers: Mapping[str, str], content: bytes) -> ErrorFacts:
    """What an answer with this status, these headers (by names in lower case) and this body says."""
    from ._error_body import read_body  # with the first error

    body = read_body(content)
    return ErrorFacts(
        _decide(status, body),
        _shown_code(body.codes),
        body.message,
        request_id(headers),
        retry_after(headers),
        body.oauth_error,
    )


def _decide(status: int | None, body: Body) -> ErrorCode:
    if status in _GENERAL:
        found = _by_code(body.codes)
        if found is not None:
            return found
        if status != 500 and body.oauth_error is not None:
            return ErrorCode.SERVER_ERROR if body.oauth_error in _BUSY else ErrorCode.AUTH_FAILURE
        if status != 500 and _is_missing(body):
            return ErrorCode.NOT_FOUND
    if status is None or status >= 500 or status < 300:
        return ErrorCode.SERVER_ERROR
    return _BY_STATUS.get(status, ErrorCode.INVALID_REQUEST)


def _by_code(codes: tuple[str, ...]) -> ErrorCode | None:
    """What the first code says that is one thing, from the outermost on. One that leaves it to the status ends it."""
    from ._dynamics_codes import CODES  # with the first error

    for code in codes:
        kind, name = CODES.get(code.lower(), (None, ""))
        if kind is not None or name:
            return kind
    return None


def _shown_code(codes: tuple[str, ...]) -> str | None:
    """The outermost code, but the first one that says something rather than none."""
    return next((code for code in codes if code not in _NO_CODE), codes[0] if codes else None)


def _is_missing(body: Body) -> bool:
    code = body.codes[0] if body.codes else ""
    return code == "0x8006088a" or code.endswith("NotFound") or body.message.startswith(_NO_SEGMENT)


def request_id(headers: Mapping[str, str]) -> str | None:
    """The service's id of the request. Where it names two, both, divided by a comma."""
    found: dict[str, None] = {}
    for name in ("x-ms-service-request-id", "req_id", "x-ms-request-id"):
        for part in headers.get(name, "").split(","):
            if _ID.fullmatch(part.strip()):
                found[part.strip()] = None
        if found:
            return ",".join(found)
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `Retry-After` as a number or as a date. `None` where it is absent or makes no sense."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, headers.get("date", ""))
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(text: str, date: str) -> float | None:
    """Seconds from the answer's own date to the one given, so that a clock that is wrong here does no harm."""
    then, now = _moment(text), _moment(date)
    return None if then is None else max(then - (time.time() if now is None else now), 0.0)


def _moment(text: str) -> float | None:
    """An HTTP date in seconds since 1970. One of its three forms names no zone: all are in UTC."""
    from datetime import UTC  # dates are rare, and email.utils costs 15 ms at import
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
