"""Answers to GET: rows, pages, single columns, counts and references.

It decides what is told about what was found: contexts, ETags, preferences that were honoured ("Retrieve a table row
using the Web API", "Query data using the Web API"). Which rows are meant is decided by `query`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .alternatives import Alternatives
from .annotations import SCHEMA_VERSION, Annotator
from .changes import Changes
from .errors import Kind
from .exchange import Answer, Request, applied, json_answer
from .options import Options
from .paging import next_link
from .query import Place, Query
from .references import References
from .resources import MarkSegment, PropertySegment, Segment
from .schema import Schema, Table
from .store import Row, Store
from .transfers import Transfers
from .values import Values, encode


@dataclass(frozen=True)
class Reads:
    """Answers reads; `metadata_version` tells the schema's version."""

    schema: Schema
    store: Store
    values: Values
    query: Query
    references: References
    changes: Changes
    transfers: Transfers
    alternatives: Alternatives
    metadata_version: Callable[[], str]

    def get(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        """Answers a GET. DataverseError 400 or 404."""
        place = self.query.follow(segments)
        rest = place.rest
        if rest and self.transfers.is_download(place):
            return self.transfers.download(request, place)
        if rest and self.transfers.is_part(request, place):
            return self.transfers.part(request, place)
        if rest and isinstance(rest[0], PropertySegment):
            return self._column(request, place, rest)
        if place.collection and self.changes.wanted(request) and rest in ((), (MarkSegment("$count"),)):
            return self.changes.count(request, place) if rest else self.changes.page(request, place)
        if rest == (MarkSegment("$count"),) and place.collection:
            count = self.query.count(place, request.options)
            return Answer(200, {"Content-Type": "text/plain"}, str(count).encode())
        if rest == (MarkSegment("$ref"),):
            return self.references.listed(request, place)
        if rest:
            raise Kind.UNKNOWN_SEGMENT.error(segment=getattr(rest[0], "name", ""))
        if place.collection:
            return self._page(request, place)
        if place.row is None:
            return Answer(204)
        if request.call.headers.get("if-none-match") == place.row.etag:
            return Answer(304, {"ETag": place.row.etag})
        return self.row(request, 200, place.table, place.row)

    def _page(self, request: Request, place: Place) -> Answer:
        preferences = request.preferences
        found = self.alternatives.page(request, place)
        options, page = found or self._plain(request, place)
        path = self.schema.set_of(place.table.type) or place.table.name
        context = {"@odata.context": request.rendering.context(path, options)}
        if preferences.wants(SCHEMA_VERSION):
            context[f"@{SCHEMA_VERSION}"] = self.metadata_version()
        answer = json_answer(200, {**context, **page}, applied(preferences, page=True))
        return replace(answer, work=max(len(page["value"]), 1))

    def _plain(self, request: Request, place: Place) -> tuple[Options, dict[str, Any]]:
        address, options = f"{request.root}/{request.path}", request.options

        def link(token: str) -> str:
            return next_link(address, request.call.query, token)

        return options, self.query.page(place, options, request.preferences, request.rendering, link)

    def row(self, request: Request, status: int, table: Table, row: Row, also: str | None = None) -> Answer:
        """An answer that shows one row; `also` names a further preference that was honoured."""
        options = request.options
        annotator = Annotator(self.schema, self.store, request.preferences)
        (shown,) = self.query.render(table, [row], options, annotator, request.rendering)
        path = self.schema.set_of(table.type) or table.name
        context = request.rendering.context(path, options, single=True)
        headers = {"ETag": row.etag, **applied(request.preferences, page=False, also=also)}
        if status == 201:
            address = request.rendering.address(row)
            headers |= {"Location": address, "OData-EntityId": address}
        return json_answer(status, {"@odata.context": context, **shown}, headers)

    def _column(self, request: Request, place: Place, rest: tuple[Segment, ...]) -> Answer:
        segment = rest[0]
        if not isinstance(segment, PropertySegment) or place.row is None or len(rest) > 2:
            raise Kind.UNKNOWN_SEGMENT.error(segment=request.path.rpartition("/")[2])
        name = segment.declared.name
        value = request.rendering.wire(place.row, (name,))[name]
        if value is None:
            return Answer(204)
        if rest[1:] == (MarkSegment("$value"),):
            text = value if isinstance(value, str) else encode(value).decode()
            return Answer(200, {"Content-Type": "text/plain"}, text.encode())
        context = f"{request.root}/$metadata#{request.rendering.relative(place.row)}/{name}"
        return json_answer(200, {"@odata.context": context, "value": value})
