"""`$apply`: filtering, grouping and aggregating.

It decides what of OData's aggregation Dataverse takes ("Aggregate data using OData"): `filter(…)`, then `groupby(…)` or
`aggregate(…)`; no groups of timestamps, no sorting by aggregates, 50,000 rows. What an aggregate is worth is decided
by `aggregates`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from .aggregates import aggregated
from .annotations import Annotator
from .conditions import of_type
from .errors import DataverseError, Kind
from .filters import Node, Path, parse
from .operands import Operand
from .options import MAX_PAGE, Order, Preferences, orders, split_top
from .paging import sorting
from .query import Place, Query
from .schema import Table
from .shown import Answer, Shown
from .values import Values

_CALL = re.compile(r"\s*(filter|groupby|aggregate)\s*\((.*)\)\s*", re.DOTALL)
_GROUPS = re.compile(r"\s*\((.*?)\)\s*(?:,\s*aggregate\s*\((.*)\)\s*)?", re.DOTALL)
_AGGREGATE = re.compile(r"\s*([\w/]+)\s+with\s+(\w+)\s+as\s+(\w+)\s*|\s*\$count\s+as\s+(\w+)\s*")
_METHODS = {"sum": "sum", "average": "avg", "min": "min", "max": "max", "countdistinct": "countcolumn"}


@dataclass(frozen=True)
class Aggregate:
    """A value of a group: a column's aggregate by a function of FetchXML, or with no column how many rows there are."""

    name: str
    function: str
    column: str | None


@dataclass(frozen=True)
class Applied:
    """What `$apply` asks for. `groups` is None where all rows are one group."""

    filters: tuple[Node, ...]
    groups: tuple[str, ...] | None
    aggregates: tuple[Aggregate, ...]


def parse_apply(text: str) -> Applied:
    """From the text of `$apply`. DataverseError 400 for what Dataverse does not take."""
    filters: list[Node] = []
    steps = list(split_top(text, "/"))
    for place, step in enumerate(steps):
        match = _CALL.fullmatch(step)
        if match is None:
            raise _refused(step)
        if match[1] == "filter":
            filters.append(parse(match[2]))
        elif place < len(steps) - 1:
            raise _refused(steps[place + 1])
        elif match[1] == "aggregate":
            return Applied(tuple(filters), None, tuple(_aggregates(match[2])))
        else:
            groups = _GROUPS.fullmatch(match[2])
            if groups is None or not groups[1].strip():
                raise _refused(step)
            names = tuple(name.strip() for name in groups[1].split(","))
            return Applied(tuple(filters), names, tuple(_aggregates(groups[2])) if groups[2] else ())
    raise _refused(text)


def _aggregates(text: str) -> Iterator[Aggregate]:
    for part in split_top(text, ","):
        match = _AGGREGATE.fullmatch(part)
        method = match[2] if match else None
        if match is None or (method is not None and method not in _METHODS):
            raise _refused(part)
        yield Aggregate(match[4], "count", None) if method is None else Aggregate(match[3], _METHODS[method], match[1])


def _refused(text: str) -> DataverseError:
    return Kind.BAD_QUERY.error(problem=f"The $apply expression is not supported at '{text.strip()}'.")


@dataclass(frozen=True)
class Applying:
    """Answers `$apply`; `limit` rows may be aggregated."""

    query: Query
    values: Values
    limit: int

    def rows(
        self, place: Place, text: str, order: str, top: int | None, preferences: Preferences
    ) -> list[dict[str, Any]]:
        """The groups as JSON. DataverseError 400."""
        applied = parse_apply(text)
        store, conditions, table = self.query.store, self.query.conditions, place.table
        source = store.family(table.family).alias()
        where = [of_type(source, table), self.query.belongs(place, source)]
        where += [conditions.condition(table, source, node) for node in applied.filters]
        if store.count(sa.select(source.c.number).where(*where).limit(self.limit + 1)) > self.limit:
            raise Kind.AGGREGATE_LIMIT.error()
        groups = [self._group(table, source, name) for name in applied.groups or ()]
        shown = [*groups, *(self._aggregate(table, source, item) for item in applied.aggregates)]
        answer = Answer(shown, self.values, Annotator(self.query.schema, store, preferences))
        by = [(conditions.order(table, source, item.path), item.descending) for item in self._orders(applied, order)]
        statement = sa.select(*[item.expression for item in shown]).select_from(source).where(*where)
        if applied.groups is not None:
            statement = statement.group_by(*[item.operand.expression for item in groups])
        statement = statement.order_by(*sorting(by), *[item.operand.expression for item in groups])
        limit = MAX_PAGE if top is None else min(top, MAX_PAGE)
        silence = [None] * len(answer.told())
        return answer.rows([[*row, *silence] for row in store.values(statement.limit(limit))])

    def _group(self, table: Table, source: sa.FromClause, name: str) -> Shown:
        path = name.split("/")
        operand = self.query.conditions.operand(table, source, Path(tuple(path)))
        if operand.kind == "Edm.DateTimeOffset":
            raise Kind.BAD_QUERY.error(problem="groupby with datetime values is not supported.")
        if len(path) > 1 and operand.rows is None and operand.table is not None:
            return Shown(f"{operand.table.name}_{path[-1]}", operand)
        return Shown(name, operand)

    def _aggregate(self, table: Table, source: sa.FromClause, item: Aggregate) -> Shown:
        if item.column is None:
            return Shown(item.name, aggregated("count", Operand(sa.null(), "Edm.Int64")), computed=True)
        operand = self.query.conditions.operand(table, source, Path(tuple(item.column.split("/"))))
        return Shown(item.name, aggregated(item.function, operand, distinct=True), computed=True)

    @staticmethod
    def _orders(applied: Applied, order: str) -> list[Order]:
        found = list(orders(order, {}))
        computed = {item.name for item in applied.aggregates}
        if any(item.path.steps[0] in computed for item in found):
            raise Kind.UNSUPPORTED_NODE.error(node="SingleValueOpenPropertyAccess")
        return found
