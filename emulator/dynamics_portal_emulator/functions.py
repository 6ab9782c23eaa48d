"""The functions of `$filter`: those on text, and Dataverse's query functions.

It decides which functions there are and what each asks of a column ("Web API Query Function Reference"); all others are
refused, as Dataverse refuses them. FetchXML's operators are the same conditions under other names. The times that
relative dates mean are `windows`' business, the rows and people of hierarchies `hierarchy`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from .choices import ENGLISH
from .errors import DataverseError, Kind
from .filters import Items, Literal, Node
from .hierarchy import Caller
from .operands import NUMBERS, Condition, Constants, Operand, known
from .schema import Table
from .windows import PERIODS, fiscal_window, needs_count, period_months, window

TIMES = ("Edm.Date", "Edm.DateTimeOffset")
_TREES = ("Above", "AboveOrEqual", "Under", "UnderOrEqual", "NotUnder")
_PATTERNS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}


@dataclass(frozen=True)
class Functions:
    """Makes conditions of functions; `now` and `caller` are what relative ones refer to."""

    constants: Constants
    now: Callable[[], datetime]
    caller: Caller

    def on_text(self, name: str, operand: Operand, part: Node) -> Condition:
        """`contains`, `startswith` and `endswith`, regardless of case and with wildcards. DataverseError 400."""
        if operand.kind != "Edm.String" or not isinstance(part, Literal) or part.kind not in ("Edm.String", "Edm.Null"):
            raise Kind.BAD_QUERY.error(problem=f"No function signature for the function with name '{name}' matches.")
        if part.value is None:
            return sa.false()
        return self.like(operand, _PATTERNS[name].format(part.value))

    @staticmethod
    def like(operand: Operand, pattern: str) -> Condition:
        """Whether a text fits a pattern with wildcards."""
        return known(sa.func.matches(operand.expression, pattern))

    def query(self, name: str, operand: Operand, arguments: Mapping[str, Node]) -> Condition:
        """A function of `Microsoft.Dynamics.CRM`, by its local name. DataverseError 400 for one that is not known."""
        values = arguments.get("PropertyValues")
        listed = values.items if isinstance(values, Items) else ()
        if name in ("In", "NotIn", "Between", "NotBetween", "ContainValues", "DoesNotContainValues"):
            return self._listed(name, operand, listed)
        if name in _TREES:
            return self._in_tree(name, operand, arguments)
        if name == "EqualUserLanguage":
            return known(operand.expression == ENGLISH)
        owners = self.caller.owners(name)
        if owners is not None:
            return known(operand.expression.in_(sorted(owners)))
        owners = self.caller.owners(f"Equal{name.removeprefix('NotEqual')}") if name.startswith("NotEqual") else None
        if owners is not None and name in ("NotEqualUserId", "NotEqualBusinessId"):
            return sa.not_(known(operand.expression.in_(sorted(owners))))
        return self._on_time(name, operand, arguments)

    def _listed(self, name: str, operand: Operand, listed: tuple[Node, ...]) -> Condition:
        if not listed:
            raise _missing(name, "PropertyValues", "a list of values")
        if name in ("ContainValues", "DoesNotContainValues"):
            padded = sa.literal(",") + sa.func.coalesce(operand.expression, "") + ","
            found = [sa.func.instr(padded, f",{item.value},") > 0 for item in listed if isinstance(item, Literal)]
            return sa.not_(sa.or_(*found)) if name.startswith("Does") else sa.or_(*found)
        spoken = tuple(spoken_constant(item, operand.kind) for item in listed)
        if name in ("In", "NotIn"):
            condition = self.constants.within(operand, spoken)
            return sa.not_(condition) if name == "NotIn" else condition
        if len(spoken) != 2:
            raise _missing(name, "PropertyValues", "a list of two values")
        first, last = (self.constants.literal(item, operand.kind, "ge").expression for item in spoken)
        condition = known(operand.expression.between(first, last))
        return sa.not_(condition) if name == "NotBetween" else condition

    def _in_tree(self, name: str, operand: Operand, arguments: Mapping[str, Node]) -> Condition:
        given = arguments.get("PropertyValue")
        if not isinstance(given, Literal) or given.value is None:
            raise _missing(name, "PropertyValue", "the id of a row")
        hierarchy = self.caller.hierarchy
        table, key = self._tree_of(operand, name), str(given.value).lower()
        found = hierarchy.above(table, key) if name.startswith("Above") else hierarchy.below(table, key)
        if name.endswith("OrEqual"):
            found = found | {key}
        condition = known(operand.expression.in_(sorted(found)))
        return sa.not_(condition) if name == "NotUnder" else condition

    @staticmethod
    def _tree_of(operand: Operand, name: str) -> Table:
        """The table whose hierarchy is meant: the column's own for a key, the target for a lookup."""
        table = operand.table
        if table is not None and operand.name in (table.key[0].path, table.mirror):
            return table
        if table is not None and operand.name in table.lookups:
            targets = [table.navigation[item].type.name for item in table.lookups[operand.name]]
            known_targets = [found for item in targets if (found := table.schema.table_or_none(item)) is not None]
            if known_targets:
                return known_targets[0]
        raise Kind.BAD_QUERY.error(problem=f"The function '{name}' needs a key or a lookup of a hierarchy.")

    def _on_time(self, name: str, operand: Operand, arguments: Mapping[str, Node]) -> Condition:
        single = arguments.get("PropertyValue")
        if name in ("On", "NotOn", "OnOrAfter", "OnOrBefore"):
            _check_time(name, operand)
            constant = self.constants.literal(spoken_day(single, name), "Edm.Date", "eq").expression
            day = sa.func.substr(operand.expression, 1, 10)
            compared = {"On": day == constant, "NotOn": day == constant, "OnOrAfter": day >= constant}
            condition = known(compared.get(name, day <= constant))
            return sa.not_(condition) if name == "NotOn" else condition
        try:
            if name == "InFiscalPeriod":
                _check_time(name, operand)
                period = _number(name, "PropertyValue", single, PERIODS)
                return known(sa.func.substr(operand.expression, 6, 2).in_(period_months(period)))
            if name == "InFiscalYear":
                found = fiscal_window(name, [_number(name, "PropertyValue", single)])
            elif name in ("InFiscalPeriodAndYear", "InOrAfterFiscalPeriodAndYear", "InOrBeforeFiscalPeriodAndYear"):
                period = _number(name, "PropertyValue1", arguments.get("PropertyValue1"), PERIODS)
                found = fiscal_window(name, [period, _number(name, "PropertyValue2", arguments.get("PropertyValue2"))])
            else:
                count = _number(name, "PropertyValue", single) if needs_count(name) else 0
                found = window(name, self.now(), count)
        except (OverflowError, ValueError):
            raise Kind.BAD_QUERY.error(problem=f"A value of '{name}' is out of range.") from None
        if found is None:
            raise Kind.BAD_QUERY.error(
                problem=f"An unknown function with name 'Microsoft.Dynamics.CRM.{name}' was found."
            )
        _check_time(name, operand)
        moment = operand.expression if operand.kind == "Edm.DateTimeOffset" else operand.expression + "T00:00:00"
        start, end = (edge.replace(tzinfo=None).isoformat() if edge else None for edge in found)
        edges = [moment >= start if start else None, moment < end if end else None]
        return known(sa.and_(*[edge for edge in edges if edge is not None]))


