"""Change tracking: what is new, changed or gone since a client last asked.

It decides what a delta token holds, how long it is good, which rows come in which order and what such a request may ask
("Use change tracking to synchronize data with external systems"). A token is the version that the client has seen and
the time of it; a page's place is kept in a cookie, so that rows which change between pages come in the next delta.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa

from .annotations import Annotator
from .conditions import of_type
from .errors import Kind
from .exchange import Answer, Request, applied, json_answer
from .options import MAX_PAGE, Options, parse_options
from .paging import next_link
from .query import Place, Query
from .schema import Schema, Table
from .settings import Settings
from .store import Row, Store

_UNSUPPORTED = ("$filter", "$orderby", "$expand", "$top")
_COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([\w=-]*)" istracking="True" />')
_TOKEN = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")
_STAMP = "%m/%d/%Y %H:%M:%S"
_CAPABILITY = "Org.OData.Capabilities.V1.ChangeTracking"


@dataclass(frozen=True)
class _Place:
    """How far a client has come: `since` is None for a first load, `until` the version that the new token will name,
    `after` the last row's place, and `removed` whether the rows that are gone have begun."""

    page: int
    since: int | None
    until: int
    after: int
    removed: bool

    def text(self) -> str:
        inner = json.dumps([self.since, self.until, self.after, self.removed], separators=(",", ":"))
        cookie = base64.urlsafe_b64encode(inner.encode()).decode()
        return f'<cookie pagenumber="{self.page}" pagingcookie="{cookie}" istracking="True" />'

    @classmethod
    def parse(cls, text: str) -> _Place:
        match = _COOKIE.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            since, until, after, removed = json.loads(base64.urlsafe_b64decode(match[2]))
            whole = [until, after] if since is None else [since, until, after]
            if not all(isinstance(number, int) for number in whole) or not isinstance(removed, bool):
                raise ValueError
        except (ValueError, TypeError, binascii.Error):
            raise Kind.BAD_QUERY.error(problem="Malformed XML in the Paging Cookie") from None
        return cls(int(match[1]), since, until, after, removed)


