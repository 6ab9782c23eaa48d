"""Aggregation: the text of `$apply`, and the rows that it is answered with.

Source: Dataverse Web API, "Aggregate data using OData" (50,000 rows; no grouping by dates, no order by an aggregate);
OData Extension for Data Aggregation Version 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ._seam import RowModel

_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Output(NamedTuple):
    """A value of an aggregated row: its names in the answer and in what is returned, and how it is decoded."""

    answered: str
    name: str
    decode: Callable[[Any], Any] | None


class RowCount:
    """How many rows there are, for `aggregate`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "count()"

    def _aggregate_(self, model: Any, name: str) -> tuple[str, Output]:
        return f"$count as {name}", Output(name, name, None)


def count() -> RowCount:
    """How many rows there are in a group, for `aggregate`: `portal.contacts.aggregate(n=count())`."""
    return RowCount()


def aggregation(
    model: RowModel, apply: Any, filter: Any, group_by: Any, order_by: Any, aggregates: Mapping[str, Any]
) -> tuple[list[tuple[str, str]], Sequence[Output] | None]:
    """The options of the query, and the values of its rows; `None` where they are whatever comes.

    Raises `ValueError` or `TypeError` for what does not fit.
    """
    if apply is not None:
        if not isinstance(apply, str) or not apply.strip():
            raise TypeError("aggregate: expected the text of $apply, or what it is made of by keywords")
        if filter is not None or group_by or order_by is not None or aggregates:
            raise ValueError("aggregate: the text of $apply leaves no room for keywords")
        return [("$apply", apply)], None
    groups = [_group(model, item) for item in _listed(group_by)]
    values = [_value(model, name, item) for name, item in aggregates.items()]
    if not groups and not values:
        raise ValueError("aggregate: give columns to group by, or values such as n=count()")
    outputs = [output for _, output in (*groups, *values)]
    _check_names(outputs)
    text = _transformed(",".join(text for text, _ in values), [text for text, _ in groups])
    if filter is not None:
        text = f"filter({dict(model._query_(filter=filter))['$filter']})/{text}"
    order = model._query_(order_by=order_by)
    grouped = {text for text, _ in groups}
    for _, items in order:
        if not {item.strip().partition(" ")[0] for item in items.split(",")} <= grouped:
            raise ValueError("aggregate: order_by takes columns that it groups by")
    return [("$apply", text), *order], outputs


def decode_row(outputs: Sequence[Output] | None, row: Mapping[str, Any]) -> dict[str, Any]:
    """The values that were asked for, in that order; null where the answer leaves one out."""
    if outputs is None:
        return dict(row)
    return {output.name: _decoded(output, row.get(output.answered)) for output in outputs}


def _decoded(output: Output, value: Any) -> Any:
    return value if value is None or output.decode is None else output.decode(value)


def _listed(group_by: Any) -> Iterable[Any]:
    if isinstance(group_by, (str, bytes, Mapping)) or not isinstance(group_by, Iterable):
        raise TypeError(f"group_by: expected a list of columns, got {type(group_by).__name__}")
    return group_by


def _group(model: RowModel, item: Any) -> tuple[str, Output]:
    """A column to group by: one of the table's namespace, or the name of one of its own."""
    if isinstance(item, str):
        model._query_(select=[item])
        item = getattr(model._columns_(), model.__columns__[item].attribute.lstrip("_"))
    if not hasattr(item, "_group_"):
        raise TypeError(f"group_by: {type(item).__name__} has no place in it")
    found: tuple[str, Output] = item._group_(model)
    return found


def _value(model: RowModel, name: str, item: Any) -> tuple[str, Output]:
    if not _NAME.fullmatch(name):
        raise ValueError("aggregate: the name of a value is made of letters, digits and underscores")
    if name in model.__columns__:
        raise ValueError(f"aggregate: {name} is a column; call the value something else")
    if not hasattr(item, "_aggregate_"):
        raise TypeError(f"aggregate: {name} is {type(item).__name__}; expected count() or a column's sum(), min(), …")
    found: tuple[str, Output] = item._aggregate_(model, name)
    return found


def _check_names(outputs: Sequence[Output]) -> None:
    """Two columns of one name in two rows of one table come under one name, so the answer would hold only one."""
    answered = [output.answered for output in outputs]
    twice = next((name for name in answered if answered.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"aggregate: the service would answer two values under the name {twice!r}")


def _transformed(values: str, groups: Sequence[str]) -> str:
    aggregate = f"aggregate({values})" if values else ""
    if not groups:
        return aggregate
    return f"groupby(({','.join(groups)}){',' if aggregate else ''}{aggregate})"
