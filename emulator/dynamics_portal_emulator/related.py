"""Following a relation from many rows at once.

It decides which rows are reached from each of some rows, in a few statements whatever their number. Which relation a
navigation property is, and what is done with the rows found, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from .conditions import Conditions, of_type
from .operands import column
from .options import Options
from .paging import sorting
from .schema import Link, Lookup, Relation, Schema
from .store import CHUNK, Row, Store

Placed: TypeAlias = tuple[Row, tuple[Any, ...]]
"""A row, and the values that it was sorted by."""


@dataclass(frozen=True)
class Related:
    """Finds related rows."""

    schema: Schema
    store: Store
    conditions: Conditions

    def rows(self, relation: Relation, rows: Sequence[Row], options: Options | None = None) -> dict[str, list[Placed]]:
        """The rows that are reached from each of `rows`, by its key, in order; all in a few statements."""
        options = options or Options()
        target = self.schema.table(relation.target)
        source = self.store.family(target.family).alias()
        orders = [(self.conditions.order(target, source, item.path), item.descending) for item in options.order]
        statement = sa.select(source, *[order for order, _ in orders]).where(of_type(source, target))
        statement = statement.order_by(*sorting(orders), source.c.number)
        if options.filter is not None:
            statement = statement.where(self.conditions.condition(target, source, options.filter))
        if isinstance(relation, Link):
            return self._linked(relation, rows, statement, source)
        if isinstance(relation, Lookup):
            ours, theirs = [own for own, _ in relation.columns], [other for _, other in relation.columns]
            by_key = len(theirs) == 1 and bool(target.key) and theirs[0] in (target.key[0].path, target.mirror)
        else:
            ours, theirs = [other for _, other in relation.columns], [own for own, _ in relation.columns]
            by_key = False
            self.store.index(target.family, theirs[0])
        owners: dict[tuple[Any, ...], list[str]] = {}
        for row in rows:
            value = tuple(row.document.get(name) for name in ours)
            if None not in value:
                owners.setdefault(value, []).append(row.key)
        wanted = list({value[0]: None for value in owners})
        place = source.c.key if by_key else column(source, theirs[0])
        found = self._fetch_in(statement, place, [str(value) for value in wanted] if by_key else wanted)
        valued = ((tuple(item[0].document.get(name) for name in theirs), item) for item in found)
        return _grouped((owner, item) for value, item in valued for owner in owners.get(value, ()))

    def _linked(
        self, relation: Link, rows: Sequence[Row], statement: sa.Select[Any], source: sa.FromClause
    ) -> dict[str, list[Placed]]:
        reached: list[tuple[str, Placed]] = []
        for start in range(0, len(rows), CHUNK):  # a row's targets in one statement, so that they keep their order
            keys = [row.key for row in rows[start : start + CHUNK]]
            by_other: dict[str, list[str]] = {}
            for own, other in self.store.linked(relation.name, keys, relation.forward):
                by_other.setdefault(other, []).append(own)
            members = self.store.links_from(relation.name, keys, relation.forward)
            found = self.store.fetch_ordered(statement.where(source.c.key.in_(members)))
            reached.extend((own, item) for item in found for own in by_other[item[0].key])
        return _grouped(reached)

    def _fetch_in(self, statement: sa.Select[Any], place: sa.ColumnElement[Any], values: list[Any]) -> list[Placed]:
        found: list[Placed] = []
        for start in range(0, len(values), CHUNK):
            found.extend(self.store.fetch_ordered(statement.where(place.in_(values[start : start + CHUNK]))))
        return found


def _grouped(pairs: Iterable[tuple[str, Placed]]) -> dict[str, list[Placed]]:
    groups: dict[str, list[Placed]] = {}
    for owner, item in pairs:
        groups.setdefault(owner, []).append(item)
    return groups
