"""Column expressions: a column as a query speaks of it, on its own table or on one that a lookup leads to.

It decides how a column is named in `$select`, `$filter`, `$orderby` and a query function, and how its values are
spelled. What can be said of it is decided by its kind, in `columns`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple

from .column import Column, named
from .conditions import Root, same_table
from .edm import Codec

_MOMENTS: Final = ("Edm.Date", "Edm.DateTimeOffset")


class Place(NamedTuple):
    """Where a query begins, and how it came from there: row class of the query, names on the way, row class there."""

    root: Any
    path: tuple[str, ...]
    owner: Any

    def prefix(self) -> str:
        """What stands before the name of a column."""
        return "".join(f"{name}/" for name in self.path)


class Output(NamedTuple):
    """A value of an aggregated row: its names in the answer and in what is returned, and how it is decoded."""

    answered: str
    name: str
    decode: Callable[[Any], Any] | None


class ColumnExpression(Generic[Root]):
    """A column in a query. `select` and `order_by` take it as it is; conditions are made of it."""

    __slots__ = ("_column", "_place")

    if TYPE_CHECKING:

        def _root_(self) -> list[Root]: ...

    def __init__(self, place: Place, column: Column) -> None:
        self._place = place
        self._column = column

    def asc(self) -> Ordering[Root]:
        """Lowest first, for `order_by`. A lookup is ordered by the primary name of its row, a choice by its number."""
        return Ordering(self, "asc")

    def desc(self) -> Ordering[Root]:
        """Highest first, for `order_by`."""
        return Ordering(self, "desc")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._named()}>"

    def _named(self) -> str:
        return f"{self._place.root.__name__}.{self._text()}"

    def _text(self) -> str:
        """The column in a filter or an order."""
        return self._place.prefix() + self._column.name

    def _codec(self) -> Codec:
        codec: Codec = self._place.owner._codecs()[self._column.name]
        return codec

    def _literal(self, value: Any) -> str:
        """A value as a literal. Raises `ValueError` or `TypeError`, without the value, for one that does not fit."""
        if value is None:
            raise ValueError(f"{self._named()}: null has no place here; say is_null() or is_not_null()")
        try:
            return self._codec().literal(value)
        except (TypeError, ValueError) as error:
            raise named(self._place.owner, self._column.name, error) from None

    def _spoken(self, value: Any) -> str:
        """A value as the text that a query function takes for it."""
        literal = self._literal(value)
        encoded = self._codec().encode(value)
        return encoded if isinstance(encoded, str) else literal

    def _select_(self, model: Any) -> str:
        """The name for `$select`. Raises `ValueError` for a column of another table."""
        same_table(model, self._place.root, f"select: the column {self._text()}")
        if self._place.path:
            raise ValueError(f"select: {self._text()} is another row's column: expand {self._place.path[0]}, with it")
        return self._column.name

    def _group_(self, model: Any) -> tuple[str, Output]:
        """The text for `groupby`, and how its value is read. Raises `ValueError` for what cannot be grouped by.

        The answer calls a column of another row by its table's name and its own.
        """
        same_table(model, self._place.root, f"group_by: the column {self._text()}")
        if self._column.type in _MOMENTS:
            raise ValueError(f"group_by: {self._text()} is a date, by which the service does not group")
        own = self._column.name
        answered = f"{self._place.owner.table().name}_{own}" if self._place.path else own
        return self._text(), Output(answered, self._text(), self._codec().decode)

    def _order_(self, model: Any) -> str:
        """The text for `$orderby`. Raises `ValueError` for a column of another table."""
        same_table(model, self._place.root, f"order_by: the column {self._text()}")
        return self._text()


class Ordering(Generic[Root]):
    """A column and a direction, for `order_by`."""

    __slots__ = ("_direction", "_expression")

    if TYPE_CHECKING:

        def _root_(self) -> list[Root]: ...

    def __init__(self, expression: ColumnExpression[Root], direction: str) -> None:
        self._expression = expression
        self._direction = direction

    def __repr__(self) -> str:
        return f"<Ordering by {self._expression._named()} {self._direction}>"

    def _order_(self, model: Any) -> str:
        return f"{self._expression._order_(model)} {self._direction}"
