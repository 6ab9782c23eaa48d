"""Reading: which rows an address and its options mean.

It decides how an address is followed, which rows of a collection are meant, and what is expanded in them ("Query data
using the Web API" of Dataverse). Where a page ends and the next begins is the business of `paging`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from .annotations import Annotator
from .conditions import Conditions, of_type
from .errors import Kind
from .operands import Condition, column
from .options import MAX_PAGE, Expand, Options, Preferences
from .paging import Token, after, next_link, sorting
from .rendering import Rendering
from .resources import CastSegment, Key, KeySegment, NavigationSegment, Segment, SetSegment
from .schema import Link, Lookup, Relation, Reverse, Schema, Table
from .store import CHUNK, Row, Store


@dataclass(frozen=True)
class Place:
    """Where an address leads: a collection, or one row (None where nothing is related), and the segments left over."""

    table: Table
    collection: bool
    row: Row | None = None
    parent: Row | None = None
    relation: Relation | None = None
    rest: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Query:
    """Reads rows."""

    schema: Schema
    store: Store
    conditions: Conditions

    def find(self, table: Table, key: Key, within: Place | None = None) -> Row | None:
        """The row of a table, or of a collection, with a primary or alternate key."""
        rows = self.store.family(table.family)
        statement = sa.select(rows).where(of_type(rows, table))
        if within is not None:
            statement = statement.where(self._belongs(within, rows))
        if key.primary:
            statement = statement.where(rows.c.key == key.text)
        else:
            for path, value in key.values.items():
                statement = statement.where(column(rows, *path.split("/")) == value)
        found = self.store.fetch(statement.limit(1))
        return found[0] if found else None

    def require(self, table: Table, key: Key, within: Place | None = None) -> Row:
        """The same. DataverseError 404 where there is none."""
        row = self.find(table, key, within)
        if row is None:
            if key.primary and len(key.values) == 1:
                raise Kind.NO_ROW.error(table=table.name, id=key.text)
            raise Kind.NO_ROW_WITH_KEY.error(table=table.name)
        return row

    def follow(self, segments: Sequence[Segment]) -> Place:
        """Where an address leads. DataverseError 404 where a row on the way does not exist."""
        first = segments[0]
        if not isinstance(first, SetSegment):
            raise Kind.UNKNOWN_SEGMENT.error(segment=getattr(first, "name", ""))
        if first.singleton:
            raise Kind.UNSUPPORTED.error(what="singletons")
        place = Place(first.table, True)
        for index, segment in enumerate(segments[1:], 1):
            if isinstance(segment, KeySegment):
                place = Place(place.table, False, self.require(place.table, segment.key, place))
            elif isinstance(segment, NavigationSegment):
                place = self._navigate(place, segment)
            elif isinstance(segment, CastSegment):
                row = place.row
                if row is not None and row.type not in self.schema.with_derived(segment.table.type):
                    raise Kind.UNKNOWN_SEGMENT.error(segment=segment.table.type)
                place = Place(segment.table, place.collection, row, place.parent, place.relation)
            else:
                return Place(
                    place.table, place.collection, place.row, place.parent, place.relation, tuple(segments[index:])
                )
        return place

    def _navigate(self, place: Place, segment: NavigationSegment) -> Place:
        relation = self.schema.relation(segment.table, segment.navigation)
        if relation is None or place.row is None:
            raise Kind.UNKNOWN_SEGMENT.error(segment=segment.navigation.name)
        target = self.schema.table(relation.target)
        if segment.navigation.type.collection:
            return Place(target, True, None, place.row, relation)
        found = self.related(relation, [place.row]).get(place.row.key, [])
        return Place(target, False, found[0][0] if found else None, place.row, relation)

    def _belongs(self, place: Place, rows: sa.FromClause) -> Condition:
        """Whether a row belongs to the collection of the row that the address came from."""
        parent, relation = place.parent, place.relation
        if parent is None or relation is None:
            return sa.true()
        if isinstance(relation, Link):
            return rows.c.key.in_(self.store.links_from(relation.name, [parent.key], relation.forward))
        if isinstance(relation, Reverse):
            self.store.index(place.table.family, relation.columns[0][0])
            return sa.and_(*[column(rows, own) == parent.document.get(other) for own, other in relation.columns])
        return sa.and_(*[column(rows, other) == parent.document.get(own) for own, other in relation.columns])

    def _statement(self, place: Place, rows: sa.FromClause, options: Options) -> sa.Select[Any]:
        statement = sa.select(rows).where(of_type(rows, place.table), self._belongs(place, rows))
        if options.filter is not None:
            statement = statement.where(self.conditions.condition(place.table, rows, options.filter))
        return statement

    def count(self, place: Place, options: Options) -> int:
        """How many rows a collection holds, up to the ceiling at which Dataverse stops counting."""
        rows = self.store.family(place.table.family).alias()
        return self.store.count(self._statement(place, rows, options).limit(MAX_PAGE))

    def rows(self, place: Place, options: Options, limit: int | None = MAX_PAGE) -> list[Row]:
        """The rows of a collection in the order of their creation, up to a limit."""
        rows = self.store.family(place.table.family).alias()
        return self.store.fetch(self._statement(place, rows, options).order_by(rows.c.number).limit(limit))

    def page(
        self, place: Place, options: Options, preferences: Preferences, rendering: Rendering, link: Callable[[str], str]
    ) -> dict[str, Any]:
        """One page of a collection, without its context; `link` makes the address of the next one from its token."""
        rendering.check_select(place.table, options.select)
        rows = self.store.family(place.table.family).alias()
        statement = self._statement(place, rows, options)
        orders = [(self.conditions.order(place.table, rows, item.path), item.descending) for item in options.order]
        answer: dict[str, Any] = {}
        if options.count:
            answer["@odata.count"] = self.store.count(statement.limit(MAX_PAGE))
        token = Token.parse(options.skip_token, len(orders)) if options.skip_token else Token(1, 0, (), 0)
        if options.skip_token:
            statement = statement.where(after(rows, orders, token))
        size = preferences.page_size or MAX_PAGE
        left = size if options.top is None else min(size, max(options.top - token.seen, 0))
        statement = statement.add_columns(*[order for order, _ in orders])
        statement = statement.order_by(*sorting(orders), rows.c.number).limit(left + 1)
        found = self.store.fetch_ordered(statement)
        shown = found[:left]
        annotator = Annotator(self.schema, self.store, preferences)
        answer["value"] = self.render(place.table, [row for row, _ in shown], options, annotator, rendering)
        seen = token.seen + len(shown)
        if len(found) > left and shown and (options.top is None or seen < options.top):
            last, values = shown[-1]
            answer["@odata.nextLink"] = link(Token(token.page + 1, seen, values, last.number).text())
        return answer

    def render(
        self, table: Table, rows: Sequence[Row], options: Options, annotator: Annotator, rendering: Rendering
    ) -> list[dict[str, Any]]:
        """The rows as JSON, with what is expanded in them."""
        rendering.check_select(table, options.select)
        expanded: dict[str, dict[str, Any]] = {row.key: {} for row in rows}
        for item in options.expand:
            self._expand(table, rows, item, annotator, rendering, expanded)
        if annotator.active:
            annotator.prepare(table, rows, rendering.columns(table, options.select))
        return [rendering.row(table, row, options.select, annotator, expanded[row.key]) for row in rows]

    def _expand(
        self,
        table: Table,
        rows: Sequence[Row],
        item: Expand,
        annotator: Annotator,
        rendering: Rendering,
        expanded: dict[str, dict[str, Any]],
    ) -> None:
        navigation = table.navigation.get(item.name)
        relation = self.schema.relation(table, navigation) if navigation else None
        if navigation is None or relation is None:
            raise Kind.NO_PROPERTY.error(name=item.name, type=table.type)
        target = self.schema.table(relation.target)
        found = self.related(relation, rows, item.options)
        limit = min(
            MAX_PAGE if item.options.top is None else item.options.top, annotator.preferences.page_size or MAX_PAGE
        )
        kept = {key: members[:limit] for key, members in found.items()}
        distinct = {row.key: row for members in kept.values() for row, _ in members}
        if item.reference:
            shown = {key: {"@odata.id": rendering.address(row)} for key, row in distinct.items()}
        else:
            rendered = self.render(target, list(distinct.values()), item.options, annotator, rendering)
            shown = dict(zip(distinct, rendered, strict=True))
        for row in rows:
            members = kept.get(row.key, [])
            if not navigation.type.collection:
                expanded[row.key][item.name] = shown[members[0][0].key] if members else None
                continue
            expanded[row.key][item.name] = [shown[member.key] for member, _ in members]
            everything = len(found.get(row.key, []))
            if item.options.count:
                expanded[row.key][f"{item.name}@odata.count"] = min(everything, MAX_PAGE)
            if everything > len(members) and len(members) != item.options.top:
                last, values = members[-1]
                token = Token(2, len(members), values, last.number).text()
                query = "&".join(quote(part, safe="$=,'()/:@") for part in item.text.split(";") if part)
                address = f"{rendering.address(row)}/{item.name}"
                expanded[row.key][f"{item.name}@odata.nextLink"] = next_link(address, query, token)

    def related(
        self, relation: Relation, rows: Sequence[Row], options: Options | None = None
    ) -> dict[str, list[tuple[Row, tuple[Any, ...]]]]:
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
            reached: list[tuple[str, tuple[Row, tuple[Any, ...]]]] = []
            for start in range(0, len(rows), CHUNK):  # a row's targets in one statement, so that they keep their order
                keys = [row.key for row in rows[start : start + CHUNK]]
                by_other: dict[str, list[str]] = {}
                for own, other in self.store.linked(relation.name, keys, relation.forward):
                    by_other.setdefault(other, []).append(own)
                members = self.store.links_from(relation.name, keys, relation.forward)
                found = self.store.fetch_ordered(statement.where(source.c.key.in_(members)))
                reached.extend((own, item) for item in found for own in by_other[item[0].key])
            return _grouped(reached)
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

    def _fetch_in(
        self, statement: sa.Select[Any], place: sa.ColumnElement[Any], values: list[Any]
    ) -> list[tuple[Row, tuple[Any, ...]]]:
        found: list[tuple[Row, tuple[Any, ...]]] = []
        for start in range(0, len(values), CHUNK):
            found.extend(self.store.fetch_ordered(statement.where(place.in_(values[start : start + CHUNK]))))
        return found


def _grouped(pairs: Iterable[tuple[str, tuple[Row, tuple[Any, ...]]]]) -> dict[str, list[tuple[Row, tuple[Any, ...]]]]:
    groups: dict[str, list[tuple[Row, tuple[Any, ...]]]] = {}
    for owner, item in pairs:
        groups.setdefault(owner, []).append(item)
    return groups
