"""Queries: the query of a URL, percent-encoded. What is in it is checked by the generated package, table by table.

Source: OData Version 4.01 Part 2 (URL Conventions), "System Query Options"; Dataverse Web API, "Query data using
OData", "Filter rows using OData" (URL encode special characters).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import quote

from ._seam import RowModel

_SAFE: Final = "()$,:;=@/*'!"  # in a query, these stand for themselves


def query(model: RowModel, *, count: bool = False, **options: Any) -> str:
    """The query of a URL, with its question mark; empty where there are no options.

    `options`: `select`, `expand`, `filter`, `order_by`, `top`. `count`: ask how many rows there are in all.
    Raises `ValueError` or `TypeError` for what the table lacks or an option of the wrong type.
    """
    select = options.get("select")
    if isinstance(select, (list, tuple)) and all(type(name) is str for name in select):
        selected = _selected(cast("Hashable", model), tuple(select))
        del options["select"]
    else:
        selected = ""
    found = model._query_(**options) if any(value is not None for value in options.values()) else []
    if count:
        found.append(("$count", "true"))
    rest = encoded(found)
    return f"{selected}&{rest[1:]}" if selected and rest else selected or rest


@lru_cache(maxsize=1024)
def _selected(model: Hashable, names: tuple[str, ...]) -> str:
    """The query that selects columns by name. Programs ask for the same ones again and again."""
    return encoded(cast("RowModel", model)._query_(select=names))


def encoded(options: Iterable[tuple[str, str]]) -> str:
    """Names and texts of options as the query of a URL."""
    parts = [f"{name}={quote(text, safe=_SAFE)}" for name, text in options]
    return "?" + "&".join(parts) if parts else ""


def positive(name: str, value: int | None) -> int | None:
    """The number, if it is a whole one above 0. Raises `ValueError` or `TypeError` otherwise."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a whole number, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message that suggests the nearest name; empty where none is near."""
    from difflib import get_close_matches  # costs 3 ms, paid by a mistake only

    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
