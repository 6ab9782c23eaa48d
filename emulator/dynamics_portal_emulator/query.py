"""Reading: which rows an address and its options mean.

It decides how an address is followed, which rows of a collection are meant, and what is expanded in them ("Use OData to
query data" and the pages below it of Dataverse's documentation). Where a page ends and the next begins is the business
of `paging`, which expansions go together that of `expansion`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from .annotations import TOTAL, TOTAL_EXCEEDED, Annotator
from .conditions import Conditions, of_type
from .errors import Kind
from .expansion import check, link, nested, page_of
from .operands import Condition, column
from .options import MAX_PAGE, Expand, Options, Preferences
from .paging import Token, after, sorting
from .related import Placed, Related
from .rendering import Rendering
from .resources import CastSegment, Key, KeySegment, NavigationSegment, Segment, SetSegment
from .schema import DEFINITIONS, Link, Relation, Reverse, Schema, Table
from .store import Row, Store

EVERYTHING = 2**31


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
            statement = statement.where(self.belongs(within, rows))
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

    def belongs(self, place: Place, rows: sa.FromClause) -> Condition:
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
        statement = sa.select(rows).where(of_type(rows, place.table), self.belongs(place, rows))
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
        self._tell_count(answer, statement, options, preferences)
        token = Token.parse(options.skip_token, len(orders)) if options.skip_token else Token(1, 0, (), 0)
        if options.skip_token:
            statement = statement.where(after(rows, orders, token))
        size = preferences.page_size or MAX_PAGE
        if place.table.family == DEFINITIONS:  # "There is no paging"
            size = EVERYTHING
        top = None if preferences.page_size else options.top  # "If you include both, $top is ignored"
        left = size if top is None else min(size, max(top - token.seen, 0))
        statement = statement.add_columns(*[order for order, _ in orders])
        statement = statement.order_by(*sorting(orders), rows.c.number).limit(left + 1)
        found = self.store.fetch_ordered(statement)
        shown = found[:left]
        annotator = Annotator(self.schema, self.store, preferences)
        answer["value"] = self.render(place.table, [row for row, _ in shown], options, annotator, rendering)
        seen = token.seen + len(shown)
        if len(found) > left and shown and (top is None or seen < top):
            last, values = shown[-1]
            answer["@odata.nextLink"] = link(Token(token.page + 1, seen, values, last.number).text())
        return answer

    def _tell_count(
        self, answer: dict[str, Any], statement: sa.Select[Any], options: Options, preferences: Preferences
    ) -> None:
        """How many rows there are, up to the ceiling, as "Count rows using OData" has it."""
        found = self.store.count(statement.limit(MAX_PAGE + 1)) if options.count else -1
        counted = min(found, MAX_PAGE)
        if options.count:
            answer["@odata.count"] = counted
        if preferences.wants(TOTAL):
            answer[f"@{TOTAL}"] = counted
        if preferences.wants(TOTAL_EXCEEDED):
            answer[f"@{TOTAL_EXCEEDED}"] = found > MAX_PAGE

    def render(
        self, table: Table, rows: Sequence[Row], options: Options, annotator: Annotator, rendering: Rendering
    ) -> list[dict[str, Any]]:
        """The rows as JSON, with what is expanded in them. DataverseError 400 for expansions that cannot be."""
        check(self.schema, table, options.expand)
        return self._rendered(table, rows, options, annotator, rendering, nested(options.expand))

    def _rendered(
        self,
        table: Table,
        rows: Sequence[Row],
        options: Options,
        annotator: Annotator,
        rendering: Rendering,
        deep: bool,
    ) -> list[dict[str, Any]]:
        rendering.check_select(table, options.select)
        expanded: dict[str, dict[str, Any]] = {row.key: {} for row in rows}
        for item in options.expand:
            self._expand(table, rows, item, annotator, rendering, expanded, deep)
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
        deep: bool,
    ) -> None:
        navigation = table.navigation[item.name]
        relation = self.schema.relation(table, navigation)
        if relation is None:
            raise Kind.NO_PROPERTY.error(name=item.name, type=table.type)
        target = self.schema.table(relation.target)
        found = self.related(relation, rows, item.options)
        limit = page_of(item, annotator.preferences.page_size, deep)
        kept = {key: members[:limit] for key, members in found.items()}
        distinct = {row.key: row for members in kept.values() for row, _ in members}
        if item.reference:
            shown = {key: {"@odata.id": rendering.address(row)} for key, row in distinct.items()}
        else:
            rendered = self._rendered(target, list(distinct.values()), item.options, annotator, rendering, deep)
            shown = dict(zip(distinct, rendered, strict=True))
        for row in rows:
            members = kept.get(row.key, [])
            if not navigation.type.collection:
                expanded[row.key][item.name] = shown[members[0][0].key] if members else None
                continue
            expanded[row.key][item.name] = [shown[member.key] for member, _ in members]
            following = link(f"{rendering.address(row)}/{item.name}", item, members, limit, deep)
            if following is not None and target.family != DEFINITIONS:
                expanded[row.key][f"{item.name}@odata.nextLink"] = following

    def related(
        self, relation: Relation, rows: Sequence[Row], options: Options | None = None
    ) -> dict[str, list[Placed]]:
        """The rows that are reached from each of `rows`, by its key, in order."""
        return Related(self.schema, self.store, self.conditions).rows(relation, rows, options)
