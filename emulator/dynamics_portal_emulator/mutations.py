"""Answers to POST, PATCH, PUT and DELETE on rows, their columns and their references.

It decides which verb does what to which resource, and the status that tells of it ("Perform operations using the Web
API"). What is written is decided by `writing`, what a file's bytes become by `transfers`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .elastic import session
from .errors import Kind
from .exchange import Answer, Request
from .preconditions import check_version
from .query import Place, Query
from .reads import Reads
from .references import References
from .resources import Key, KeySegment, MarkSegment, NavigationSegment, PropertySegment, Segment
from .schema import Table
from .store import Row, Store
from .transfers import Transfers
from .writing import Writer


@dataclass(frozen=True)
class Mutations:
    """Answers writes."""

    store: Store
    query: Query
    writer: Writer
    references: References
    reads: Reads
    transfers: Transfers

    def post(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        """Creates a row, or relates one."""
        if segments[-1] == MarkSegment("$ref"):
            return self.references.associate(request, segments)
        place = self.query.follow(segments)
        if not place.collection or place.rest:
            raise Kind.METHOD_NOT_ALLOWED.error(method="POST")
        row = self.writer.create(place.table, request.body(place.table))
        last = segments[-1]
        if place.parent is not None and isinstance(last, NavigationSegment):
            self.writer.associate(place.parent, last.navigation, row)
            row = self.store.get(place.table.family, row.key) or row
        return self._written(request, place.table, row, created=True)

    def patch(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        """Changes a row, or creates it where there is none with that key (upsert); takes a file."""
        last = segments[-1]
        if isinstance(last, PropertySegment):
            column = self.query.follow(segments)
            if self.transfers.is_upload(column):
                return self.transfers.upload(request, column)
        if not isinstance(last, KeySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        place = self.query.follow(segments[:-1])
        body = request.body(place.table)
        row = self.query.find(place.table, last.key)
        if row is None:
            if "if-match" in request.call.headers or place.parent is not None:
                self.query.require(place.table, last.key)
            given = columns_of(last.key)
            return self._written(request, place.table, self.writer.create(place.table, body, given=given), created=True)
        check_version(request, row)
        change = self.writer.update if "if-match" in request.call.headers else self.writer.put
        return self._written(request, place.table, change(row, body), created=False)

    def put(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        """Sets a single column, or what a single-valued navigation property leads to."""
        if segments[-1] == MarkSegment("$ref"):
            return self.references.associate(request, segments)
        place = self.query.follow(segments)
        row, name = self._single_column(request, place)
        body = request.body(place.table)
        if not isinstance(body, dict) or "value" not in body:
            raise Kind.BAD_PAYLOAD.error(table=place.table.name, problem="An object with 'value' was expected.")
        check_version(request, row)
        return self._written(request, place.table, self.writer.update(row, {name: body["value"]}), created=False)

    def delete(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        """Removes a row, the value of a column, or a relation."""
        if segments[-1] == MarkSegment("$ref"):
            return self.references.disassociate(request, segments)
        place = self.query.follow(segments)
        if place.rest:
            row, name = self._single_column(request, place)
            check_version(request, row)
            if self.transfers.is_upload(place):
                return self.transfers.delete(place)
            self.writer.update(row, {name: None})
            return Answer(204)
        if place.row is None or not isinstance(segments[-1], KeySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method="DELETE")
        check_version(request, place.row)
        self.writer.delete(place.row)
        return Answer(204)

    def _single_column(self, request: Request, place: Place) -> tuple[Row, str]:
        rest = place.rest
        if place.row is None or len(rest) != 1 or not isinstance(rest[0], PropertySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        return place.row, rest[0].declared.name

    def _written(self, request: Request, table: Table, row: Row, *, created: bool) -> Answer:
        token = session(table, row)
        if request.preferences.representation:
            shown = self.reads.row(request, 201 if created else 200, table, row, "return=representation")
            return replace(shown, headers={**shown.headers, **token})
        address = request.rendering.address(row)
        return Answer(204, {"OData-EntityId": address, **({"Location": address} if created else {}), **token})


def columns_of(key: Key) -> dict[str, Any]:
    """The columns that a row made under a key has from it."""
    return {path: value for path, value in key.values.items() if "/" not in path}
