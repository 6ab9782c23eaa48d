"""Requests: the calls that the writing verbs of a table and the operations stand for, and what their answers hold.

Checking and encoding are the generated package's; what it finds wrong is raised as an invalid request before anything
is sent. No I/O.

Source: Dataverse Web API, "Create a table row", "Update and delete table rows", "Use Web API actions", "Use Web API
functions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from . import _json
from ._call import EMPTY_LIST, JSON_BODY, Call, Headers
from ._checked import checking_input as checking_input
from ._entity_id import key_of
from ._failures import decoded
from ._files import FileRequests
from ._outcome import Answer
from ._paging import Listing
from ._queries import Key as Key
from ._queries import ReadRequests
from ._reads import read_call
from ._seam import OperationObject, RowModel
from ._settings import Settings


class TableRequests(ReadRequests):
    """The calls of one table: those that read, and those that write."""

    __slots__ = ("_chosen_key",)

    def __init__(self, model: RowModel, settings: Settings) -> None:
        super().__init__(model, settings)
        key = model.table().key
        column = model.__columns__.get(key[0]) if len(key) == 1 else None
        chosen = column is not None and column.type == "Edm.Guid" and column.access != "read"
        self._chosen_key = key[0] if chosen else None

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

    @checking_input
    def fetch(self, text: str, values: Any, page_size: int | None, *, annotations: bool, aggregates: bool) -> Listing:
        """Rows by FetchXML."""
        from ._fetching import fetched  # what few calls need

        return fetched(
            self.model, self._settings, text, values, page_size, annotations=annotations, aggregates=aggregates
        )

    @checking_input
    def view(self, views: str, key: UUID | str, page_size: int | None, *, annotations: bool) -> Listing:
        """Rows by a saved view."""
        from ._fetching import viewed  # what few calls need

        return viewed(self.model, self._settings, views, key, page_size, annotations=annotations)

    @checking_input
    def partition(self, partition_id: str, session_token: str | None) -> tuple[TableRequests, Any]:
        """The calls within a partition, and the session that they are made in."""
        from ._partition import PartitionRequests, Session  # what few tables have

        return PartitionRequests(self.model, self._settings, partition_id), Session(session_token)

    def files(self) -> FileRequests:
        """The calls about the table's files."""
        return FileRequests(self.model, self._settings)

    @checking_input
    def reference(self, key: Key) -> str:
        """How another row refers to a row."""
        return "/" + self.model.path(key)

    def key(self, answer: Answer) -> Any:
        """The key of the row that an answer is about, where it says so."""
        return key_of(self.model, answer.headers)

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
    url = settings.root.url + request.path + (f"?{request.query}" if request.query else "")
    empty = EMPTY_LIST if _lists(operation) else b"{}"
    if request.method == "GET":
        return read_call(settings, url, empty=empty)
    return Call(
        request.method,
        url,
        settings.new_correlation_id(),
        headers=() if request.body is None else (JSON_BODY,),
        content=None if request.body is None else _json.encode(request.body),
        repeatable=operation.__operation__.idempotent,
        empty=empty,
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


def _version(if_match: str | None) -> str:
    if if_match is None:
        return "*"
    if not isinstance(if_match, str) or not if_match.isascii() or not if_match.isprintable() or not if_match:
        raise ValueError('if_match: expected a version like W/"123", as a row\'s etag has it')
    return if_match
