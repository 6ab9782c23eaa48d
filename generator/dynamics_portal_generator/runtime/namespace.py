"""Namespaces: the columns and navigation properties of a table as attributes, and what is said of related rows.

A generated `…Columns` class declares a namespace for checkers and editors; at run time it is made of the row class.

Source: OData Version 4.01 Part 2 (URL Conventions), "Lambda Operators", "System Query Option $expand"; Dataverse Web
API, "Filter rows using OData" (Filter based on related data values), "Join tables using OData".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .column import package_of, resolve, unknown_name
from .columns import expression
from .conditions import Condition, Root, given, quantified, same_table
from .expression import ColumnExpression, Ordering, Place
from .options import expansions, query_options
from .table import Navigation

C = TypeVar("C")
N = TypeVar("N")
N_co = TypeVar("N_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class HasColumns(Protocol[C, T, N_co]):
    """A row, as a checker knows it: what its columns are called, which class it is, and its table's namespace."""

    def _column_(self) -> list[C]: ...
    def _itself_(self) -> list[T]: ...
    def _columns_(self) -> N_co: ...


class Columns(Generic[Root]):
    """The columns and navigation properties of a table, under the names that they have as attributes of a row."""

    __slots__ = ("_place_",)

    def __init__(self, place: Place) -> None:
        self._place_ = place

    if not TYPE_CHECKING:  # a checker knows the attributes from the generated class

        def __getattr__(self, name: str) -> Any:
            place, owner = self._place_, self._place_.owner
            column = owner._attributes().get(name) or owner._attributes().get(f"_{name}")
            if column is not None:
                return expression(place, column)
            navigation = owner._links().get(name)
            if navigation is None:
                raise AttributeError(unknown_name(owner.__name__, "column", name, dict.fromkeys(dir(self))))
            return (CollectionPath if navigation.collection else SinglePath)(place, navigation)

    def __dir__(self) -> Iterable[str]:
        owner = self._place_.owner
        return sorted([*(name.lstrip("_") for name in owner._attributes()), *owner._links()])

    def __repr__(self) -> str:
        return f"<Columns of {self._place_.owner.__name__}>"


class Path(Generic[Root, R_co]):
    """The way along a navigation property. `expand` takes it as it is, and then reads all columns of the other end."""

    __slots__ = ("_navigation", "_place")

    if TYPE_CHECKING:

        def _root_(self) -> list[Root]: ...
        def _row_(self) -> R_co: ...
        def _linked_(self) -> list[R_co]: ...

    def __init__(self, place: Place, navigation: Navigation[Any]) -> None:
        self._place = place
        self._navigation = navigation

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._place.root.__name__}.{self._text()}>"

    def _text(self) -> str:
        return self._place.prefix() + self._navigation.name

    def _target(self) -> Any:
        """The row class of the other end."""
        return resolve(package_of(self._place.owner), self._navigation.target)

    def _expand_(self, model: Any) -> str:
        """The text for `$expand`. Raises `ValueError` for another table's navigation property."""
        return self._expanded(model, "")

    def _link_(self, model: Any) -> str:
        """The name, for what is associated by it. Raises `ValueError` for a property of another table."""
        same_table(model, self._place.root, f"the navigation property {self._text()}")
        if self._place.path:
            raise ValueError(f"{self._text()} is another row's: name that row's own table")
        return self._navigation.name

    def _expanded(self, model: Any, options: str) -> str:
        same_table(model, self._place.root, f"expand: the navigation property {self._text()}")
        if self._place.path:
            raise ValueError(f"expand: {self._text()} is another row's: expand it within {self._place.path[0]}")
        return self._navigation.name + options

    def _with(self, **options: Any) -> Expansion[Root]:
        """The expansion with these options, each given as it is or as a function of the other end's columns."""
        target = self._target()
        found: dict[str, Any] = {name: given(value, lambda: namespace(target)) for name, value in options.items()}
        texts = [f"{name}={text}" for name, text in query_options(target, **found)]
        inner = found.get("expand") or ()
        return Expansion(self, texts, 1 + sum(map(expansions, inner)))


