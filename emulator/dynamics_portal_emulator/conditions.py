"""From the tree of a filter to a SQL condition.

It decides what a name in `$filter` or `$orderby` means for a table and how conditions are put together: two-valued
logic with null as a value ("Filter rows using OData" of Dataverse). Single comparisons are `operands`' and
`functions`'.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dynamics_portal_generator.csdl import local_name

from .errors import Kind
from .filters import Call, Compared, Joined, Literal, Negated, Node, Path, Quantified, Within
from .functions import Functions
from .operands import Condition, Constants, Operand, column, comparable, incompatible, known
from .schema import Lookup, Relation, Reverse, Schema, Table
from .store import Store

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


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
            return sa.not_(self._condition(scope, node.condition))
        if isinstance(node, Compared):
            return self._compared(scope, node)
        if isinstance(node, Within):
            return self.constants.within(self._operand(scope, node.value), node.items)
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
            condition = self._condition(scope, left)
            if node.operator not in ("eq", "ne") or not isinstance(right.value, bool):
                raise incompatible("Edm.Boolean", right.kind, node.operator)
            return condition if right.value is (node.operator == "eq") else sa.not_(condition)
        if isinstance(left, Literal) and not isinstance(right, Literal):
            other = self._operand(scope, right)
            one = self.constants.literal(left, other.kind, node.operator)
        else:
            one = self._operand(scope, left)
            other = (
                self.constants.literal(right, one.kind, node.operator)
                if isinstance(right, Literal)
                else self._operand(scope, right)
            )
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
            return self.functions.on_text(node.name, [self._operand(scope, item) for item in node.arguments])
        name = local_name(node.name)
        if node.name != f"Microsoft.Dynamics.CRM.{name}":
            raise Kind.BAD_QUERY.error(problem=f"An unknown function with name '{node.name}' was found.")
        named = node.named.get("PropertyName")
        if not isinstance(named, Literal) or not isinstance(named.value, str):
            raise Kind.BAD_QUERY.error(problem=f"The function '{name}' needs the parameter 'PropertyName', a string.")
        operand = self._path(scope, Path(tuple(self._spelled(scope.table, named.value).split("/"))))
        return self.functions.query(name, operand, node.named)

    @staticmethod
    def _spelled(table: Table, name: str) -> str:
        """Query functions take a lookup by its logical name, `ownerid` for `_ownerid_value`."""
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


def _unsupported_count() -> Any:
    raise Kind.BAD_QUERY.error(problem="$count is supported on a collection of the row itself only.")
