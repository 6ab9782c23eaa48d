"""The kinds of columns, and what can be said of each: comparisons, text, choices, and Dataverse's query functions.

A kind exists for each type of Edm whose values compare alike, so that a checker refuses an operand of another type.
Null is a value: `column == None` finds the rows without one, `column != "x"` finds them, too, and an order comparison
does not. Text is compared regardless of case.

Source: Dataverse Web API, "Filter rows using OData", "Use wildcard characters in conditions for string values",
"Choices columns" (Query data from choices).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar
from uuid import UUID

from .aggregation import Aggregate
from .column import Column, package_of, resolve
from .conditions import OWN, Condition, Part, Root, Said, Value
from .edm import quoted
from .expression import ColumnExpression, Place
from .functions import DateFunctions, IdFunctions, Plain, function, of_values
from .model import Model

V = TypeVar("V")
E = TypeVar("E", bound=Enum)

_WILDCARDS: Final = re.compile(r"[%_\[]")


class EqualColumn(ColumnExpression[Root], Generic[Root, V]):
    """A column whose values are equal to a value or not."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _value_(self) -> V: ...
        def _accepts_(self, value: V) -> None: ...

    def __eq__(self, other: V | EqualColumn[Root, V] | None) -> Condition[Root]:  # type: ignore[override] # no bool
        return self._compared("eq", other)

    def __ne__(self, other: V | EqualColumn[Root, V] | None) -> Condition[Root]:  # type: ignore[override] # no bool
        return self._compared("ne", other)

    __hash__ = None  # type: ignore[assignment] # equality says nothing of it

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self._named()} is a column, which is neither true nor false: compare it")

    def is_null(self) -> Condition[Root]:
        """Rows without a value."""
        return self._compared("eq", None)

    def is_not_null(self) -> Condition[Root]:
        """Rows with a value."""
        return self._compared("ne", None)

    def _compared(self, operator: str, other: Any) -> Condition[Root]:
        parts: list[Part] = [OWN, f"{self._text()} {operator} "]
        if isinstance(other, ColumnExpression):
            self._check_alike(other)
            parts += [OWN, other._text()]
        elif other is None and operator in ("eq", "ne"):
            parts.append("null")
        else:
            parts.append(Value(self._literal(other)))
        return Condition(self._place.root, Said(tuple(parts)))

    def _check_alike(self, other: ColumnExpression[Any]) -> None:
        """Columns are compared within the row itself, not with or within a related one, and where their types match."""
        mine, its = self._column, other._column
        if self._place.root is not other._place.root or self._place.path or other._place.path:
            raise ValueError(f"{self._named()} and {other._named()}: only columns of the row itself are compared")
        if (mine.type, mine.model) != (its.type, its.model):
            raise TypeError(f"{self._named()} is {mine.model or mine.type}, {other._named()} {its.model or its.type}")


class ListedColumn(EqualColumn[Root, V]):
    """A column that can be looked for in a list of values."""

    __slots__ = ()

    def in_(self, values: Iterable[V]) -> Condition[Root]:
        """Rows with one of these values, of which there is at least one."""
        return of_values(self, "In", values)

    def not_in(self, values: Iterable[V]) -> Condition[Root]:
        """Rows with none of these values."""
        return of_values(self, "NotIn", values)


class OrderedColumn(ListedColumn[Root, V]):
    """A column whose values have an order."""

    __slots__ = ()

    def __lt__(self, other: V | OrderedColumn[Root, V]) -> Condition[Root]:
        return self._compared("lt", other)

    def __le__(self, other: V | OrderedColumn[Root, V]) -> Condition[Root]:
        return self._compared("le", other)

    def __gt__(self, other: V | OrderedColumn[Root, V]) -> Condition[Root]:
        return self._compared("gt", other)

    def __ge__(self, other: V | OrderedColumn[Root, V]) -> Condition[Root]:
        return self._compared("ge", other)

    def between(self, low: V, high: V) -> Condition[Root]:
        """Rows with a value from `low` to `high`, both included."""
        return of_values(self, "Between", (low, high))

    def not_between(self, low: V, high: V) -> Condition[Root]:
        """Rows without a value from `low` to `high`, both included."""
        return of_values(self, "NotBetween", (low, high))


class StringColumn(OrderedColumn[Root, str]):
    """A text."""

    __slots__ = ()

    def contains(self, text: str, *, wildcards: bool = False) -> Condition[Root]:
        """Texts that hold this one, regardless of case.

        `wildcards`: `%` stands for any text, `_` for any character, `[a-c]` for one of these and `[^a-c]` for none of
        them; by default each stands for itself. A `%` at the end of the text is not supported.
        """
        return self._like("contains", text, wildcards)

    def startswith(self, text: str, *, wildcards: bool = False) -> Condition[Root]:
        """Texts that begin with this one. The rest is as for `contains`; a `%` at the beginning is slow."""
        return self._like("startswith", text, wildcards)

    def endswith(self, text: str, *, wildcards: bool = False) -> Condition[Root]:
        """Texts that end with this one. The rest is as for `contains`."""
        return self._like("endswith", text, wildcards)

    def full_text_contains(self, text: str) -> Condition[Root]:
        """Texts in which the full-text index finds this one. Only articles of the knowledge base have that index."""
        return function(self, "Contains", PropertyValue=quoted(self._spoken(text)))

    def _like(self, name: str, text: str, wildcards: bool) -> Condition[Root]:
        literal = self._literal(text)
        if not wildcards:
            literal = _WILDCARDS.sub(lambda found: f"[{found[0]}]", literal)
        return Condition(self._place.root, Said((f"{name}(", OWN, f"{self._text()},", Value(literal), ")")))


