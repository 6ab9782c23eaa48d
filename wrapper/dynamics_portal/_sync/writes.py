# Derived from ../_async/writes.py by tools/derive_sync.py; change that file, not this one.
"""Writes: the verbs of a table that change its rows, their values and how they are related."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar, cast, overload

from .._frames import reticent_class
from .._requests import Key, TableRequests
from .._seam import Accepts, Expands, Links, LinksToAny, Referred, Refers, Selects, Valued, Written
from .._writes import Upserted, returned
from ..errors import ConflictError, DynamicsPortalClientException, NotFoundError
from .caller import Caller

C = TypeVar("C")
K = TypeVar("K")
L = TypeVar("L")
T = TypeVar("T")
V = TypeVar("V")
W = TypeVar("W")
X = TypeVar("X")
R_co = TypeVar("R_co", covariant=True)


@reticent_class
class Writes(Generic[R_co]):
    """The part of a table that writes. Clients make tables: see `Table`.

    With `return_row=True`, `create`, `update` and `upsert` give the row as it is then: `select`, `expand` and
    `annotations` say what of it, as for `get`. It costs the service a read.
    """

    __slots__ = ("_caller", "_requests")

    def __init__(self, requests: TableRequests, caller: Caller) -> None:
        self._requests = requests
        self._caller = caller

    @overload
    def create(
        self: Writes[Written[W, C, T, K]],
        row: W | Written[W, C, T, K],
        *,
        return_row: Literal[False] = False,
    ) -> K: ...
    @overload
    def create(
        self: Writes[Written[W, C, T, K]],
        row: W | Written[W, C, T, K],
        *,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> R_co: ...
    def create(
        self,
        row: Any,
        *,
        return_row: bool = False,
        select: Any = None,
        expand: Any = None,
        annotations: bool = False,
    ) -> Any:
        """A new row; its id is returned, or the row. Where the row has none, the client chooses it before the first
        attempt. Rows that it holds under a navigation property are made along with it.

        So a repeated attempt makes no second row: where the service says that the key exists already, and a row with
        this id is there, an attempt before has made it. For a table whose key is no id, the result is the key (a
        number, a text, a mapping of several), and the request is repeated only where it provably did not run.
        Raises `ConflictError` where there is such a row already. Source: Dataverse Web API, "Create a table row".
        """
        requests = self._requests
        wanted = returned(return_row, select, expand, annotations)
        call, key = requests.create(row, wanted)
        deadline = self._caller.deadline()
        try:
            answer = self._caller.call(call, deadline)
        except ConflictError as error:
            conflict = error
        else:
            if wanted is not None:
                return requests.row(answer, call)
            return requests.key(answer) if key is None else key
        from .._dynamics_codes import DUPLICATE_KEY  # loaded with the first error

        if not call.repeatable or not conflict.may_have_run or conflict.dynamics_code != DUPLICATE_KEY:
            raise conflict
        missing = False
        look = requests.exists(key) if wanted is None else requests.read(key, select, expand, annotations=annotations)
        try:
            answer = self._caller.call(look, deadline)
        except NotFoundError:
            missing = True  # the clash is with another row, by another key
        except DynamicsPortalClientException as error:
            error.may_have_run = True  # whatever became of looking: what is asked for may have been done
            raise
        if missing:
            raise conflict
        return key if wanted is None else requests.row(answer, look)

    @overload
    def update(
        self: Writes[Written[W, C, T, K]],
        key: Key,
        changes: W | Written[W, C, T, K],
        *,
        if_match: str | None = None,
        return_row: Literal[False] = False,
    ) -> None: ...
    @overload
    def update(
        self: Writes[Written[W, C, T, K]],
        key: Key,
        changes: W | Written[W, C, T, K],
        *,
        if_match: str | None = None,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> R_co: ...
    def update(
        self,
        key: Key,
        changes: Any,
        *,
        if_match: str | None = None,
        return_row: bool = False,
        select: Any = None,
        expand: Any = None,
        annotations: bool = False,
    ) -> Any:
        """Change a row that is there. What `changes` does not name stays as it is.

        `if_match`: the version that the row must have (`row.etag`); by default any, but the row must be there.
        Raises `NotFoundError`, or `ConflictError` where the row has another version.
        Source: Dataverse Web API, "Update and delete table rows", "Perform conditional operations".
        """
        call = self._requests.update(key, changes, if_match, returned(return_row, select, expand, annotations))
        answer = self._caller.call(call)
        return self._requests.row(answer, call) if return_row else None

    @overload
    def upsert(
        self: Writes[Written[W, C, T, K]],
        key: Key,
        values: W | Written[W, C, T, K],
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
        return_row: Literal[False] = False,
    ) -> K: ...
    @overload
    def upsert(
        self: Writes[Written[W, C, T, K]],
        key: Key,
        values: W | Written[W, C, T, K],
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
        return_row: Literal[True],
        select: Sequence[C | Selects[T]] | None = None,
        expand: Sequence[str | Expands[T]] | None = None,
        annotations: bool = False,
    ) -> Upserted[R_co]: ...
    def upsert(
        self,
        key: Key,
        values: Any,
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
        return_row: bool = False,
        select: Any = None,
        expand: Any = None,
        annotations: bool = False,
    ) -> Any:
        """Change the row with this key, or create it; its id is returned (as for `create`).

        `prevent_create`: only change it, and raise `NotFoundError` where it is not there. `prevent_update`: only create
        it, and raise `ConflictError` where it is there; the request is then repeated only where it provably did not
        run. With `return_row=True` the result says, too, whether the row was created: the service tells it only then.
        Source: Dataverse Web API, "Upsert a table row", "Use an alternate key to reference a record", "Perform
        conditional operations" (Limit upsert operations).
        """
        requests = self._requests
        call = requests.upsert(
            key,
            values,
            returned(return_row, select, expand, annotations),
            prevent_create=prevent_create,
            prevent_update=prevent_update,
        )
        answer = self._caller.call(call)
        if return_row:
            created = None if answer.uncertain and not prevent_create else answer.status == 201
            return Upserted(requests.row(answer, call), created)
        named = requests.key(answer)
        return key if named is None else named

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

    @overload
    def get_value(self: Writes[Written[W, C, T, K]], key: Key, column: Valued[T, V]) -> V | None: ...
    @overload
    def get_value(self: Writes[Written[W, C, T, K]], key: Key, column: C) -> Any: ...
    def get_value(self, key: Key, column: Any) -> Any:
        """The value of one column: `portal.contacts.get_value(id, c.firstname)`; `None` where it has none.

        `column`: of the table's `c`, which types the value, or its name. Raises `NotFoundError` for a row that is not
        there. Source: Dataverse Web API, "Retrieve a table row" (Retrieve a single property value).
        """
        call, name = self._requests.get_value(key, column)
        return self._requests.value(self._caller.call(call), call, name)

    @overload
    def set_value(self: Writes[Written[W, C, T, K]], key: Key, column: Accepts[T, V], value: V) -> None: ...
    @overload
    def set_value(self: Writes[Written[W, C, T, K]], key: Key, column: C, value: Any) -> None: ...
    def set_value(self, key: Key, column: Any, value: Any) -> None:
        """Give one column of a row another value; `column` as for `get_value`. `clear_value` ends a value.

        Source: Dataverse Web API, "Update and delete table rows" (Update a single property value).
        """
        self._caller.call(self._requests.set_value(key, column, value))

    def clear_value(self: Writes[Written[W, C, T, K]], key: Key, column: C | Selects[T]) -> None:
        """Leave one column of a row without a value; `column` as for `get_value`.

        Source: Dataverse Web API, "Update and delete table rows" (Delete a single property value).
        """
        self._caller.call(self._requests.clear_value(key, column))

    @overload
    def associate(
        self: Writes[Written[W, C, T, K]], key: Key, navigation: LinksToAny[T], target: Refers[Any] | str
    ) -> None: ...
    @overload
    def associate(
        self: Writes[Written[W, C, T, K]], key: Key, navigation: Links[T, L], target: Refers[L] | str
    ) -> None: ...
    @overload
    def associate(self: Writes[Written[W, C, T, K]], key: Key, navigation: str, target: Refers[Any] | str) -> None: ...
    def associate(self, key: Key, navigation: Any, target: Any) -> None:
        """Relate a row to another one, by a navigation property that leads to one row or to many.

        `navigation`: of the table's `c`, which types the target, or its name: of a lookup that refers to rows of
        several tables, one for each (`parentcustomerid_account`). `target`: a reference (`portal.accounts.reference(…)`
        gives it), a row that has its key, or an address as text.
        A repeated attempt does no harm: where an attempt before may have run, rows that are related already count as
        done. Raises `DuplicateError` where rows of a many-to-many relationship were related before, `NotFoundError` for
        rows that are not there. Source: Dataverse Web API, "Associate and disassociate table rows".
        """
        try:
            self._caller.call(self._requests.associate(key, navigation, target))
        except ConflictError as error:
            from .._dynamics_codes import DUPLICATE_KEY  # loaded with the first error

            if not error.may_have_run or error.dynamics_code != DUPLICATE_KEY:
                raise

    @overload
    def disassociate(
        self: Writes[Written[W, C, T, K]],
        key: Key,
        navigation: LinksToAny[T],
        target: Refers[Any] | str | None = None,
    ) -> None: ...
    @overload
    def disassociate(
        self: Writes[Written[W, C, T, K]],
        key: Key,
        navigation: Links[T, L],
        target: Refers[L] | str | None = None,
    ) -> None: ...
    @overload
    def disassociate(
        self: Writes[Written[W, C, T, K]], key: Key, navigation: str, target: Refers[Any] | str | None = None
    ) -> None: ...
    def disassociate(self, key: Key, navigation: Any, target: Any = None) -> None:
        """Part a row from the one that a navigation property leads to, or from `target`, one of those that it leads to.

        The rest is as for `associate`. Where an attempt before may have run, rows that are not related any more count
        as parted.
        """
        try:
            self._caller.call(self._requests.disassociate(key, navigation, target))
        except NotFoundError as error:
            if not error.may_have_run:
                raise

    def reference(self: Writes[Referred[X]], key: Key) -> X:
        """How another row refers to a row of this table: `{"parent@odata.bind": portal.contacts.reference(id)}`.

        A lookup takes references to its own table alone. `str()` gives the address as text.
        """
        return cast("X", self._requests.reference(key))
