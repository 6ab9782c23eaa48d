"""Partitions of elastic tables: how their rows are addressed, and the session that makes a write seen by the next read.

A row is found by its id within a partition, so its address names both; a query is narrowed by `partitionId`. Each write
answers with a session token, and what is read without the last one may be older than that write.

Source: Dataverse, "Use elastic tables using code" (Work with the session token, Specify PartitionId).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ._call import Call
from ._files import FileRequests
from ._outcome import Answer
from ._paging import Listing
from ._query import query
from ._reads import checked_url, read_call
from ._requests import Key, TableRequests, checking_input
from ._seam import RowModel
from ._settings import Settings
from .errors import invalid

if TYPE_CHECKING:
    from ._changes import ChangeRequests

COLUMN: Final = "partitionid"
_SENT: Final = "MSCRM.SessionToken"
_ANSWERED: Final = "x-ms-session-token"


class Session:
    """The token of the last write. Raises `ValueError` for one that cannot be sent as a header."""

    __slots__ = ("token",)

    def __init__(self, token: str | None = None) -> None:
        if token is not None and not _is_sendable(token):
            raise ValueError("session_token: expected a token as a partition's `session_token` gives it")
        self.token = token

    def joined(self, call: Call) -> Call:
        """The call, in the session."""
        if self.token is not None:
            call.headers = (*call.headers, (_SENT, self.token))
        return call

    def note(self, answer: Answer) -> None:
        """Keep the token of a write."""
        token = answer.headers.get(_ANSWERED)
        if token is not None and _is_sendable(token):
            self.token = token


def _is_sendable(token: Any) -> bool:
    return isinstance(token, str) and 0 < len(token) < 4096 and token.isascii() and token.isprintable()


class PartitionRequests(TableRequests):
    """The calls within one partition of a table. Raises `ValueError` or `TypeError` for a table that has none."""

    __slots__ = ("_literal", "partition_id")

    def __init__(self, model: RowModel, settings: Settings, partition_id: str) -> None:
        super().__init__(model, settings)
        if COLUMN not in model.__columns__ or len(model.table().key) != 1:
            raise ValueError(f"{model.table().name} has no partitions: the contract has no column {COLUMN!r} of it")
        if not isinstance(partition_id, str):
            raise TypeError(f"partition_id: expected text, got {type(partition_id).__name__}")
        if not partition_id:
            raise ValueError("partition_id: expected the id of a partition, got an empty text")
        self.partition_id = partition_id
        self._literal = quote("'" + partition_id.replace("'", "''") + "'", safe="")

    def create(self, row: Any, returned: Mapping[str, Any] | None = None) -> tuple[Call, Any]:
        """A new row in the partition."""
        return super().create(self._placed(row), returned)

    def row_encoder(self, verb: str) -> None:
        """None: each row is placed in the partition."""

    @checking_input
    def reference(self, key: Key) -> str:
        """How another row refers to a row of the partition."""
        return "/" + self._row(key).removeprefix(self._settings.root.url)

    @checking_input
    def count(self, filter: Any) -> Call:
        """How many rows of the partition a filter finds."""
        url = f"{self._collection()}/$count" + query(self.model, filter=filter)
        return read_call(self._settings, self._narrowed(url), empty=b"0")

    def total(self) -> Call:
        """None: raises an invalid request."""
        raise self._not_here("total")

    def fetch(self, *arguments: Any, **keywords: Any) -> Listing:
        """None: raises an invalid request."""
        raise self._not_here("FetchXML")

    def view(self, *arguments: Any, **keywords: Any) -> Listing:
        """None: raises an invalid request."""
        raise self._not_here("a saved view")

    def changes(self) -> ChangeRequests:
        """None: raises an invalid request."""
        raise self._not_here("change tracking")

    def files(self) -> FileRequests:
        """None: raises an invalid request."""
        raise self._not_here("a file")

    def _not_here(self, what: str) -> Exception:
        return invalid(f"{what} knows no partition; ask the table, with {COLUMN!r} in the query's own conditions")

    @checking_input
    def _placed(self, row: Any) -> Any:
        """The row, in the partition. Raises `ValueError` where it says that it is in another one."""
        attribute = self.model.__columns__[COLUMN].attribute
        given = row.get(COLUMN) if isinstance(row, Mapping) else getattr(row, attribute, None)
        if given and given != self.partition_id:
            raise ValueError(f"{self.model.__name__}.{COLUMN} is that of another partition")
        if isinstance(row, Mapping):
            return {**row, COLUMN: self.partition_id}
        placed = copy(row)
        setattr(placed, attribute, self.partition_id)
        return placed

    def _row(self, key: Key) -> str:
        table = self.model.table()
        if isinstance(key, Mapping):
            if set(key) != set(table.key):
                raise ValueError(f"within a partition of {table.name} a row's key is its id, {table.key[0]}")
            key = key[table.key[0]]
        literal = self.model.path(key)[len(table.entity_set) + 1 : -1]
        return f"{self._collection()}({table.key[0]}={literal},{COLUMN}={self._literal})"

    def _listing(self, url: str, *arguments: Any, **keywords: Any) -> Listing:
        return super()._listing(checked_url(self._narrowed(url)), *arguments, **keywords)

    def _narrowed(self, url: str) -> str:
        """The address with the partition; its id is no literal there, and stands without quotes."""
        if "partitionId=" in url.partition("?")[2]:
            return url  # a link of the service's, or a state that was stored
        return f"{url}{'&' if '?' in url else '?'}partitionId={quote(self.partition_id, safe='')}"
