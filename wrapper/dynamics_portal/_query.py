"""Queries: the query options of a read, checked against the table and percent-encoded.

Names are checked here; a filter is passed on as it is given.

Source: OData Version 4.01 Part 2 (URL Conventions), "System Query Options"; Dataverse Web API, "Query data".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from ._seam import RowModel

_SAFE: Final = "()$,:;=@/*'!"  # in a query, these stand for themselves


def query(
    model: RowModel,
    *,
    select: Sequence[Any] | None = None,
    expand: Sequence[str] | None = None,
    filter: str | None = None,
    order_by: str | Sequence[str] | None = None,
    top: int | None = None,
) -> str:
    """The query of a URL, with its question mark; empty where there are no options.

    Raises `ValueError` or `TypeError` for a name that the table lacks or an option of the wrong type.
    """
    options: list[str] = []
    if select is not None:
        options.append("$select=" + _encoded(",".join(_columns(model, select))))
    if expand is not None:
        options.append("$expand=" + _encoded(",".join(_navigation(model, expand))))
    if filter is not None:
        if not isinstance(filter, str) or not filter.strip():
            raise TypeError("filter: expected an OData filter as text")
        options.append("$filter=" + _encoded(filter))
    if order_by is not None:
        options.append("$orderby=" + _encoded(",".join(_order(model, order_by))))
    if top is not None:
        options.append(f"$top={top}")
    return "?" + "&".join(options) if options else ""


def positive(name: str, value: int | None) -> int | None:
    """The number, if it is a whole one above 0. Raises `ValueError` or `TypeError` otherwise."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a whole number, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1")
    return value


def _encoded(text: str) -> str:
    return quote(text, safe=_SAFE)


def _names(option: str, names: Any) -> list[str]:
    if isinstance(names, (str, bytes, Mapping)) or not isinstance(names, Iterable):
        raise TypeError(f"{option}: expected a list of names, got {type(names).__name__}")
    result = list(names)
    if not result or not all(isinstance(name, str) for name in result):
        raise TypeError(f"{option}: expected a list of at least one name")
    return result


def _columns(model: RowModel, names: Any) -> list[str]:
    result = _names("select", names)
    for name in result:
        _known(model, "column", name, model.__columns__)
    return result


def _navigation(model: RowModel, names: Any) -> list[str]:
    result = _names("expand", names)
    for name in result:
        _known(model, "navigation property", name.partition("(")[0].partition("/")[0], model.navigation())
    return result


def _order(model: RowModel, order_by: Any) -> list[str]:
    result = [part.strip() for part in order_by.split(",")] if isinstance(order_by, str) else order_by
    result = _names("order_by", result)
    for item in result:
        name, _, direction = item.partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise ValueError("order_by: expected names, each alone or with asc or desc after it")
        if "/" in name:  # a column of the row that a lookup refers to
            _known(model, "navigation property", name.partition("/")[0], model.navigation())
        else:
            _known(model, "column", name, model.__columns__)
    return result


def _known(model: RowModel, what: str, name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise ValueError(f"{model.__name__} has no {what} {name!r}{nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message that suggests the nearest name; empty where none is near."""
    from difflib import get_close_matches  # costs 3 ms, paid by a mistake only

    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
