"""The tables of a FetchXML query, joined.

It decides which rows a link-entity brings ("Join tables using FetchXml", "link-entity element": joins, intersect
tables, subqueries) and what a name in the query refers to. `$metadata` does not name intersect tables: the one that is
meant is told by the tables on both sides of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from .conditions import Conditions, of_type, spelled
from .errors import Kind
from .fetch_conditions import condition
from .fetchxml import Filter, Source, Where
from .filters import Path
from .operands import Condition, Operand, comparable
from .schema import Link, Schema, Table
from .store import Store


@dataclass(frozen=True)
class Part:
    """A table of the query, in its place. An intersect table has no `table`, but the two `keys` that it relates:
    `near` is its parent's. `relation` is what the links of the store are kept under."""

    source: Source
    alias: str
    rows: sa.FromClause
    table: Table | None
    keys: Mapping[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    near: sa.ColumnElement[Any] | None = None
    relation: str = ""

    @property
    def number(self) -> sa.ColumnElement[Any]:
        """What tells its rows apart, in the order of their creation."""
        if self.table is None:
            return sa.func.coalesce(self.rows.c.source + self.rows.c.target, "")
        return sa.func.coalesce(self.rows.c.number, 0)


@dataclass
class Joins:
    """The parts of a query, the clause that joins them, and the conditions on the whole."""

    schema: Schema
    store: Store
    conditions: Conditions
    parts: list[Part] = field(default_factory=list)
    where: list[Condition] = field(default_factory=list)
    clause: Any = None

    def start(self, source: Source, table: Table) -> Part:
        """The part of the entity itself; links and filters are added by `follow`."""
        rows = self.store.family(table.family).alias()
        self.clause = rows
        root = Part(source, "", rows, table)
        self.parts.append(root)
        self.where.append(of_type(rows, table))
        return root

    def follow(self, part: Part) -> None:
        """Adds what is linked to a part, at every depth, and then its filters."""
        for link in part.source.links:
            if link.kind in ("exists", "in"):
                self.where.append(self._exists(part, link, filtered=True))
                continue
            joined = self._part(part, link)
            on = self._matching(part, joined)
            if link.kind == "matchfirstrowusingcrossapply":
                on = [joined.rows.c.number == self._first(part, link)]
            else:
                on += [self.filtered(joined, item) for item in link.filters]
            self.clause = self.clause.join(joined.rows, sa.and_(*on), isouter=link.kind != "inner")
            self.parts.append(joined)
            self.follow(joined)

    def restrict(self, root: Part) -> None:
        """Adds the filters of the entity, which may name any part."""
        self.where.extend(self.filtered(root, item) for item in root.source.filters)

    def named(self, alias: str) -> Part:
        """The part of an alias, or of a table's name where no alias was given. DataverseError 400 for another one."""
        for part in self.parts:
            if part.alias and alias in (part.alias, part.source.name):
                return part
        raise Kind.BAD_FETCH.error(problem=f"no link-entity is called '{alias}'")

    def operand(self, part: Part, name: str) -> Operand:
        """A column of a part by its logical name. DataverseError 400 where it has none."""
        if part.table is None:
            found = part.keys.get(name)
            if found is None:
                raise Kind.NO_ATTRIBUTE.error(table=part.source.name, name=name)
            return Operand(found, "Edm.Guid", name)
        column = spelled(part.table, name)
        if column not in part.table.properties and not part.table.open:
            raise Kind.NO_ATTRIBUTE.error(table=part.table.name, name=name)
        return self.conditions.operand(part.table, part.rows, Path((column,)))

    def filtered(self, part: Part, item: Filter | Where | Source) -> Condition:
        """The condition of a filter on a part."""
        if isinstance(item, Filter):
            found = [self.filtered(part, inner) for inner in item.parts]
            return sa.or_(*found) if item.either and found else sa.and_(sa.true(), *found)
        if isinstance(item, Source):
            return self._related(part, item)
        place = part if item.entity is None else self.named(item.entity)
        other = None
        if item.other is not None:
            alias, dot, name = item.other.rpartition(".")
            other = self.operand(self.named(alias) if dot else place, name)
        return condition(self.conditions.functions, item, self.operand(place, item.attribute), other)

    def _related(self, part: Part, link: Source) -> Condition:
        """A link of a filter. `all` asks that there are rows and that none of them fits, as documented."""
        if link.kind == "all":
            some = self._exists(part, link, filtered=False)
            return sa.and_(some, sa.not_(self._exists(part, link, filtered=True)))
        found = self._exists(part, link, filtered=True)
        return sa.not_(found) if link.kind == "not any" else found

    def _exists(self, part: Part, link: Source, *, filtered: bool) -> Condition:
        other = self._part(part, link)
        conditions = self._matching(part, other)
        if filtered:
            conditions += [self.filtered(other, item) for item in link.filters]
            conditions += [self._exists(other, inner, filtered=True) for inner in link.links if inner.kind != "outer"]
        return sa.select(sa.literal(1)).select_from(other.rows).where(*conditions).correlate_except(other.rows).exists()

    def _first(self, part: Part, link: Source) -> sa.ColumnElement[Any]:
        other = self._part(part, link)
        conditions = self._matching(part, other) + [self.filtered(other, item) for item in link.filters]
        least = sa.select(sa.func.min(other.rows.c.number)).where(*conditions)
        return least.correlate_except(other.rows).scalar_subquery()

    def _part(self, parent: Part, link: Source) -> Part:
        alias = link.alias or f"{link.name}{len(self.parts)}"
        table = self.schema.named(link.name)
        relation = self._intersect(parent.table, link, table) if parent.table is not None else None
        if parent.table is not None and relation is not None:
            rows = self.store.links.alias()
            here, there = (rows.c.source, rows.c.target) if relation.forward else (rows.c.target, rows.c.source)
            target = self.schema.table(relation.target)
            keys = {**_keys(target, there), **_keys(parent.table, here)}
            return Part(link, alias, rows, None, keys, here, relation.name)
        if table is None:
            raise Kind.NO_ENTITY.error(name=link.name)
        return Part(link, alias, self.store.family(table.family).alias(), table)

    def _intersect(self, parent: Table, link: Source, table: Table | None) -> Link | None:
        """The relation whose links a link-entity means as rows of an intersect table; None where it means a table. A
        document may declare the table: it then has the keys of both sides."""
        wanted = {inner.name for inner in link.links}
        found: list[tuple[int, Link]] = []
        for navigation in parent.navigation.values():
            relation = self.schema.relation(parent, navigation)
            if isinstance(relation, Link) and navigation.type.collection:
                target, named = self.schema.table(relation.target), link.name in navigation.name.lower()
                between = table is None or link.intersect or (_has_key(table, parent) and _has_key(table, target))
                if between and (named or target.name in wanted):
                    found.append((0 if named else 1, relation))
        if not found and link.intersect:
            raise Kind.NO_ENTITY.error(name=link.name)
        return min(found, key=lambda item: item[0])[1] if found else None

    def _matching(self, parent: Part, link: Part) -> list[Condition]:
        """That rows of a link belong to a row of its parent."""
        theirs, ours = link.source.theirs, link.source.ours
        if not theirs or not ours:
            raise Kind.BAD_FETCH.error(problem="a link-entity element needs the attributes from and to")
        if link.table is None:
            return [link.rows.c.relation == link.relation, sa.true() & (link.near == self._key(parent, ours))]
        if parent.table is None:
            return [of_type(link.rows, link.table), link.rows.c.key == self.operand(parent, ours).expression]
        one, other = self.operand(link, theirs), self.operand(parent, ours)
        if one.kind != other.kind:
            raise Kind.BAD_FETCH.error(problem="the columns from and to of a link-entity must be of one type")
        if one.name in _keys(link.table, link.rows.c.key) and one.kind == "Edm.Guid":
            return [of_type(link.rows, link.table), link.rows.c.key == other.expression]
        self.store.index(link.table.family, one.name)
        return [of_type(link.rows, link.table), one.expression == comparable(other.expression, other.kind)]

    def _key(self, parent: Part, name: str) -> sa.ColumnElement[Any]:
        if parent.table is not None and name not in _keys(parent.table, parent.rows.c.key):
            raise Kind.NO_ATTRIBUTE.error(table=parent.source.name, name=name)
        return parent.rows.c.key if parent.table is not None else self.operand(parent, name).expression


def _has_key(table: Table, other: Table) -> bool:
    """Whether a table has a column with the name of another one's key, as an intersect table has."""
    return any(name in table.properties and name not in table.key_columns for name in other.key_columns)


def _keys(table: Table, expression: sa.ColumnElement[Any]) -> dict[str, sa.ColumnElement[Any]]:
    """The names that a table's key goes by."""
    names: Sequence[str | None] = (table.mirror, *(part.path for part in table.key))
    return {name: expression for name in names if name is not None}
