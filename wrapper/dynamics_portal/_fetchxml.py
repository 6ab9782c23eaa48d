"""FetchXML: a query that is checked against the table before it is sent, and made the query of one page after another.

The text is read as a tree, so values are put in as values and need no escaping, and the page and its cookie are
attributes of the root. What stands below a `link-entity` is of other tables, and is left to the service to judge.

Source: Dataverse, "FetchXml reference", "Page results using FetchXml" (the cookie comes encoded twice), "Retrieve and
execute predefined queries".
"""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from ._query import nearest, positive
from ._seam import RowModel

MAX_PAGE: Final = 5000  # rows: the service's own ceiling, and its default
_PLACE: Final = re.compile(r"\{(\w+)\}")
_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CHECKED: Final = ("attribute", "order", "condition")
"""Elements below the entity that name one of its columns, in `name` or in `attribute`."""


class FetchQuery:
    """A query on a table. Raises `ValueError` or `TypeError`, without values, for what cannot be sent.

    `values`: what stands for each `{name}` in conditions. `page_size`: rows a page, where the query does not say.
    `strict`: whether columns must be of the contract. `aggregates`: whether it must aggregate, or must not.
    """

    def __init__(
        self,
        model: RowModel,
        text: str,
        values: Mapping[str, Any] | None = None,
        page_size: int | None = None,
        *,
        strict: bool = True,
        aggregates: bool = False,
    ) -> None:
        self._root = _tree(text)
        self._model = model
        self._check_root(aggregates)
        if strict:
            self._check_columns()
        _fill(self._root, values or {})
        given = _number(self._root, "count")
        if page_size is not None and (given is not None or self.is_single):
            raise ValueError("page_size: the query has a top or a count of its own")
        self.page = _number(self._root, "page") or 1
        self.size = min(positive("page_size", page_size) or given or MAX_PAGE, MAX_PAGE)
        if not self.is_single and not aggregates:
            self._root.set("count", str(self.size))
            self._root.set("page", str(self.page))

    def __repr__(self) -> str:
        return f"<FetchQuery: {self._model.table().name}, page {self.page}>"

    @property
    def is_single(self) -> bool:
        """Whether it has one page: `top` does not go with paging."""
        return "top" in self._root.attrib

    @property
    def has_cookie(self) -> bool:
        """Whether the page is told by a cookie."""
        return "paging-cookie" in self._root.attrib

    def text(self) -> str:
        """The query of the page."""
        return ET.tostring(self._root, encoding="unicode")

    def turn(self, cookie: str | None) -> None:
        """Go on to the next page, by the cookie that came with this one, or without one."""
        self.page += 1
        self._root.set("page", str(self.page))
        if cookie is None:
            self._root.attrib.pop("paging-cookie", None)
        else:
            self._root.set("paging-cookie", cookie)

    def _check_root(self, aggregates: bool) -> None:
        entities = self._root.findall("entity")
        if self._root.tag != "fetch" or len(entities) != 1:
            raise ValueError("FetchXML: expected a fetch element with one entity in it")
        table = self._model.table().name
        if entities[0].get("name") != table:
            raise ValueError(f"FetchXML: the entity must be {table!r}, the table that is asked")
        if (self._root.get("aggregate", "").lower() in ("true", "1")) != aggregates:
            other = "fetch_xml" if aggregates else "fetch_xml_aggregate"
            raise ValueError(f"FetchXML: the query {'does not aggregate' if aggregates else 'aggregates'}; use {other}")

    def _check_columns(self) -> None:
        columns = self._model.__columns__
        known = {**columns, **{name[1:].removesuffix("_value"): None for name in columns if name.startswith("_")}}
        for element in _own(self._root.findall("entity")[0]):
            name = element.get("name") if element.tag == "attribute" else element.get("attribute")
            if name is not None and not element.get("entityname") and name not in known:
                raise ValueError(f"FetchXML: {self._model.__name__} has no column {name!r}{nearest(name, known)}")
        for element in self._root.iter("attribute"):
            alias = element.get("alias")
            if alias in columns and alias != element.get("name"):
                raise ValueError(f"FetchXML: the alias {alias!r} is the name of another column of the table")


def _tree(text: Any) -> ET.Element:
    if not isinstance(text, str):
        raise TypeError(f"FetchXML: expected text, got {type(text).__name__}")
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise ValueError("FetchXML: a query has no declarations")  # of entities, which could grow without end
    try:
        return ET.fromstring(text)  # noqa: S314 # without declarations there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        place = getattr(error, "position", None)
    raise ValueError("FetchXML: not well-formed" + (f", line {place[0]}, column {place[1] + 1}" if place else ""))


def _own(element: ET.Element) -> Iterator[ET.Element]:
    """The elements that speak of the entity's own columns: what is below a link speaks of another table."""
    for child in element:
        if child.tag in _CHECKED:
            yield child
        elif child.tag == "filter":
            yield from _own(child)


def _number(root: ET.Element, name: str) -> int | None:
    text = root.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"FetchXML: {name} must be a whole number above 0")
    return int(text)


def _fill(root: ET.Element, values: Mapping[str, Any]) -> None:
    """Put values in the place of their names: `value="{name}"`, `<value>{name}</value>`; of a list one element each."""
    if not isinstance(values, Mapping):
        raise TypeError(f"values: expected a mapping, got {type(values).__name__}")
    if not values:
        return  # braces then stand for themselves
    used: set[str] = set()
    for condition in root.iter("condition"):
        if (text := condition.get("value")) is not None:
            condition.set("value", _filled(text, values, used))
        for element in condition.findall("value"):
            whole = _PLACE.fullmatch((element.text or "").strip())
            many = values.get(whole[1]) if whole else None
            if whole and isinstance(many, Collection) and not isinstance(many, (str, bytes, Mapping)):
                used.add(whole[1])
                _spread(condition, element, [_spelled(whole[1], item) for item in many], whole[1])
            else:
                element.text = _filled(element.text or "", values, used)
    for name in values:
        if name not in used:
            raise ValueError(f"values: no condition of the query has {{{name}}}")


def _spread(condition: ET.Element, element: ET.Element, texts: list[str], name: str) -> None:
    if not texts:
        raise ValueError(f"values: {name} is empty, and a condition without values finds nothing")
    place = list(condition).index(element)
    condition.remove(element)
    for offset, text in enumerate(texts):
        made = ET.Element("value")
        made.text = text
        condition.insert(place + offset, made)


def _filled(text: str, values: Mapping[str, Any], used: set[str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ValueError(f"values: the query has {{{match[1]}}}, for which there is no value")
        used.add(match[1])
        return _spelled(match[1], values[match[1]])

    return _PLACE.sub(value, text)


def _spelled(name: str, value: Any) -> str:
    """A value as FetchXML writes it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(int(value))  # a choice by its number
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        raise ValueError(f"values: {name} needs a time zone")
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (str, UUID, float)):
        if _NO_XML.search(str(value)):
            raise ValueError(f"values: {name} has a character that XML cannot hold")
        return str(value)
    raise TypeError(f"values: {name} cannot be a {type(value).__name__}")


def cookie_of(annotation: Any) -> str | None:
    """The cookie in an answer's annotation, decoded twice; `None` for none. Raises `ValueError` for anything else."""
    if not annotation:
        return None
    if not isinstance(annotation, str) or "<!" in annotation:
        raise ValueError("no paging cookie")
    try:
        found = ET.fromstring(annotation).get("pagingcookie")  # noqa: S314 # without declarations nothing expands
    except ET.ParseError:
        found = None
    if found is None:
        raise ValueError("no paging cookie")
    return unquote(unquote(found)) or None