class SinglePath(Path[Root, R_co], Generic[Root, R_co, N_co]):
    """The way to the row that a lookup refers to."""

    __slots__ = ()

    @property
    def c(self) -> N_co:
        """The columns of that row, for conditions and orders: `contacts.c.owner.c.fullname == "Kari"`."""
        target = self._target()
        place = Place(self._place.root, (*self._place.path, self._navigation.name), target)
        namespace: Any = Columns(place)
        return namespace  # type: ignore[no-any-return] # the generated class declares what this one finds

    def expand(
        self: SinglePath[Root, HasColumns[C, T, N], N_co],
        *,
        select: Select[C, T, N] | None = None,
        expand: Expand[T, N] | None = None,
    ) -> Expansion[Root]:
        """What is read of that row: `select` its columns, `expand` its own navigation properties.

        Each is a list, or a function that makes one of the row's columns: `select=lambda user: [user.fullname]`.
        """
        return self._with(select=select, expand=expand)


class CollectionPath(Path[Root, R_co]):
    """The way to the rows of a relationship."""

    __slots__ = ()

    def any(
        self: CollectionPath[Root, HasColumns[C, T, N]],
        condition: Condition[T] | Callable[[N], Condition[T]] | None = None,
    ) -> Condition[Root]:
        """Rows of which one related row at least meets a condition; without one, that have any related row.

        The condition is one on the related table, or a function that makes one of its columns:
        `c.tasks.any(lambda task: task.statecode == TaskState.OPEN)`.
        """
        return self._quantified(condition, every=False)

    def all(
        self: CollectionPath[Root, HasColumns[C, T, N]], condition: Condition[T] | Callable[[N], Condition[T]]
    ) -> Condition[Root]:
        """Rows of which every related row meets a condition, those without related rows included."""
        if condition is None:
            raise TypeError(f"{self._text()}.all: expected a condition")
        return self._quantified(condition, every=True)

    def _quantified(self, condition: Any, *, every: bool) -> Condition[Root]:
        if self._place.path:
            raise ValueError(f"{self._text()}: any and all take a collection of the row itself, not of a related one")
        target = self._target()
        found: Any = given(condition, lambda: namespace(target))
        return quantified(self._place.root, self._navigation.name, every, found, target)

    def expand(
        self: CollectionPath[Root, HasColumns[C, T, N]],
        *,
        select: Select[C, T, N] | None = None,
        filter: str | Condition[T] | Callable[[N], Condition[T]] | None = None,
        order_by: OrderBy[T, N] | None = None,
        top: int | None = None,
        expand: Expand[T, N] | None = None,
    ) -> Expansion[Root]:
        """What is read of those rows: which columns, which rows, in which order, how many of them.

        `filter` is a condition on them, or OData as text. Each option may be a function that makes it of the rows'
        columns: `order_by=lambda task: [task.createdon.desc()]`. Raises `ValueError` for `order_by` or `top` beside
        `expand`, which Dataverse does not take.
        """
        if expand is not None and (order_by is not None or top is not None):
            raise ValueError(f"{self._text()}: order_by and top cannot stand beside a nested expand")
        return self._with(select=select, filter=filter, order_by=order_by, top=top, expand=expand)


class Expansion(Generic[Root]):
    """A navigation property with what is read of its other end, for `expand`."""

    __slots__ = ("_expansions", "_options", "_path")

    if TYPE_CHECKING:

        def _root_(self) -> list[Root]: ...

    def __init__(self, path: Path[Root, Any], options: Iterable[str], expansions: int) -> None:
        self._path = path
        self._options = tuple(options)
        self._expansions = expansions

    def __repr__(self) -> str:
        return f"<Expansion of {self._path._place.root.__name__}.{self._path._text()}>"

    def _expand_(self, model: Any) -> str:
        options = f"({';'.join(self._options)})" if self._options else ""
        return self._path._expanded(model, options)


Select = Sequence[C | ColumnExpression[T]] | Callable[[N], Sequence[C | ColumnExpression[T]]]
Expand = Sequence[str | Path[T, Any] | Expansion[T]] | Callable[[N], Sequence[Path[T, Any] | Expansion[T]]]
OrderBy = Sequence[str | ColumnExpression[T] | Ordering[T]] | Callable[[N], Sequence[ColumnExpression[T] | Ordering[T]]]


def namespace(model: Any) -> Any:
    """The namespace of a row class, from where a query on its table begins."""
    return Columns(Place(model, (), model))
