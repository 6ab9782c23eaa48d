"""The paging cookies of FetchXML.

It decides what a cookie holds: the first and last values of a page's order ("Page results using FetchXml"). The
annotation holds the cookie encoded twice, as documented.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

from lxml import etree

from .errors import Kind

_TIE = "tie"
_ANNOTATION = re.compile(r'<cookie pagenumber="(\d{1,9})" pagingcookie="([^"]*)" istracking="False" />')


def cookie(page: int, names: Sequence[str], first: Sequence[Any], last: Sequence[Any]) -> str:
    """The cookie of a page: the values of its first and last row by the names that they are sorted by."""
    root = etree.Element("cookie", page=str(page))
    for place, (name, start, end) in enumerate(zip(names, first, last, strict=True)):
        element = etree.SubElement(root, name if name.isidentifier() else f"{_TIE}{place}")
        for key, value in (("last", end), ("first", start)):
            element.set(key if value is not None else f"{key}null", "1" if value is None else str(value))
    return etree.tostring(root, encoding="unicode")


def annotation(page: int, content: str) -> str:
    """The annotation that carries a cookie, for the page after it."""
    root = etree.Element("cookie", pagenumber=str(page + 1))
    root.set("pagingcookie", quote(quote(content, safe=""), safe=""))
    root.set("istracking", "False")
    return etree.tostring(root, encoding="unicode").replace("/>", " />")


def following(token: str) -> tuple[int, str | None]:
    """The page that an annotation leads to, and the cookie that it carries. DataverseError 400 for another text."""
    match = _ANNOTATION.fullmatch(token)
    if match is None:
        raise Kind.BAD_QUERY.error(problem="Malformed XML in the Paging Cookie")
    return int(match[1]), unquote(unquote(match[2])) or None


def last_values(text: str, count: int) -> list[str | None]:
    """The last values that a cookie holds, None for null. DataverseError 400 for another text."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    try:
        if "<!DOCTYPE" in text:
            raise ValueError
        found: list[Any] = list(etree.fromstring(text.encode(), parser))
        values = [None if element.get("lastnull") else element.attrib["last"] for element in found]
        if len(values) != count:
            raise ValueError
    except (etree.XMLSyntaxError, KeyError, ValueError):
        raise Kind.BAD_QUERY.error(problem="Malformed XML in the Paging Cookie") from None
    return values
