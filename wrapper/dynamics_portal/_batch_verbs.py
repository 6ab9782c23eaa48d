"""What is put into a batch: the verbs of a table, which give a `Pending` in place of a result. No I/O.

Everything is checked and encoded when it is put in, so that a mistake is told at its line; nothing is sent before the
block ends. Which requests come of it is decided in `_batch`.

Source: Dataverse Web API, "Execute batch operations using the Web API".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

from ._batch import Group, Step
from ._call import Call
from ._frames import reticent_class
from ._outcome import Answer
from ._paging import Listing, Page, PagingState
from ._pending import Pending
from ._query import nearest
from ._recorder import BatchRequests, Recorder, abandon, put
from ._requests import Key, operation_call, operation_result
from ._seam import (
    Expands,
    Filters,
    Links,
    LinksToAny,
    OperationLike,
    OperationObject,
    Orders,
    Queried,
    Referred,
    Refers,
    Selects,
    Written,
)
from .errors import invalid

if TYPE_CHECKING:
    from ._seam import Portal as _Package
else:

    class _Package:  # the package's tables are found by name at run time
        pass


T = TypeVar("T")
W = TypeVar("W")
C = TypeVar("C")
K = TypeVar("K")
L = TypeVar("L")
R = TypeVar("R")
X = TypeVar("X")
R_co = TypeVar("R_co", covariant=True)


class FirstPage(Page[R_co], Generic[R_co]):
    """The first page of a query that was asked in a batch. `rest`: where the next one is, for `resume` of the table;
    `None` where this is all."""

    __slots__ = ("rest",)

    def __init__(self, listing: Listing) -> None:
        super().__init__(listing.take_all(), listing.total, total_is_capped=listing.total_is_capped)
        self.rest: PagingState | None = None if listing.next_call() is None else listing.state()


@reticent_class
class ChangeSetTable(Generic[R_co]):
    """A table in a change set: its verbs that write. What they take and check is as for `Table`."""

    __slots__ = ("_change_set", "_recorder", "_requests")

    def __init__(self, requests: BatchRequests, recorder: Recorder, change_set: ChangeSet | None) -> None:
        self._requests = requests
        self._recorder = recorder
        self._change_set = change_set

    def create(self: ChangeSetTable[Written[W, C, T, K]], row: W | Written[W, C, T, K]) -> Pending[K]:
        """A new row. In a change set, what this gives stands for the row in later operations of it."""
        requests = self._requests
        call, key = requests.create(row)

        def read(answer: Answer) -> Any:
            return requests.key(answer) if key is None else key

        return self._put("create", call, read, (lambda: requests.exists(key)) if call.repeatable else None)

    def update(
        self: ChangeSetTable[Written[W, C, T, K]],
        key: Key | Pending[K],
        changes: W | Written[W, C, T, K],
        *,
        if_match: str | None = None,
    ) -> Pending[None]:
        """Change a row that is there."""
        return self._put("update", self._requests.update(cast("Key", key), changes, if_match), _nothing)

    def upsert(self: ChangeSetTable[Written[W, C, T, K]], key: Key, values: W | Written[W, C, T, K]) -> Pending[K]:
        """Change the row with this key, or create it."""
        requests = self._requests

        def read(answer: Answer) -> Any:
            named = requests.key(answer)
            return key if named is None else named

        return self._put("upsert", requests.upsert(key, values), read)

    def delete(self, key: Key | Pending[Any], *, if_match: str | None = None) -> Pending[None]:
        """Delete a row."""
        requests = self._requests
        call = requests.delete(cast("Key", key), if_match)
        return self._put("delete", call, _nothing, None if isinstance(key, Pending) else (lambda: requests.exists(key)))

    @overload
    def associate(
        self: ChangeSetTable[Queried[C, T]],
        key: Key | Pending[Any],
        navigation: LinksToAny[T] | str,
        target: Refers[Any] | str,
    ) -> Pending[None]: ...
    @overload
    def associate(
        self: ChangeSetTable[Queried[C, T]],
        key: Key | Pending[Any],
        navigation: Links[T, L],
        target: Refers[L] | str,
    ) -> Pending[None]: ...
    def associate(self, key: Any, navigation: Any, target: Any) -> Pending[None]:
        """Relate a row to another one, by a navigation property or its name, to a reference or a row."""
        return self._put("associate", self._requests.associate(key, navigation, target), _nothing)

    def disassociate(
        self: ChangeSetTable[Queried[C, T]],
        key: Key | Pending[Any],
        navigation: Links[T, Any] | LinksToAny[T] | str,
        target: Refers[Any] | str | None = None,
    ) -> Pending[None]:
        """Part two rows. `target`: which one, where the navigation property leads to many."""
        return self._put("disassociate", self._requests.disassociate(cast("Key", key), navigation, target), _nothing)

    @overload
    def reference(self: ChangeSetTable[Referred[X]], key: Key) -> X: ...
    @overload
    def reference(self: ChangeSetTable[Referred[X]], key: Pending[Any]) -> str: ...
    def reference(self, key: Any) -> Any:
        """How another row refers to a row of this table, or to one that is made earlier in the same change set."""
        return key.reference if isinstance(key, Pending) else self._requests.reference(key)

    def _put(
        self, verb: str, call: Call, read: Callable[[Answer], Any], exists: Callable[[], Call] | None = None
    ) -> Pending[Any]:
        pending = self._recorder.pending(verb, self._requests.model.table().name, self._change_set)
        put(self._recorder, self._change_set, Step(pending, call, read, exists))
        return pending

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._requests.model.table().entity_set}>"


@reticent_class
class BatchTable(ChangeSetTable[R_co]):
    """A table in a batch: its verbs that write, and those that read with one request."""

    __slots__ = ()

    def get(
        self: BatchTable[Queried[C, T]],
        key: Key,
        *,
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> Pending[R_co]:
        """One row."""
        call = self._requests.read(key, select, expand, annotations=annotations)
        return self._put("get", call, lambda answer: self._requests.row(answer, call))

    def list(
        self: BatchTable[Queried[C, T]],
        *,
        filter: str | Filters[T] | None = None,
        select: Sequence[C | Selects[T]] | None = None,
        order_by: str | Orders[T] | Sequence[str | Orders[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        top: int | None = None,
        page_size: int | None = None,
        count: bool = False,
        annotations: bool = False,
    ) -> Pending[FirstPage[R_co]]:
        """The first page of a query: at most `page_size` rows, of which the service's ceiling is 5,000."""
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
        call = cast("Call", listing.next_call())

        def read(answer: Answer) -> Any:
            listing.feed(answer, call)
            return FirstPage(listing)

        return self._put("list", call, read)

    def count(self: BatchTable[Queried[C, T]], *, filter: str | Filters[T] | None = None) -> Pending[int]:
        """How many rows there are, or how many a filter finds. Dataverse counts no further than 5,000."""
        call = self._requests.count(filter)
        return self._put("count", call, lambda answer: self._requests.number(answer, call))


