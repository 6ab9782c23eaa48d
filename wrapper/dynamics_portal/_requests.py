"""Requests: all calls of a table in one class, and those that operations stand for, with what their answers hold.

Checking and encoding are the generated package's; what it finds wrong is raised as an invalid request before anything
is sent. No I/O.

Source: Dataverse Web API, "Use Web API actions", "Use Web API functions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from . import _json
from ._call import EMPTY_LIST, JSON_BODY, Call
from ._checked import checking_input as checking_input
from ._failures import decoded
from ._outcome import Answer
from ._paging import Listing
from ._queries import Key as Key
from ._reads import read_call
from ._seam import OperationObject, package_of_operation
from ._settings import Settings
from ._writes import WriteRequests

if TYPE_CHECKING:
    from ._changes import ChangeRequests
    from ._files import FileRequests


class TableRequests(WriteRequests):
    """The calls of one table: those that read, and those that write."""

    __slots__ = ()

    @property
    def settings(self) -> Settings:
        """What the client was told."""
        return self._settings

    @property
    def chosen_key(self) -> str | None:
        """The column whose value the client may choose for a new row; `None` where there is none."""
        return self._chosen_key

    def given_key(self, row: Any) -> Any:
        """The key that a row has: a value, or a mapping of several. `None` where a part is missing, and for no row."""
        return self._given_key(row) if isinstance(row, (Mapping, cast("type", self.model))) else None

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

    def changes(self) -> ChangeRequests:
        """The calls about changes of the table."""
        from ._changes import ChangeRequests  # what few services need

        return ChangeRequests(self.model, self._settings)

    def files(self) -> FileRequests:
        """The calls about the table's files."""
        from ._files import FileRequests  # what few services need

        return FileRequests(self.model, self._settings)


@checking_input
def operation_call(operation: OperationObject, settings: Settings) -> Call:
    """The call of an operation. It is repeated only where the contract says that this does no harm."""
    request = operation.request()
    if request.method != "GET":
        info = operation.__operation__
        settings.writable.check_action(
            package_of_operation(operation).model(info.binding) if info.binding else None, info.name
        )
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
    """The result that an answer holds. An empty one is null where its status says so (204), or where none is declared.

    Source: OData Version 4.01 Part 1 (Protocol), "Invoking an Action", "Response Code 204 No Content".
    """
    has_none = not answer.content and (answer.status == 204 or operation.__operation__.result is None)
    return decoded(
        lambda: operation.result(None if has_none else _json.decode_object(answer.content)),
        answer.status,
        call.correlation_id,
    )
