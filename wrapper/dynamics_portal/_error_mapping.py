"""Error mapping: from an answer that is no success to a code and facts. No I/O, and nothing here can fail.

The status decides, with two exceptions: where it is a general one (400, 500 or none) Dynamics' own code may say more
(`_dynamics_codes`), and a body in OAuth's form is a failure to authenticate. Bodies may be JSON of several shapes, XML,
HTML, empty, cut off or not text at all.

Source: Dataverse Web API, "Compose HTTP requests and handle errors"; RFC 6749, "Error Response"; RFC 9110,
"Retry-After".
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ._dynamics_codes import CODES
from .errors import ErrorCode

MAX_MESSAGE: Final = 4000  # characters of the server's text that are kept; its stack traces run to megabytes

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
_HEX: Final = re.compile(r"0x[0-9a-f]{1,8}", re.IGNORECASE)
_SIGNED: Final = re.compile(r"-[0-9]{1,10}")
_WORD: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_AADSTS: Final = re.compile(r"AADSTS\d{4,10}")
_ID: Final = re.compile(r"[0-9A-Za-z\-]{1,64}")
_XML_CODE: Final = re.compile(r"<(?:\w+:)?code[^<>]*>([^<]{0,100})</", re.IGNORECASE)
_XML_MESSAGE: Final = re.compile(r"<(?:\w+:)?message[^<>]*>([^<]{0,4000})</", re.IGNORECASE)


class ErrorFacts(NamedTuple):
    """What an error answer says."""

    code: ErrorCode
    dynamics_code: str | None
    message: str
    request_id: str | None
    retry_after: float | None


def read_error(status: int | None, headers: Mapping[str, str], content: bytes) -> ErrorFacts:
    """What an answer with this status, these headers (by names in lower case) and this body says."""
    raw_code, message, oauth = _read_body(content)
    dynamics_code = normal_code(raw_code)
    return ErrorFacts(
        _decide(status, dynamics_code, message, oauth=oauth),
        dynamics_code,
        message[:MAX_MESSAGE],
        request_id(headers),
        retry_after(headers),
    )


def _decide(status: int | None, dynamics_code: str | None, message: str, *, oauth: bool) -> ErrorCode:
    if status in _GENERAL:
        known = CODES.get((dynamics_code or "").lower())
        if known is not None:
            return known
        if oauth and status != 500:
            return ErrorCode.AUTH_FAILURE
        missing = message.startswith("Resource not found for the segment") or (dynamics_code or "").endswith("NotFound")
        if missing and status != 500:
            return ErrorCode.NOT_FOUND
    if status is None or status >= 500:
        return ErrorCode.SERVER_ERROR
    return _BY_STATUS.get(status, ErrorCode.INVALID_REQUEST)


def normal_code(raw: object) -> str | None:
    """A code as it is compared and shown: hexadecimal in lower case, a word as it is, `None` for anything else."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)
    if not isinstance(raw, str):
        return None
    text = raw.strip()
    if _HEX.fullmatch(text):
        return text.lower()
    if _SIGNED.fullmatch(text):  # the same number as a signed 32-bit integer
        return f"0x{int(text) & 0xFFFFFFFF:08x}"
    return text if _WORD.fullmatch(text) else None


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
    from email.utils import parsedate_to_datetime  # costs 15 ms at import, and dates are rare

    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    try:
        now = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        now = time.time()
    return max(then - now, 0.0)


def _read_body(content: bytes) -> tuple[object, str, bool]:
    """Code, message, and whether it is OAuth's form."""
    text = content.decode("utf-8-sig", "replace").strip("\x00 \r\n\t")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        code, message = _XML_CODE.search(text), _XML_MESSAGE.search(text)
        return (code[1] if code else None), (message[1] if message else text), False
    return _read_document(document)


def _read_document(document: Any) -> tuple[object, str, bool]:
    if not isinstance(document, dict):
        return None, document if isinstance(document, str) else "", False
    error = document.get("error")
    if isinstance(error, str):  # RFC 6749; Entra's own code stands in the description
        description = _text(document.get("error_description"))
        own = _AADSTS.search(description)
        return (own[0] if own else error), description or error, "error_description" in document or own is not None
    holder = error if isinstance(error, dict) else document
    message = holder.get("message", holder.get("Message", document.get("message")))
    if isinstance(message, dict):  # OData V3's {"lang": …, "value": …}
        message = message.get("value")
    return holder.get("code"), _text(message), False


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
