"""A whole exchange without secrets and personal data: which headers stay, and what becomes of a body.

Lists say what is kept: a header that is on none is dropped, a body that is neither JSON nor a count is replaced by a
placeholder. What a cassette cannot hold so that it can still be played is refused.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from http.client import responses as PHRASES
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from .. import _json
from ..secrets import MASK
from .names import Names, is_made_up
from .parts import Parts
from .urls import SCOPE, Urls, is_token_url
from .values import Values, pretty

Headers = tuple[tuple[str, str], ...]


class UnscrubbableError(ValueError):
    """Something in an exchange cannot be scrubbed so that it can still be played; nothing of it is written."""


class Request(NamedTuple):
    """A request as it was sent."""

    method: str
    url: str
    headers: Headers
    body: bytes


class Response(NamedTuple):
    """An answer as it came."""

    status: int
    headers: Headers
    body: bytes


class Exchange(NamedTuple):
    """A request and its answer."""

    request: Request
    response: Response


_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"})
_JSON_TYPE: Final = "application/json"
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_TYPES: Final = re.compile(
    r"(application/(?:json|xml|octet-stream|x-www-form-urlencoded)|text/(?:html|plain|xml))"
    r"(?:; ?(?:odata\.metadata=(?:none|minimal|full)|odata\.streaming=(?:true|false)|IEEE754Compatible=(?:true|false)"
    r"|charset=(?:utf-8|UTF-8)))*"
)
_PLACEHOLDERS: Final = {
    "text/html": f"<html>{MASK}</html>".encode(),
    "text/xml": f"<xml>{MASK}</xml>".encode(),
    "application/xml": f"<xml>{MASK}</xml>".encode(),
}
_COUNT: Final = re.compile(rb"\xef\xbb\xbf\d{1,12}|\d{1,12}")


_Rules = dict[str, Callable[[str, Names, Urls], str | None]]
"""Names of headers, in lower case, to what becomes of their values; `None` drops the header."""


def _if(pattern: str) -> Callable[[str, Names, Urls], str | None]:
    """Kept where it is of this form, else dropped."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda value, _, __: value if compiled.fullmatch(value) else None


def _version(value: str, names: Names, _: Urls) -> str:
    return "*" if value.strip() == "*" else names.version(value)


def _ids(value: str, names: Names, _: Urls) -> str:
    return ",".join(names.text(part.strip()) for part in value.split(","))


_DATE: Final = (
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} [\d:]{8} GMT"
)
_PREFERENCE: Final = (
    r"(?:odata\.(?:maxpagesize=\d{1,6}|track-changes|continue-on-error|allow-entityreferences)"
    r"|odata\.include-annotations=\"?(?:\*|(?:OData|Microsoft|odata)\.[\w.*]*)(?:,(?:OData|Microsoft|odata)\.[\w.*]*)*\"?"
    r"|return=(?:representation|minimal)|respond-async)"
)
_PREFERENCES: Final = _if(rf"{_PREFERENCE}(?:[,;] ?{_PREFERENCE})*")
_ACCEPTS: Final = _if(_TYPES.pattern + r"|\*/\*")
_CONTENT_TYPE: Final = _if(_TYPES.pattern)
_WHOLE: Final = _if(r"\d{1,9}")
_FLAG: Final = _if(r"true|false")

REQUEST_HEADERS: Final[_Rules] = {
    "accept": _ACCEPTS,
    "callerobjectid": _ids,
    "consistency": _if("Strong"),
    "content-type": _CONTENT_TYPE,
    "if-match": _version,
    "if-none-match": _version,
    "mscrm.bypasscustompluginexecution": _FLAG,
    "mscrm.suppresscallbackregistrationexpanderjob": _FLAG,
    "mscrm.suppressduplicatedetection": _FLAG,
    "mscrmcallerid": _ids,
    "odata-maxversion": _if(r"4\.0\d?"),
    "odata-version": _if(r"4\.0\d?"),
    "prefer": _PREFERENCES,
}
"""What is kept of a request's headers. `Authorization` is not on it."""

RESPONSE_HEADERS: Final[_Rules] = {
    "content-type": _CONTENT_TYPE,
    "etag": _version,
    "location": lambda value, _, urls: urls.address(value),
    "odata-entityid": lambda value, _, urls: urls.address(value),
    "odata-version": _if(r"4\.0\d?"),
    "preference-applied": _PREFERENCES,
    "req_id": _ids,
    "retry-after": _if(rf"\d{{1,6}}|{_DATE}"),
    "x-ms-dop-hint": _WHOLE,
    "x-ms-ratelimit-burst-remaining-xrm-requests": _if(r"[\d.,]{1,12}"),
    "x-ms-ratelimit-time-remaining-xrm-requests": _if(r"[\d.,]{1,12}"),
    "x-ms-service-request-id": _ids,
}
"""What is kept of an answer's headers. `Set-Cookie` and `WWW-Authenticate`, which names the tenant, are not on it."""


