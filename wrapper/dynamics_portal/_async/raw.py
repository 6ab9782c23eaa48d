"""Raw responses: the verbs of a client and its tables, with what the wire said beside what it means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

from .._call import Call
from .._deadline import Deadline
from .._frames import empty_frames, reticent_class
from .._noop import RecordedWrite
from .._outcome import Answer
from .._paging import Listing, Page, page_of
from .._raw import RawResponse, raw_response, unparsed
from .._requests import Key, TableRequests
from .._seam import Accepts, Expands, Filters, OperationLike, Orders, Queried, Refers, Selects, Valued, Written
from .._settings import Settings
from .._writes import Upserted
from ..errors import DynamicsPortalClientException
from .caller import AsyncCaller
from .rows import turn_page
from .table import AsyncTable

if TYPE_CHECKING:
    from .._seam import Tables as _Tables
    from .client import AsyncPortalClient
else:

    class _Tables:  # the package's tables are found by name at run time
        pass


C = TypeVar("C")
K = TypeVar("K")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
V = TypeVar("V")
W = TypeVar("W")


class AsyncRecordingCaller(AsyncCaller):
    """Carries calls out, and keeps the last answer with the time that all of them took."""

    __slots__ = ("_caller", "answer", "elapsed")

    def __init__(self, caller: AsyncCaller, settings: Settings) -> None:
        self._caller = caller
        self._settings = settings
        self.answer: Answer | None = None
        """The answer of the last call; `None` where it has failed."""
        self.elapsed = 0.0

    def deadline(self) -> Deadline | None:
        """The end of what begins now."""
        return self._caller.deadline()

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """Writes that were kept instead of sent."""
        return self._caller.recorded

    async def call(self, call: Call, deadline: Deadline | None = None) -> Answer:
        """The answer of a success."""
        self.answer = None
        started = self._settings.clock()
        try:
            self.answer = await self._caller.call(call, deadline)
        finally:
            self.elapsed += self._settings.clock() - started
        return self.answer


async def _raw(caller: AsyncRecordingCaller, action: Callable[[], Awaitable[R]]) -> RawResponse[R]:
    """What the wire said when something was done, also where it cannot be understood."""
    try:
        parsed = await action()
    except DynamicsPortalClientException as error:
        if caller.answer is None:
            raise
        return unparsed(caller.answer, caller.elapsed, error)
    return raw_response(cast("Answer", caller.answer), caller.elapsed, parsed)


@reticent_class
class AsyncRawTable(Generic[R_co]):
    """A table whose verbs give raw responses: `(await portal.with_raw_response.contacts.get(id)).headers`.

    Arguments and errors are those of `AsyncTable`, and so is what `.parse()` gives.
    """

    __slots__ = ("_caller", "_requests", "_settings")

    def __init__(self, requests: TableRequests, caller: AsyncCaller, settings: Settings) -> None:
        self._requests = requests
        self._caller = caller
        self._settings = settings

    async def _do(self, verb: Callable[[AsyncTable[Any]], Awaitable[Any]]) -> Any:
        caller = AsyncRecordingCaller(self._caller, self._settings)
        return await _raw(caller, lambda: verb(AsyncTable(self._requests, caller)))

    async def get(
        self: AsyncRawTable[Queried[C, T]],
        key: Key,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> RawResponse[R_co]:
        """One row."""
        found = await self._do(lambda table: table.get(key, select=select, expand=expand, annotations=annotations))
        return cast("RawResponse[R_co]", found)

    async def get_if_changed(
        self: AsyncRawTable[Queried[C, T]],
        row: T,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> RawResponse[R_co | None]:
        """The row, unless it is as it was when it was read; then the status is 304."""
        options: dict[str, Any] = {"select": select, "expand": expand, "annotations": annotations}
        return cast("RawResponse[R_co | None]", await self._do(lambda table: table.get_if_changed(row, **options)))

    def list(
        self: AsyncRawTable[Queried[C, T]],
        *,
        filter: str | Filters[T] | None = None,
        select: Sequence[C | Selects[T]] | None = None,
        order_by: str | Orders[T] | Sequence[str | Orders[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        top: int | None = None,
        page_size: int | None = None,
        count: bool = False,
        annotations: bool = False,
    ) -> AsyncRawPages[R_co]:
        """The pages of a query, a response for each."""
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
        return AsyncRawPages(listing, self._caller, self._settings)

    async def count(self: AsyncRawTable[Queried[C, T]], *, filter: str | Filters[T] | None = None) -> RawResponse[int]:
        """How many rows there are, or how many a filter finds."""
        return cast("RawResponse[int]", await self._do(lambda table: table.count(filter=filter)))

    @overload
    async def create(
        self: AsyncRawTable[Written[W, C, T, K]],
        row: W | Written[W, C, T, K],
        *,
        return_row: Literal[False] = False,
    ) -> RawResponse[K]: ...
    @overload
    async def create(
        self: AsyncRawTable[Written[W, C, T, K]],
        row: W | Written[W, C, T, K],
        *,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
    ) -> RawResponse[R_co]: ...
    async def create(self, row: Any, **options: Any) -> Any:
        """A new row. Where an attempt before had made it, the response is that of looking."""
        return await self._do(lambda table: table.create(row, **options))

    @overload
    async def update(
        self: AsyncRawTable[Written[W, C, T, K]],
        key: Key,
        changes: W | Written[W, C, T, K],
        *,
        if_match: str | None = None,
        return_row: Literal[False] = False,
    ) -> RawResponse[None]: ...
    @overload
    async def update(
        self: AsyncRawTable[Written[W, C, T, K]],
        key: Key,
        changes: W | Written[W, C, T, K],
        *,
        if_match: str | None = None,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
    ) -> RawResponse[R_co]: ...
    async def update(self, key: Key, changes: Any, **options: Any) -> Any:
        """Change a row that is there."""
        return await self._do(lambda table: table.update(key, changes, **options))

    @overload
    async def upsert(
        self: AsyncRawTable[Written[W, C, T, K]],
        key: Key,
        values: W | Written[W, C, T, K],
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
        return_row: Literal[False] = False,
    ) -> RawResponse[K]: ...
    @overload
    async def upsert(
        self: AsyncRawTable[Written[W, C, T, K]],
        key: Key,
        values: W | Written[W, C, T, K],
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
    ) -> RawResponse[Upserted[R_co]]: ...
    async def upsert(self, key: Key, values: Any, **options: Any) -> Any:
        """Change the row with this key, or create it."""
        return await self._do(lambda table: table.upsert(key, values, **options))

    async def delete(self, key: Key, *, if_match: str | None = None) -> RawResponse[None]:
        """Delete a row."""
        return cast("RawResponse[None]", await self._do(lambda table: table.delete(key, if_match=if_match)))

    @overload
    async def get_value(
        self: AsyncRawTable[Written[W, C, T, K]], key: Key, column: Valued[T, V]
    ) -> RawResponse[V | None]: ...
    @overload
    async def get_value(self: AsyncRawTable[Written[W, C, T, K]], key: Key, column: C) -> RawResponse[Any]: ...
    async def get_value(self, key: Key, column: Any) -> Any:
        """The value of one column of a row."""
        return await self._do(lambda table: table.get_value(key, column))

    @overload
    async def set_value(
        self: AsyncRawTable[Written[W, C, T, K]], key: Key, column: Accepts[T, V], value: V
    ) -> RawResponse[None]: ...
    @overload
    async def set_value(
        self: AsyncRawTable[Written[W, C, T, K]], key: Key, column: C, value: Any
    ) -> RawResponse[None]: ...
    async def set_value(self, key: Key, column: Any, value: Any) -> Any:
        """Give one column of a row another value."""
        return await self._do(lambda table: table.set_value(key, column, value))

    async def clear_value(
        self: AsyncRawTable[Written[W, C, T, K]], key: Key, column: C | Selects[T]
    ) -> RawResponse[None]:
        """Leave one column of a row without a value."""
        return cast("RawResponse[None]", await self._do(lambda table: table.clear_value(key, column)))

    async def associate(self, key: Key, navigation: str, target: Refers[Any] | str) -> RawResponse[None]:
        """Relate a row to another one, by the name of a navigation property."""
        return cast("RawResponse[None]", await self._do(lambda table: table.associate(key, navigation, target)))

    async def disassociate(
        self, key: Key, navigation: str, target: Refers[Any] | str | None = None
    ) -> RawResponse[None]:
        """Part a row from another one, by the name of a navigation property."""
        return cast("RawResponse[None]", await self._do(lambda table: table.disassociate(key, navigation, target)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._requests.model.table().entity_set}>"


@reticent_class
class AsyncRawPages(AsyncIterator[RawResponse[Page[R_co]]], Generic[R_co]):
    """The pages of a query, each fetched when it is taken. Pages without rows are passed over."""

    __slots__ = ("_caller", "_listing")

    def __init__(self, listing: Listing, caller: AsyncCaller, settings: Settings) -> None:
        self._listing = listing
        self._caller = AsyncRecordingCaller(caller, settings)

    def __aiter__(self) -> AsyncRawPages[R_co]:
        return self

    async def __anext__(self) -> RawResponse[Page[R_co]]:
        self._caller.elapsed = 0.0
        try:
            while not (rows := self._listing.take_all()):
                if not await turn_page(self._listing, self._caller):
                    raise StopAsyncIteration
        except BaseException as error:
            empty_frames(error)
            raise
        page: Page[R_co] = page_of(self._listing, rows)
        return raw_response(cast("Answer", self._caller.answer), self._caller.elapsed, page)


@reticent_class
class AsyncRawPortalClient:
    """A client whose verbs give raw responses. Clients make it: `portal.with_raw_response`.

    Tables are attributes of it as of the client; operations are called by `execute`.
    """

    def __init__(self, portal: AsyncPortalClient, caller: AsyncCaller, settings: Settings) -> None:
        self._portal = portal
        self._caller = caller
        self._settings = settings

    @overload
    def table(self, name_or_model: type[R], /) -> AsyncRawTable[R]: ...
    @overload
    def table(self, name_or_model: str, /) -> AsyncRawTable[Any]: ...
    def table(self, name_or_model: Any, /) -> AsyncRawTable[Any]:
        """A table by its entity set name or logical name, or, typed, by its row class."""
        return AsyncRawTable(self._portal.table(name_or_model)._requests, self._caller, self._settings)

    def _bind_table(self, model: type[R], /) -> AsyncRawTable[R]:
        return self.table(model)

    async def execute(self, operation: OperationLike[R], /) -> RawResponse[R]:
        """Call an operation of the package: `(await portal.with_raw_response.execute(WhoAmI())).parse()`."""
        caller = AsyncRecordingCaller(self._caller, self._settings)
        return await _raw(caller, lambda: self._portal._execute(operation, caller))

    if not TYPE_CHECKING:  # the checker takes tables from the package, or has none

        def __getattr__(self, name: str) -> AsyncRawTable[Any]:
            portal = self.__dict__.get("_portal")
            if portal is None or name not in portal._package.attributes:
                raise AttributeError(f"{type(self).__name__!r} has no table {name!r}")
            return self.table(portal._package.attributes[name])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._portal!r}>"


class AsyncRawDynamicsPortalClient(_Tables, AsyncRawPortalClient):
    """The same with HLF's tables, typed."""
