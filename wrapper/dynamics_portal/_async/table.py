"""Tables: the verbs on the rows of one table, and the iterators that page as they go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Generic, TypeVar, cast
from uuid import UUID

from .._paging import Listing, Page
from .._requests import Key, TableRequests
from .._seam import RowLike
from ..errors import ConflictError, DynamicsPortalClientException, NotFoundError
from .caller import AsyncCaller
from .files import AsyncFiles

W = TypeVar("W")
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)


class AsyncTable(Generic[R_co]):
    """A table of the service. Clients make it: `portal.contacts`, `portal.table("contacts")`, `portal.table(Contact)`.

    A key is an id as a `UUID` or its text, or a mapping that names the columns of a key, also of an alternate one.
    Rows are given as the generated class or as a mapping with the service's names, and are checked either way.
    Every verb raises `DynamicsPortalClientException`, and what is wrong with its arguments is found before any request
    leaves (`InvalidRequestError`).
    """

    __slots__ = ("_caller", "_requests")

    def __init__(self, requests: TableRequests, caller: AsyncCaller) -> None:
        self._requests = requests
        self._caller = caller

    @property
    def entity_set(self) -> str:
        """The table's name in addresses: `contacts`."""
        return self._requests.model.table().entity_set

    @property
    def name(self) -> str:
        """The table's logical name: `contact`."""
        return self._requests.model.table().name

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.entity_set}>"

    @property
    def files(self: AsyncTable[RowLike[W, C]]) -> AsyncFiles[C]:
        """What the table's file and image columns hold."""
        return AsyncFiles(self._requests.files(), self._caller)

    async def get(
        self: AsyncTable[RowLike[W, C]],
        key: Key,
        *,
        select: Sequence[C] | None = None,
        expand: Sequence[str] | None = None,
        annotations: bool = False,
    ) -> R_co:
        """One row.

        `select`: the columns to read; all of them by default, which Dataverse advises against.
        `expand`: navigation properties to read along, each by name or with options: `"parent($select=name)"`.
        `annotations`: ask for formatted values and lookups' names, too.
        Raises `NotFoundError` where there is no such row. Source: Dataverse Web API, "Retrieve a table row".
        """
        call = self._requests.read(key, select, expand, annotations=annotations)
        return cast("R_co", self._requests.row(await self._caller.call(call), call))

    def list(
        self: AsyncTable[RowLike[W, C]],
        *,
        filter: str | None = None,
        select: Sequence[C] | None = None,
        order_by: str | Sequence[str] | None = None,
        expand: Sequence[str] | None = None,
        top: int | None = None,
        page_size: int | None = None,
        annotations: bool = False,
    ) -> AsyncRows[R_co]:
        """Rows, read page by page as they are taken; `.pages()` gives the pages.

        `filter`: an OData filter, as text. `order_by`: names, each alone or with `asc` or `desc` after it.
        `top`: how many rows at the most, in all. `page_size`: how many a page, at most 5,000, which is the default.
        The rest is as for `get`. Arguments are checked now; requests are made when rows are taken.
        Source: Dataverse Web API, "Query data", "Page results".
        """
        listing = self._requests.find(
            filter=filter,
            select=select,
            order_by=order_by,
            expand=expand,
            top=top,
            page_size=page_size,
            annotations=annotations,
        )
        return AsyncRows(listing, self._caller)

    async def count(self, *, filter: str | None = None) -> int:
        """How many rows there are, or how many a filter finds. Dataverse counts no further than 5,000."""
        call = self._requests.count(filter)
        return self._requests.number(await self._caller.call(call), call)

    async def create(self: AsyncTable[RowLike[W, C]], row: W | RowLike[W, C]) -> UUID:
        """A new row; its id is returned. Where the row has none, the client chooses it before the first attempt.

        So a repeated attempt makes no second row: where the service says that the key exists already, and a row with
        this id is there, an attempt before has made it. For a table whose key is no id, the result is the key (a
        number, a text, a mapping of several), and the request is repeated only where it provably did not run.
        Raises `ConflictError` where there is such a row already. Source: Dataverse Web API, "Create a table row".
        """
        call, key = self._requests.create(row)
        deadline = self._caller.deadline()
        try:
            answer = await self._caller.call(call, deadline)
        except ConflictError as error:
            conflict = error
        else:
            return cast("UUID", self._requests.key(answer) if key is None else key)
        from .._dynamics_codes import DUPLICATE_KEY  # loaded with the first error

        if not call.repeatable or not conflict.may_have_run or conflict.dynamics_code != DUPLICATE_KEY:
            raise conflict
        missing = False
        try:
            await self._caller.call(self._requests.exists(key), deadline)
        except NotFoundError:
            missing = True  # the clash is with another row, by another key
        except DynamicsPortalClientException as error:
            error.may_have_run = True  # whatever became of looking: what is asked for may have been done
            raise
        if missing:
            raise conflict
        return cast("UUID", key)

    async def update(
        self: AsyncTable[RowLike[W, C]], key: Key, changes: W | RowLike[W, C], *, if_match: str | None = None
    ) -> None:
        """Change a row that is there. What `changes` does not name stays as it is.

        `if_match`: the version that the row must have (`row.etag`); by default any, but the row must be there.
        Raises `NotFoundError`, or `ConflictError` where the row has another version.
        Source: Dataverse Web API, "Update and delete table rows", "Perform conditional operations".
        """
        await self._caller.call(self._requests.update(key, changes, if_match))

    async def upsert(self: AsyncTable[RowLike[W, C]], key: Key, values: W | RowLike[W, C]) -> UUID:
        """Change the row with this key, or create it; its id is returned (as for `create`).

        Source: Dataverse Web API, "Upsert a table row", "Use an alternate key to reference a record".
        """
        answer = await self._caller.call(self._requests.upsert(key, values))
        named = self._requests.key(answer)
        return cast("UUID", key if named is None else named)

    async def delete(self, key: Key, *, if_match: str | None = None) -> None:
        """Delete a row. `if_match`: the version that it must have.

        Where an attempt before may have run, a row that is no longer there counts as deleted.
        Raises `NotFoundError`, or `ConflictError` where the row has another version.
        Source: Dataverse Web API, "Update and delete table rows".
        """
        try:
            await self._caller.call(self._requests.delete(key, if_match))
        except NotFoundError as error:
            if not error.may_have_run:
                raise

    def reference(self, key: Key) -> str:
        """How another row refers to a row of this table: `{"parent@odata.bind": portal.contacts.reference(id)}`."""
        return self._requests.reference(key)


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
        while (row := self._listing.take()) is None:
            if not await turn_page(self._listing, self._caller):
                raise StopAsyncIteration
        return cast("R_co", row)

    def pages(self) -> AsyncPages[R_co]:
        """The same query page by page, from where it is."""
        return AsyncPages(self._listing, self._caller)


class AsyncPages(AsyncIterator[Page[R_co]], Generic[R_co]):
    """The pages of a query, each fetched when it is taken. Pages without rows are passed over."""

    __slots__ = ("_caller", "_listing")

    def __init__(self, listing: Listing, caller: AsyncCaller) -> None:
        self._listing = listing
        self._caller = caller

    def __aiter__(self) -> AsyncPages[R_co]:
        return self

    async def __anext__(self) -> Page[R_co]:
        while not (rows := self._listing.take_all()):
            if not await turn_page(self._listing, self._caller):
                raise StopAsyncIteration
        return Page(rows)


async def turn_page(listing: Listing, caller: AsyncCaller) -> bool:
    """Fetch the next page of a query. False where there is none."""
    call = listing.next_call()
    if call is None:
        return False
    listing.feed(await caller.call(call), call)
    return True
