"""Redaction: what of a URL, of headers, of codes, ids and messages may be shown. Allow-lists: the rest is masked.

An OData URL carries personal data (`$filter=emailaddress1 eq '…'`, alternate keys), and headers carry tokens. The
names of tables, columns and operations are the organisation's schema and are shown; values never are. A message of
the service echoes input: of it, words of a closed vocabulary are shown. Secrets that were used are taken out of
everything, also of what is not shown (`without_secrets`).

>>> redact_url("https://org.example/api/data/v9.2/contacts(emailaddress1='kari@example.org')?$select=fullname&$top=1")
'https://org.example/api/data/v9.2/contacts(***)?$select=fullname&$top=1'
>>> redact_url("https://org.example/api/data/v9.2/contacts?$filter=emailaddress1 eq 'kari@example.org'")
'https://org.example/api/data/v9.2/contacts?$filter=***'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit

from .secrets import MASK, Secret

# Patterns as text: `re` keeps them compiled from their first use on, and importing the client needs none of them.
_DIGITS: Final = r"[\d.,\"-]{1,30}"
_IDS: Final = r"[0-9A-Fa-f,\- ]{1,200}"
_DATE: Final = r"[A-Z][a-z]{2}, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT"
_MEDIA: Final = (
    r"(?:(?:application|multipart|text)/[a-z.+*-]{1,60}|\*/\*)"
    r"(?:[;,] ?(?:charset=[\w-]{1,20}|odata\.\w{1,20}=\w{1,10}|IEEE754Compatible=\w{1,5}|boundary=[\w-]{1,100}))*"
)
_PREFERENCES: Final = (
    r"(?:(?:return=(?:representation|minimal)|odata\.maxpagesize=\d{1,6}|odata\.track-changes|odata\.continue-on-error"
    r"|respond-async|odata\.include-annotations=\"?[\w.,*-]{1,200}\"?)(?:, ?|; ?|$))+"
)

SHOWN_HEADERS: Final[Mapping[str, str]] = {
    "accept": _MEDIA,
    "content-encoding": r"(?:gzip|deflate|br|zstd|identity)(?:, ?(?:gzip|deflate|br|zstd|identity))*",
    "content-length": _DIGITS,
    "content-type": _MEDIA,
    "date": _DATE,
    "odata-maxversion": _DIGITS,
    "odata-version": _DIGITS,
    "prefer": _PREFERENCES,
    "preference-applied": _PREFERENCES,
    "req_id": _IDS,
    "retry-after": f"{_DIGITS}|{_DATE}",
    "user-agent": r"dynamics-portal/[\w.+]{1,30}",
    "x-correlation-id": _IDS,
    "x-ms-dop-hint": _DIGITS,
    "x-ms-ratelimit-burst-remaining-xrm-requests": _DIGITS,
    "x-ms-ratelimit-time-remaining-xrm-requests": _DIGITS,
    "x-ms-service-request-id": _IDS,
}
"""Headers whose values are shown, where all of them is of this form (a regular expression): names in lower case."""

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
    return {name.lower(): _header(SHOWN_HEADERS.get(name.lower()), value) for name, value in headers.items()}


def _header(pattern: str | None, value: str) -> str:
    return value if pattern is not None and re.fullmatch(pattern, value, re.ASCII) else MASK


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


def redact_code(code: str | None) -> str | None:
    """A service's error code, where it is of a form that codes have. A word can be anything, also an echo."""
    return code if code is None or _CODE.fullmatch(code) or code in _OAUTH_ERRORS else MASK


def redact_request_id(request_id: str | None) -> str | None:
    """A service's request id, where it is one or more UUIDs."""
    return request_id if request_id is None or re.fullmatch(_IDS, request_id) else MASK


MAX_SHOWN: Final = 200  # characters of a message that are shown: enough for a sentence, too few to fill a log
_READ: Final = 2000  # characters of a message that are looked at
_QUOTES: Final = "''", '""', "``", "\u2018\u2019", "\u201c\u201d"
_QUOTED: Final = "|".join(f"{left}[^{right}\\n]{{0,300}}{right}" for left, right in _QUOTES)
_AROUND: Final = ".,;:=()[]{}<>!?-"  # signs that are shown around a word, and alone
_MASKS: Final = r"\*\*\*(?:[.,;:=()\[\]{}<>!?-]* [(\[]?\*\*\*)+"


