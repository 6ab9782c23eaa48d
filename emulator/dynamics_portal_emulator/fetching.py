"""FetchXML, answered.

It decides which columns an answer has and what they are called ("Select columns using FetchXml"), in which order rows
come ("Order rows using FetchXml": choices by their labels, lookups by what they display), what is grouped ("Aggregate
data using FetchXml") and counted. Which rows there are is decided by `joining`, where a page ends by `fetch_paging`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from .aggregates import aggregated, date_part
from .annotations import MORE_RECORDS, PAGING_COOKIE, TOTAL, TOTAL_EXCEEDED, Annotator
from .conditions import spelled
from .errors import Kind
from .fetch_paging import annotation, cookie, last_values
from .fetchxml import Attribute, Fetch, Order
from .filters import Literal, Path
from .functions import spoken_constant
from .hierarchy import Hierarchy
from .joining import Joins, Part
from .operands import Operand, column
from .options import MAX_PAGE, Preferences
from .paging import after_values, sorting
from .query import Place, Query
from .settings import Settings
from .shown import Answer, Shown
from .values import Values

Link: TypeAlias = Callable[[str], str]


@dataclass(frozen=True)
class Sorted:
    """Something that rows are sorted by, with the name that a cookie knows it by."""

    name: str
    expression: sa.ColumnElement[Any]
    kind: str
    descending: bool = False


@dataclass(frozen=True)
class _Plan:
    """What is selected: columns, orders, groups. A `plain` query shows rows as they are, and most of these have
    `cookies`."""

    shown: list[Shown]
    orders: list[Sorted]
    grouped: list[sa.ColumnElement[Any]]
    plain: bool
    cookies: bool


@dataclass(frozen=True)
class Fetching:
    """Answers FetchXML."""

    query: Query
    values: Values
    settings: Settings

    def answer(
        self, place: Place, fetch: Fetch, preferences: Preferences, *, count: bool, link: Link | None = None
    ) -> tuple[dict[str, Any], list[str]]:
        """The members of the answer but its context, and the names of its columns. With `link`, the next page is told
        as an address, made of the annotation that carries its cookie. DataverseError 400."""
        if fetch.entity.name != place.table.name:
            problem = f"its entity is '{fetch.entity.name}', and the collection is one of '{place.table.name}'"
            raise Kind.BAD_FETCH.error(problem=problem)
        conditions = self.query.conditions
        joins = Joins(self.query.schema, self.query.store, conditions)
        root = joins.start(fetch.entity, place.table)
        joins.where.append(self.query.belongs(place, root.rows))
        joins.follow(root)
        joins.restrict(root)
        answer: dict[str, Any] = {}
        run = _Run(self, fetch, joins, preferences, Annotator(self.query.schema, self.query.store, preferences))
        run.tell_count(answer, count=count or fetch.total)
        return run.page(answer, link)


@dataclass(frozen=True)
class _Run:
    """One query, with its tables joined."""

    fetching: Fetching
    fetch: Fetch
    joins: Joins
    preferences: Preferences
    annotator: Annotator

    def _select(self, *expressions: sa.ColumnElement[Any]) -> sa.Select[Any]:
        return sa.select(*expressions).select_from(self.joins.clause).where(*self.joins.where)

    def tell_count(self, answer: dict[str, Any], *, count: bool) -> None:
        """How many rows there are, up to the ceiling ("Count rows using FetchXml")."""
        found = -1
        if count:
            found = self.joins.store.count(self._select(sa.literal(1).label("one")).limit(MAX_PAGE + 1))
            answer["@odata.count"] = min(found, MAX_PAGE)
        if self.preferences.wants(TOTAL):
            answer[f"@{TOTAL}"] = min(found, MAX_PAGE)
        if self.preferences.wants(TOTAL_EXCEEDED):
            answer[f"@{TOTAL_EXCEEDED}"] = found > MAX_PAGE

    def page(self, answer: dict[str, Any], link: Link | None) -> tuple[dict[str, Any], list[str]]:
        """One page of rows."""
        fetch, plan, size = self.fetch, self._plan(), self._size()
        statement, by = self._statement(plan), [(item.expression, item.descending) for item in plan.orders]
        sought = bool(fetch.cookie) and plan.cookies
        start, reach = 0, size
        if fetch.cookie and plan.cookies:
            values = last_values(fetch.cookie, len(by))
            statement = statement.where(after_values(by, self._typed(plan.orders, values)))
        else:
            start = (fetch.page - 1) * size
            reach = max(min(size, self.fetching.settings.simple_paging_rows - start), 0)
        found = self.joins.store.values(statement.order_by(*sorting(by)).offset(start).limit(reach + 1))
        more = len(found) > reach and fetch.top is None
        more = more and (sought or start + size < self.fetching.settings.simple_paging_rows)
        if more and reach:
            self._tell_more(answer, plan, found[:reach], link)
        answer["value"] = self._bodies(plan, found[:reach])
        return answer, [item.name for item in plan.shown]

    def _plan(self) -> _Plan:
        grouped: list[sa.ColumnElement[Any]] = []
        shown = self._aggregates(grouped) if self.fetch.aggregate else self._columns()
        orders = self._orders({item.name: item for item in shown})
        plain = not (self.fetch.aggregate or self.fetch.distinct)
        if self.fetch.distinct and not self.fetch.aggregate:
            grouped = [item.expression for item in shown]
        ties = [(part.number, "") for part in self.joins.parts] if plain else [(item, "") for item in grouped]
        orders += [Sorted(f"tie{number}", *tie) for number, tie in enumerate(ties)]
        return _Plan(shown, orders, grouped, plain, plain and self._cookies())

    def _statement(self, plan: _Plan) -> sa.Select[Any]:
        """The columns, what is told of them, what rows are sorted by, and the version of a row."""
        version = [self.joins.parts[0].rows.c.version] if plan.plain else []
        told = self._answer(plan).told() if plan.plain else []
        columns, orders = [item.expression for item in plan.shown], [item.expression for item in plan.orders]
        return self._select(*columns, *told, *orders, *version).group_by(*plan.grouped)

    def _answer(self, plan: _Plan) -> Answer:
        return Answer(plan.shown, self.fetching.values, self.annotator)

    def _bodies(self, plan: _Plan, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        answer, shown = self._answer(plan), len(plan.shown)
        told = len(answer.told())
        if not plan.plain:
            return answer.rows([[*row[:shown], *[None] * told] for row in rows])
        bodies = answer.rows([row[: shown + told] for row in rows])
        return [{"@odata.etag": f'W/"{row[-1]}"', **body} for row, body in zip(rows, bodies, strict=True)]

    def _size(self) -> int:
        fetch = self.fetch
        return min(fetch.top or fetch.count or self.preferences.page_size or MAX_PAGE, MAX_PAGE)

    def _cookies(self) -> bool:
        """Whether the query can be paged by cookies: one that is sorted by a link cannot."""
        return not any(part.source.orders for part in self.joins.parts[1:]) and not any(
            order.entity for order in self.fetch.entity.orders
        )

    def _typed(self, orders: list[Sorted], values: list[str | None]) -> list[Any]:
        constants = self.joins.conditions.constants
        typed: list[Any] = []
        for order, value in zip(orders, values, strict=True):
            if value is None:
                typed.append(None)
            elif order.kind:
                constant = spoken_constant(Literal(value, "Edm.String"), order.kind)
                typed.append(constants.literal(constant, order.kind, "gt").expression)
            else:
                typed.append(int(value) if value.isdigit() else value)
        return typed

    def _tell_more(self, answer: dict[str, Any], plan: _Plan, rows: list[tuple[Any, ...]], link: Link | None) -> None:
        tail = slice(-len(plan.orders) - 1, -1)
        content = ""
        if plan.cookies:
            content = cookie(self.fetch.page, [item.name for item in plan.orders], rows[0][tail], rows[-1][tail])
        if link is not None:
            answer["@odata.nextLink"] = link(annotation(self.fetch.page, content))
            return
        if plan.cookies and self.preferences.wants(PAGING_COOKIE):
            answer[f"@{PAGING_COOKIE}"] = annotation(self.fetch.page, content)
        if self.preferences.wants(MORE_RECORDS):
            answer[f"@{MORE_RECORDS}"] = True

    def _columns(self) -> list[Shown]:
        shown: list[Shown] = []
        for part in self.joins.parts:
            attributes = list(part.source.attributes)
            if part.table is not None and (part.source.everything or (part.alias == "" and not attributes)):
                names = [name for name, item in part.table.properties.items() if item.type.name != "Edm.Stream"]
                attributes += [Attribute(name) for name in names]
            elif part.table is not None and part.alias == "" and not self.fetch.distinct:
                attributes += [Attribute(name) for name in part.table.key_columns]
            shown.extend(self._column(part, attribute) for attribute in attributes)
        return list({item.name: item for item in shown}.values())

    def _column(self, part: Part, attribute: Attribute) -> Shown:
        if attribute.count_children:
            return Shown(attribute.alias or attribute.name, self._children(part), computed=True)
        operand = self.joins.operand(part, attribute.name)
        own = operand.name if part.table is None or part.alias == "" else _logical(operand)
        name = attribute.alias or (own if part.alias == "" else f"{part.alias}.{own}")
        return Shown(name, operand)

    def _children(self, part: Part) -> Operand:
        """How many rows are directly below, in the hierarchy of a table."""
        parent = Hierarchy(self.joins.schema, self.joins.store).parent_column(part.table) if part.table else None
        if part.table is None or parent is None:
            raise Kind.BAD_FETCH.error(problem="rowaggregate needs a table with a hierarchical relationship")
        below = self.joins.store.family(part.table.family).alias()
        count = sa.select(sa.func.count()).select_from(below).where(column(below, parent) == part.rows.c.key)
        return Operand(count.correlate_except(below).scalar_subquery(), "Edm.Int32")

    def _aggregates(self, grouped: list[sa.ColumnElement[Any]]) -> list[Shown]:
        """The columns of an aggregate query; what rows are grouped by is added to `grouped`."""
        self._check_size()
        shown: list[Shown] = []
        for part in self.joins.parts:
            for item in part.source.attributes:
                if item.aggregate is None and not item.group:
                    raise Kind.BAD_FETCH.error(problem=f"the attribute '{item.name}' needs an aggregate or groupby")
                name = item.alias
                if name is None:
                    raise Kind.BAD_FETCH.error(problem=f"the attribute '{item.name}' of an aggregate needs an alias")
                operand = self.joins.operand(part, item.name)
                if item.aggregate is not None:
                    found = aggregated(item.aggregate, operand, distinct=item.distinct)
                    shown.append(Shown(name, found, computed=True))
                elif item.date_part is not None:
                    value = date_part(item.date_part, operand)
                    grouped.append(value.expression)
                    shown.append(Shown(name, value, computed=True))
                else:
                    grouped.append(operand.expression)
                    shown.append(Shown(name, operand))
        return shown

    def _check_size(self) -> None:
        highest = self.fetching.settings.aggregate_rows
        limit = min(self.fetch.aggregate_limit or highest, highest)
        if self.joins.store.count(self._select(sa.literal(1).label("one")).limit(limit + 1)) > limit:
            raise Kind.AGGREGATE_LIMIT.error()

    def _orders(self, shown: Mapping[str, Shown]) -> list[Sorted]:
        found: list[Sorted] = []
        for part in self.joins.parts:
            found.extend(self._order(part, order, shown) for order in part.source.orders)
        return found

    def _order(self, part: Part, order: Order, shown: Mapping[str, Shown]) -> Sorted:
        if order.alias is not None:
            named = shown.get(order.alias)
            if named is None:
                raise Kind.BAD_FETCH.error(problem=f"no attribute has the alias '{order.alias}' that is sorted by")
            return Sorted(order.alias, named.operand.expression, named.operand.kind, order.descending)
        place = part if order.entity is None else self.joins.named(order.entity)
        operand = self.joins.operand(place, order.attribute or "")
        table = place.table
        if table is None:
            return Sorted(operand.name, operand.expression, operand.kind, order.descending)
        name = spelled(table, order.attribute or "")
        choice = self.joins.schema.choices.of(table.name, name)
        if choice is not None and choice.options and not choice.multi and not self.fetch.raw_order:
            labels = sa.case(dict(choice.options), value=operand.expression)
            return Sorted(name, sa.collate(labels, "odata_text"), "Edm.String", order.descending)
        kind = "Edm.String" if name in table.lookups else operand.kind
        expression = self.joins.conditions.order(table, place.rows, Path((name,)))
        return Sorted(name, expression, kind, order.descending)


def _logical(operand: Operand) -> str:
    """The logical name of a column: that of a lookup is without `_…_value`."""
    table, name = operand.table, operand.name
    is_lookup = table is not None and name in table.lookups and name.startswith("_")
    return name.removeprefix("_").removesuffix("_value") if is_lookup else name
