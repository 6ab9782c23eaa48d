"""Requests: the calls that the verbs of a table and the operations stand for, and what their answers hold.

Checking and encoding are the generated package's; what it finds wrong is raised as an invalid request before anything
is sent. No I/O.

Source: Dataverse Web API, "Create a table row", "Retrieve a table row", "Update and delete table rows", "Query data".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID, uuid4

from . import _json
from ._call import EMPTY_LIST, JSON_BODY, Call, Headers, checked_url
from ._entity_id import key_of
from ._failures import decoded
from ._files import FileRequests
from ._outcome import Answer
from ._paging import Listing
from ._query import positive, query
from ._seam import OperationObject, RowModel
from ._settings import Settings
from .errors import DynamicsPortalClientException, invalid

Key = UUID | str | int | Mapping[str, Any]
"""A row's key: the id as a `UUID` or its text, or a mapping that names the columns of a key, also an alternate one."""

MAX_PAGE: Final = 5000  # rows: the service's own ceiling
_ANNOTATIONS: Final = 'odata.include-annotations="*"'

P = ParamSpec("P")
T = TypeVar("T")


def checking_input(function: Callable[P, T]) -> Callable[P, T]:
    """Raise what a generated package finds wrong as an invalid request, without the original error, which has values
    in its frames."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except DynamicsPortalClientException:
            raise
        except (ValueError, TypeError) as error:
            problem = str(error)
        raise invalid(problem)

    return checked


class TableRequests:
    """The calls of one table."""

    __slots__ = ("_chosen_key", "_settings", "model")

    def __init__(self, model: RowModel, settings: Settings) -> None:
        self.model = model
        self._settings = settings
        key = model.table().key
        column = model.__columns__.get(key[0]) if len(key) == 1 else None
        chosen = column is not None and column.type == "Edm.Guid" and column.access != "read"
        self._chosen_key = key[0] if chosen else None

    @checking_input
    def read(self, key: Key, select: Sequence[Any] | None, expand: Sequence[str] | None, *, annotations: bool) -> Call:
        """One row by its key."""
        url = self._row(key) + query(self.model, select=select, expand=expand)
        return self._call("GET", url, _prefer(annotations=annotations))

    @checking_input
    def find(
        self,
        *,
        filter: str | None,
        select: Sequence[Any] | None,
        order_by: str | Sequence[str] | None,
        expand: Sequence[str] | None,
        top: int | None,
        page_size: int | None,
        annotations: bool,
    ) -> Listing:
        """Rows by a query. The service ignores `$top` beside a page size and above 5,000: then the client counts."""
        top, page_size = positive("top", top), positive("page_size", page_size)
        counts = top is not None and (page_size is not None or top > MAX_PAGE)
        if counts and top is not None:
            page_size = min(top, page_size or MAX_PAGE)
        options = query(
            self.model,
            select=select,
            expand=expand,
            filter=filter,
            order_by=order_by,
            top=None if counts else top,
        )
        prefer = _prefer(page_size=page_size, annotations=annotations)
        return Listing(
            lambda url: self._call("GET", url, prefer, empty=EMPTY_LIST),
            self.model.from_dict,
            self._settings.root,
            checked_url(self._collection() + options),
            top,
        )

    @checking_input
    def count(self, filter: str | None) -> Call:
        """How many rows a filter finds."""
        return self._call("GET", f"{self._collection()}/$count" + query(self.model, filter=filter), empty=b"0")

    @checking_input
    def create(self, row: Any) -> tuple[Call, Any]:
        """A new row, and its key where it is known beforehand.

        Only a row whose id is chosen here, before the first attempt, may be sent twice without becoming two.
        """
        body = self.model.encode_write(row, "create")
        self._settings.writable.check(self.model, body)
        key = self._given_key(row)
        if self._chosen_key is not None:
            if body.get(self._chosen_key) is None:
                body[self._chosen_key] = str(uuid4())
            key = UUID(body[self._chosen_key])
        call = self._call("POST", self._collection(), (JSON_BODY,), body, repeatable=self._chosen_key is not None)
        return call, key

    def _given_key(self, row: Any) -> Any:
        """The key that a new row has of its own: a value, or a mapping of several. `None` where a part is missing."""
        names = self.model.table().key
        columns = self.model.__columns__
        values = {
            name: row.get(name) if isinstance(row, Mapping) else getattr(row, columns[name].attribute)
            for name in names
            if name in columns
        }
        if len(values) < len(names) or not all(value or value == 0 for value in values.values()):
            return None
        return values if len(names) > 1 else values[names[0]]

    @checking_input
    def exists(self, key: Any) -> Call:
        """A read of nothing but the key."""
        return self._call("GET", self._row(key) + query(self.model, select=self.model.table().key))

    @checking_input
    def update(self, key: Key, changes: Any, if_match: str | None) -> Call:
        """A change of a row that is there: without a version, any version will do, but there must be one."""
        body = self.model.encode_write(changes, "update")
        self._settings.writable.check(self.model, body)
        headers: Headers = (JSON_BODY, ("If-Match", _version(if_match)))
        return self._call("PATCH", self._row(key), headers, body)

    @checking_input
    def upsert(self, key: Key, values: Any) -> Call:
        """A change of a row, or a new row where there is none."""
        body = self.model.encode_write(values, "create")
        self._settings.writable.check(self.model, body)
        names = self.model.table().key
        if not isinstance(key, Mapping) or set(key) == set(names):
            for name in names:
                body.pop(name, None)  # the address says which row
        return self._call("PATCH", self._row(key), (JSON_BODY,), body)

    @checking_input
    def delete(self, key: Key, if_match: str | None) -> Call:
        """The end of a row."""
        self._settings.writable.check_delete(self.model)
        headers: Headers = () if if_match is None else (("If-Match", _version(if_match)),)
        return self._call("DELETE", self._row(key), headers)

    def files(self) -> FileRequests:
        """The calls about the table's files."""
        return FileRequests(self.model, self._settings)

    @checking_input
    def reference(self, key: Key) -> str:
        """How another row refers to a row."""
        return "/" + self.model.path(key)

    def row(self, answer: Answer, call: Call) -> Any:
        """The row that an answer holds."""
        return decoded(
            lambda: self.model.from_dict(_json.decode_object(answer.content)), answer.status, call.correlation_id
        )

    def number(self, answer: Answer, call: Call) -> int:
        """The number that an answer holds."""
        return decoded(lambda: int(answer.content.decode("utf-8-sig")), answer.status, call.correlation_id)

    def key(self, answer: Answer) -> Any:
        """The key of the row that an answer is about, where it says so."""
        return key_of(self.model, answer.headers)

    def _collection(self) -> str:
        return self._settings.root.url + self.model.table().entity_set

    def _row(self, key: Key) -> str:
        return self._settings.root.url + self.model.path(key)

    @checking_input
    def _call(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
        empty: bytes = b"{}",
    ) -> Call:
        return Call(
            method,
            url,
            self._settings.new_correlation_id(),
            headers=headers,
            content=None if body is None else _json.encode(body),
            repeatable=repeatable,
            empty=empty,
        )


