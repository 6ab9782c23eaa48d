"""FetchXML: from text to a query as a tree.

It decides what is well-formed ("FetchXml reference": elements, attributes, their values) and reads it without entities
or anything from outside the text. What the names in it mean is decided by `fetching`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lxml import etree

from .errors import DataverseError, Kind

MAX_CONDITIONS = 500  # conditions and links in a query
MAX_LINKS = 15
FILTER_LINKS = ("any", "not any", "all", "not all")
LINKS = ("inner", "outer", "exists", "in", "matchfirstrowusingcrossapply", *FILTER_LINKS)
AGGREGATES = ("avg", "count", "countcolumn", "max", "min", "sum")
DATE_PARTS = ("day", "week", "month", "quarter", "year", "fiscal-period", "fiscal-year")
_Element: TypeAlias = Any  # lxml's elements, whose stubs know no iteration over children


@dataclass(frozen=True)
class Attribute:
    """A column to return."""

    name: str
    alias: str | None = None
    aggregate: str | None = None
    group: bool = False
    date_part: str | None = None
    distinct: bool = False
    count_children: bool = False


@dataclass(frozen=True)
class Order:
    """A column, or the alias of one, to sort by."""

    attribute: str | None
    alias: str | None
    entity: str | None
    descending: bool


@dataclass(frozen=True)
class Where:
    """A condition on a column; `entity` names a link, `other` a column instead of values."""

    entity: str | None
    attribute: str
    operator: str
    values: tuple[str, ...]
    other: str | None


@dataclass(frozen=True)
class Filter:
    """Conditions of which all, or with `either` one, must hold."""

    either: bool
    parts: tuple[Filter | Where | Source, ...]


@dataclass(frozen=True)
class Source:
    """An entity or a link-entity, with what is asked of it."""

    name: str
    attributes: tuple[Attribute, ...] = ()
    everything: bool = False
    orders: tuple[Order, ...] = ()
    filters: tuple[Filter, ...] = ()
    links: tuple[Source, ...] = ()
    alias: str | None = None
    kind: str = "inner"
    theirs: str = ""
    """The column of this table (`from`)."""
    ours: str = ""
    """The column of the parent (`to`)."""
    intersect: bool = False


@dataclass(frozen=True)
class Fetch:
    """A query."""

    entity: Source
    count: int | None = None
    page: int = 1
    cookie: str | None = None
    top: int | None = None
    distinct: bool = False
    aggregate: bool = False
    aggregate_limit: int | None = None
    total: bool = False
    raw_order: bool = False


def parse(text: str) -> Fetch:
    """The query that a text is. DataverseError 400 for anything else."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True)
    try:
        if "<!DOCTYPE" in text:
            raise ValueError
        root: _Element = etree.fromstring(text.strip().encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Kind.INVALID_XML.error() from None
    entities = [child for child in root if child.tag == "entity"]
    if root.tag != "fetch" or len(entities) != 1:
        raise Kind.INVALID_XML.error()
    given = root.attrib
    fetch = Fetch(
        _source(entities[0]),
        count=_number(given, "count"),
        page=_number(given, "page") or 1,
        cookie=given.get("paging-cookie") or None,
        top=_number(given, "top"),
        distinct=_flag(given, "distinct"),
        aggregate=_flag(given, "aggregate"),
        aggregate_limit=_number(given, "aggregatelimit"),
        total=_flag(given, "returntotalrecordcount"),
        raw_order=_flag(given, "useraworderby"),
    )
    _check(fetch)
    return fetch


def _source(element: _Element) -> Source:
    given: Mapping[str, str] = element.attrib
    name = given.get("name")
    kind = given.get("link-type", "inner")
    if not name or kind not in LINKS:
        raise _invalid(f"the {element.tag} element needs a name and a link-type that exists")
    return Source(
        name,
        tuple(_attribute(child) for child in element if child.tag == "attribute"),
        any(child.tag == "all-attributes" for child in element),
        tuple(_order(child) for child in element if child.tag == "order"),
        tuple(_filter(child) for child in element if child.tag == "filter"),
        tuple(_source(child) for child in element if child.tag == "link-entity"),
        given.get("alias"),
        kind,
        given.get("from", ""),
        given.get("to", ""),
        _flag(given, "intersect"),
    )


def _attribute(element: _Element) -> Attribute:
    given: Mapping[str, str] = element.attrib
    aggregate, part = given.get("aggregate"), given.get("dategrouping")
    if not given.get("name"):
        raise _invalid("an attribute element needs a name")
    if aggregate is not None and aggregate not in AGGREGATES:
        raise _invalid(f"the aggregate '{aggregate}' does not exist")
    if part is not None and part not in DATE_PARTS:
        raise _invalid(f"the dategrouping '{part}' does not exist")
    return Attribute(
        given["name"],
        given.get("alias"),
        aggregate,
        _flag(given, "groupby"),
        part,
        _flag(given, "distinct"),
        given.get("rowaggregate") == "CountChildren",
    )


def _order(element: _Element) -> Order:
    given: Mapping[str, str] = element.attrib
    if not given.get("attribute") and not given.get("alias"):
        raise _invalid("an order element needs an attribute or an alias")
    return Order(given.get("attribute"), given.get("alias"), given.get("entityname"), _flag(given, "descending"))


def _filter(element: _Element) -> Filter:
    kind = element.attrib.get("type", "and")
    if kind not in ("and", "or"):
        raise _invalid(f"the filter type '{kind}' does not exist")
    parts: list[Filter | Where | Source] = []
    for child in element:
        if child.tag == "condition":
            parts.append(_where(child))
        elif child.tag == "filter":
            parts.append(_filter(child))
        elif child.tag == "link-entity":
            link = _source(child)
            if link.kind not in FILTER_LINKS:
                raise _invalid(f"a link-entity of a filter cannot be of the link-type '{link.kind}'")
            parts.append(link)
    return Filter(kind == "or", tuple(parts))


def _where(element: _Element) -> Where:
    given: Mapping[str, str] = element.attrib
    if not given.get("attribute") or not given.get("operator"):
        raise _invalid("a condition element needs an attribute and an operator")
    values = tuple(child.text or "" for child in element if child.tag == "value")
    if "value" in given:
        values = (given["value"], *values)
    return Where(given.get("entityname"), given["attribute"], given["operator"], values, given.get("valueof"))


def _check(fetch: Fetch) -> None:
    conditions, links = 0, 0
    for part in _parts(fetch.entity):
        conditions += 1
        links += isinstance(part, Source)
    if links > MAX_LINKS:
        raise Kind.TOO_MANY_LINKS.error()
    if conditions > MAX_CONDITIONS:
        raise Kind.TOO_MANY_CONDITIONS.error()
    if fetch.top is not None and (fetch.count is not None or fetch.total or fetch.page > 1):
        raise _invalid("the attribute top cannot be used with paging or returntotalrecordcount")
    if fetch.top is not None and fetch.top > 5000:
        raise _invalid("the attribute top cannot exceed 5000")


def _parts(source: Source | Filter) -> Iterator[Where | Source]:
    """The conditions and links within, at every depth."""
    if isinstance(source, Filter):
        for part in source.parts:
            if not isinstance(part, Filter):
                yield part
            if not isinstance(part, Where):
                yield from _parts(part)
        return
    for inner in source.filters:
        yield from _parts(inner)
    for link in source.links:
        yield link
        yield from _parts(link)


def _number(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not text.isdigit() or int(text) == 0:
        raise _invalid(f"the attribute {name} must be a positive whole number")
    return int(text)


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise _invalid(f"the attribute {name} must be true or false")
    return text in ("true", "1")


def _invalid(problem: str) -> DataverseError:
    return Kind.BAD_FETCH.error(problem=problem)