def redact_message(text: str) -> str:
    """The words of a service's text that are known to be harmless, in lower case; everything else masked.

    A word is shown where it is of Microsoft's own sentences (`_vocabulary`); what is quoted, and what has a digit or
    a sign in it, never is. At most `MAX_SHOWN` characters; empty where no word is left.

    >>> redact_message("Entity 'contact' With Id = 5b4ced1c-88e1-ee11-904c-6045bd05e9d4 Does Not Exist")
    'entity *** with id = *** does not exist'
    >>> redact_message("A record with emailaddress1 kari@example.org already exists.")
    'a record with *** already exists.'
    """
    shown: list[str] = []
    any_word, begins = False, True
    for chunk in re.sub(rf"(?<!\w)(?:{_QUOTED})(?!\w)", f" {MASK} ", text[:_READ]).split():
        word = chunk.strip(_AROUND)
        before, _, after = chunk.partition(word) if word else (chunk, "", "")
        harmless = not word or _is_harmless(word, begins=begins)
        any_word = any_word or bool(word and harmless)
        shown.append(before + (word.lower() if harmless else MASK) + after)
        begins = chunk.endswith((".", ":", "!", "?"))
    line = re.sub(_MASKS, MASK, " ".join(shown)).replace(f"{MASK} .", f"{MASK}.") if any_word else ""
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 2].rpartition(" ")[0] + " …"


def _is_harmless(word: str, *, begins: bool) -> bool:
    """Whether a word is known. `begins`: whether a sentence begins with it."""
    from ._vocabulary import CAPITALS, SHY, WORDS  # loaded when the first error is shown

    word = word.replace("\u2019", "'")
    if word in CAPITALS or word in SHY or word in WORDS:
        return True
    return begins and (word in ("A", "An") or (word[0].isupper() and word[0].lower() + word[1:] in WORDS))


_NAMED: Final = (
    r"""(?s:(?P<before>has no key \(|has no [a-z ]{1,40}(?=['"])|unknown keyword )"""
    r"""(?P<names>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<=\().*?(?=\); its keys are)))"""
)
_NAME: Final = r"'?[A-Za-z0-9_]{1,128}(?:@odata\.[a-z]{1,20})?'?"


def redact_names(problem: str) -> str:
    """The client's own words on a mistake, where a name that is unknown is shown only if it has the form of one.

    >>> redact_names("Contact has no column 'fistname'"), redact_names("Contact has no column 'kari@example.org'")
    ("Contact has no column 'fistname'", 'Contact has no column ***')
    """

    def checked(found: re.Match[str]) -> str:
        names = (name if re.fullmatch(_NAME, name) else MASK for name in found["names"].split(", "))
        return found["before"] + ", ".join(names)

    return re.sub(_NAMED, checked, problem)


_LEAST: Final = 16  # characters of a long secret that give it away: a text may have been cut in the middle of one


def without_secrets(text: str, secrets: Iterable[Secret]) -> str:
    """The text without any of the secrets: plain, cut off, percent-encoded, escaped for JSON or XML, in base64."""
    forms = [form for secret in secrets for form in _forms(secret.reveal())]
    for form in forms:
        text = text.replace(form, MASK)
    for form in forms:
        start = text.find(form[:_LEAST]) if len(form) > _LEAST else -1
        while start >= 0:
            text = text[:start] + MASK + text[start + _shared(text, start, form) :]
            start = text.find(form[:_LEAST], start + len(MASK))
        for length in range(min(_LEAST, len(form)) - 1, 3, -1):
            if text.endswith(form[:length]):  # cut off soon after it began
                text = text[:-length] + MASK
    return text


def _shared(text: str, start: int, form: str) -> int:
    """How many characters of a form stand in a text from a position on."""
    length = _LEAST
    while length < len(form) and text.startswith(form[length], start + length):
        length += 1
    return length


def _forms(secret: str) -> list[str]:
    """How a secret may be written, the longest first so that none leaves the rest of another."""
    from html import escape  # these are needed by errors only
    from json import dumps

    plain = secret.encode("utf-8", "surrogatepass")
    encoded = {quote(plain), quote(plain, safe=""), quote_plus(plain)}
    encoded |= {form.replace("%", "%25") for form in encoded}
    encoded |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in encoded}
    escaped = {escape(secret), dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]}
    found = {secret, *encoded, *escaped, *_in_base64(plain)}
    return sorted(filter(None, found), key=len, reverse=True)


def _in_base64(plain: bytes) -> Iterator[str]:
    """What of a secret stands in base64, alone or amid other bytes, as in `id:secret`: it begins at one of three places
    of a group, and the characters at its ends depend on its neighbours."""
    from base64 import b64encode, urlsafe_b64encode

    for shift, unsure in enumerate((0, 2, 3)):
        padded = b"\0" * shift + plain
        for encode in (b64encode, urlsafe_b64encode):
            text = encode(padded).decode("ascii").rstrip("=")
            core = text[unsure : len(text) - (len(padded) % 3 > 0)]
            if len(core) >= 8:  # fewer characters stand anywhere
                yield core


def secrets_of(headers: Iterable[tuple[str, str]], content: bytes | None) -> tuple[Secret, ...]:
    """The secrets that a request carries: the token of its `Authorization`, and what its form proves itself with."""
    found = []
    form = False
    for name, value in headers:
        if name.lower() == "authorization":
            found.append(value.partition(" ")[2] or value)
        form = form or (name.lower() == "content-type" and value.startswith("application/x-www-form-urlencoded"))
    if form and content:
        fields = parse_qsl(content.decode("ascii", "replace"))
        found += [value for name, value in fields if name in ("client_secret", "client_assertion")]
    return tuple(map(Secret, found))
