"""From the tree of a filter to a SQL condition.

It decides what a name in `$filter` or `$orderby` means for a table and how conditions are put together: two-valued
logic with null as a value, columns compared within one row only, no collection beneath a lookup, at most 500
conditions, no query function negated ("Filter rows using OData", "Order rows using OData", "Use Web API functions").
Single comparisons are `operands`' and `functions`'.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dynamics_portal_generator.csdl import local_name

from .errors import Kind
from .filters import Call, Compared, Joined, Literal, Negated, Node, Path, Quantified
from .functions import Functions
from .operands import NUMBERS, Condition, Constants, Operand, column, comparable, incompatible, known
from .schema import Lookup, Relation, Reverse, Schema, Table
from .store import Store

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}

MAX_CONDITIONS = 500


@dataclass(frozen=True)
class Scope:
    """What names in an expression refer to: the row, and the variables of `any` and `all`."""

    table: Table
    rows: sa.FromClause
    variables: Mapping[str, tuple[Table, sa.FromClause]]


@dataclass(frozen=True)
class Conditions:
    """Makes conditions of filters."""

    schema: Schema
    store: Store
    constants: Constants
    functions: Functions

    def condition(self, table: Table, rows: sa.FromClause, node: Node) -> Condition:
        """The condition that a filter states. DataverseError 400 where it cannot be one."""
        if _size(node) > MAX_CONDITIONS:
            raise Kind.TOO_MANY_CONDITIONS.error()
        return self._condition(Scope(table, rows, {}), node)

    def order(self, table: Table, rows: sa.FromClause, path: Path) -> sa.ColumnElement[Any]:
        """The expression that a part of `$orderby` sorts by: for a lookup, what it displays."""
        if len(path.steps) == 1 and path.steps[0] in table.lookups:
            shown = [self._displayed(table, rows, name) for name in table.lookups[path.steps[0]]]
            names = [item for item in shown if item is not None]
            if names:
                return sa.collate(sa.func.coalesce(*names, None), "odata_text")
        return self.operand(table, rows, path).expression

    def operand(self, table: Table, rows: sa.FromClause, path: Path) -> Operand:
        """The column that a path leads to. DataverseError 400 where there is none."""
        return self._path(Scope(table, rows, {}), path)

    def _displayed(self, table: Table, rows: sa.FromClause, navigation: str) -> sa.ColumnElement[Any] | None:
        """The primary name of the row that a lookup leads to."""
        if self.schema.table_or_none(table.navigation[navigation].type.name) is None:
            return None
        relation, target, other = self.reach(table, navigation)
        kinds = [self.schema.table(name) for name in self.schema.with_derived(target.type)]
        names = list(dict.fromkeys(kind.primary_name for kind in kinds if kind.primary_name))
        if not names:
            return None
        name = sa.func.coalesce(*[column(other, item) for item in names], None)
        found = sa.select(name).select_from(other).where(self.related(relation, rows, other)).limit(1)
        return found.correlate(rows).scalar_subquery()

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
        return (
            found.where(links.c.relation == relation.name, here == rows.c.key, there == target.c.key)
            .correlate(rows, target)
            .exists()
        )

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
            if _asks_function(node):
                raise Kind.BAD_QUERY.error(
                    problem="Not operator along with the Custom Named Condition operators is not allowed"
                )
            return sa.not_(self._condition(scope, node.condition))
        if isinstance(node, Compared):
            return self._compared(scope, node)
        if isinstance(node, Quantified):
            return self._quantified(scope, node)
        if isinstance(node, Call):
            return self._call(scope, node)
        operand = self._operand(scope, node)
        if operand.kind != "Edm.Boolean":
            raise Kind.BAD_QUERY.error(problem="The $filter expression must evaluate to a single boolean value.")
        return sa.func.coalesce(operand.expression, 0) == 1

    def _compared(self, scope: Scope, node: Compared) -> Condition:
        left, right = node.left, node.right
        if isinstance(left, (Call, Joined, Negated, Compared)) and isinstance(right, Literal):
            condition = self._condition(scope, left)
            if node.operator not in ("eq", "ne") or not isinstance(right.value, bool):
                raise incompatible("Edm.Boolean", right.kind, node.operator)
            return condition if right.value is (node.operator == "eq") else sa.not_(condition)
        if isinstance(left, Literal) and not isinstance(right, Literal):
            other = self._operand(scope, right)
            one = self.constants.literal(left, other.kind, node.operator)
        else:
            one = self._operand(scope, left)
            if isinstance(right, Literal):
                other = self.constants.literal(right, one.kind, node.operator)
            else:
                other = self._operand(scope, right)
                _check_columns(one, other, node.operator)
        if node.operator == "eq":
            return one.expression.is_not_distinct_from(other.expression)
        if node.operator == "ne":
            return one.expression.is_distinct_from(other.expression)
        return known(_ORDER[node.operator](one.expression, other.expression))

    def _operand(self, scope: Scope, node: Node) -> Operand:
        if isinstance(node, Path):
            return self._path(scope, node)
        if isinstance(node, Literal):
            return self.constants.literal(node, node.kind, "eq")
        raise Kind.BAD_QUERY.error(problem="The expression is not supported in this place.")

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
            expression = comparable(found.correlate(rows).scalar_subquery(), inner.kind)
            return Operand(expression, inner.kind, inner.name, inner.table)
        properties, owner, kind = table.properties, table.type, ""
        for step in steps:
            declared = properties.get(step)
            if declared is None:
                if not self.schema.metadata.is_open(owner):
                    raise Kind.NO_PROPERTY.error(name=step, type=owner)
                return Operand(column(rows, *steps), "Edm.String", steps[-1], table, rows)
            kind = self.schema.primitive(declared.type)
            owner, properties = kind, self.schema.metadata.all_properties(kind)
        return Operand(comparable(column(rows, *steps), kind), kind, steps[-1], table, rows)

    def _quantified(self, scope: Scope, node: Quantified) -> Condition:
        table, rows, steps = _start(scope, node.steps)
        if len(steps) > 1:
            problem = f"'{'/'.join(steps)}': any and all take a collection of the row itself, not one beneath a lookup."
            raise Kind.BAD_QUERY.error(problem=problem)
        relation, target, other = self.reach(table, steps[0])
        if not table.navigation[steps[0]].type.collection:
            raise Kind.BAD_QUERY.error(problem=f"'{steps[0]}' is no collection: any and all take one.")
        found = (
            sa.select(sa.literal(1))
            .select_from(other)
            .where(self.related(relation, rows, other), of_type(other, target))
        )
        if node.condition is None or node.variable is None:
            return found.correlate(rows).exists()
        variables = {**scope.variables, node.variable: (target, other)}
        condition = self._condition(Scope(scope.table, scope.rows, variables), node.condition)
        outer = [scope.rows, rows, *(source for _, source in scope.variables.values())]
        if node.every:
            return sa.not_(found.where(sa.not_(condition)).correlate(*outer).exists())
        return found.where(condition).correlate(*outer).exists()

    def _call(self, scope: Scope, node: Call) -> Condition:
        if node.name in ("contains", "startswith", "endswith"):
            if len(node.arguments) != 2:
                raise Kind.BAD_QUERY.error(problem=f"The function '{node.name}' takes a column and a text.")
            return self.functions.on_text(node.name, self._operand(scope, node.arguments[0]), node.arguments[1])
        name = local_name(node.name)
        if node.name != f"Microsoft.Dynamics.CRM.{name}":
            raise Kind.BAD_QUERY.error(problem=f"An unknown function with name '{node.name}' was found.")
        named = node.named.get("PropertyName")
        if not isinstance(named, Literal) or not isinstance(named.value, str):
            raise Kind.BAD_QUERY.error(problem=f"The function '{name}' needs the parameter 'PropertyName', a string.")
        below = (*node.steps, *spelled(self._table_at(scope, node.steps), named.value).split("/"))
        return self.functions.query(name, self._path(scope, Path(below)), node.named)

    def _table_at(self, scope: Scope, steps: tuple[str, ...]) -> Table:
        """The table that steps lead to: a variable's, or one at the end of lookups."""
        table, _, lookups = _start(scope, (*steps, ""))
        for name in lookups[:-1]:
            _, table, _ = self.reach(table, name)
        return table


