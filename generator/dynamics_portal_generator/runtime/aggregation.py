"""Aggregates: the values that `$apply` makes of a column of many rows, and how they are read.

Source: Dataverse Web API, "Aggregate data using OData"; OData Extension for Data Aggregation Version 4.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from .conditions import Root, same_table
from .expression import ColumnExpression, Output


class Aggregate(Generic[Root]):
    """One value made of a column of many rows: `portal.orders.c.amount.sum()`."""

    __slots__ = ("_expression", "_method")

    if TYPE_CHECKING:

        def _root_(self) -> list[Root]: ...

    def __init__(self, expression: ColumnExpression[Root], method: str) -> None:
        self._expression = expression
        self._method = method

    def __repr__(self) -> str:
        return f"<Aggregate: {self._method} of {self._expression._named()}>"

    def _aggregate_(self, model: Any, name: str) -> tuple[str, Output]:
        """The text for `aggregate(…)`, and how its value is read.

        Raises `ValueError` for another table's column.
        """
        same_table(model, self._expression._place.root, f"{name}: the column {self._expression._text()}")
        decode = None if self._method == "average" else self._expression._codec().decode
        return f"{self._expression._text()} with {self._method} as {name}", Output(name, name, decode)
