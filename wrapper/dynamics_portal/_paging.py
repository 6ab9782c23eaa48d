"""Paging: which page is next, and when the rows that were asked for are all there. A state machine without I/O.

The service's link is followed whenever it is there, also after a page that was short or empty, and only to the same
origin. Rows are decoded as they are taken. Where a query has come to can be kept, and taken up again by
another process.

Source: OData Version 4.01 Part 1 (Protocol), "Server-Driven Paging"; Dataverse Web API, "Page results using OData",
"Count rows using OData".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import length_hint
from typing import Any, Final, Generic, NamedTuple, TypeVar, overload

from ._base_url import ServiceRoot
from ._call import Call
from ._failures import decoded, unreadable
from ._outcome import Answer
from ._pages import PageBytes, Rows, read_page, split
from ._seam import RowModel, TableInfo
from .errors import invalid

NEXT_LINK: Final = "@odata.nextLink"
_COUNT: Final = "@odata.count"
_CAPPED: Final = "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
_VERSION: Final = 1
R_co = TypeVar("R_co", covariant=True)


class Page(Sequence[R_co], Generic[R_co]):
    """The rows that came in one answer.

    `total`: how many rows the query finds in all, where it was asked with `count=True`; the service counts no further
    than 5,000, and `total_is_capped` says whether there are more.
    """

    __slots__ = ("_rows", "total", "total_is_capped")

    def __init__(self, rows: Sequence[R_co], total: int | None = None, *, total_is_capped: bool = False) -> None:
        self._rows = rows
        self.total = total
        self.total_is_capped = total_is_capped

    @overload
    def __getitem__(self, index: int) -> R_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[R_co]: ...
    def __getitem__(self, index: int | slice) -> R_co | Sequence[R_co]:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Page: {len(self)} rows>"


class PagingState(str):
    """Where a query has come to, as text to store; `resume` takes it up, also in another process.

    It holds the service's link to what comes next, and so the query's filter and the id of a row: it is personal data
    where these are. Its representation shows neither.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<PagingState>"


class Stored(NamedTuple):
    """What a paging state holds. `next`: the address of the page that comes next, or of the one that is in hand, of
    which `taken` rows are done with, the last one being `after`; `None` at the end."""

    table: str
    next: str | None
    left: int | None
    prefer: str
    taken: int
    after: Mapping[str, Any]

    def write(self) -> PagingState:
        """The state as text."""
        return PagingState(json.dumps({"version": _VERSION, **self._asdict()}, separators=(",", ":"), default=str))


def read_state(state: Any) -> Stored:
    """What a paging state holds. Raises `ValueError` or `TypeError`, without the text, for what is none."""
    if not isinstance(state, str):
        raise TypeError(f"state: expected the text of a paging state, got {type(state).__name__}")
    try:
        fields = json.loads(state)
        found = Stored(**{name: fields[name] for name in Stored._fields})
        usable = fields["version"] == _VERSION and _fits(found)
    except (ValueError, TypeError, KeyError, RecursionError):
        usable = False
    if not usable:
        raise ValueError("state: expected the text of a paging state, as `rows.state` gives it")
    return found


def _fits(found: Stored) -> bool:
    numbers = [found.taken] if found.left is None else [found.taken, found.left]
    texts = [found.table, found.prefer, found.next or ""]
    return (
        all(isinstance(number, int) and number >= 0 for number in numbers)
        and all(isinstance(text, str) and (not text or (text.isascii() and text.isprintable())) for text in texts)
        and isinstance(found.after, dict)
    )