def spelled(table: Table, name: str) -> str:
    """The column of a logical name: query functions and FetchXML call a lookup `ownerid`, not `_ownerid_value`."""
    return f"_{name}_value" if name not in table.properties and f"_{name}_value" in table.properties else name


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


def _check_columns(one: Operand, other: Operand, operation: str) -> None:
    """DataverseError 400 for two columns that are not of one row, or not of one type."""
    if one.rows is None or one.rows is not other.rows:
        raise Kind.BAD_QUERY.error(problem="Only columns of the same row can be compared with each other.")
    if one.kind != other.kind and not (one.kind in NUMBERS and other.kind in NUMBERS):
        raise incompatible(one.kind, other.kind, operation)


def _size(node: Node) -> int:
    """How many conditions an expression is made of."""
    size = 0
    left: list[Node] = [node]
    while left:
        part = left.pop()
        if isinstance(part, Joined):
            left.extend(part.parts)
        elif isinstance(part, Negated):
            left.append(part.condition)
        elif isinstance(part, Quantified) and part.condition is not None:
            size += 1  # the collection is a link, which counts like a condition
            left.append(part.condition)
        else:
            size += 1
    return size


def _asks_function(node: Node) -> bool:
    """Whether one of Dataverse's query functions is part of an expression."""
    if isinstance(node, Joined):
        return any(_asks_function(part) for part in node.parts)
    if isinstance(node, (Negated, Quantified)):
        return node.condition is not None and _asks_function(node.condition)
    return isinstance(node, Call) and "." in node.name


def _unsupported_count() -> Any:
    raise Kind.BAD_QUERY.error(problem="$count is supported on a collection of the row itself only.")
