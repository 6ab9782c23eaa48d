"""Tables: the verbs on the rows of one table."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from .._frames import reticent_class
from .._paging import PagingState
from .._requests import Key
from .._seam import Aggregates, Expands, Filters, HasColumns, Orders, Queried, Selects
from .arrow import AsyncArrow
from .rows import AsyncRows, turn_page

if TYPE_CHECKING:
    from .._aggregation import RowCount
    from .._partition import PartitionRequests
    from .changes import AsyncChanges
    from .files import AsyncFiles
    from .partition import AsyncPartition

N = TypeVar("N")
T = TypeVar("T")
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)


@reticent_class
class AsyncTable(AsyncArrow[R_co]):
    """A table of the service. Clients make it: `portal.contacts`, `portal.table("contacts")`, `portal.table(Contact)`.

    A key is an id as a `UUID` or its text, or a mapping that names the columns of a key, also of an alternate one.
    Rows are given as the generated class or as a mapping with the service's names, and are checked either way.
    Every verb raises `DynamicsPortalClientException`, and what is wrong with its arguments is found before any request
    leaves (`InvalidRequestError`).
    """

    __slots__ = ()

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
    def files(self) -> AsyncFiles[R_co]:
        """What the table's file and image columns hold."""
        from .files import AsyncFiles  # what few services need

        return AsyncFiles(self._requests.files(), self._caller)

    @property
    def c(self: AsyncTable[HasColumns[N]]) -> N:
        """The table's columns and navigation properties, of which conditions, orders and expansions are made.

        `c.new_mentor_status == ContactMentorStatus.PAUSED`, `c.createdon.desc()`, `c.ownerid.expand(select=…)`.
        """
        return cast("N", self._requests.model._columns_())

    async def get(
        self: AsyncTable[Queried[C, T]],
        key: Key,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> R_co:
        """One row.

        `select`: the columns to read, from `c` or by name; all of them by default, which Dataverse advises against.
        `expand`: navigation properties to read along: `c.parent`, `c.parent.expand(select=["name"])`, or OData as text.
        `annotations`: ask for formatted values and lookups' names, too.
        Raises `NotFoundError` where there is no such row. Source: Dataverse Web API, "Retrieve a table row".
        """
        call = self._requests.read(key, select, expand, annotations=annotations)
        return cast("R_co", self._requests.row(await self._caller.call(call), call))

    async def get_if_changed(
        self: AsyncTable[Queried[C, T]],
        row: T,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> R_co | None:
        """The row as it is now, or `None` where it is still as it was when it was read.

        The row must have its key and its `etag`. What is read of it is said anew, as for `get`. Rows of expanded
        collections do not count: a change there alone is no change of the row.
        Raises `NotFoundError` where it is gone. Source: Dataverse Web API, "Perform conditional operations"
        (Conditional retrievals).
        """
        call = self._requests.changed(row, select, expand, annotations=annotations)
        answer = await self._caller.call(call)
        return None if answer.status == 304 else cast("R_co", self._requests.row(answer, call))

    def list(
        self: AsyncTable[Queried[C, T]],
        *,
        filter: str | Filters[T] | None = None,
        select: Sequence[C | Selects[T]] | None = None,
        order_by: str | Orders[T] | Sequence[str | Orders[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        top: int | None = None,
        page_size: int | None = None,
        count: bool = False,
        annotations: bool = False,
    ) -> AsyncRows[R_co]:
        """Rows, read page by page as they are taken; `.pages()` gives the pages, `.page()` the next one.

        `filter`: a condition made of `c`, or an OData filter as text. `order_by`: columns of `c`, alone or with `asc()`
        or `desc()`, or names, alone or with `asc` or `desc` after them.
        `top`: how many rows at the most, in all. `page_size`: how many a page, at most 5,000, which is the default.
        `count`: ask how many rows the filter finds, for `.total`; the service counts no further than 5,000.
        The rest is as for `get`. Arguments are checked now; requests are made when rows are taken.
        Source: Dataverse Web API, "Query data using OData", "Page results using OData", "Count rows using OData".
        """
        listing = self._requests.find(
            filter=filter,
            select=select,
            order_by=order_by,
            expand=expand,
            top=top,
            page_size=page_size,
            count=count,
            annotations=annotations,
        )
        return AsyncRows(listing, self._caller)

    def resume(self, state: PagingState | str) -> AsyncRows[R_co]:
        """The rest of a query from a stored `.state`, also of another process: no row is lost, none comes twice.

        Where the state was taken within a page, that page is read again up to the row after which it was taken; where
        that row is gone, `InvalidRequestError` is raised when a row is taken. It is raised at once for a state of
        another table or another organisation.
        """
        return AsyncRows(self._requests.resume(state), self._caller)

    async def count(self: AsyncTable[Queried[C, T]], *, filter: str | Filters[T] | None = None) -> int:
        """How many rows there are, or how many a filter finds. Dataverse counts no further than 5,000.

        Source: Dataverse Web API, "Count rows using OData".
        """
        call = self._requests.count(filter)
        return self._requests.number(await self._caller.call(call), call)

    async def total(self) -> int:
        """How many rows the table has, however many, as of some time in the last 24 hours.

        Source: Dataverse Web API, "RetrieveTotalRecordCount Function".
        """
        call = self._requests.total()
        return self._requests.total_of(await self._caller.call(call), call)

    async def aggregate(
        self: AsyncTable[Queried[C, T]],
        apply: str | None = None,
        *,
        filter: str | Filters[T] | None = None,
        group_by: Sequence[C | Selects[T]] = (),
        order_by: str | Orders[T] | Sequence[str | Orders[T]] | None = None,
        **values: Aggregates[T] | RowCount,
    ) -> builtins.list[dict[str, Any]]:
        """Values made of many rows: `await portal.contacts.aggregate(group_by=[c.new_mentor_status], n=count())`.

        One dictionary for each group: its columns by name (of another row's column, its path), typed as on a row, then
        the values under their keywords. Without `group_by` there is one, with it alone the groups there are.
        `filter`: which rows count. `order_by`: columns of `group_by`. `apply`: OData for `$apply` as text, instead of
        the keywords; the rows are then what the service answers.
        The service refuses more than 50,000 rows, and groups by no dates.
        Source: Dataverse Web API, "Aggregate data using OData".
        """
        listing = self._requests.aggregate(apply, filter, group_by, order_by, values)
        rows: builtins.list[dict[str, Any]] = []
        while await turn_page(listing, self._caller):
            rows += listing.take_all()
        return rows

    def fetch_xml(
        self,
        query: str,
        *,
        values: Mapping[str, Any] | None = None,
        page_size: int | None = None,
        annotations: bool = False,
    ) -> AsyncRows[R_co]:
        """Rows by a FetchXML query, read page by page as they are taken; its entity is this table.

        `values`: what stands for `{name}` in conditions, `<condition … value="{name}"/>`; it is put in as a value, so
        nothing needs escaping. A list stands for all of the `<value>` elements of an `in`.
        `page_size`: rows a page, where the query has no `count`. Columns of linked tables and aliases are in the row's
        `additional_properties`; a column without a value is left out by the service, and reads `UNSET`.
        Where the service gives no paging cookie (rows that are ordered by a linked table's columns), it goes no further
        than 50,000 rows; there the iteration ends with `InvalidRequestError`.
        Source: Dataverse, "Query data using FetchXml", "Page results using FetchXml".
        """
        listing = self._requests.fetch(query, values, page_size, annotations=annotations, aggregates=False)
        return AsyncRows(listing, self._caller)

    async def fetch_xml_aggregate(
        self, query: str, *, values: Mapping[str, Any] | None = None, annotations: bool = False
    ) -> builtins.list[dict[str, Any]]:
        """What a FetchXML query with `aggregate="true"` finds: one dictionary for each group, by the query's aliases.

        Source: Dataverse, "Aggregate data using FetchXml".
        """
        listing = self._requests.fetch(query, values, None, annotations=annotations, aggregates=True)
        rows: builtins.list[dict[str, Any]] = []
        while await turn_page(listing, self._caller):
            rows += listing.take_all()
        return rows

    def saved_query(
        self, view_id: UUID | str, *, page_size: int | None = None, annotations: bool = False
    ) -> AsyncRows[R_co]:
        """Rows of a view that the organisation has defined for this table, by the view's id.

        The view's FetchXML is read first, so that its rows can be had beyond the first page. Source: Dataverse Web API,
        "Retrieve and execute predefined queries".
        """
        listing = self._requests.view("savedqueries", view_id, page_size, annotations=annotations)
        return AsyncRows(listing, self._caller)

    def user_query(
        self, view_id: UUID | str, *, page_size: int | None = None, annotations: bool = False
    ) -> AsyncRows[R_co]:
        """Rows of a view that a user has saved, as for `saved_query`."""
        listing = self._requests.view("userqueries", view_id, page_size, annotations=annotations)
        return AsyncRows(listing, self._caller)

    def changes(
        self: AsyncTable[Queried[C, T]],
        since: str | None = None,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        page_size: int | None = None,
    ) -> AsyncChanges[R_co]:
        """What is new, changed or gone: `Changed` with the row as it is now, and `Removed` with the id.

        `since`: the `token` of the last time; by default all rows come, as changed ones. Or the `state` of an iteration
        that was not finished. `select`, `page_size`: as for `list`. A row that changes while changes are read comes
        again with the next token; so what is done with a change must be the same the second time.
        Raises `ChangeTokenExpiredError` where the service no longer knows what has changed since (after seven days by
        default): then all rows are to be read anew. Raises `InvalidRequestError` where changes of the table are not
        tracked. Source: Dataverse, "Use change tracking to synchronize data with external systems".
        """
        from .changes import AsyncChanges  # what few services need

        return AsyncChanges(self._requests.changes().changes(since, select, page_size), self._caller)

    async def count_changes(self, since: str) -> int:
        """How many rows are new, changed or gone since a token. Source: as for `changes`."""
        requests = self._requests.changes()
        call = requests.count_changes(since)
        return requests.number(await self._caller.call(call), call)

    def partition(self, partition_id: str, *, session_token: str | None = None) -> AsyncPartition[R_co]:
        """One partition of an elastic table: the same verbs, on the rows whose `partitionid` is this.

        `session_token`: of another process's writes, so that they are seen here (`session_token` of its partition).
        Source: Dataverse, "Use elastic tables using code".
        """
        from .partition import AsyncPartition  # what few tables have

        requests, session = self._requests.partition(partition_id, session_token)
        return AsyncPartition(cast("PartitionRequests", requests), self._caller, session)
