"""Query options and the Prefer header, parsed.

It decides which options exist ("Use OData to query data" of Dataverse: no `$skip`, `$search` or `$format`), which of
them an expansion takes and what parameter aliases stand for, outside `$expand` only. Whether the names in them exist is
checked where they are used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from .errors import Kind
from .filters import Node, Path, parse

MAX_PAGE = 5000  # rows: the ceiling that Dataverse puts on a page and on a count
_UNSUPPORTED = ("$apply", "$deltatoken", "fetchXml", "savedQuery", "userQuery", "sql")
_OPTIONS = frozenset(("$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken"))
_WITHIN_EXPAND = frozenset(("$select", "$filter", "$orderby", "$top", "$expand"))
_PREFERENCE = re.compile(r'\s*([\w.-]+)\s*(?:=\s*("[^"]*"|[^,;]*))?\s*')


@dataclass(frozen=True)
class Order:
    """One part of `$orderby`."""

    path: Path
    descending: bool


@dataclass(frozen=True)
class Expand:
    """One navigation property of `$expand`, with its own options."""

    name: str
    options: Options
    text: str
    """The options as they were given."""
    reference: bool = False
    """Whether only the address is wanted (`/$ref`)."""


@dataclass(frozen=True)
class Options:
    """The options of a read."""

    select: tuple[str, ...] | None = None
    filter: Node | None = None
    order: tuple[Order, ...] = ()
    top: int | None = None
    count: bool = False
    expand: tuple[Expand, ...] = ()
    skip_token: str | None = None


@dataclass(frozen=True)
class Preferences:
    """What the Prefer header asks for."""

    page_size: int | None = None
    annotations: str | None = None
    representation: bool | None = None
    track_changes: bool = False

    @classmethod
    def parse(cls, header: str | None) -> Preferences:
        """From the header; unknown preferences, and page sizes that Dataverse ignores, are left out."""
        given: dict[str, str] = {}
        for part in split_top(header or "", ","):
            match = _PREFERENCE.fullmatch(part)
            if match:
                given[match[1].lower()] = (match[2] or "").strip().strip('"')
        size = given.get("odata.maxpagesize", given.get("maxpagesize", ""))
        page_size = int(size) if size.isdigit() and 0 < int(size) <= MAX_PAGE else None
        wanted = {"representation": True, "minimal": False}.get(given.get("return", ""))
        annotations = given.get("odata.include-annotations", given.get("include-annotations"))
        return cls(page_size, annotations, wanted, "odata.track-changes" in given or "track-changes" in given)

    def wants(self, term: str) -> bool:
        """Whether an annotation is asked for: `*`, `Namespace.*` or the term itself, `-` before one excludes it."""
        wanted = False
        for part in (self.annotations or "").split(","):
            pattern = part.strip()
            exclude = pattern.startswith("-")
            pattern = pattern.lstrip("-")
            if pattern == "*" or pattern == term or (pattern.endswith(".*") and term.startswith(pattern[:-1])):
                wanted = not exclude
        return wanted


def split_query(query: str) -> dict[str, str]:
    """Names and values of a query string, decoded."""
    return dict(parse_qsl(query, keep_blank_values=True))


def parse_options(given: Mapping[str, str]) -> Options:
    """The options of a request. DataverseError 400 for what is none, or not one of Dataverse's."""
    if "$skip" in given:
        raise Kind.NO_SKIP.error()
    aliases = {name: value for name, value in given.items() if name.startswith("@")}
    return _options(given, aliases, _OPTIONS)


def _options(given: Mapping[str, str], aliases: Mapping[str, str], known: frozenset[str]) -> Options:
    for name in given:
        if name in _UNSUPPORTED:
            raise Kind.UNSUPPORTED.error(what=f"the query option {name}")
        if name.startswith("$") and name not in known:
            raise Kind.BAD_QUERY.error(problem=f"The query parameter {name} is not supported.")
    select = [part.strip() for part in split_top(given.get("$select", ""), ",") if part.strip()]
    count = given.get("$count", "false").lower()
    if count not in ("true", "false"):
        raise Kind.BAD_QUERY.error(problem=f"Invalid value '{count}' for $count query option found.")
    return Options(
        select=tuple(select) if select and "*" not in select else None,
        filter=parse(given["$filter"], aliases) if given.get("$filter") else None,
        order=tuple(orders(given.get("$orderby", ""), aliases)),
        top=_top(given.get("$top")),
        count=count == "true",
        expand=tuple(_expands(given.get("$expand", ""))),
        skip_token=given.get("$skiptoken"),
    )


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit():
        raise Kind.BAD_QUERY.error(problem=f"Invalid value '{text}' for $top query option found.")
    return int(text)


def orders(text: str, aliases: Mapping[str, str]) -> Iterator[Order]:
    """The parts of `$orderby`. DataverseError 400 for what is none."""
    for part in split_top(text, ","):
        words = part.split()
        if not words:
            continue
        direction = words[1].lower() if len(words) > 1 else "asc"
        path = parse(words[0], aliases)
        if len(words) > 2 or direction not in ("asc", "desc") or not isinstance(path, Path):
            raise Kind.BAD_QUERY.error(problem=f"Syntax error in $orderby at '{part.strip()}'.")
        yield Order(path, direction == "desc")


def _expands(text: str) -> Iterator[Expand]:
    for part in split_top(text, ","):
        part = part.strip()
        if not part:
            continue
        name, parenthesis, inner = part.partition("(")
        if parenthesis and not inner.endswith(")"):
            raise Kind.BAD_QUERY.error(problem=f"Syntax error in $expand at '{part}'.")
        nested: dict[str, str] = {}
        for option in split_top(inner[:-1], ";"):
            key, _, value = option.partition("=")
            if key.strip():
                nested[key.strip()] = value
        reference = name.strip().endswith("/$ref")
        yield Expand(name.strip().removesuffix("/$ref"), _options(nested, {}, _WITHIN_EXPAND), inner[:-1], reference)


def split_top(text: str, separator: str) -> Iterator[str]:
    """Parts between separators that stand neither in quotes nor in parentheses, brackets or braces."""
    depth, quote, start = 0, "", 0
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == separator and depth == 0:
            yield text[start:index]
            start = index + 1
    yield text[start:]