@checking_input
def operation_call(operation: OperationObject, settings: Settings) -> Call:
    """The call of an operation. It is repeated only where the contract says that this does no harm."""
    request = operation.request()
    return Call(
        request.method,
        settings.root.url + request.path + (f"?{request.query}" if request.query else ""),
        settings.new_correlation_id(),
        headers=() if request.body is None else (JSON_BODY,),
        content=None if request.body is None else _json.encode(request.body),
        repeatable=request.method == "GET" or operation.__operation__.idempotent,
        empty=EMPTY_LIST if _lists(operation) else b"{}",
    )


def _lists(operation: OperationObject) -> bool:
    result = operation.__operation__.result
    return result is not None and result.collection


def operation_result(operation: OperationObject, answer: Answer, call: Call) -> Any:
    """The result that an answer holds."""
    return decoded(
        lambda: operation.result(_json.decode_object(answer.content) if answer.content else None),
        answer.status,
        call.correlation_id,
    )


def _prefer(*, page_size: int | None = None, annotations: bool = False) -> Headers:
    preferences = [f"odata.maxpagesize={page_size}"] if page_size is not None else []
    if annotations:
        preferences.append(_ANNOTATIONS)
    return (("Prefer", ",".join(preferences)),) if preferences else ()


def _version(if_match: str | None) -> str:
    if if_match is None:
        return "*"
    if not isinstance(if_match, str) or not if_match.isascii() or not if_match.isprintable() or not if_match:
        raise ValueError('if_match: expected a version like W/"123", as a row\'s etag has it')
    return if_match
