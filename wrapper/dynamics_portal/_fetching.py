"""Fetching: the pages of a FetchXML query, by the service's cookie where there is one, by number where there is none.

By number the service goes no further than 50,000 rows, and does not say so: an iteration that comes there ends with an
error, not with what looks like the end.

Source: Dataverse, "Page results using FetchXml" (Simple paging), "Retrieve and execute predefined queries".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from . import _json
from ._call import EMPTY_LIST, Call
from ._checked import checking_input
from ._failures import decoded, unreadable
from ._fetchxml import FetchQuery, cookie_of
from ._outcome import Answer
from ._paging import Listing, PagingState
from ._query import encoded
from ._reads import checked_url, read_call
from ._seam import RowModel
from ._settings import Settings
from .errors import invalid

SIMPLE_LIMIT: Final = 50_000  # rows that paging by number reaches
_COOKIE: Final = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
_MORE: Final = "Microsoft.Dynamics.CRM.morerecords"


class FetchListing(Listing):
    """The state of a FetchXML query: the page in hand, and the query of the next one."""

    __slots__ = ("_address", "_asked", "_seen", "_view_reader")

    def __init__(self, model: RowModel, settings: Settings, *, annotations: bool, aggregates: bool = False) -> None:
        wanted = "*" if annotations else f"{_COOKIE},{_MORE}"
        prefer = (("Prefer", f'odata.include-annotations="{wanted}"'),)
        call = checking_input(lambda url: read_call(settings, url, prefer, empty=EMPTY_LIST))
        self._address = settings.root.url + model.table().entity_set
        decode: Callable[[Any], Any] = dict if aggregates else model.from_dict
        rows = None if aggregates else model
        super().__init__(call, decode, settings.root, self._address, None, table=model.table(), model=rows)
        self._asked: FetchQuery | None = None
        self._seen = 0
        self._view_reader: tuple[str, Callable[[Any], FetchQuery]] | None = None

    def begin(self, query: FetchQuery) -> None:
        """Begin at the query's page. Raises `ValueError` where it is too long to be sent."""
        checked_url(self._url(query))
        self._asked = query
        self._seen = (query.page - 1) * query.size

    def begin_with_view(self, view: str, make_query: Callable[[Any], FetchQuery]) -> None:
        """Begin by reading a view, whose address is given, for its query."""
        self._view_reader = view, make_query

    def next_call(self) -> Call | None:
        """The call that brings the next page, or the view before the first one; `None` at the end.

        Raises an invalid request where the service goes no further, though there may be more rows.
        """
        if self._view_reader is not None:
            return self._call(self._view_reader[0])
        query = self._asked
        if query is None:
            return None
        if query.page > 1 and not query.has_cookie and self._seen + self._taken >= SIMPLE_LIMIT:
            raise invalid(
                f"the service gives no paging cookie for this query, and without one no more than {SIMPLE_LIMIT:,} "
                "rows, which have come; order it by columns of its own table alone"
            )
        return self._call(self._url(query))

    def feed(self, answer: Answer, call: Call) -> None:
        """Take what a call has brought."""
        if self._view_reader is not None:
            self._feed_view(answer, call, self._view_reader[1])
        elif self._asked is not None:
            self._feed_page(answer, call, self._asked)

    def _feed_view(self, answer: Answer, call: Call, make_query: Callable[[Any], FetchQuery]) -> None:
        document = decoded(lambda: _json.decode_object(answer.content), answer.status, call.correlation_id)
        if answer.content != EMPTY_LIST:  # which a client that does nothing reads
            if not isinstance(document.get("fetchxml"), str):
                raise unreadable("the view holds no FetchXML", answer.status, call.correlation_id)
            self.begin(make_query(document["fetchxml"]))
        self._view_reader = None

    def _feed_page(self, answer: Answer, call: Call, query: FetchQuery) -> None:
        document, rows, page = decoded(lambda: self.open(answer), answer.status, call.correlation_id)
        cookie = decoded(lambda: cookie_of(document.get(f"@{_COOKIE}")), answer.status, call.correlation_id)
        more = document.get(f"@{_MORE}") is True
        if more and not rows.items:
            raise unreadable("the service tells of more rows and gives none", answer.status, call.correlation_id)
        by_number = query.page > 1 and not query.has_cookie
        self._seen += self._taken
        self._current, self._correlation_id = call.url, call.correlation_id
        self.have(rows, page)
        self._asked = None
        if not query.is_single and (more or (by_number and self._seen + self.count() >= SIMPLE_LIMIT)):
            query.turn(cookie)
            self._asked = query

    def _url(self, query: FetchQuery) -> str:
        return self._address + encoded([("fetchXml", query.text())])

    def state(self) -> PagingState:
        """None: raises an invalid request."""
        raise invalid("a FetchXML query cannot be taken up by another process; give it the page to begin with instead")


def fetched(
    model: RowModel,
    settings: Settings,
    text: Any,
    values: Mapping[str, Any] | None,
    page_size: int | None,
    *,
    annotations: bool,
    aggregates: bool = False,
) -> FetchListing:
    """The rows of a FetchXML query; of one that aggregates, as dictionaries."""
    listing = FetchListing(model, settings, annotations=annotations, aggregates=aggregates)
    listing.begin(FetchQuery(model, text, values, page_size, aggregates=aggregates))
    return listing


def viewed(
    model: RowModel, settings: Settings, views: str, key: Any, page_size: int | None, *, annotations: bool
) -> FetchListing:
    """The rows of a saved view. Its columns are the organisation's choice, so the contract need not have them."""
    make_query = checking_input(lambda text: FetchQuery(model, text, None, page_size, strict=False))
    listing = FetchListing(model, settings, annotations=annotations)
    listing.begin_with_view(f"{settings.root.url}{views}({_view_key(key)})?$select=fetchxml", make_query)
    return listing


def _view_key(key: Any) -> UUID:
    if isinstance(key, UUID):
        return key
    try:
        return UUID(key)
    except (ValueError, AttributeError, TypeError):
        raise ValueError("the id of a view is a UUID") from None
