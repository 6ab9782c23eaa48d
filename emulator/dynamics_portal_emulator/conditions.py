"""From the tree of a filter to a SQL condition.

It decides what a name in `$filter` or `$orderby` means for a table, which functions there are, and what comparing two
types means: text regardless of case, two-valued logic with null as a value ("Filter rows using OData" of Dataverse).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from dynamics_portal_generator.csdl import TypeRef, local_name

from .errors import DataverseError, Kind
from .filters import Call, Compared, Items, Joined, Literal, Negated, Node, Path, Quantified, Within
from .schema import Lookup, Relation, Reverse, Schema, Table
from .store import Store
from .values import Values
from .windows import needs_count, window

Condition = sa.ColumnElement[bool]
_NUMBERS = {"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double", "Edm.Single"}
_TIMES = {"Edm.Date", "Edm.DateTimeOffset"}
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


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
    """One side of a comparison."""

    expression: sa.ColumnElement[Any]
    kind: str


@dataclass(frozen=True)
class Scope:
    """What names in an expression refer to: the row, and the variables of `any` and `all`."""

    table: Table
    rows: sa.FromClause
    variables: Mapping[str, tuple[Table, sa.FromClause]]


@dataclass(frozen=True)
class Conditions:
    """Makes conditions; `now` and `user_id` answer relative dates and `EqualUserId`."""

    schema: Schema
    store: Store
    values: Values
    now: Callable[[], datetime]
    user_id: str
    business_unit_id: str

    def condition(self, table: Table, rows: sa.FromClause, node: Node) -> Condition:
        """The condition that a filter states. DataverseError 400 where it cannot be one."""
        return self._condition(Scope(table, rows, {}), node)

    def order(self, table: Table, rows: sa.FromClause, path: Path) -> sa.ColumnElement[Any]:
        """The expression that a part of `$orderby` sorts by."""
        return self._path(Scope(table, rows, {}), path).expression

    def related(self, relation: Relation, rows: sa.FromClause, target: sa.FromClause) -> Condition:
        """Whether a row of `target` is reached from a row of `rows`."""
        if isinstance(relation, Lookup):
            own_table = self.schema.table(relation.target)
            if len(relation.columns) == 1 and relation.columns[0][1] in (own_table.key[0].path, own_table.mirror):
                return target.c.key == sa.cast(column(rows, relation.columns[0][0]), sa.Text)
            pairs = [column(target, principal) == column(rows, own) for own, principal in relation.columns]
            return sa.and_(*pairs)
        if isinstance(relation, Reverse):
            return sa.and_(*[column(target, own) == column(rows, principal) for own, principal in relation.columns])
        links = self.store.links
        here, there = (links.c.source, links.c.target) if relation.forward else (links.c.target, links.c.source)
        found = sa.select(sa.literal(1)).select_from(links)
        return found.where(links.c.relation == relation.name, here == rows.c.key, there == target.c.key).exists()

    def reach(self, table: Table, name: str) -> tuple[Relation, Table, sa.FromClause]:
        """The relation behind a navigation property, its target and a fresh alias of the target's rows."""
        navigation = table.navigation.get(name)
        relation = self.schema.relation(table, navigation) if navigation else None
        if relation is None:
            raise Kind.NO_PROPERTY.error(name=name, type=table.type)
        target = self.schema.table(relation.target)
        return relation, target, self.store.family(target.family).alias()

    def _condition(self, scope: Scope, node: Node) -> Condition:
        if isinstance(node, Joined):
            parts = [self._condition(scope, part) for part in node.parts]
            return sa.or_(*parts) if node.either else sa.and_(*parts)
        if isinstance(node, Negated):
            return sa.not_(self._condition(scope, node.condition))
        if isinstance(node, Compared):
            return self._compared(scope, node)
        if isinstance(node, Within):
            return self._within(self._operand(scope, node.value), node.items)
        if isinstance(node, Quantified):
            return self._quantified(scope, scope.table, scope.rows, node)
        if isinstance(node, Call):
            return self._call(scope, node)
        operand = self._operand(scope, node)
        if operand.kind != "Edm.Boolean":
            raise Kind.BAD_QUERY.error(problem="The $filter expression must evaluate to a single boolean value.")
        return sa.func.coalesce(operand.expression, 0) == 1

    def _compared(self, scope: Scope, node: Compared) -> Condition:
        left, right = node.left, node.right
        if isinstance(left, (Call, Joined, Negated, Compared)) and isinstance(right, Literal):
            if node.operator not in ("eq", "ne") or not isinstance(right.value, bool):
                raise _incompatible("Edm.Boolean", right.kind, node.operator)
            condition = self._condition(scope, left)
            return condition if right.value is (node.operator == "eq") else sa.not_(condition)
        if isinstance(left, Literal) and not isinstance(right, Literal):
            other = self._operand(scope, right)
            one = self._literal(left, other.kind, node.operator)
        else:
            one = self._operand(scope, left)
            other = (
                self._literal(right, one.kind, node.operator)
                if isinstance(right, Literal)
                else self._operand(scope, right)
            )
        if node.operator == "eq":
            return one.expression.is_not_distinct_from(other.expression)
        if node.operator == "ne":
            return one.expression.is_distinct_from(other.expression)
        return _known(_ORDER[node.operator](one.expression, other.expression))

    def _within(self, operand: Operand, items: tuple[Node, ...]) -> Condition:
        literals = [item for item in items if isinstance(item, Literal)]
        if len(literals) != len(items):
            raise Kind.BAD_QUERY.error(problem="The values of 'in' must be constants.")
        values = [self._literal(item, operand.kind, "eq").expression for item in literals if item.value is not None]
        found = _known(operand.expression.in_(values))
        return sa.or_(found, operand.expression.is_(None)) if len(values) < len(literals) else found

    def _operand(self, scope: Scope, node: Node) -> Operand:
        if isinstance(node, Path):
            return self._path(scope, node)
        if isinstance(node, Literal):
            return self._literal(node, node.kind, "eq")
        raise Kind.BAD_QUERY.error(problem="The expression is not supported in this place.")

    def _literal(self, node: Literal, kind: str, operation: str) -> Operand:
        """A constant in the stored form of the type that it is compared with."""
        if node.value is None:
            return Operand(sa.null(), kind)
        value, given = node.value, node.kind
        if kind == "Edm.DateTimeOffset" and given == "Edm.Date":
            value, given = f"{value}T00:00:00Z", kind
        if kind == "Edm.Date" and given == "Edm.DateTimeOffset":
            value, given = str(value)[:10], kind
        if given in _NUMBERS and kind in _NUMBERS:
            if kind == "Edm.Decimal":
                return Operand(sa.literal(str(value)), kind)
            value = float(value) if isinstance(value, Decimal) else value
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                value = math.inf if value > 0 else -math.inf
            return Operand(sa.literal(value), kind)
        metadata = self.schema.metadata
        if given != kind and not (
            kind in metadata.enum_types and given in ("Edm.String", "Edm.Int64", *metadata.enum_types)
        ):
            raise _incompatible(kind, given, operation)
        try:
            stored = self.values.of_type(TypeRef(kind), value)
        except ValueError as error:
            raise Kind.BAD_QUERY.error(problem=f"A value of type '{kind}' in the query is {error}.") from None
        if kind == "Edm.DateTimeOffset":
            stored = stored.rstrip("Z")
        return Operand(sa.literal(int(stored) if isinstance(stored, bool) else stored), kind)

    def _path(self, scope: Scope, node: Path) -> Operand:
        table, rows, steps = _start(scope, node.steps)
        if node.count:
            relation, target, other = self.reach(table, steps[-1]) if len(steps) == 1 else _unsupported_count()
            size = (
                sa.select(sa.func.count())
                .select_from(other)
                .where(self.related(relation, rows, other), of_type(other, target))
            )
            return Operand(size.correlate(rows).scalar_subquery(), "Edm.Int64")
        return self._column(table, rows, steps)

    def _column(self, table: Table, rows: sa.FromClause, steps: tuple[str, ...]) -> Operand:
        if steps[0] in table.navigation and len(steps) > 1:
            if table.navigation[steps[0]].type.collection:
                raise Kind.BAD_QUERY.error(problem=f"'{steps[0]}' is a collection: use any or all.")
            relation, target, other = self.reach(table, steps[0])
            inner = self._column(target, other, steps[1:])
            found = sa.select(inner.expression).select_from(other).where(self.related(relation, rows, other)).limit(1)
            return Operand(comparable(found.correlate(rows).scalar_subquery(), inner.kind), inner.kind)
        properties, owner, kind = table.properties, table.type, ""
        for step in steps:
            declared = properties.get(step)
            if declared is None:
                if not self.schema.metadata.is_open(owner):
                    raise Kind.NO_PROPERTY.error(name=step, type=owner)
                return Operand(column(rows, *steps), "Edm.String")
            kind = self.schema.primitive(declared.type)
            owner, properties = kind, self.schema.metadata.all_properties(kind)
        return Operand(comparable(column(rows, *steps), kind), kind)

    def _quantified(self, scope: Scope, table: Table, rows: sa.FromClause, node: Quantified) -> Condition:
        start_table, start_rows, steps = (
            _start(scope, node.steps) if table is scope.table else (table, rows, node.steps)
        )
        relation, target, other = self.reach(start_table, steps[0])
        found = (
            sa.select(sa.literal(1))
            .select_from(other)
            .where(self.related(relation, start_rows, other), of_type(other, target))
        )
        if len(steps) > 1:
            rest = Quantified(steps[1:], node.every, node.variable, node.condition)
            inner = self._quantified(Scope(target, other, scope.variables), target, other, rest)
            return found.where(inner).correlate(start_rows).exists()
        if node.condition is None or node.variable is None:
            return found.correlate(start_rows).exists()
        variables = {**scope.variables, node.variable: (target, other)}
        condition = self._condition(Scope(scope.table, scope.rows, variables), node.condition)
        outer = [scope.rows, start_rows, *(source for _, source in scope.variables.values())]
        if node.every:
            return sa.not_(found.where(sa.not_(condition)).correlate(*outer).exists())
        return found.where(condition).correlate(*outer).exists()

    def _call(self, scope: Scope, node: Call) -> Condition:
        if node.name in ("contains", "startswith", "endswith"):
            return self._text_function(scope, node)
        name = local_name(node.name)
        if node.name != f"Microsoft.Dynamics.CRM.{name}":
            raise Kind.BAD_QUERY.error(problem=f"An unknown function with name '{node.name}' was found.")
        named = node.named.get("PropertyName")
        if not isinstance(named, Literal) or not isinstance(named.value, str):
            raise Kind.BAD_QUERY.error(problem=f"The function '{name}' needs the parameter 'PropertyName', a string.")
        operand = self._path(scope, Path(tuple(self._spelled(scope.table, named.value).split("/"))))
        return self._query_function(name, operand, node.named)

    @staticmethod
    def _spelled(table: Table, name: str) -> str:
        """Query functions take a lookup by its logical name, `ownerid` for `_ownerid_value`."""
        return f"_{name}_value" if name not in table.properties and f"_{name}_value" in table.properties else name

    def _text_function(self, scope: Scope, node: Call) -> Condition:
        operands = [self._operand(scope, argument) for argument in node.arguments]
        if len(operands) != 2 or any(operand.kind not in ("Edm.String", "Edm.Null") for operand in operands):
            raise Kind.BAD_QUERY.error(
                problem=f"No function signature for the function with name '{node.name}' matches."
            )
        text, part = (sa.func.fold(operand.expression) for operand in operands)
        if node.name == "contains":
            return _known(sa.func.instr(text, part) > 0)
        if node.name == "startswith":
            return _known(sa.func.substr(text, 1, sa.func.length(part)) == part)
        size = sa.func.length(part)
        return _known(sa.or_(size == 0, sa.and_(size <= sa.func.length(text), sa.func.substr(text, -size) == part)))

    def _query_function(self, name: str, operand: Operand, arguments: Mapping[str, Node]) -> Condition:
        values = arguments.get("PropertyValues")
        listed = values.items if isinstance(values, Items) else ()
        single = arguments.get("PropertyValue")
        if name in ("In", "NotIn"):
            condition = self._within(operand, tuple(self._spoken(item, operand.kind) for item in listed))
            return sa.not_(condition) if name == "NotIn" else condition
        if name in ("Between", "NotBetween") and len(listed) == 2:
            low, high = (self._spoken(item, operand.kind) for item in listed)
            first, last = (self._literal(item, operand.kind, "ge").expression for item in (low, high))
            condition = _known(operand.expression.between(first, last))
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
            return _known(compared[name])
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
        if operand.kind not in _TIMES:
            raise Kind.BAD_QUERY.error(problem=f"The function '{name}' needs a column of dates.")
        moment = operand.expression if operand.kind == "Edm.DateTimeOffset" else operand.expression + "T00:00:00"
        start, end = (edge.replace(tzinfo=None).isoformat() if edge else None for edge in found)
        edges = [moment >= start if start else None, moment < end if end else None]
        return _known(sa.and_(*[edge for edge in edges if edge is not None]))

    @staticmethod
    def _spoken(item: Node, kind: str) -> Literal:
        """A constant of a query function: they come as strings, whatever the column's type."""
        if not isinstance(item, Literal):
            raise Kind.BAD_QUERY.error(problem="The values of a query function must be constants.")
        if isinstance(item.value, str) and kind in _NUMBERS:
            try:
                return Literal(Decimal(item.value), "Edm.Decimal")
            except ArithmeticError:
                raise Kind.BAD_QUERY.error(problem="A value of the query function is not a number.") from None
        return Literal(item.value, kind if isinstance(item.value, str) else item.kind)


