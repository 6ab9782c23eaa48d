"""Redaction: what of a URL, of headers, of codes and ids may be shown. Allow-lists: the rest is masked.

An OData URL carries personal data (`$filter=emailaddress1 eq '…'`, alternate keys), and headers carry tokens. The
names of tables, columns and operations are the organisation's schema and are shown; values never are.

>>> redact_url("https://org.example/api/data/v9.2/contacts(emailaddress1='kari@example.org')?$select=fullname&$top=1")
'https://org.example/api/data/v9.2/contacts(***)?$select=fullname&$top=1'
>>> redact_url("https://org.example/api/data/v9.2/contacts?$filter=emailaddress1 eq 'kari@example.org'")
'https://org.example/api/data/v9.2/contacts?$filter=***'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from .secrets import MASK

SHOWN_HEADERS: Final = frozenset(
    {
        "accept",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "odata-maxversion",
        "odata-version",
        "prefer",
        "preference-applied",
        "req_id",
        "retry-after",
        "user-agent",
        "x-correlation-id",
        "x-ms-dop-hint",
        "x-ms-ratelimit-burst-remaining-xrm-requests",
        "x-ms-ratelimit-time-remaining-xrm-requests",
        "x-ms-service-request-id",
    }
)
"""Headers whose values are shown."""

_PATTERNS: Final = {
    "$select": re.compile(r"[\w, ]*"),
    "$orderby": re.compile(r"[\w, /]*"),
    "$expand": re.compile(r"[\w, /]*"),  # only names: options in parentheses can hold a filter
    "$top": re.compile(r"\d*"),
    "$count": re.compile(r"true|false"),
}
"""Query options that may be shown, each where its value is of this form."""

_MASKED_NAMES: Final = frozenset({"$filter", "$skiptoken", "$apply", "$search", "fetchXml"})
"""Query options whose name is shown without the value. Of all others, the name is masked, too."""

_API_PATH: Final = re.compile(r"/api/data/v\d{1,2}\.\d{1,2}/")
_SEGMENT: Final = re.compile(r"(\$?[A-Za-z_][\w.]{0,199})(\(.*\))?", re.DOTALL)
_HOST: Final = re.compile(r"[A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")


def redact_url(url: str) -> str:
    """The URL with the names of tables, columns and operations, and without values."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return MASK
    host = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{host if _HOST.fullmatch(host) else MASK}" + (f":{port}" if port else "")
    query = f"?{_query(parts.query)}" if parts.query else ""
    return origin + _path(parts.path) + query


def _path(path: str) -> str:
    """The path below the service's root by names; of any other path nothing."""
    root = _API_PATH.match(path)
    if root is None:
        return f"/{MASK}" if path.strip("/") else path
    return root[0] + "/".join(map(_segment, _segments(path[root.end() :])))


def _segments(path: str) -> Iterable[str]:
    """Split at the slashes that are outside of parentheses."""
    depth, start = 0, 0
    for index, character in enumerate(path):
        depth += (character == "(") - (character == ")")
        if character == "/" and depth <= 0:
            yield path[start:index]
            start = index + 1
    yield path[start:]


def _segment(segment: str) -> str:
    if not segment:
        return segment
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        return MASK
    arguments = match[2]
    return match[1] + ("" if arguments is None else "()" if arguments == "()" else f"({MASK})")


def _query(query: str) -> str:
    shown = []
    for item in query.split("&"):
        name, _, raw = (unquote_plus(part) for part in item.partition("="))
        pattern = _PATTERNS.get(name)
        if pattern is not None and pattern.fullmatch(raw):
            shown.append(f"{name}={raw}")
        else:
            shown.append(f"{name if name in _PATTERNS or name in _MASKED_NAMES else MASK}={MASK}")
    return "&".join(shown)


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by name, in lower case; the values of all but the known harmless ones masked."""
    return {name.lower(): value if name.lower() in SHOWN_HEADERS else MASK for name, value in headers.items()}


_CODE: Final = re.compile(r"0x[0-9a-f]{1,8}|[0-9A-Fa-f]{8}|AADSTS\d{4,10}")
_OAUTH_ERRORS: Final = frozenset(  # RFC 6749, "Error Response"; OpenID Connect Core, "Authentication Error Response"
    {
        "access_denied",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
_REQUEST_ID: Final = re.compile(r"[0-9A-Fa-f,\-]{1,200}")


def redact_code(code: str | None) -> str | None:
    """A service's error code, where it is of a form that codes have. A word can be anything, also an echo."""
    return code if code is None or _CODE.fullmatch(code) or code in _OAUTH_ERRORS else MASK


def redact_request_id(request_id: str | None) -> str | None:
    """A service's request id, where it is one or more UUIDs."""
    return request_id if request_id is None or _REQUEST_ID.fullmatch(request_id) else MASK