class GuidColumn(ListedColumn[Root, UUID | str], IdFunctions[Root]):
    """An id, also that of the row that a lookup refers to. Given as a `UUID` or its text."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _value_(self) -> UUID: ...


class BooleanColumn(ListedColumn[Root, bool]):
    """Yes or no."""

    __slots__ = ()


class NumberColumn(OrderedColumn[Root, V]):
    """A number."""

    __slots__ = ()

    def sum(self) -> Aggregate[Root]:
        """The sum of the values, for `aggregate`."""
        return Aggregate(self, "sum")

    def average(self) -> Aggregate[Root]:
        """The mean of the values, for `aggregate`. Rows without a value do not count."""
        return Aggregate(self, "average")

    def min(self) -> Aggregate[Root]:
        """The lowest value, for `aggregate`."""
        return Aggregate(self, "min")

    def max(self) -> Aggregate[Root]:
        """The highest value, for `aggregate`."""
        return Aggregate(self, "max")


class IntegerColumn(NumberColumn[Root, int]):
    """A whole number."""

    __slots__ = ()

    equal_user_language = Plain("EqualUserLanguage")
    """Rows in the calling user's language, of a column that holds a language's number."""


class DecimalColumn(NumberColumn[Root, Decimal | int]):
    """An exact number, such as money."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _value_(self) -> Decimal: ...


class FloatColumn(NumberColumn[Root, float]):
    """A floating-point number."""

    __slots__ = ()


class MomentColumn(OrderedColumn[Root, V], DateFunctions[Root]):
    """A date, with a time or without."""

    __slots__ = ()

    def min(self) -> Aggregate[Root]:
        """The earliest value, for `aggregate`."""
        return Aggregate(self, "min")

    def max(self) -> Aggregate[Root]:
        """The latest value, for `aggregate`."""
        return Aggregate(self, "max")


class DateColumn(MomentColumn[Root, dt.date]):
    """A day."""

    __slots__ = ()


class DateTimeColumn(MomentColumn[Root, dt.datetime]):
    """A moment. Values have a time zone."""

    __slots__ = ()


class TimeColumn(OrderedColumn[Root, dt.time]):
    """A time of the day."""

    __slots__ = ()


class DurationColumn(OrderedColumn[Root, dt.timedelta]):
    """A span of time."""

    __slots__ = ()


class BinaryColumn(EqualColumn[Root, bytes]):
    """Bytes."""

    __slots__ = ()


class FileColumn(EqualColumn[Root, UUID | str]):
    """A file or an image, of which a query knows the id."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _value_(self) -> UUID: ...


class ChoiceColumn(ListedColumn[Root, E]):
    """A choice of one of several values."""

    __slots__ = ()


class ChoicesColumn(ListedColumn[Root, AbstractSet[E]], Generic[Root, E]):
    """A choice of any number of values. It is equal to a set that has exactly these."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _value_(self) -> frozenset[E]: ...

    def contain_values(self, *values: E) -> Condition[Root]:
        """Rows with at least one of these values."""
        return of_values(self, "ContainValues", ({value} for value in values))

    def does_not_contain_values(self, *values: E) -> Condition[Root]:
        """Rows with none of these values."""
        return of_values(self, "DoesNotContainValues", ({value} for value in values))


class EnumerationColumn(EqualColumn[Root, E]):
    """A member of one of the metadata's own enumerations, or several where they combine."""

    __slots__ = ()


class PlainColumn(ColumnExpression[Root]):
    """A column that can be selected only: an object, a list, a value of a type that is not known."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _value_(self) -> Any: ...
        def _accepts_(self, value: Any) -> None: ...


KINDS: Final[dict[str, type[ColumnExpression[Any]]]] = {
    "Edm.String": StringColumn,
    "Edm.Guid": GuidColumn,
    "Edm.Boolean": BooleanColumn,
    "Edm.SByte": IntegerColumn,
    "Edm.Byte": IntegerColumn,
    "Edm.Int16": IntegerColumn,
    "Edm.Int32": IntegerColumn,
    "Edm.Int64": IntegerColumn,
    "Edm.Decimal": DecimalColumn,
    "Edm.Double": FloatColumn,
    "Edm.Single": FloatColumn,
    "Edm.DateTimeOffset": DateTimeColumn,
    "Edm.Date": DateColumn,
    "Edm.TimeOfDay": TimeColumn,
    "Edm.Duration": DurationColumn,
    "Edm.Binary": BinaryColumn,
}
"""Edm type to the kind of its columns; all others are `PlainColumn`."""


def expression(place: Place, column: Column) -> ColumnExpression[Any]:
    """A column at a place of a query, of the kind that its type has."""
    return kind_of(column, place.owner)(place, column)


def kind_of(column: Column, owner: type) -> type[ColumnExpression[Any]]:
    """The kind of a column of a row class."""
    if column.file:
        return FileColumn
    if column.collection:
        return PlainColumn
    if not column.model:
        return KINDS.get(column.type, PlainColumn)
    cls = resolve(package_of(owner), column.model)
    if issubclass(cls, Model):
        return PlainColumn
    if column.type == "Edm.String":
        return ChoicesColumn
    return ChoiceColumn if column.type.startswith("Edm.") else EnumerationColumn