class _Contents:
    """What a batch and a change set have in common: names of tables, and operations."""

    _recorder: Recorder
    _change_set: ChangeSet | None = None

    def _table(self, name_or_model: Any, kind: type[ChangeSetTable[Any]]) -> Any:
        recorder, change_set = self._recorder, self._change_set
        requests = BatchRequests(recorder.find_model(name_or_model), recorder.settings, change_set)
        return kind(requests, recorder, change_set)

    def table(self, name_or_model: Any, /) -> Any:
        """A table."""
        raise NotImplementedError

    def execute(self, operation: OperationLike[R], /) -> Pending[R]:
        """An operation of the package: `batch.execute(WhoAmI())`. A change set takes actions only."""
        request = cast("OperationObject", operation)
        call = operation_call(request, self._recorder.settings)
        name = type(operation).__name__
        if self._change_set is not None and call.reads:
            raise invalid(f"{name} is a function, and a change set holds nothing that reads")
        pending = self._recorder.pending("execute", name, self._change_set)
        step = Step(pending, call, lambda answer: operation_result(request, answer, call))
        put(self._recorder, self._change_set, step)
        return cast("Pending[R]", pending)

    if not TYPE_CHECKING:  # the checker takes tables from the package's Portal, or has none

        def __getattr__(self, name: str) -> Any:
            recorder = self.__dict__.get("_recorder")
            if recorder is None or name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            attributes = recorder.package.attributes
            if name not in attributes:
                near = nearest(name, attributes)
                raise AttributeError(f"{recorder.package.name} has no table {name!r}{near}")
            return self.table(attributes[name])