def of_type(rows: sa.FromClause, table: Table) -> Condition:
    """Whether a row is of a table's type or one derived from it, where the family holds others, too."""
    names = table.schema.with_derived(table.type)
    if len(names) == len(table.schema.with_derived(table.family)):
        return sa.true()
    return rows.c.type.in_(names)


def _start(scope: Scope, steps: tuple[str, ...]) -> tuple[Table, sa.FromClause, tuple[str, ...]]:
    if steps[0] in scope.variables and len(steps) > 1:
        table, rows = scope.variables[steps[0]]
        return table, rows, steps[1:]
    return scope.table, scope.rows, steps


def _known(condition: sa.ColumnElement[Any]) -> Condition:
    """A comparison with null is false, so that its negation is true."""
    return sa.func.coalesce(condition, False)


def _incompatible(kind: str, given: str, operation: str) -> DataverseError:
    word = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "ge": "GreaterThanOrEqual", "lt": "LessThan"}
    name = word.get(operation, "LessThanOrEqual")
    problem = (
        "A binary operator with incompatible types was detected. "
        f"Found operand types '{kind}' and '{given}' for operator kind '{name}'."
    )
    return Kind.BAD_QUERY.error(problem=problem)


def _unsupported_count() -> Any:
    raise Kind.BAD_QUERY.error(problem="$count is supported on a collection of the row itself only.")