class Scrubber:
    """Scrubs the exchanges of one cassette, in their order."""

    __slots__ = ("_parts", "_urls", "_values", "names")

    def __init__(self, keep: Iterable[str] = ()) -> None:
        self.names = Names()
        self._parts = Parts(self.names, self._part)
        kept = frozenset(keep)
        self._urls = Urls(self.names, kept)
        self._values = Values(self.names, self._urls, kept)

    def exchange(self, exchange: Exchange) -> Exchange:
        """A request and its answer. Raises `UnscrubbableError`."""
        return Exchange(self.request(exchange.request), self.response(exchange))

    def request(self, request: Request) -> Request:
        """A request. Raises `UnscrubbableError`."""
        if request.method not in _METHODS:
            raise UnscrubbableError("a request's method is none of the Web API's")
        if is_token_url(request.url):
            headers = self._headers(request.headers, REQUEST_HEADERS)
            return Request(request.method, self._urls.address(request.url), headers, _form(_plain(request)))
        headers, body = self._content(request, REQUEST_HEADERS)
        return Request(request.method, self._urls.address(request.url), headers, body)

    def response(self, exchange: Exchange) -> Response:
        """The answer to a request. Raises `UnscrubbableError`."""
        response = exchange.response
        if not 100 <= response.status <= 599:
            raise UnscrubbableError("an answer's status is none of HTTP's")
        if is_token_url(exchange.request.url) and response.body:
            document = self._values.token(_json_or_none(_plain(response)))
            return Response(response.status, self._headers(response.headers, RESPONSE_HEADERS), _text(document))
        return Response(response.status, *self._content(response, RESPONSE_HEADERS))

    def _content(self, message: Request | Response, kept: _Rules) -> tuple[Headers, bytes]:
        """The headers of a message and its body."""
        headers, body = self._headers(message.headers, kept), _plain(message)
        kind = _kind(message)
        if not kind.strip().lower().startswith("multipart/"):
            match = _TYPES.match(kind)
            return headers, self._body(body, match[1] if match else "")
        try:
            kind, body = self._parts.body(kind, body)
        except UnscrubbableError:
            raise
        except ValueError:
            raise UnscrubbableError("a body in several parts is none of a batch") from None
        return tuple(sorted([*headers, ("content-type", kind)])), body

    def _part(self, method: str, start: str, headers: Headers, body: bytes) -> tuple[str, Headers, bytes]:
        """A request or an answer in a batch."""
        if method:
            request = self.request(Request(method, start, headers, body))
            return request.url, request.headers, request.body
        response = Response(int(start), *self._content(Response(int(start), headers, body), RESPONSE_HEADERS))
        return f"{response.status} {PHRASES.get(response.status, '')}".rstrip(), response.headers, response.body

    def _headers(self, headers: Headers, kept: _Rules) -> Headers:
        """The headers that are kept, by name in lower case, in the order of their names."""
        shown = []
        for name, value in sorted((name.lower(), value) for name, value in headers):
            rule = kept.get(name)
            scrubbed = None if rule is None else rule(value, self.names, self._urls)
            if scrubbed is not None:
                shown.append((name, scrubbed))
        return tuple(shown)

    def _body(self, body: bytes, kind: str) -> bytes:
        if not body:
            return b""
        if kind in (_JSON_TYPE, ""):
            document = _json_or_none(body)
            if document is not None:
                return _text(self._values.document(document))
        if kind == "text/plain" and _COUNT.fullmatch(body):
            return body
        return _PLACEHOLDERS.get(kind, MASK.encode())


def _kind(message: Request | Response) -> str:
    return next((value for name, value in message.headers if name.lower() == "content-type"), "")


def _plain(message: Request | Response) -> bytes:
    """The body without a compression."""
    encodings = (value for name, value in message.headers if name.lower() == "content-encoding")
    return _decompressed(next(encodings, "").strip().lower(), message.body)


def _decompressed(encoding: str, body: bytes) -> bytes:
    if encoding in ("", "identity") or not body:
        return body
    bits = {
        "gzip": (zlib.MAX_WBITS | 16,),
        "x-gzip": (zlib.MAX_WBITS | 16,),
        "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
    }
    for size in bits.get(encoding, ()):
        try:
            return zlib.decompress(body, size)
        except zlib.error:
            continue
    raise UnscrubbableError("a body is compressed in a way that cannot be undone")


def _json_or_none(body: bytes) -> Any:
    try:
        return _json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None


def _text(document: Any) -> bytes:
    return pretty(document).encode("ascii")


_FORM_FIELDS: Final = {
    "client_assertion": MASK,
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_id": MASK,
    "client_secret": MASK,
    "grant_type": "client_credentials",
    "scope": SCOPE,
}
"""What a token request's fields become; others are left out. Source: RFC 6749, "Client Credentials Grant"."""


def _form(body: bytes) -> bytes:
    names = {name for name, _ in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)}
    return "&".join(f"{name}={value}" for name, value in _FORM_FIELDS.items() if name in names).encode()


def scrub(exchanges: Iterable[Exchange], keep: Iterable[str] = ()) -> list[Exchange]:
    """The exchanges of one cassette without secrets and personal data.

    `keep`: names of columns whose numbers, dates and times stay. Scrubbing what is scrubbed changes nothing.
    Raises `UnscrubbableError`.
    """
    scrubber = Scrubber(keep)
    return [scrubber.exchange(exchange) for exchange in exchanges]


def same(live: Request, recorded: Request, keep: Iterable[str] = ()) -> bool:
    """Whether a request that is made is the one that was recorded.

    Each of the two is scrubbed for itself: real values differ from run to run and are not compared, but what is equal
    within a request must be equal in both. A value that a played answer has made up must come back as it was given.
    Of headers, those count that change what a request does; of a token request, nothing but its address.
    """
    here, there = Scrubber(keep), Scrubber(keep)
    try:
        left, right = here.request(live), there.request(recorded)
    except UnscrubbableError:
        return False
    if is_token_url(live.url) or left[:2] != right[:2]:
        return left[:2] == right[:2]
    given, wanted = here.names.given, there.names.given
    if left.body != right.body or _effective(left) != _effective(right) or len(given) != len(wanted):
        return False
    return all(value == other for value, other in zip(given, wanted, strict=True) if is_made_up(value))


def _effective(request: Request) -> Headers:
    return tuple(item for item in request.headers if item[0] not in _FORMATS)


_FORMATS: Final = frozenset({"accept", "content-type", "odata-maxversion", "odata-version"})
