"""Paging: which page is next, and when the rows that were asked for are all there. A state machine without I/O.

The service's link is followed whenever it is there, also after a page that was short or empty, and only to the same
origin. Rows are decoded one at a time, as they are taken.

Source: OData Version 4.01 Part 1 (Protocol), "Server-Driven Paging"; Dataverse Web API, "Page results".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar, overload

from . import _json
from ._base_url import ServiceRoot
from ._call import Call
from ._failures import decoded, unreadable
from ._outcome import Answer

NEXT_LINK: Final = "@odata.nextLink"
R_co = TypeVar("R_co", covariant=True)


class Page(Sequence[R_co], Generic[R_co]):
    """The rows that came in one answer."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[R_co]) -> None:
        self._rows = rows

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


class Listing:
    """The state of a query: the page in hand, and where the next one is.

    `call` makes the call for a URL, `decode` a row of its JSON object. `limit`: how many rows are wanted in all;
    `None` is all of them.
    """

    __slots__ = ("_call", "_correlation_id", "_decode", "_left", "_next", "_root", "_rows")

    def __init__(
        self,
        call: Callable[[str], Call],
        decode: Callable[[Any], Any],
        root: ServiceRoot,
        url: str,
        limit: int | None,
    ) -> None:
        self._call = call
        self._decode = decode
        self._root = root
        self._next: str | None = url
        self._left = limit
        self._rows: Iterator[Any] = iter(())
        self._correlation_id = ""

    def take(self) -> Any | None:
        """The next row in hand; `None` where there is none."""
        if self._left == 0:
            return None
        for row in self._rows:
            if self._left is not None:
                self._left -= 1
            return decoded(partial(self._decode, row), 200, self._correlation_id)
        return None

    def take_all(self) -> list[Any]:
        """The rows in hand."""
        return list(iter(self.take, None))

    def next_call(self) -> Call | None:
        """The call that brings the next page; `None` at the end. A call that failed may be made again."""
        if self._next is None or self._left == 0:
            return None
        return self._call(self._next)

    def feed(self, answer: Answer, call: Call) -> None:
        """Take the page that a call has brought."""
        rows, link = decoded(lambda: _read(answer), answer.status, call.correlation_id)
        following, problem = None, ""
        try:
            following = None if link is None else self._follow(link, call.url)
        except ValueError as error:
            problem = str(error)
        if problem:
            raise unreadable(problem, answer.status, call.correlation_id)
        self._rows, self._next, self._correlation_id = iter(rows), following, call.correlation_id

    def _follow(self, link: Any, current: str) -> str:
        following = self._root.follow(link, current) if isinstance(link, str) else current
        if following == current:
            raise ValueError("the service's link to the next page leads nowhere")
        return following


def _read(answer: Answer) -> tuple[list[Any], Any]:
    """The rows of a page, and its link to the next one."""
    document = _json.decode_object(answer.content)
    rows = document["value"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("no list of rows")
    return rows, document.get(NEXT_LINK)
