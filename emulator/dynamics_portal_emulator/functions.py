"""The functions of `$filter`: those on text, and Dataverse's query functions.

It decides which functions there are and what each asks of a column ("Web API Query Function Reference"); all others are
refused, as Dataverse refuses them. The times that relative dates mean are `windows`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from .errors import Kind
from .filters import Items, Literal, Node
from .operands import NUMBERS, Condition, Constants, Operand, known
from .windows import needs_count, window

TIMES = ("Edm.Date", "Edm.DateTimeOffset")


@dataclass(frozen=True)
class Functions:
    """Makes conditions of functions; `now`, `user_id` and `business_unit_id` are what relative ones refer to."""

    constants: Constants
    now: Callable[[], datetime]
    user_id: str
    business_unit_id: str

    @staticmethod
    def on_text(name: str, operands: list[Operand]) -> Condition:
        """`contains`, `startswith` and `endswith`, regardless of case. DataverseError 400 for other operands."""
        if len(operands) != 2 or any(operand.kind not in ("Edm.String", "Edm.Null") for operand in operands):
            raise Kind.BAD_QUERY.error(problem=f"No function signature for the function with name '{name}' matches.")
        text, part = (sa.func.fold(operand.expression) for operand in operands)
        if name == "contains":
            return known(sa.func.instr(text, part) > 0)
        if name == "startswith":
            return known(sa.func.substr(text, 1, sa.func.length(part)) == part)
        size = sa.func.length(part)
        return known(sa.or_(size == 0, sa.and_(size <= sa.func.length(text), sa.func.substr(text, -size) == part)))

    def query(self, name: str, operand: Operand, arguments: Mapping[str, Node]) -> Condition:
        """A function of `Microsoft.Dynamics.CRM`, by its local name. DataverseError 400 for one that is not known."""
        values = arguments.get("PropertyValues")
        listed = values.items if isinstance(values, Items) else ()
        single = arguments.get("PropertyValue")
        if name in ("In", "NotIn"):
            condition = self.constants.within(operand, tuple(self._spoken(item, operand.kind) for item in listed))
            return sa.not_(condition) if name == "NotIn" else condition
        if name in ("Between", "NotBetween") and len(listed) == 2:
            low, high = (self._spoken(item, operand.kind) for item in listed)
            first, last = (self.constants.literal(item, operand.kind, "ge").expression for item in (low, high))
            condition = known(operand.expression.between(first, last))
            return sa.not_(condition) if name == "NotBetween" else condition
        if name in ("ContainValues", "DoesNotContainValues"):
            padded = sa.literal(",") + sa.func.coalesce(operand.expression, "") + ","
            found = [sa.func.instr(padded, f",{item.value},") > 0 for item in listed if isinstance(item, Literal)]
            return sa.not_(sa.or_(*found)) if name.startswith("Does") else sa.or_(*found)
        mine = {"UserId": self.user_id, "BusinessId": self.business_unit_id}
        for suffix, value in mine.items():
            if name == f"Equal{suffix}":
                return operand.expression.is_not_distinct_from(value)
            if name == f"NotEqual{suffix}":
                return operand.expression.is_distinct_from(value)
        if name in ("On", "OnOrAfter", "OnOrBefore") and isinstance(single, Literal):
            day = sa.func.substr(operand.expression, 1, 10)
            given = str(single.value)[:10]
            compared = {"On": day == given, "OnOrAfter": day >= given, "OnOrBefore": day <= given}
            return known(compared[name])
        return self._in_window(name, operand, single)

    def _in_window(self, name: str, operand: Operand, single: Node | None) -> Condition:
        count = single.value if isinstance(single, Literal) and isinstance(single.value, int) else None
        if needs_count(name) and count is None:
            raise Kind.BAD_QUERY.error(
                problem=f"The function '{name}' needs the parameter 'PropertyValue', a whole number."
            )
        try:
            found = window(name, self.now(), count or 0)
        except (OverflowError, ValueError):
            raise Kind.BAD_QUERY.error(problem=f"The parameter 'PropertyValue' of '{name}' is out of range.") from None
        if found is None:
            raise Kind.BAD_QUERY.error(problem=f"The function '{name}' is not supported by this emulator.")
        if operand.kind not in TIMES:
            raise Kind.BAD_QUERY.error(problem=f"The function '{name}' needs a column of dates.")
        moment = operand.expression if operand.kind == "Edm.DateTimeOffset" else operand.expression + "T00:00:00"
        start, end = (edge.replace(tzinfo=None).isoformat() if edge else None for edge in found)
        edges = [moment >= start if start else None, moment < end if end else None]
        return known(sa.and_(*[edge for edge in edges if edge is not None]))

    @staticmethod
    def _spoken(item: Node, kind: str) -> Literal:
        """A constant of a query function: they come as strings, whatever the column's type."""
        if not isinstance(item, Literal):
            raise Kind.BAD_QUERY.error(problem="The values of a query function must be constants.")
        if isinstance(item.value, str) and kind in NUMBERS:
            try:
                return Literal(Decimal(item.value), "Edm.Decimal")
            except ArithmeticError:
                raise Kind.BAD_QUERY.error(problem="A value of the query function is not a number.") from None
        return Literal(item.value, kind if isinstance(item.value, str) else item.kind)
