"""Query options: `$select`, `$expand`, `$filter`, `$orderby` and `$top` of a read, checked against its table.

Each option is made of what a table's namespace gives, or of names; a filter, and what stands after a name in an
expansion, may be OData as text, which is passed on as it is. Percent-encoding is left to the client.

Source: OData Version 4.01 Part 2 (URL Conventions), "System Query Options"; Dataverse Web API, "Query data using
OData", "Join tables using OData" (15 expansions in a query).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .column import unknown_name

MAX_EXPANSIONS: Final = 15


def query_options(
    model: Any,
    *,
    select: Any = None,
    expand: Any = None,
    filter: Any = None,
    order_by: Any = None,
    top: int | None = None,
) -> list[tuple[str, str]]:
    """Names and texts of the options that are given.

    Raises `ValueError` or `TypeError`, without a value, for what the table lacks and for an option of the wrong type.
    """
    options: list[tuple[str, str]] = []
    if select is not None:
        options.append(("$select", ",".join(_selected(model, item) for item in _items("select", select))))
    if expand is not None:
        items = _items("expand", expand)
        if sum(map(expansions, items)) > MAX_EXPANSIONS:
            raise ValueError(f"expand: the service takes {MAX_EXPANSIONS} navigation properties in a query, no more")
        options.append(("$expand", ",".join(_expanded(model, item) for item in items)))
    if filter is not None:
        options.append(("$filter", filter_text(model, filter)))
    if order_by is not None:
        single = [order_by] if hasattr(order_by, "_order_") else order_by
        split = single.split(",") if isinstance(single, str) else single
        options.append(("$orderby", ",".join(_ordered(model, item) for item in _items("order_by", split))))
    if top is not None:
        if not isinstance(top, int) or isinstance(top, bool):
            raise TypeError(f"top: expected a whole number, got {type(top).__name__}")
        if top < 1:
            raise ValueError("top must be at least 1")
        options.append(("$top", str(top)))
    return options


def filter_text(model: Any, filter: Any) -> str:
    """A filter's text. Raises `TypeError` for what is neither a condition nor text."""
    if hasattr(filter, "_filter_"):
        return str(filter._filter_(model))
    if not isinstance(filter, str) or not filter.strip():
        raise TypeError(f"filter: expected a condition, or an OData filter as text, got {type(filter).__name__}")
    return filter


def expansions(item: Any) -> int:
    """How many expansions an item of `expand` stands for, with those within it."""
    return int(getattr(item, "_expansions", 1))


def _items(option: str, items: Any) -> list[Any]:
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Iterable):
        raise TypeError(f"{option}: expected a list of names, got {type(items).__name__}")
    result = list(items)
    if not result:
        raise TypeError(f"{option}: expected a list of at least one name")
    return result


def _name(option: str, item: Any) -> str:
    if not isinstance(item, str):
        raise TypeError(f"{option}: {type(item).__name__} has no place in it")
    return item.strip()


def _selected(model: Any, item: Any) -> str:
    if hasattr(item, "_select_"):
        return str(item._select_(model))
    return known(model, "column", _name("select", item), model.__columns__)


def _expanded(model: Any, item: Any) -> str:
    if hasattr(item, "_expand_"):
        return str(item._expand_(model))
    text = _name("expand", item)
    known(model, "navigation property", text.partition("(")[0].partition("/")[0], model.navigation())
    return text


def _ordered(model: Any, item: Any) -> str:
    if hasattr(item, "_order_"):
        return str(item._order_(model))
    text = _name("order_by", item)
    name, _, direction = text.partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise ValueError("order_by: expected names, each alone or with asc or desc after it")
    if "/" in name:  # a column of the row that a lookup refers to
        known(model, "navigation property", name.partition("/")[0], model.navigation())
    else:
        known(model, "column", name, model.__columns__)
    return text


def known(model: Any, what: str, name: str, names: Mapping[str, Any]) -> str:
    """The name. Raises `ValueError`, with the nearest one, for a name that the row class lacks."""
    if name not in names:
        raise ValueError(unknown_name(model.__name__, what, name, names))
    return name
