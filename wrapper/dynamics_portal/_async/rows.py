"""Rows and pages of a query: the iterators that read as they go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from .._frames import empty_frames, reticent_class
from .._paging import Listing, Page, PagingState, page_of
from .caller import AsyncCaller

R_co = TypeVar("R_co", covariant=True)


@reticent_class
class AsyncRows(AsyncIterator[R_co], Generic[R_co]):
    """The rows of a query. A page is fetched when its first row is taken.

    Where a page cannot be had, the exception is raised at that point; taking the next row tries that page again.
    """

    __slots__ = ("_caller", "_listing")

    def __init__(self, listing: Listing, caller: AsyncCaller) -> None:
        self._listing = listing
        self._caller = caller

    def __aiter__(self) -> AsyncRows[R_co]:
        return self

    async def __anext__(self) -> R_co:
        row: Any
        for row in self._listing.ready:  # the quickest way to take the next one, where there is one
            return row  # type: ignore[no-any-return]
        try:
            while (row := self._listing.take()) is None:
                if not await turn_page(self._listing, self._caller):
                    raise StopAsyncIteration
        except BaseException as error:
            empty_frames(error)
            raise
        return row  # type: ignore[no-any-return]

    def pages(self) -> AsyncPages[R_co]:
        """The same query page by page, from where it is."""
        return AsyncPages(self._listing, self._caller)

    async def page(self) -> Page[R_co]:
        """The next page, or what is left of the one in hand; empty at the end."""
        if not (rows := self._listing.take_all()):
            await turn_page(self._listing, self._caller)
            rows = self._listing.take_all()
        return page_of(self._listing, rows)

    @property
    def total(self) -> int | None:
        """How many rows the query finds in all, once a page has come; `None` unless `list` was asked to count."""
        return self._listing.total

    @property
    def total_is_capped(self) -> bool:
        """Whether there are more rows than `total` says, for the service counts no further than 5,000."""
        return self._listing.total_is_capped

    @property
    def state(self) -> PagingState:
        """Where the query has come to, as text to store, for `resume`. It may hold personal data."""
        return self._listing.state()


@reticent_class
class AsyncPages(AsyncIterator[Page[R_co]], Generic[R_co]):
    """The pages of a query, each fetched when it is taken. Pages without rows are passed over."""

    __slots__ = ("_caller", "_listing")

    def __init__(self, listing: Listing, caller: AsyncCaller) -> None:
        self._listing = listing
        self._caller = caller

    def __aiter__(self) -> AsyncPages[R_co]:
        return self

    async def __anext__(self) -> Page[R_co]:
        try:
            while not (rows := self._listing.take_all()):
                if not await turn_page(self._listing, self._caller):
                    raise StopAsyncIteration
        except BaseException as error:
            empty_frames(error)
            raise
        return page_of(self._listing, rows)

    @property
    def state(self) -> PagingState:
        """Where the query has come to, as text to store, for `resume`. It may hold personal data."""
        return self._listing.state()


async def turn_page(listing: Listing, caller: AsyncCaller) -> bool:
    """Fetch the next page of a query. False where there is none."""
    while (call := listing.next_call()) is not None:
        listing.feed(await caller.call(call), call)
        if listing.has_page:
            return True
    return False
