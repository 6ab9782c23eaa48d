"""Conditions: what `$filter` says, built from columns and joined by `&`, `|` and `~`.

A condition is a plain value: its text in parts, of which the values are known, so that its representation shows the
schema and never a value. Which comparisons a column has is decided in `columns`, the functions of Dataverse in
`functions`.

Source: OData Version 4.01 Part 2 (URL Conventions), "System Query Option $filter"; Dataverse Web API, "Filter rows
using OData".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, NoReturn, TypeVar

Root = TypeVar("Root")
"""The row class of the table that a query is on."""

_OR, _AND, _ATOM = range(3)  # how tightly a condition holds together


class Value(str):
    """The part of a condition that came from the caller."""

    __slots__ = ()


class Own(NamedTuple):
    """The part that stands for the row itself: nothing, or inside `any` and `all` the name of the variable."""


OWN: Final = Own()
Part = str | Own


class Condition(Generic[Root]):
    """A condition on the rows of one table. Its representation shows names and operators, never values.

    `&`, `|` and `~` are and, or and not. It has no truth of its own: `and`, `or`, `not` and chained comparisons
    (`1 < column < 5`) raise `TypeError`. Conditions that say the same are equal, and can be pickled.
    """

    __slots__ = ("_depth", "_level", "_model", "_parts")

    if TYPE_CHECKING:

        def _root_(self) -> list[Root]: ...

    def __init__(self, model: Any, parts: Iterable[Part], *, level: int = _ATOM, depth: int = 0) -> None:
        self._model = model
        self._parts: tuple[Part, ...] = tuple(parts)
        self._level = level
        self._depth = depth  # how many `any` and `all` are inside of one another

    def __and__(self, other: Condition[Root]) -> Condition[Root]:
        return self._joined(other, " and ", _AND)

    def __or__(self, other: Condition[Root]) -> Condition[Root]:
        return self._joined(other, " or ", _OR)

    def __invert__(self) -> Condition[Root]:
        return Condition(self._model, ("not (", *self._parts, ")"), depth=self._depth)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a condition is neither true nor false: join conditions with &, | and ~, each in parentheses, "
            "instead of and, or and not; say between(low, high) instead of low < column < high"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Condition):
            return NotImplemented
        return self._model is other._model and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        shown = "".join("…" if isinstance(part, Value) else part for part in self._parts if not isinstance(part, Own))
        return f"<Condition on {self._model.__name__}: {shown}>"

    def _joined(self, other: Condition[Root], word: str, level: int) -> Condition[Root]:
        if not isinstance(other, Condition):
            return NotImplemented
        same_table(self._model, other._model, "a condition")
        parts = (*self._within(level), word, *other._within(level))
        return Condition(self._model, parts, level=level, depth=max(self._depth, other._depth))

    def _within(self, level: int) -> tuple[Part, ...]:
        """The parts, in parentheses where they would otherwise mean something else beside `and` or `or`."""
        return self._parts if self._level in (level, _ATOM) else ("(", *self._parts, ")")

    def _filter_(self, model: Any) -> str:
        """The text for `$filter`, not yet percent-encoded. Raises `ValueError` for another table's condition."""
        same_table(model, self._model, "filter: a condition")
        return "".join(part for part in self._parts if not isinstance(part, Own))


def same_table(expected: Any, given: Any, what: str) -> None:
    """Raise `ValueError` where something is of another table than it has to be."""
    if expected is not given:
        raise ValueError(f"{what} on {given.__name__} where one on {expected.__name__} is expected")


def quantified(model: Any, path: str, quantifier: str, condition: Condition[Any] | None, target: Any) -> Condition[Any]:
    """`any` or `all` over a collection; without a condition, whether there is a row at all."""
    if condition is None:
        return Condition(model, (OWN, f"{path}/{quantifier}()"))
    if not isinstance(condition, Condition):
        raise TypeError(f"{path}.{quantifier}: expected a condition, got {type(condition).__name__}")
    same_table(target, condition._model, f"{path}.{quantifier}: a condition")
    depth = condition._depth + 1
    variable = f"x{depth}"
    inner = (f"{variable}/" if isinstance(part, Own) else part for part in condition._parts)
    return Condition(model, (OWN, f"{path}/{quantifier}({variable}:", *inner, ")"), depth=depth)


T = TypeVar("T")
V = TypeVar("V")


def given(value: T | Callable[[V], T], make: Callable[[], V]) -> T:
    """The value; where it is a function, what that makes of a table's columns."""
    return value(make()) if callable(value) else value
