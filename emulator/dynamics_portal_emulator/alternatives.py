"""Queries in another form than OData's options: FetchXML, the saved views that hold it, SQL, and `$apply`.

It decides which of these a request asks for, what goes beside it, and where the text of `savedQuery` and `userQuery` is
found ("Retrieve and execute predefined queries"). Documents that leave the tables of views out are given them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dynamics_portal_generator.csdl import Metadata

from .applying import Applying
from .errors import Kind
from .exchange import Request
from .fetch_paging import following
from .fetching import Fetching
from .fetchxml import parse
from .operands import GUID
from .options import Options, parse_options
from .paging import next_link
from .query import Place, Query
from .settings import Settings
from .supplements import supplemented
from .values import Values

_VIEWS = {"savedQuery": "savedqueries", "userQuery": "userqueries"}


def with_views(metadata: Metadata) -> Metadata:
    """The document, with the tables of views where it declares none."""
    return supplemented(metadata, "views.xml", "savedqueries")


@dataclass(frozen=True)
class Alternatives:
    """Answers such queries."""

    query: Query
    values: Values
    settings: Settings

    def page(self, request: Request, place: Place) -> tuple[Options, dict[str, Any]] | None:
        """What the context of the answer shows, and the answer without it; None where OData's own options are used.
        DataverseError 400 or 404."""
        given = request.given
        if "sql" in given:
            return self._selected(request, place)
        fetch = self._fetch(given)
        if fetch is not None:
            _check(given, ("$count",), "FetchXML")
            count = parse_options({"$count": given.get("$count", "false")}).count
            fetching = Fetching(self.query, self.values, self.settings)
            page, names = fetching.answer(place, parse(fetch), request.preferences, count=count)
            return Options(select=tuple(names)), page
        if "$apply" not in given:
            return None
        _check(given, ("$apply", "$orderby", "$top"), "$apply")
        top = parse_options({"$top": given["$top"]}).top if "$top" in given else None
        applying = Applying(self.query, self.values, self.settings.aggregate_rows)
        rows = applying.rows(place, given["$apply"], given.get("$orderby", ""), top, request.preferences)
        return Options(), {"value": rows}

    def _selected(self, request: Request, place: Place) -> tuple[Options, dict[str, Any]]:
        """What a SELECT finds; pages are OData's ("Use SQL to query data by using the Dataverse Web API")."""
        from .sql import fetch_of  # its parser takes a while to load, and few requests need it

        given = request.given
        _check(given, ("$skiptoken",), "SQL")
        (key, *_) = place.table.key_columns
        fetch = fetch_of(given["sql"], primary_key=key)
        if "$skiptoken" in given:
            number, cookie = following(given["$skiptoken"])
            fetch = replace(fetch, page=number, cookie=cookie)

        def link(token: str) -> str:
            return next_link(f"{request.root}/{request.path}", request.call.query, token)

        fetching = Fetching(self.query, self.values, self.settings)
        page, names = fetching.answer(place, fetch, request.preferences, count=False, link=link)
        return Options(select=tuple(names)), page

    def _fetch(self, given: Mapping[str, str]) -> str | None:
        """The FetchXML that the options name or hold; None for none."""
        for option, entity_set in _VIEWS.items():
            if option not in given:
                continue
            table, key = self.query.schema.set_table(entity_set), given[option].strip("'{}").lower()
            if table is None or not GUID.fullmatch(key):
                raise Kind.BAD_QUERY.error(problem=f"The value of {option} must be the id of a view.")
            row = self.query.store.get(table.family, key)
            if row is None:
                raise Kind.NO_ROW.error(table=table.name, id=key)
            return str(row.document.get("fetchxml") or "")
        return given.get("fetchXml")


def _check(given: Mapping[str, str], allowed: Collection[str], language: str) -> None:
    refused = next((name for name in given if name.startswith("$") and name not in allowed), None)
    if refused is not None:
        raise Kind.BAD_QUERY.error(problem=f"The query parameter {refused} is not supported with {language}.")