class Listing:
    """The state of a query: the page in hand, and where the next one is.

    `call` makes the call for a URL, `decode` a row of its JSON object; where `model` is given, it is the same as `wrap`
    of an object of that class. `limit`: how many rows are wanted in all; `None` is all of them. `prefer`: the
    preferences that every page is asked with.
    """

    __slots__ = (
        "_are_objects", "_at", "_call", "_correlation_id", "_current", "_decode", "_left", "_model", "_next", "_page",
        "_prefer", "_resumed", "_root", "_rows", "_table", "_taken", "_wrap", "ready", "total", "total_is_capped",
    )  # fmt: skip

    def __init__(
        self,
        call: Callable[[str], Call],
        decode: Callable[[Any], Any],
        root: ServiceRoot,
        url: str,
        limit: int | None,
        *,
        table: TableInfo,
        prefer: str = "",
        model: RowModel | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        self._call = call
        self._decode = decode
        self._model = model
        self._wrap = wrap
        self._root = root
        self._table = table
        self._prefer = prefer
        self._current: str | None = None  # where the page in hand came from
        self._next: str | None = url
        self._left = limit
        self._page: PageBytes | None = None  # the page in hand, where it is read a stretch at a time
        self._rows: Sequence[Any] = ()  # of the page in hand, as far as they are read
        self._are_objects = False
        self._at = 0  # rows in hand that are done with
        self.ready: Iterator[Any] = iter(())
        """The rows in hand, where they are decoded: who needs them quickly takes them from here before `take`."""
        self._taken = 0  # rows of the page that are done with
        self._resumed: Stored | None = None
        self._correlation_id = ""
        self.total: int | None = None
        self.total_is_capped = False

    @property
    def has_page(self) -> bool:
        """Whether a page has come: what is asked first may be something else."""
        return self._current is not None

    def take(self) -> Any | None:
        """The next row of the page in hand; `None` where there is none."""
        for row in self.ready:
            return row
        self._settle()
        while self._left != 0 and self._at == len(self._rows) and self._page is not None and not self._page.at_end:
            self._have(decoded(self._page.read, 200, self._correlation_id))
            for row in self.ready:
                return row
        if self._left == 0 or self._at == len(self._rows):
            return None
        row = self._rows[self._at]
        self._count_taken(1)
        return decoded(partial(self._decode, row), 200, self._correlation_id)

    def take_all(self) -> list[Any]:
        """The rows in hand."""
        rows: list[Any] = []
        while (row := self.take()) is not None:
            rows.append(row)
            rows.extend(self.ready)
        return rows

    def _settle(self) -> None:
        """Count the rows that were taken from those that are ready."""
        if self._are_objects:
            self._count_taken(len(self._rows) - length_hint(self.ready) - self._at)

    def _count_taken(self, count: int) -> None:
        self._at += count
        self._taken += count
        if self._left is not None:
            self._left -= count

    @property
    def _page_is_done(self) -> bool:
        self._settle()
        return self._at == len(self._rows) and (self._page is None or self._page.at_end)

    def have(self, rows: Rows, page: PageBytes | None = None, taken: int = 0) -> None:
        """Have a new page in hand, or its first rows and the page, of which so many rows are done with."""
        self._have(rows)
        self._page = page
        self._at = self._taken = taken

    def _have(self, rows: Rows) -> None:
        self._rows, self._are_objects = rows
        self._at = 0
        if self._are_objects:
            if self._wrap is not None:
                self._rows = [self._wrap(item) for item in self._rows]
            if self._left is not None:
                self._rows = self._rows[: self._left]
        self.ready = iter(self._rows if self._are_objects else ())

    def _have_dictionaries(self) -> None:
        """Have the whole page in hand as it came: an object may have been changed by who took it."""
        self._settle()
        if (page := self._page) is not None:
            _, rows = decoded(lambda: read_page(page.content), 200, self._correlation_id)
            self.have(Rows(rows), taken=self._taken)

    def count(self) -> int:
        """How many rows the page in hand has."""
        self._have_dictionaries()
        return len(self._rows)

    def take_part(self) -> Any:
        """The rows in hand as they came, without those beyond the limit."""
        count = len(self._rows) - self._taken
        if self._left is not None:
            count = min(count, self._left)
            self._left -= count
        rows = self._rows[self._taken : self._taken + count]
        self._at = self._taken = len(self._rows)
        return rows

    def next_call(self) -> Call | None:
        """The call that brings the next page; `None` at the end. A call that failed may be made again."""
        self._settle()
        if self._next is None or self._left == 0:
            return None
        return self._call(self._next)

    def feed(self, answer: Answer, call: Call) -> None:
        """Take the page that a call has brought."""
        document, rows, page = decoded(lambda: self.open(answer), answer.status, call.correlation_id)
        self.turn(document, rows.items, answer.status, call)
        self.have(rows, page, self._taken)

    def open(self, answer: Answer) -> tuple[Mapping[str, Any], Rows, PageBytes | None]:
        """A page: what it says beside its rows, rows to begin with, and, where these are not all, the page itself.

        Raises `ValueError` or `KeyError` for what is no page.
        """
        if self._model is not None and self._resumed is None and (page := split(answer.content, self._model)):
            return page.document, page.read(), page
        document, rows = read_page(answer.content)
        return document, Rows(rows), None

    def turn(self, document: Mapping[str, Any], rows: Sequence[Any], status: int, call: Call) -> None:
        """Take a page that is read: what it says beside its rows, and the rows, in whatever form."""
        link, following, problem = document.get(NEXT_LINK), None, ""
        current = self._next or call.url
        try:
            following = None if link is None else self._follow(link, current)
        except ValueError as error:
            problem = str(error)
        if problem:
            raise unreadable(problem, status, call.correlation_id)
        self._correlation_id = call.correlation_id
        self.take_note(document, is_last=following is None, current=current)
        taken = 0 if self._resumed is None else self._place(rows, self._resumed)
        self.have(Rows(rows), taken=taken)
        self._resumed = None
        self._current, self._next = current, following
        if isinstance(document.get(_COUNT), int):
            self.total, self.total_is_capped = document[_COUNT], document.get(_CAPPED) is True

    def take_note(self, document: Mapping[str, Any], *, is_last: bool, current: str) -> None:
        """What else than rows is kept of a page that came from `current`: of a plain query, nothing."""

    def state(self) -> PagingState:
        """Where the query has come to."""
        self._settle()
        if self._resumed is not None:
            return self._resumed.write()
        table, prefer = self._table.entity_set, self._prefer
        if self._left == 0:
            return Stored(table, None, 0, prefer, 0, {}).write()
        if self._current is None or self._page_is_done:
            return Stored(table, self._next, self._left, prefer, 0, {}).write()
        self._have_dictionaries()
        after = self._key(self._rows[self._taken - 1]) if self._taken else {}
        if self._taken and not after:
            raise invalid("a row without its key cannot be found again: take the state between two pages")
        return Stored(table, self._current, self._left, prefer, self._taken, after).write()

    def take_up(self, stored: Stored) -> None:
        """Go on from where another listing had come."""
        if stored.next is None:
            self._next = None
        elif stored.taken:
            self._resumed = stored

    def _place(self, rows: Sequence[Any], stored: Stored) -> int:
        """How many rows of a page are done with: all to the one that was taken last, wherever it stands now."""
        keys = [json.loads(json.dumps(self._key(row), default=str)) for row in rows]
        if stored.after not in keys:
            raise invalid(
                "state: the row after which it was taken is no longer on its page; list anew, or take states between "
                "two pages"
            )
        return keys.index(stored.after) + 1

    def _key(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a row's key; empty where one is missing."""
        key = self._table.key
        return {name: row[name] for name in key} if all(name in row for name in key) else {}

    def _follow(self, link: Any, current: str) -> str:
        following = self._root.follow(link, current) if isinstance(link, str) else current
        if following == current:
            raise ValueError("the service's link to the next page leads nowhere")
        return following


def page_of(listing: Listing, rows: Sequence[Any]) -> Page[Any]:
    """Rows that were taken of a listing as a page."""
    return Page(rows, listing.total, total_is_capped=listing.total_is_capped)
