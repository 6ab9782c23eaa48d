"""Conditions: what `$filter` says, built from columns and joined by `&`, `|` and `~`.

A condition is a plain value: its text in parts, of which the values are known, so that its representation shows the
schema and never a value. It also knows the text of its opposite, because the service negates no query function: `~`
takes the function's counterpart (`NotIn` for `In`), through and, or, any and all; one without a counterpart is refused.
Which comparisons a column has is decided in `columns`, the functions of Dataverse in `functions`.

Source: OData Version 4.01 Part 2 (URL Conventions), "System Query Option $filter"; Dataverse Web API, "Filter rows
using OData", "Use Web API functions" (Limitations of query functions).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, NoReturn, TypeVar

Root = TypeVar("Root")
"""The row class of the table that a query is on."""

_OR, _AND, _ATOM = range(3)  # how tightly a condition holds together
_WORDS: Final = (" or ", " and ")


class Value(str):
    """The part of a condition that came from the caller."""

    __slots__ = ()


class Own(NamedTuple):
    """The part that stands for the row itself: nothing, or inside `any` and `all` the name of the variable."""


OWN: Final = Own()
Part = str | Own


class Said(NamedTuple):
    """A condition's text, and how tightly it holds together."""

    parts: tuple[Part, ...]
    level: int = _ATOM

    def within(self, level: int) -> tuple[Part, ...]:
        """The parts, in parentheses where they would otherwise mean something else beside `and` or `or`."""
        return self.parts if self.level in (level, _ATOM) else ("(", *self.parts, ")")

    def joined(self, other: Said, level: int) -> Said:
        """Both, joined by `and` or `or`."""
        return Said((*self.within(level), _WORDS[level], *other.within(level)), level)

    def over(self, path: str, word: str, depth: int) -> Said:
        """The same of rows of a collection, each called by a variable that no other one around it has."""
        parts = (f"x{depth}/" if isinstance(part, Own) else part for part in self.parts)
        return Said((OWN, f"{path}/{word}(x{depth}:", *parts, ")"))

    def negated(self) -> Said:
        """The same behind `not`."""
        return Said(("not (", *self.parts, ")"))


class Condition(Generic[Root]):
    """A condition on the rows of one table. Its representation shows names and operators, never values.

    `&`, `|` and `~` are and, or and not. It has no truth of its own: `and`, `or`, `not` and chained comparisons
    (`1 < column < 5`) raise `TypeError`. Conditions that say the same are equal, and can be pickled.
    """

    __slots__ = ("_denied", "_depth", "_functions", "_model", "_said")

    if TYPE_CHECKING:

        def _root_(self) -> list[Root]: ...

    def __init__(
        self, model: Any, said: Said, denied: Said | str | None = None, *, functions: bool = False, depth: int = 0
    ) -> None:
        self._model = model
        self._said = said
        self._denied: Said | str = said.negated() if denied is None else denied
        """What its opposite says; the name of a function where the service knows none."""
        self._functions = functions  # whether a query function is in it, before which `not` must not stand
        self._depth = depth  # how many `any` and `all` are inside of one another

    def __and__(self, other: Condition[Root]) -> Condition[Root]:
        return self._joined(other, _AND)

    def __or__(self, other: Condition[Root]) -> Condition[Root]:
        return self._joined(other, _OR)

    def __invert__(self) -> Condition[Root]:
        if isinstance(self._denied, str):
            raise TypeError(f"the service cannot negate {self._denied}: say what is meant without ~")
        return Condition(self._model, self._denied, self._said, functions=self._functions, depth=self._depth)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a condition is neither true nor false: join conditions with &, | and ~, each in parentheses, "
            "instead of and, or and not; say between(low, high) instead of low < column < high"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Condition):
            return NotImplemented
        return self._model is other._model and self._said == other._said

    def __hash__(self) -> int:
        return hash(self._said)

    def __repr__(self) -> str:
        parts = ("…" if isinstance(part, Value) else part for part in self._said.parts if not isinstance(part, Own))
        return f"<Condition on {self._model.__name__}: {''.join(parts)}>"

    def _joined(self, other: Condition[Root], level: int) -> Condition[Root]:
        if not isinstance(other, Condition):
            return NotImplemented
        same_table(self._model, other._model, "a condition")
        functions, depth = self._functions or other._functions, max(self._depth, other._depth)
        denied: Said | str | None = None
        if isinstance(self._denied, str):
            denied = self._denied
        elif isinstance(other._denied, str):
            denied = other._denied
        elif functions:
            denied = self._denied.joined(other._denied, _OR if level == _AND else _AND)
        return Condition(self._model, self._said.joined(other._said, level), denied, functions=functions, depth=depth)

    def _filter_(self, model: Any) -> str:
        """The text for `$filter`, not yet percent-encoded. Raises `ValueError` for another table's condition."""
        same_table(model, self._model, "filter: a condition")
        return "".join(part for part in self._said.parts if not isinstance(part, Own))


def same_table(expected: Any, given: Any, what: str) -> None:
    """Raise `ValueError` where something is of another table than it has to be."""
    if expected is not given:
        raise ValueError(f"{what} on {given.__name__} where one on {expected.__name__} is expected")


def quantified(model: Any, path: str, every: bool, condition: Condition[Any] | None, target: Any) -> Condition[Any]:
    """`any` or `all` over a collection; without a condition, whether there is a row at all."""
    if condition is None:
        return Condition(model, Said((OWN, f"{path}/any()")))
    word = "all" if every else "any"
    if not isinstance(condition, Condition):
        raise TypeError(f"{path}.{word}: expected a condition, got {type(condition).__name__}")
    same_table(target, condition._model, f"{path}.{word}: a condition")
    depth = condition._depth + 1
    denied = condition._denied if condition._functions else None
    if isinstance(denied, Said):
        denied = denied.over(path, "any" if every else "all", depth)
    said = condition._said.over(path, word, depth)
    return Condition(model, said, denied, functions=condition._functions, depth=depth)


T = TypeVar("T")
V = TypeVar("V")


def given(value: T | Callable[[V], T], make: Callable[[], V]) -> T:
    """The value; where it is a function, what that makes of a table's columns."""
    return value(make()) if callable(value) else value
