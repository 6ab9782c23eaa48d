# Derived from ../_async/raw.py by tools/derive_sync.py; change that file, not this one.
"""Raw responses: the verbs of a client and its tables, with what the wire said beside what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from .caller import Caller
from .rows import turn_page
from .table import Table

if TYPE_CHECKING:
    from .._seam import Tables as _Tables
    from .client import PortalClient
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


class RecordingCaller(Caller):
    """Carries calls out, and keeps the last answer with the time that all of them took."""

    __slots__ = ("_caller", "answer", "elapsed")

    def __init__(self, caller: Caller, settings: Settings) -> None:
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

    def call(self, call: Call, deadline: Deadline | None = None) -> Answer:
        """The answer of a success."""
        self.answer = None
        started = self._settings.clock()
        try:
            self.answer = self._caller.call(call, deadline)
        finally:
            self.elapsed += self._settings.clock() - started
        return self.answer


def _raw(caller: RecordingCaller, action: Callable[[], R]) -> RawResponse[R]:
    """What the wire said when something was done, also where it cannot be understood."""
    try:
        parsed = action()
    except DynamicsPortalClientException as error:
        if caller.answer is None:
            raise
        return unparsed(caller.answer, caller.elapsed, error)
    return raw_response(cast("Answer", caller.answer), caller.elapsed, parsed)


@reticent_class
class RawTable(Generic[R_co]):
    """A table whose verbs give raw responses: `(portal.with_raw_response.contacts.get(id)).headers`.

    Arguments and errors are those of `Table`, and so is what `.parse()` gives.
    """

    __slots__ = ("_caller", "_requests", "_settings")

    def __init__(self, requests: TableRequests, caller: Caller, settings: Settings) -> None:
        self._requests = requests
        self._caller = caller
        self._settings = settings

    def _do(self, verb: Callable[[Table[Any]], Any]) -> Any:
        caller = RecordingCaller(self._caller, self._settings)
        return _raw(caller, lambda: verb(Table(self._requests, caller)))

    def get(
        self: RawTable[Queried[C, T]],
        key: Key,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> RawResponse[R_co]:
        """One row."""
        found = self._do(lambda table: table.get(key, select=select, expand=expand, annotations=annotations))
        return cast("RawResponse[R_co]", found)

    def get_if_changed(
        self: RawTable[Queried[C, T]],
        row: T,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> RawResponse[R_co | None]:
        """The row, unless it is as it was when it was read; then the status is 304."""
        options: dict[str, Any] = {"select": select, "expand": expand, "annotations": annotations}
        return cast("RawResponse[R_co | None]", self._do(lambda table: table.get_if_changed(row, **options)))

    def list(
        self: RawTable[Queried[C, T]],
        *,
        filter: str | Filters[T] | None = None,
        select: Sequence[C | Selects[T]] | None = None,
        order_by: str | Orders[T] | Sequence[str | Orders[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        top: int | None = None,
        page_size: int | None = None,
        count: bool = False,
        annotations: bool = False,
    ) -> RawPages[R_co]:
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
        return RawPages(listing, self._caller, self._settings)

    def count(self: RawTable[Queried[C, T]], *, filter: str | Filters[T] | None = None) -> RawResponse[int]:
        """How many rows there are, or how many a filter finds."""
        return cast("RawResponse[int]", self._do(lambda table: table.count(filter=filter)))

    @overload
    def create(
        self: RawTable[Written[W, C, T, K]],
        row: W | Written[W, C, T, K],
        *,
        return_row: Literal[False] = False,
    ) -> RawResponse[K]: ...
    @overload
    def create(
        self: RawTable[Written[W, C, T, K]],
        row: W | Written[W, C, T, K],
        *,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
    ) -> RawResponse[R_co]: ...
    def create(self, row: Any, **options: Any) -> Any:
        """A new row. Where an attempt before had made it, the response is that of looking."""
        return self._do(lambda table: table.create(row, **options))

    @overload
    def update(
        self: RawTable[Written[W, C, T, K]],
        key: Key,
        changes: W | Written[W, C, T, K],
        *,
        if_match: str | None = None,
        return_row: Literal[False] = False,
    ) -> RawResponse[None]: ...
    @overload
    def update(
        self: RawTable[Written[W, C, T, K]],
        key: Key,
        changes: W | Written[W, C, T, K],
        *,
        if_match: str | None = None,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
    ) -> RawResponse[R_co]: ...
    def update(self, key: Key, changes: Any, **options: Any) -> Any:
        """Change a row that is there."""
        return self._do(lambda table: table.update(key, changes, **options))

    @overload
    def upsert(
        self: RawTable[Written[W, C, T, K]],
        key: Key,
        values: W | Written[W, C, T, K],
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
        return_row: Literal[False] = False,
    ) -> RawResponse[K]: ...
    @overload
    def upsert(
        self: RawTable[Written[W, C, T, K]],
        key: Key,
        values: W | Written[W, C, T, K],
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
    ) -> RawResponse[Upserted[R_co]]: ...
    def upsert(self, key: Key, values: Any, **options: Any) -> Any:
        """Change the row with this key, or create it."""
        return self._do(lambda table: table.upsert(key, values, **options))

    def delete(self, key: Key, *, if_match: str | None = None) -> RawResponse[None]:
        """Delete a row."""
        return cast("RawResponse[None]", self._do(lambda table: table.delete(key, if_match=if_match)))

    @overload
    def get_value(self: RawTable[Written[W, C, T, K]], key: Key, column: Valued[T, V]) -> RawResponse[V | None]: ...
    @overload
    def get_value(self: RawTable[Written[W, C, T, K]], key: Key, column: C) -> RawResponse[Any]: ...
    def get_value(self, key: Key, column: Any) -> Any:
        """The value of one column of a row."""
        return self._do(lambda table: table.get_value(key, column))

    @overload
    def set_value(
        self: RawTable[Written[W, C, T, K]], key: Key, column: Accepts[T, V], value: V
    ) -> RawResponse[None]: ...
    @overload
    def set_value(self: RawTable[Written[W, C, T, K]], key: Key, column: C, value: Any) -> RawResponse[None]: ...
    def set_value(self, key: Key, column: Any, value: Any) -> Any:
        """Give one column of a row another value."""
        return self._do(lambda table: table.set_value(key, column, value))

    def clear_value(self: RawTable[Written[W, C, T, K]], key: Key, column: C | Selects[T]) -> RawResponse[None]:
        """Leave one column of a row without a value."""
        return cast("RawResponse[None]", self._do(lambda table: table.clear_value(key, column)))

    def associate(self, key: Key, navigation: str, target: Refers[Any] | str) -> RawResponse[None]:
        """Relate a row to another one, by the name of a navigation property."""
        return cast("RawResponse[None]", self._do(lambda table: table.associate(key, navigation, target)))

    def disassociate(self, key: Key, navigation: str, target: Refers[Any] | str | None = None) -> RawResponse[None]:
        """Part a row from another one, by the name of a navigation property."""
        return cast("RawResponse[None]", self._do(lambda table: table.disassociate(key, navigation, target)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._requests.model.table().entity_set}>"


@reticent_class
class RawPages(Iterator[RawResponse[Page[R_co]]], Generic[R_co]):
    """The pages of a query, each fetched when it is taken. Pages without rows are passed over."""

    __slots__ = ("_caller", "_listing")

    def __init__(self, listing: Listing, caller: Caller, settings: Settings) -> None:
        self._listing = listing
        self._caller = RecordingCaller(caller, settings)

    def __iter__(self) -> RawPages[R_co]:
        return self

    def __next__(self) -> RawResponse[Page[R_co]]:
        self._caller.elapsed = 0.0
        try:
            while not (rows := self._listing.take_all()):
                if not turn_page(self._listing, self._caller):
                    raise StopIteration
        except BaseException as error:
            empty_frames(error)
            raise
        page: Page[R_co] = page_of(self._listing, rows)
        return raw_response(cast("Answer", self._caller.answer), self._caller.elapsed, page)


@reticent_class
class RawPortalClient:
    """A client whose verbs give raw responses. Clients make it: `portal.with_raw_response`.

    Tables are attributes of it as of the client; operations are called by `execute`.
    """

    def __init__(self, portal: PortalClient, caller: Caller, settings: Settings) -> None:
        self._portal = portal
        self._caller = caller
        self._settings = settings

    @overload
    def table(self, name_or_model: type[R], /) -> RawTable[R]: ...
    @overload
    def table(self, name_or_model: str, /) -> RawTable[Any]: ...
    def table(self, name_or_model: Any, /) -> RawTable[Any]:
        """A table by its entity set name or logical name, or, typed, by its row class."""
        return RawTable(self._portal.table(name_or_model)._requests, self._caller, self._settings)

    def _bind_table(self, model: type[R], /) -> RawTable[R]:
        return self.table(model)

    def execute(self, operation: OperationLike[R], /) -> RawResponse[R]:
        """Call an operation of the package: `(portal.with_raw_response.execute(WhoAmI())).parse()`."""
        caller = RecordingCaller(self._caller, self._settings)
        return _raw(caller, lambda: self._portal._execute(operation, caller))

    if not TYPE_CHECKING:  # the checker takes tables from the package, or has none

        def __getattr__(self, name: str) -> RawTable[Any]:
            portal = self.__dict__.get("_portal")
            if portal is None or name not in portal._package.attributes:
                raise AttributeError(f"{type(self).__name__!r} has no table {name!r}")
            return self.table(portal._package.attributes[name])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._portal!r}>"


class RawDynamicsPortalClient(_Tables, RawPortalClient):
    """The same with HLF's tables, typed."""
