"""Both sides of a comparison, in the form in which SQLite compares them.

It decides how a column of a document and a constant of a filter become SQL, and which types may be compared: text
regardless of case, decimals digit for digit. How comparisons are put together is the business of `conditions`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import sqlalchemy as sa

from dynamics_portal_generator.csdl import TypeRef

from .errors import DataverseError, Kind
from .filters import Literal, Node
from .schema import Schema, Table
from .values import Values

Condition: TypeAlias = sa.ColumnElement[bool]
NUMBERS = frozenset(
    ("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double", "Edm.Single")
)

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def column(rows: sa.FromClause, *path: str) -> sa.ColumnElement[Any]:
    """A value of the document, by the names that lead to it."""
    place = "$" + "".join(f'."{name}"' for name in path)
    # Rendered into the statement, so that an index on the expression can be used.
    return sa.func.json_extract(rows.c.document, sa.literal(place, literal_execute=True))


def comparable(expression: sa.ColumnElement[Any], kind: str) -> sa.ColumnElement[Any]:
    """The expression in the form in which its type is compared and sorted."""
    if kind == "Edm.String":
        return sa.collate(expression, "odata_text")
    if kind == "Edm.Decimal":
        return sa.collate(expression, "odata_decimal")
    if kind == "Edm.DateTimeOffset":
        return sa.func.rtrim(expression, "Z")  # so that 10:00:00.5 sorts after 10:00:00
    return expression


@dataclass(frozen=True)
class Operand:
    """One side of a comparison. For a column, its name and its table, too, and the rows that hold it: None where it was
    reached through a lookup."""

    expression: sa.ColumnElement[Any]
    kind: str
    name: str = ""
    table: Table | None = None
    rows: sa.FromClause | None = None


@dataclass(frozen=True)
class Constants:
    """Constants of a filter, in the stored form of the type that they are compared with."""

    schema: Schema
    values: Values

    def literal(self, node: Literal, kind: str, operation: str) -> Operand:
        """A constant in the stored form of the type that it is compared with."""
        if node.value is None:
            return Operand(sa.null(), kind)
        value, given = node.value, node.kind
        if kind == "Edm.DateTimeOffset" and given == "Edm.Date":
            value, given = f"{value}T00:00:00Z", kind
        if kind == "Edm.Date" and given == "Edm.DateTimeOffset":
            value, given = str(value)[:10], kind
        if given in NUMBERS and kind in NUMBERS:
            if kind == "Edm.Decimal":
                return Operand(sa.literal(str(value)), kind)
            value = float(value) if isinstance(value, Decimal) else value
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                value = math.inf if value > 0 else -math.inf
            return Operand(sa.literal(value), kind)
        if kind == "Edm.Guid" and given == "Edm.String" and GUID.fullmatch(str(value)):
            given = kind  # both notations are documented ("Filter rows using OData")
        metadata = self.schema.metadata
        if given != kind and not (
            kind in metadata.enum_types and given in ("Edm.String", "Edm.Int64", *metadata.enum_types)
        ):
            raise incompatible(kind, given, operation)
        try:
            stored = self.values.of_type(TypeRef(kind), value)
        except ValueError as error:
            raise Kind.BAD_QUERY.error(problem=f"A value of type '{kind}' in the query is {error}.") from None
        if kind == "Edm.DateTimeOffset":
            stored = stored.rstrip("Z")
        return Operand(sa.literal(int(stored) if isinstance(stored, bool) else stored), kind)

    def within(self, operand: Operand, items: tuple[Node, ...]) -> Condition:
        """Whether an operand is one of some constants. DataverseError 400 for anything but constants."""
        literals = [item for item in items if isinstance(item, Literal)]
        if len(literals) != len(items):
            raise Kind.BAD_QUERY.error(problem="The values of 'in' must be constants.")
        values = [self.literal(item, operand.kind, "eq").expression for item in literals if item.value is not None]
        found = known(operand.expression.in_(values))
        return sa.or_(found, operand.expression.is_(None)) if len(values) < len(literals) else found


def known(condition: sa.ColumnElement[Any]) -> Condition:
    """A comparison with null is false, so that its negation is true."""
    return sa.func.coalesce(condition, False)


def incompatible(kind: str, given: str, operation: str) -> DataverseError:
    """The error for two types that cannot be compared."""
    word = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "ge": "GreaterThanOrEqual", "lt": "LessThan"}
    name = word.get(operation, "LessThanOrEqual")
    problem = (
        "A binary operator with incompatible types was detected. "
        f"Found operand types '{kind}' and '{given}' for operator kind '{name}'."
    )
    return Kind.BAD_QUERY.error(problem=problem)
