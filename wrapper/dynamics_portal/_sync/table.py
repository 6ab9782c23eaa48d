# Derived from ../_async/table.py by tools/derive_sync.py; change that file, not this one.
"""Tables: the verbs on the rows of one table, and the iterators that page as they go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar, cast
from uuid import UUID

from .._dynamics_codes import DUPLICATE_KEY
from .._paging import Listing, Page
from .._requests import Key, TableRequests
from .._seam import RowLike
from ..errors import ConflictError, DynamicsPortalClientException, NotFoundError
from .caller import Caller
from .files import Files

W = TypeVar("W")
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)


class Table(Generic[R_co]):
    """A table of the service. Clients make it: `portal.contacts`, `portal.table("contacts")`, `portal.table(Contact)`.

    A key is an id as a `UUID` or its text, or a mapping that names the columns of a key, also of an alternate one.
    Rows are given as the generated class or as a mapping with the service's names, and are checked either way.
    Every verb raises `DynamicsPortalClientException`, and what is wrong with its arguments is found before any request
    leaves (`InvalidRequestError`).
    """

    __slots__ = ("_caller", "_requests")

    def __init__(self, requests: TableRequests, caller: Caller) -> None:
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
    def files(self: Table[RowLike[W, C]]) -> Files[C]:
        """What the table's file and image columns hold."""
        return Files(self._requests.files(), self._caller)

    def get(
        self: Table[RowLike[W, C]],
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
        return cast("R_co", self._requests.row(self._caller.call(call), call))

    def list(
        self: Table[RowLike[W, C]],
        *,
        filter: str | None = None,
        select: Sequence[C] | None = None,
        order_by: str | Sequence[str] | None = None,
        expand: Sequence[str] | None = None,
        top: int | None = None,
        page_size: int | None = None,
        annotations: bool = False,
    ) -> Rows[R_co]:
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
        return Rows(listing, self._caller)

    def count(self, *, filter: str | None = None) -> int:
        """How many rows there are, or how many a filter finds. Dataverse counts no further than 5,000."""
        call = self._requests.count(filter)
        return self._requests.number(self._caller.call(call), call)

    def create(self: Table[RowLike[W, C]], row: W | RowLike[W, C]) -> UUID:
        """A new row; its id is returned. Where the row has none, the client chooses it before the first attempt.

        So a repeated attempt makes no second row: where the service says that the key exists already, and a row with
        this id is there, an attempt before has made it. For a table whose key is no id, the result is the key (a
        number, a text, a mapping of several), and the request is repeated only where it provably did not run.
        Raises `ConflictError` where there is such a row already. Source: Dataverse Web API, "Create a table row".
        """
        call, key = self._requests.create(row)
        deadline = self._caller.deadline()
        try:
            answer = self._caller.call(call, deadline)
        except ConflictError as error:
            conflict = error
        else:
            return cast("UUID", self._requests.key(answer) if key is None else key)
        if not call.repeatable or not conflict.may_have_run or conflict.dynamics_code != DUPLICATE_KEY:
            raise conflict
        missing = False
        try:
            self._caller.call(self._requests.exists(key), deadline)
        except NotFoundError:
            missing = True  # the clash is with another row, by another key
        except DynamicsPortalClientException as error:
            error.may_have_run = True  # whatever became of looking: what is asked for may have been done
            raise
        if missing:
            raise conflict
        return cast("UUID", key)

    def update(
        self: Table[RowLike[W, C]], key: Key, changes: W | RowLike[W, C], *, if_match: str | None = None
    ) -> None:
        """Change a row that is there. What `changes` does not name stays as it is.

        `if_match`: the version that the row must have (`row.etag`); by default any, but the row must be there.
        Raises `NotFoundError`, or `ConflictError` where the row has another version.
        Source: Dataverse Web API, "Update and delete table rows", "Perform conditional operations".
        """
        self._caller.call(self._requests.update(key, changes, if_match))

    def upsert(self: Table[RowLike[W, C]], key: Key, values: W | RowLike[W, C]) -> UUID:
        """Change the row with this key, or create it; its id is returned (as for `create`).

        Source: Dataverse Web API, "Upsert a table row", "Use an alternate key to reference a record".
        """
        answer = self._caller.call(self._requests.upsert(key, values))
        named = self._requests.key(answer)
        return cast("UUID", key if named is None else named)

    def delete(self, key: Key, *, if_match: str | None = None) -> None:
        """Delete a row. `if_match`: the version that it must have.

        Where an attempt before may have run, a row that is no longer there counts as deleted.
        Raises `NotFoundError`, or `ConflictError` where the row has another version.
        Source: Dataverse Web API, "Update and delete table rows".
        """
        try:
            self._caller.call(self._requests.delete(key, if_match))
        except NotFoundError as error:
            if not error.may_have_run:
                raise

    def reference(self, key: Key) -> str:
        """How another row refers to a row of this table: `{"parent@odata.bind": portal.contacts.reference(id)}`."""
        return self._requests.reference(key)


class Rows(Iterator[R_co], Generic[R_co]):
    """The rows of a query. A page is fetched when its first row is taken.

    Where a page cannot be had, the exception is raised at that point; taking the next row tries that page again.
    """

    __slots__ = ("_caller", "_listing")

    def __init__(self, listing: Listing, caller: Caller) -> None:
        self._listing = listing
        self._caller = caller

    def __iter__(self) -> Rows[R_co]:
        return self

    def __next__(self) -> R_co:
        while (row := self._listing.take()) is None:
            if not turn_page(self._listing, self._caller):
                raise StopIteration
        return cast("R_co", row)

    def pages(self) -> Pages[R_co]:
        """The same query page by page, from where it is."""
        return Pages(self._listing, self._caller)


class Pages(Iterator[Page[R_co]], Generic[R_co]):
    """The pages of a query, each fetched when it is taken. Pages without rows are passed over."""

    __slots__ = ("_caller", "_listing")

    def __init__(self, listing: Listing, caller: Caller) -> None:
        self._listing = listing
        self._caller = caller

    def __iter__(self) -> Pages[R_co]:
        return self

    def __next__(self) -> Page[R_co]:
        while not (rows := self._listing.take_all()):
            if not turn_page(self._listing, self._caller):
                raise StopIteration
        return Page(rows)


def turn_page(listing: Listing, caller: Caller) -> bool:
    """Fetch the next page of a query. False where there is none."""
    call = listing.next_call()
    if call is None:
        return False
    listing.feed(caller.call(call), call)
    return True
