"""The conditions of FetchXML.

It decides which operators there are and which function or comparison each is ("condition operator values"), and what
the link types of filters ask ("Filter rows using FetchXml", whose `all` means that no row fits). What a function asks
of a column is decided by `functions`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from .errors import Kind
from .fetchxml import Where
from .filters import Items, Literal, Node
from .functions import Functions, spoken_constant
from .operands import NUMBERS, Condition, Operand, known

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_PATTERNS = {"like": "{}", "begins-with": "{}%", "ends-with": "%{}"}
_NEGATED = {"not-like": "like", "not-begin-with": "begins-with", "not-end-with": "ends-with"}
_LISTED = {
    "in": "In",
    "not-in": "NotIn",
    "between": "Between",
    "not-between": "NotBetween",
    "contain-values": "ContainValues",
    "not-contain-values": "DoesNotContainValues",
}
_NAMED = {
    "last-seven-days": "Last7Days",
    "next-seven-days": "Next7Days",
    "eq-userid": "EqualUserId",
    "ne-userid": "NotEqualUserId",
    "eq-businessid": "EqualBusinessId",
    "ne-businessid": "NotEqualBusinessId",
    "eq-userlanguage": "EqualUserLanguage",
    "eq-userteams": "EqualUserTeams",
    "eq-useroruserteams": "EqualUserOrUserTeams",
    "eq-useroruserhierarchy": "EqualUserOrUserHierarchy",
    "eq-useroruserhierarchyandteams": "EqualUserOrUserHierarchyAndTeams",
    "above": "Above",
    "eq-or-above": "AboveOrEqual",
    "under": "Under",
    "eq-or-under": "UnderOrEqual",
    "not-under": "NotUnder",
}
_TIMES = (
    *("today", "tomorrow", "yesterday", "on", "not-on", "on-or-after", "on-or-before"),
    *(f"{when}-{unit}" for when in ("last", "this", "next") for unit in ("week", "month", "year")),
    *(f"{when}-fiscal-{unit}" for when in ("last", "this", "next") for unit in ("period", "year")),
    *(f"{when}-x-{unit}" for when in ("last", "next") for unit in ("hours", "days", "weeks", "months", "years")),
    *(f"{when}-x-fiscal-{unit}" for when in ("last", "next") for unit in ("periods", "years")),
    *(f"olderthan-x-{unit}" for unit in ("minutes", "hours", "days", "weeks", "months", "years")),
    *("in-fiscal-period", "in-fiscal-year", "in-fiscal-period-and-year"),
    *("in-or-after-fiscal-period-and-year", "in-or-before-fiscal-period-and-year"),
)
_FUNCTIONS = {
    **_NAMED,
    **{
        name: "".join(part.capitalize() for part in name.replace("olderthan", "older-than").split("-"))
        for name in _TIMES
    },
}


def condition(functions: Functions, where: Where, operand: Operand, other: Operand | None) -> Condition:
    """The condition on a column, or between two. DataverseError 400 for what is none."""
    name = {"neq": "ne"}.get(where.operator, where.operator)
    if name in ("null", "not-null"):
        missing = operand.expression.is_(None)
        return missing if name == "null" else sa.not_(missing)
    if other is not None:
        if operand.kind != other.kind and not (operand.kind in NUMBERS and other.kind in NUMBERS):
            raise Kind.BAD_FETCH.error(problem="the columns of a condition with valueof must be of one type")
        return _compared(name, operand, other)
    values = where.values
    if name in ("eq", "ne", *_COMPARED):
        constant = spoken_constant(Literal(_single(where), "Edm.String"), operand.kind)
        return _compared(name, operand, functions.constants.literal(constant, operand.kind, name))
    if name in _PATTERNS or name in _NEGATED:
        if operand.kind != "Edm.String":
            raise Kind.BAD_FETCH.error(problem=f"the operator '{name}' needs a column of text")
        found = functions.like(operand, _PATTERNS[_NEGATED.get(name, name)].format(_single(where)))
        return sa.not_(found) if name in _NEGATED else found
    if name in _LISTED:
        items: Node = Items(tuple(Literal(value, "Edm.String") for value in values))
        return functions.query(_LISTED[name], operand, {"PropertyValues": items})
    if name not in _FUNCTIONS:
        raise Kind.BAD_FETCH.error(problem=f"the operator '{where.operator}' does not exist")
    names = ["PropertyValue"] if len(values) == 1 else ["PropertyValue1", "PropertyValue2"]
    arguments = {key: Literal(value, "Edm.String") for key, value in zip(names, values, strict=False)}
    return functions.query(_FUNCTIONS[name], operand, arguments)


def _compared(name: str, one: Operand, other: Operand) -> Condition:
    if name == "eq":
        return known(one.expression == other.expression)
    if name == "ne":
        return one.expression.is_distinct_from(other.expression)
    if name not in _COMPARED:
        raise Kind.BAD_FETCH.error(problem=f"the operator '{name}' does not compare two columns")
    return known(_COMPARED[name](one.expression, other.expression))


def _single(where: Where) -> str:
    if len(where.values) != 1:
        raise Kind.BAD_FETCH.error(problem=f"the operator '{where.operator}' needs one value")
    return where.values[0]