def spoken_constant(item: Node, kind: str) -> Literal:
    """A constant for a column's type: query functions get them as strings, whatever the type. DataverseError 400."""
    if not isinstance(item, Literal):
        raise Kind.BAD_QUERY.error(problem="The values of a query function must be constants.")
    if not isinstance(item.value, str):
        return item
    if kind in NUMBERS:
        try:
            return Literal(Decimal(item.value), "Edm.Decimal")
        except ArithmeticError:
            raise Kind.BAD_QUERY.error(problem="A value of the query function is not a number.") from None
    if kind == "Edm.Boolean":
        truth = {"1": True, "true": True, "0": False, "false": False}.get(item.value.lower())
        if truth is None:
            raise Kind.BAD_QUERY.error(problem="A value of the query function is not a Boolean.")
        return Literal(truth, kind)
    if kind in TIMES:
        return Literal(item.value, "Edm.Date" if len(item.value) == len("YYYY-MM-DD") else "Edm.DateTimeOffset")
    return Literal(item.value, kind)


def spoken_day(item: Node | None, name: str) -> Literal:
    """The day that a function is given, as a date or a timestamp."""
    if not isinstance(item, Literal) or not isinstance(item.value, str):
        raise _missing(name, "PropertyValue", "a date")
    return Literal(item.value[:10], "Edm.Date")


def _number(name: str, parameter: str, given: Node | None, highest: int | None = None) -> int:
    value = given.value if isinstance(given, Literal) else None
    if isinstance(value, str) and value.lstrip("-").isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _missing(name, parameter, "a whole number")
    if value < 0 or (highest is not None and not 1 <= value <= highest):
        raise ValueError
    return value


def _missing(name: str, parameter: str, what: str) -> DataverseError:
    return Kind.BAD_QUERY.error(problem=f"The function '{name}' needs the parameter '{parameter}', {what}.")


def _check_time(name: str, operand: Operand) -> None:
    if operand.kind not in TIMES:
        raise Kind.BAD_QUERY.error(problem=f"The function '{name}' needs a column of dates.")
