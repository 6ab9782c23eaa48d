"""Queries of a table: the calls that its reading verbs stand for, and what their answers hold. No I/O.

What is wrong with the arguments is found before anything is sent.

Source: Dataverse Web API, "Retrieve a table row", "Perform conditional
operations", "Query data using OData", "Page results using OData", "Count rows
using OData", "Aggregate data using OData", "RetrieveTotalRecordCount Function".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final
from uuid import UUID

from . import _json
from ._call import EMPTY_LIST, Call, Headers
from ._call import checked_url as checked_length  # a batch has no answer for what is unchanged
from ._checked import checking_input
from ._failures import decoded
from ._outcome import Answer
from ._paging import Listing, read_state
from ._query import encoded, positive, query
from ._reads import checked_url, read_call
from ._seam import RowModel
from ._settings import Settings

Key = UUID | str | int | Mapping[str, Any]
"""A row's key: the id as a `UUID` or its text, or a mapping that names the columns of a key, also an alternate one."""

MAX_PAGE: Final = 5000  # rows: the service's own ceiling
COUNT_TERMS: Final = "Microsoft.Dynamics.CRM.totalrecordcount,Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
_EMPTY_COUNTED: Final = b'{"@odata.count":0,"value":[]}'


class ReadRequests:
    """The calls that read one table."""

    __slots__ = ("_settings", "model")

    listing_kind: ClassVar[type[Listing]] = Listing
    tracks: ClassVar[bool] = False
    """Whether its queries are for changes."""

    def __init__(self, model: RowModel, settings: Settings) -> None:
        self.model = model
        self._settings = settings

    @checking_input
    def read(self, key: Key, select: Any, expand: Any, *, annotations: bool) -> Call:
        """One row by its key."""
        url = self._row(key) + query(self.model, select=select, expand=expand)
        return read_call(self._settings, url, prefer(annotations=annotations))

    @checking_input
    def changed(self, row: Any, select: Any, expand: Any, *, annotations: bool) -> Call:
        """One row, unless it is as it was when it was read."""
        if isinstance(row, Mapping) or not isinstance(etag := getattr(row, "etag", None), str):
            raise ValueError("expected a row that was read, with its etag")
        if (key := self._given_key(row)) is None:
            raise ValueError(f"{self.model.__name__}: the row has no key: read it with {self.model.table().key}")
        url = checked_length(self._row(key) + query(self.model, select=select, expand=expand))
        return read_call(self._settings, url, (("If-None-Match", etag), *prefer(annotations=annotations)))

    def _given_key(self, row: Any) -> Any:
        """The key that a row has: a value, or a mapping of several. `None` where a part is missing."""
        names = self.model.table().key
        columns = self.model.__columns__
        values = {
            name: row.get(name) if isinstance(row, Mapping) else getattr(row, columns[name].attribute)
            for name in names
            if name in columns
        }
        if len(values) < len(names) or not all(value or value == 0 for value in values.values()):
            return None
        return values if len(names) > 1 else values[names[0]]

    @checking_input
    def find(
        self,
        *,
        top: int | None = None,
        page_size: int | None = None,
        count: bool = False,
        annotations: bool = False,
        **options: Any,
    ) -> Listing:
        """Rows by a query. The service ignores `$top` beside a page size and above 5,000: then the client counts."""
        top, page_size = positive("top", top), positive("page_size", page_size)
        counts = top is not None and (page_size is not None or top > MAX_PAGE)
        if counts and top is not None:
            page_size = min(top, page_size or MAX_PAGE)
        text = query(self.model, count=count, top=None if counts else top, **options)
        preferences = prefer(page_size=page_size, annotations=annotations, count=count)
        return self._listing(self._collection() + text, preferences, top, empty=_EMPTY_COUNTED if count else EMPTY_LIST)

    @checking_input
    def resume(self, state: Any) -> Listing:
        """The rest of a query, from where another one of this table had come."""
        found = read_state(state)
        if found.table != self.model.table().entity_set:
            raise ValueError(f"state: it is not of a query on {self.model.table().entity_set}")
        if ("track-changes" in found.prefer) != self.tracks:
            raise ValueError("state: one of changes goes to `changes`, one of rows to `resume`")
        preferences: Headers = (("Prefer", found.prefer),) if found.prefer else ()
        listing = self._listing(self._resumed(found.next), preferences, found.left)
        listing.take_up(found)
        return listing

    def _resumed(self, address: str | None) -> str:
        """The address of a state, where it is one of this table at this service: a state may come from anywhere."""
        collection = self._collection()
        if address is None:
            return collection
        if address != collection and not address.startswith(f"{collection}?"):
            raise ValueError("state: it is of another organisation, or leads elsewhere")
        return address

    @checking_input
    def aggregate(self, apply: str | None, filter: Any, group_by: Any, order_by: Any, aggregates: Any) -> Listing:
        """Rows made of many rows."""
        from ._aggregation import aggregation, decode_row  # what few calls need

        text, outputs = aggregation(self.model, apply, filter, group_by, order_by, aggregates)
        return self._listing(self._collection() + encoded(text), decode=partial(decode_row, outputs))

    @checking_input
    def count(self, filter: Any) -> Call:
        """How many rows a filter finds."""
        return read_call(self._settings, f"{self._collection()}/$count" + query(self.model, filter=filter), empty=b"0")

    @checking_input
    def total(self) -> Call:
        """How many rows the table has, beyond the ceiling of counts."""
        parameters = encoded([("@names", f'["{self.model.table().name}"]')])
        address = f"{self._settings.root.url}RetrieveTotalRecordCount(EntityNames=@names){parameters}"
        nothing = {"EntityRecordCountCollection": {"Keys": [self.model.table().name], "Values": [0]}}
        return read_call(self._settings, address, empty=_json.encode(nothing))

    def total_of(self, answer: Answer, call: Call) -> int:
        """The number of rows that an answer to `total` tells."""

        def read() -> int:
            counts = _json.decode_object(answer.content)["EntityRecordCountCollection"]
            return int(counts["Values"][counts["Keys"].index(self.model.table().name)])

        return decoded(read, answer.status, call.correlation_id)

    @checking_input
    def exists(self, key: Any) -> Call:
        """A read of nothing but the key."""
        return read_call(self._settings, self._row(key) + query(self.model, select=self.model.table().key))

    def row(self, answer: Answer, call: Call) -> Any:
        """The row that an answer holds."""
        row = self.model.from_json(answer.content)
        if row is not None:
            return row
        return decoded(
            lambda: self.model.from_dict(_json.decode_object(answer.content)), answer.status, call.correlation_id
        )

    def number(self, answer: Answer, call: Call) -> int:
        """The number that an answer holds."""
        return decoded(lambda: int(answer.content.decode("utf-8-sig")), answer.status, call.correlation_id)

    def _collection(self) -> str:
        return self._settings.root.url + self.model.table().entity_set

    def _row(self, key: Key) -> str:
        return self._settings.root.url + self.model.path(key)

    def _listing(
        self,
        url: str,
        preferences: Headers = (),
        top: int | None = None,
        *,
        decode: Callable[[Any], Any] | None = None,
        model: RowModel | None = None,
        wrap: Callable[[Any], Any] | None = None,
        empty: bytes = EMPTY_LIST,
    ) -> Listing:
        """A query for rows of this table, unless `decode` makes something else of them."""
        return self.listing_kind(
            checking_input(lambda url: read_call(self._settings, url, preferences, empty=empty)),
            decode or self.model.from_dict,
            self._settings.root,
            checked_url(url),
            top,
            table=self.model.table(),
            prefer=preferences[0][1] if preferences else "",
            model=model or (None if decode else self.model),
            wrap=wrap,
        )


def prefer(*, page_size: int | None = None, annotations: bool = False, count: bool = False) -> Headers:
    """The header that asks for a page size, for annotations of rows, and for what tells of a count that is capped."""
    preferences = [f"odata.maxpagesize={page_size}"] if page_size is not None else []
    if annotations or count:
        preferences.append(f'odata.include-annotations="{"*" if annotations else COUNT_TERMS}"')
    return (("Prefer", ",".join(preferences)),) if preferences else ()
