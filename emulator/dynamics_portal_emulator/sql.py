"""SQL in the query option `sql`: from text to a query as FetchXML would have it.

It decides which SELECT Dataverse takes ("Use SQL to query data by using the Dataverse Web API", a preview): columns by
name, inner and left joins on an equality, conditions that compare a column with a constant, orders, groups and
aggregates; no `*`, no TOP, no subquery, no HAVING. Functions of dates, which it takes too, are not done here. What the
names mean is decided by `fetching`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from .errors import DataverseError, Kind
from .fetchxml import Attribute, Fetch, Filter, Order, Source, Where

_AGGREGATES: dict[type[exp.Expression], str] = {
    exp.Count: "countcolumn",
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
}
_COMPARISONS: dict[type[exp.Expression], str] = {
    exp.EQ: "eq",
    exp.NEQ: "ne",
    exp.LT: "lt",
    exp.LTE: "le",
    exp.GT: "gt",
    exp.GTE: "ge",
    exp.Like: "like",
}
_NEGATED = {"like": "not-like", "in": "not-in", "between": "not-between", "null": "not-null"}
_CLAUSES = frozenset(("expressions", "from", "from_", "joins", "where", "group", "order", "distinct"))


@dataclass
class _Table:
    """A table of the query, while it is put together."""

    name: str
    alias: str | None = None
    kind: str = "inner"
    theirs: str = ""
    ours: str = ""
    attributes: list[Attribute] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    links: list[_Table] = field(default_factory=list)

    def source(self, orders: tuple[Order, ...] = ()) -> Source:
        return Source(
            self.name,
            tuple(self.attributes),
            orders=orders,
            filters=tuple(self.filters),
            links=tuple(link.source() for link in self.links),
            alias=self.alias,
            kind=self.kind,
            theirs=self.theirs,
            ours=self.ours,
        )


def fetch_of(text: str, *, primary_key: str) -> Fetch:
    """The query that a SELECT is; `primary_key` is what COUNT(*) counts. DataverseError 400 for anything else."""
    try:
        statements = [statement for statement in parse(text, read="tsql") if statement is not None]
    except SqlglotError:
        raise _refused("the syntax is not that of a SELECT") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise _refused("a command must be a single SELECT statement")
    return _Reader(statements[0], primary_key).fetch()


class _Reader:
    """Reads one SELECT."""

    def __init__(self, select: exp.Select, primary_key: str) -> None:
        self._select = select
        self._primary_key = primary_key
        self._tables: dict[str, _Table] = {}
        """By the names that columns are qualified with; the first is the one that is asked for."""
        unknown = next((name for name, value in select.args.items() if value and name not in _CLAUSES), None)
        if unknown is not None:
            clause = {"limit": "TOP", "offset": "OFFSET", "with_": "WITH"}.get(unknown, unknown.upper())
            raise _refused(f"{clause} is not supported")

    def fetch(self) -> Fetch:
        select = self._select
        start = select.args.get("from_") or select.args.get("from")
        if not isinstance(start, exp.From) or not isinstance(start.this, exp.Table):
            raise _refused("FROM must name a table")
        root = self._tables[start.this.alias_or_name] = _Table(start.this.name)
        for join in select.args.get("joins") or ():
            self._join(join)
        grouped = select.args.get("group")
        groups = [self._column(item) for item in grouped.expressions] if grouped else []
        aggregate = bool(groups) or any(_aggregate(item) for item in select.expressions)
        for item in select.expressions:
            self._shown(item, groups, aggregate=aggregate)
        where = select.args.get("where")
        if where:
            root.filters.append(self._filter(where.this, within=None))
        orders = tuple(self._orders(aggregate=aggregate))
        return Fetch(root.source(orders), distinct=bool(select.args.get("distinct")), aggregate=aggregate)

    def _join(self, join: exp.Join) -> None:
        side, kind = join.side.upper(), join.kind.upper()
        if side not in ("", "LEFT") or kind not in ("", "INNER", "OUTER") or not join.args.get("on"):
            raise _refused("only INNER JOIN and LEFT JOIN with ON are supported")
        if not isinstance(join.this, exp.Table):
            raise _refused("JOIN must name a table")
        name = join.this.alias_or_name
        table = _Table(join.this.name, name, "outer" if side == "LEFT" else "inner")
        others = dict(self._tables)
        self._tables[name] = table
        equal, *more = join.args["on"].flatten() if isinstance(join.args["on"], exp.And) else [join.args["on"]]
        if not isinstance(equal, exp.EQ):
            raise _refused("JOIN … ON must begin with an equality of columns of the two tables")
        sides = [self._column(equal.this), self._column(equal.expression)]
        own = next((column for alias, column in sides if alias == name), None)
        other = next(((alias, column) for alias, column in sides if alias in others), None)
        if own is None or other is None:
            raise _refused("JOIN … ON must compare columns of the two tables")
        table.theirs, table.ours = own, other[1]
        table.filters += [self._filter(condition, within=name) for condition in more]
        others[other[0]].links.append(table)

    def _column(self, node: Any) -> tuple[str, str]:
        """A column as the name of its table and its own."""
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            raise _refused("columns must be named one by one")
        table = node.table or next(iter(self._tables))
        if table not in self._tables:
            raise _refused(f"no table is called '{table}'")
        return table, node.name.lower()

    def _shown(self, item: Any, groups: list[tuple[str, str]], *, aggregate: bool) -> None:
        alias, node = (item.alias, item.this) if isinstance(item, exp.Alias) else (None, item)
        kind = _aggregate(node)
        if kind is None:
            table, name = self._column(node)
            if aggregate and (table, name) not in groups:
                raise _refused(f"the column '{name}' must be grouped or aggregated")
            shown = alias or (name if aggregate else None)
            self._tables[table].attributes.append(Attribute(name, shown, group=aggregate))
            return
        if alias is None:
            raise _refused("an aggregate needs an alias")
        inner, distinct = node.this, False
        if isinstance(inner, exp.Distinct):
            inner, distinct = inner.expressions[0], True
        if isinstance(inner, exp.Star):
            kind, (table, name) = "count", (next(iter(self._tables)), self._primary_key)
        else:
            table, name = self._column(inner)
        self._tables[table].attributes.append(Attribute(name, alias, kind, distinct=distinct))

    def _orders(self, *, aggregate: bool) -> Iterator[Order]:
        order = self._select.args.get("order")
        aliases = {item.alias for item in self._select.expressions if isinstance(item, exp.Alias)}
        root = next(iter(self._tables))
        for item in order.expressions if order else ():
            descending = bool(item.args.get("desc"))
            if isinstance(item.this, exp.Column) and not item.this.table and item.this.name in aliases:
                yield Order(None, item.this.name, None, descending)
                continue
            table, name = self._column(item.this)
            if aggregate:
                named = next(
                    (each for each in self._tables[table].attributes if each.name == name and each.group), None
                )
                if named is None:
                    raise _refused(f"the column '{name}' that is sorted by must be grouped")
                yield Order(None, named.alias, None, descending)
            else:
                yield Order(name, None, None if table == root else table, descending)

    def _filter(self, node: Any, within: str | None) -> Filter:
        """A condition; `within` is the only table whose columns it may name."""
        if isinstance(node, exp.Paren):
            return self._filter(node.this, within)
        if isinstance(node, exp.And | exp.Or):
            parts = tuple(self._filter(part, within) for part in (node.left, node.right))
            return Filter(isinstance(node, exp.Or), parts)
        negated = isinstance(node, exp.Not) or bool(node.args.get("negate"))
        inner = node.this if isinstance(node, exp.Not) else node
        operator, values = _comparison(inner)
        if negated:
            if operator not in _NEGATED:
                raise _refused("NOT is supported with LIKE, IN, BETWEEN and NULL")
            operator = _NEGATED[operator]
        table, name = self._column(inner.this)
        if within is not None and table != within:
            raise _refused("further conditions of JOIN … ON must be on the joined table")
        entity = None if table == (within or next(iter(self._tables))) else table
        where = Where(entity, name, operator, values, None)
        if operator in ("null", "not-null") or not operator.startswith(("ne", "not-")):
            return Filter(False, (where,))
        return Filter(False, (where, Where(entity, name, "not-null", (), None)))  # as SQL has it: null is not unequal


def _comparison(node: Any) -> tuple[str, tuple[str, ...]]:
    """An operator of FetchXML and its values."""
    operator = _COMPARISONS.get(type(node))
    if operator is not None:
        return operator, (_constant(node.expression),)
    if isinstance(node, exp.In) and node.expressions:
        return "in", tuple(_constant(item) for item in node.expressions)
    if isinstance(node, exp.Between):
        return "between", (_constant(node.args["low"]), _constant(node.args["high"]))
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return "null", ()
    raise _refused("a condition must compare a column with a constant")


def _constant(node: Any) -> str:
    if isinstance(node, exp.Neg):
        return f"-{_constant(node.this)}"
    if not isinstance(node, exp.Literal):
        raise _refused("a condition must compare a column with a constant")
    return str(node.this)


def _aggregate(node: Any) -> str | None:
    return _AGGREGATES.get(type(node.this if isinstance(node, exp.Alias) else node))


def _refused(problem: str) -> DataverseError:
    return Kind.BAD_QUERY.error(problem=f"Invalid SQL query: {problem}.")