@dataclass(frozen=True)
class Changes:
    """Answers requests that track changes."""

    schema: Schema
    store: Store
    query: Query
    settings: Settings
    now: Callable[[], datetime]

    def wanted(self, request: Request) -> bool:
        """Whether a request is about changes."""
        cookie = request.given.get("$skiptoken", "")
        return "$deltatoken" in request.given or request.preferences.track_changes or bool(_COOKIE.fullmatch(cookie))

    def tracked(self, table: Table) -> bool:
        """Whether a table tracks changes: unless a setting or the document says that it does not."""
        name = self.schema.set_of(table.type)
        annotations = self.schema.metadata.container.entity_sets[name].annotations if name else {}
        said = annotations.get(_CAPABILITY)
        refused = isinstance(said, dict) and said.get("Supported") is False
        return table.name not in self.settings.untracked and not refused

    def count(self, request: Request, place: Place) -> Answer:
        """How many rows have changed or gone since the token."""
        self._check(request, place)
        start = self._start(request)
        total = len(self._changed(place.table, start, None)) + len(self._removed(place.table, start, None))
        return Answer(200, {"Content-Type": "text/plain"}, str(total).encode())

    def page(self, request: Request, place: Place) -> Answer:
        """One page: rows that are new or changed, in the order of their versions, and then those that are gone."""
        self._check(request, place)
        table, start = place.table, self._start(request)
        plain = {name: value for name, value in request.given.items() if name in ("$select", "$count")}
        options = parse_options(plain)
        request.rendering.check_select(table, options.select)
        size = request.preferences.page_size or MAX_PAGE
        rows = [] if start.removed else self._changed(table, start, size + 1)
        shown, after, removed = rows[:size], start.after, start.removed
        if shown:
            after = shown[-1].number if start.since is None else shown[-1].version
        gone: Sequence[tuple[int, str]] = []
        more = len(rows) > size
        if not more and start.since is not None:
            left = size - len(shown)
            begun = replace(start, after=start.after if start.removed else start.since, removed=True)
            found = self._removed(table, begun, left + 1)
            gone, more, removed = found[:left], len(found) > left, True
            after = gone[-1][0] if gone else begun.after
        content = self._content(request, table, options, start, shown, gone)
        address = f"{request.root}/{request.path}"
        if more:
            cookie = replace(start, page=start.page + 1, after=after, removed=removed).text()
            content["@odata.nextLink"] = next_link(address, request.call.query, cookie)
        else:
            content["@odata.deltaLink"] = self._delta_link(address, request.call.query, start.until)
        also = "odata.track-changes" if request.preferences.track_changes else None
        answer = json_answer(200, content, applied(request.preferences, page=True, also=also))
        return replace(answer, work=len(shown) + len(gone))

    def _check(self, request: Request, place: Place) -> None:
        for name in _UNSUPPORTED:
            if name in request.given:
                problem = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
                raise Kind.BAD_QUERY.error(problem=problem)
        if place.parent is not None or not self.tracked(place.table):
            raise Kind.NOT_TRACKED.error(table=place.table.name)

    def _start(self, request: Request) -> _Place:
        """Where a request begins. DataverseError 400 for a token that is none, or is too old."""
        cookie, token = request.given.get("$skiptoken"), request.given.get("$deltatoken")
        if cookie is not None:
            return _Place.parse(cookie)
        until = self.store.version
        if token is None:
            return _Place(1, None, until, 0, False)
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise Kind.BAD_QUERY.error(problem=f"Invalid value '{token}' for $deltatoken query option found.")
        since = int(match[1])
        try:
            issued = datetime.strptime(match[2], _STAMP).replace(tzinfo=UTC)
        except ValueError:
            raise Kind.BAD_QUERY.error(problem=f"Invalid value '{token}' for $deltatoken query option found.") from None
        if since > until or self.now() - issued > timedelta(days=self.settings.change_tracking_days):
            raise Kind.EXPIRED_VERSION.error()
        return _Place(1, since, until, since, False)

    def _changed(self, table: Table, start: _Place, limit: int | None) -> list[Row]:
        rows = self.store.family(table.family)
        statement = sa.select(rows).where(of_type(rows, table)).limit(limit)
        if start.since is None:
            return self.store.fetch(statement.where(rows.c.number > start.after).order_by(rows.c.number))
        changed = statement.where(rows.c.version > start.after, rows.c.version <= start.until)
        return self.store.fetch(changed.order_by(rows.c.version))

    def _removed(self, table: Table, start: _Place, limit: int | None) -> list[tuple[int, str]]:
        """Versions and keys of rows that are gone and have not come back."""
        rows, gone = self.store.family(table.family), self.store.removed
        statement = (
            sa.select(gone.c.version, gone.c.key)
            .where(gone.c.family == table.family, gone.c.type.in_(self.schema.with_derived(table.type)))
            .where(gone.c.version > start.after, gone.c.version <= start.until)
            .where(gone.c.key.not_in(sa.select(rows.c.key)))
            .order_by(gone.c.version)
            .limit(limit)
        )
        with self.store.transaction() as connection:
            return [(version, key) for version, key in connection.execute(statement)]

    def _content(
        self,
        request: Request,
        table: Table,
        options: Options,
        start: _Place,
        rows: Sequence[Row],
        gone: Sequence[tuple[int, str]],
    ) -> dict[str, Any]:
        path = self.schema.set_of(table.type) or table.name
        context = request.rendering.context(path, options) + ("" if start.since is None else "/$delta")
        content: dict[str, Any] = {"@odata.context": context}
        if options.count:
            everything = replace(start, after=start.since or 0, removed=False)
            removed = [] if start.since is None else self._removed(table, everything, None)
            content["@odata.count"] = min(len(self._changed(table, everything, None)) + len(removed), MAX_PAGE)
        annotator = Annotator(self.schema, self.store, request.preferences)
        value = self.query.render(table, rows, options, annotator, request.rendering)
        deleted = f"{request.root}/$metadata#{path}/$deletedEntity"
        value += [{"@odata.context": deleted, "id": key.split("|")[0], "reason": "deleted"} for _, key in gone]
        content["value"] = value
        return content

    def _delta_link(self, address: str, query: str, version: int) -> str:
        tokens = ("$skiptoken=", "$deltatoken=")
        kept = [part for part in query.split("&") if part and not unquote(part).startswith(tokens)]
        kept.append(f"$deltatoken={quote(f'{version}!{self.now().strftime(_STAMP)}', safe='')}")
        return f"{address}?{'&'.join(kept)}"
