"""Addresses without values: tables, columns and operations stay, what is compared with them is made up.

The organisation's host, the tenant and every value are replaced: keys, parameters, literals of a filter, tokens of
pages. A filter of another shape than comparisons joined by `and`, `or` and `not` is replaced as a whole, since what
stands where in it is not known.

Source: OData Version 4.01 Part 2 (URL Conventions), "Resource Path", "Query Options".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from .names import Names, is_plain

ORGANISATION: Final = "https://organisation.example"
AUTHORITY: Final = "https://authority.example"
TOKEN_PATH: Final = "/oauth2/v2.0/token"  # noqa: S105 # a path, no token
TOKEN_URL: Final = f"{AUTHORITY}/tenant{TOKEN_PATH}"
SCOPE: Final = f"{ORGANISATION}/.default"

_SAFE: Final = "$'()*,/:;=@!"  # besides letters, digits and -._~, what a path and a query may hold as it is
_ROOT: Final = re.compile(r"/api/data/v\d{1,2}\.\d{1,2}(?=/|$)", re.ASCII)
_WORD: Final = r"[A-Za-z_]\w{0,199}"
_PATH: Final = rf"{_WORD}(?:[./]{_WORD})*"
_NAME: Final = re.compile(rf"\$?{_WORD}(?:\.{_WORD})*|\$[0-9]{{1,9}}", re.ASCII)  # the last: what a batch has made
_SEGMENT: Final = re.compile(rf"({_NAME.pattern})(?:\((.*)\))?", re.ASCII | re.DOTALL)
_CALL: Final = re.compile(rf"({_PATH}(?:/\$(?:ref|count))?|\*)(?:\((.*)\))?", re.ASCII | re.DOTALL)
_COLUMNS: Final = re.compile(rf"(?:\*|{_PATH}|)(?: ?, ?{_PATH})*", re.ASCII)
_SHAPE: Final = re.compile(rf"\*|[+*]?(?:{_PATH}(?:\([\w(),./*]*\))?[,+]?)*", re.ASCII)
_ORDER: Final = re.compile(rf"{_PATH}(?: (?:asc|desc))?(?: ?, ?{_PATH}(?: (?:asc|desc))?)*", re.ASCII)
_DIGITS: Final = re.compile(r"\d{0,9}", re.ASCII)
_BOOLEAN: Final = re.compile(r"true|false")
_ALIAS: Final = re.compile(r"@\w{1,50}", re.ASCII)
_QUOTED: Final = re.compile(rf"(duration|binary|{_WORD}(?:\.{_WORD})+)?'((?:[^']|'')*)'", re.ASCII | re.DOTALL)

_GUID: Final = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_LITERAL: Final = rf"(?:'(?:[^']|'')*'|{_GUID}|-?\d[\w.:+-]*|true|false|null)"
_COMPARISON: Final = re.compile(
    rf"({_PATH})( +(?:eq|ne|gt|ge|lt|le) +)({_LITERAL})()(?=[\s)]|$)"
    rf"|((?:contains|startswith|endswith)\({_PATH})( *, *)({_LITERAL})(\))",
    re.ASCII | re.DOTALL,
)
_GLUE: Final = re.compile(r"(?:[() ]|(?:and|or|not)(?=[( ]))*")

_FORMS: Final = {"$select": _COLUMNS, "$orderby": _ORDER, "$top": _DIGITS, "$skip": _DIGITS, "$count": _BOOLEAN}
"""Query options that are kept where they are of this form."""
_LITERALS: Final = frozenset(
    {
        "$apply",
        "$compute",
        "$deltatoken",
        "$levels",
        "$search",
        "$skiptoken",
        "fetchXml",
        "partitionId",
        "savedQuery",
        "size",
        "userQuery",
    }
)
"""Query options whose names are kept. Of all others but parameter aliases the name is replaced, too."""


def split(text: str, divider: str) -> list[str]:
    """The parts between the dividers that stand outside of parentheses and quotes."""
    parts: list[str] = []
    start, depth, quoted = 0, 0, False
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == divider and depth <= 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def is_token_url(url: str) -> bool:
    """Whether an address is that of an authority's token endpoint."""
    return url.partition("?")[0].partition("#")[0].endswith(TOKEN_PATH)