@reticent_class
class BatchBase(_Contents):
    """The part of a batch that does not wait."""

    def __init__(self, recorder: Recorder, caller: Any, *, continue_on_error: bool) -> None:
        self._recorder = recorder
        self._caller = caller
        self._continues = continue_on_error

    @overload
    def table(self, name_or_model: type[R], /) -> BatchTable[R]: ...
    @overload
    def table(self, name_or_model: str, /) -> BatchTable[Any]: ...
    def table(self, name_or_model: Any, /) -> BatchTable[Any]:
        """A table by its entity set name or logical name, or, typed, by its row class."""
        return cast("BatchTable[Any]", self._table(name_or_model, BatchTable))

    def _bind_table(self, model: type[R], /) -> BatchTable[R]:
        return self.table(model)

    def change_set(self) -> ChangeSet:
        """Operations that happen as a whole or not at all: `with batch.change_set() as changes: …`.

        It takes writes and actions, at most 1,000, and is never divided. A row that it creates can be referred to by
        later operations of it. Where one fails, its exception says which, and the others raise `NotRunError`.
        """
        return ChangeSet(self._recorder)

    def _begin(self) -> Self:
        if self._recorder.is_open or self._recorder.count:
            raise invalid("a batch is used once: make another one")
        self._recorder.is_open = True
        return self

    def _end(self, error: BaseException | None) -> list[Group]:
        """What is to be sent: nothing, where the block was left by an exception."""
        self._recorder.is_open = False
        groups = self._recorder.groups
        if error is None:
            return groups
        abandon(groups)
        return []

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._recorder.count} operations>"


@reticent_class
class ChangeSet(_Contents):
    """Operations of a batch that happen as a whole or not at all. Batches make it: `batch.change_set()`.

    Left by an exception, it is dropped, and none of its operations are sent.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._change_set = self
        self.is_open = False
        self.steps: list[Step] = []

    @overload
    def table(self, name_or_model: type[R], /) -> ChangeSetTable[R]: ...
    @overload
    def table(self, name_or_model: str, /) -> ChangeSetTable[Any]: ...
    def table(self, name_or_model: Any, /) -> ChangeSetTable[Any]:
        """A table by its entity set name or logical name, or, typed, by its row class."""
        return cast("ChangeSetTable[Any]", self._table(name_or_model, ChangeSetTable))

    def _bind_table(self, model: type[R], /) -> ChangeSetTable[R]:
        return self.table(model)

    def __enter__(self) -> Self:
        if self.steps or not self._recorder.is_open:
            raise invalid("a change set is used once, within the block of its batch")
        self.is_open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.is_open = False
        if not self.steps:
            return
        group = Group(self.steps, atomic=True)
        if error is None:
            self._recorder.groups.append(group)
        else:
            abandon([group])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.steps)} operations>"


class DynamicsChangeSet(_Package, ChangeSet):
    """A change set with HLF's tables, typed."""


def _nothing(answer: Answer) -> None:
    """What an answer without content gives."""