class Urls:
    """Scrubs addresses, absolute and relative, with the made-up values of one cassette.

    `keep`: columns that a filter may compare with numbers, dates and times that stay.
    """

    __slots__ = ("_keep", "_names", "_options")

    def __init__(self, names: Names, keep: frozenset[str] = frozenset()) -> None:
        self._names = names
        self._keep = keep
        self._options: dict[str, Callable[[str], str]] = {
            "$expand": self._expand,
            "$filter": self._filter,
            "$id": self.address,
        }

    def address(self, url: str) -> str:
        """An absolute address, or one relative to the service's root or the host."""
        if is_token_url(url):
            return TOKEN_URL
        try:
            parts = urlsplit(url)
        except ValueError:
            return self._names.label(url)
        if parts.scheme not in ("https", "http", ""):
            return self._names.label(url)
        origin = f"https://{self._names.host(parts.netloc)}" if parts.netloc else ""
        root = _ROOT.match(parts.path)
        if origin and root is None:  # nothing of the Web API's: what its parts are is not known
            rest = url.partition(parts.netloc)[2].strip("/")
            return f"{origin}/{self._text(rest)}" if rest else origin + ("/" if parts.path else "")
        start = root[0] if root else ""
        query = f"?{self._query(parts.query)}" if parts.query else ""
        fragment = f"#{self._fragment(unquote(parts.fragment))}" if parts.fragment else ""
        return origin + start + self._path(parts.path[len(start) :]) + query + fragment

    def _path(self, path: str) -> str:
        segments = (self._segment(segment) for segment in split(unquote(path), "/"))
        return "/".join(quote(segment, safe=_SAFE) for segment in segments)

    def _segment(self, segment: str) -> str:
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            return self._names.label(segment) if segment else ""
        return match[1] if match[2] is None else f"{match[1]}({self._arguments(match[2])})"

    def _arguments(self, text: str) -> str:
        """Keys of a row, or the parameters of a function."""
        shown = []
        for part in split(text, ",") if text else ():
            name, equals, value = part.partition("=")
            named = bool(equals) and _NAME.fullmatch(name) is not None
            shown.append(f"{name}={self._literal(value)}" if named else self._literal(part))
        return ",".join(shown)

    def _literal(self, text: str) -> str:
        if _BOOLEAN.fullmatch(text) or text == "null" or _ALIAS.fullmatch(text):
            return text
        match = _QUOTED.fullmatch(text)
        if match is None:
            return self._names.text(text)
        return f"{match[1] or ''}'{self._names.text(match[2].replace(chr(39) * 2, chr(39)))}'"

    def _query(self, query: str) -> str:
        shown = []
        for item in query.split("&"):
            raw_name, equals, raw = item.partition("=")
            name, value = unquote_plus(raw_name), unquote_plus(raw)
            known = name in _FORMS or name in _LITERALS or name in self._options or _ALIAS.fullmatch(name)
            shown_name = name if known else self._names.label(name) if name else ""
            shown.append(quote(shown_name, safe=_SAFE) + equals + quote(self._option(name, value), safe=_SAFE))
        return "&".join(shown)

    def _option(self, name: str, value: str) -> str:
        form = _FORMS.get(name)
        if form is not None:
            return value if form.fullmatch(value) else self._names.label(value)
        return self._options.get(name, self._literal)(value)

    def _filter(self, text: str) -> str:
        found = list(_COMPARISON.finditer(text))
        ends = [0, *(match.end() for match in found)]
        starts = [*(match.start() for match in found), len(text)]
        glue = [text[end:start] for end, start in zip(ends, starts, strict=True)]
        if not found or not all(map(_GLUE.fullmatch, glue)):
            return self._literal(text)
        comparisons = [self._comparison(match) for match in found]
        return "".join(part for pair in zip(glue, [*comparisons, ""], strict=True) for part in pair)

    def _comparison(self, match: re.Match[str]) -> str:
        groups: Sequence[str] = match.groups()[:4] if match[1] else match.groups()[4:]
        subject, divider, literal, end = groups
        kept = subject.rpartition("/")[2] in self._keep and is_plain(literal)
        return subject + divider + (literal if kept else self._literal(literal)) + end

    def _expand(self, text: str) -> str:
        return ",".join(map(self._expanded, split(text, ",")))

    def _expanded(self, text: str) -> str:
        match = _CALL.fullmatch(text)
        if match is None:
            return self._names.label(text)
        options = [option.partition("=") for option in split(match[2], ";")] if match[2] else []
        shown = [
            (name if name in _FORMS or name in _LITERALS or name in self._options else self._names.label(name))
            + equals
            + self._option(name, value)
            for name, equals, value in options
        ]
        return match[1] if match[2] is None else f"{match[1]}({';'.join(shown)})"

    def _fragment(self, text: str) -> str:
        """What a context names: `contacts(fullname,new_Mentor(fullname))/$entity`, `contacts(<key>)/fullname`."""
        return "/".join(quote(self._context(segment), safe=_SAFE + "+") for segment in split(text, "/"))

    def _context(self, segment: str) -> str:
        match = _SEGMENT.fullmatch(segment)
        if match and match[2] and not match[2].isdigit() and _SHAPE.fullmatch(match[2]):
            return segment
        return self._segment(segment)

    def _text(self, rest: str) -> str:
        return quote(self._names.text(rest), safe=_SAFE)
