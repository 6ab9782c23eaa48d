"""Changes: what is new, changed or gone since a token was given: the calls that ask for it, what answers hold. No I/O.

Without a token all rows come, as changed ones, and after the last of them the first token. A token is the service's
delta link without its `$select`: the address of the table, the version that the reader has seen, and the time of it. It
holds no personal data, and means something to the same table of the same organisation only.

Source: Dataverse, "Use change tracking to synchronize data with external systems"; OData JSON Format 4.0, "Delta
Response".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import UUID

from ._call import Call
from ._checked import checking_input
from ._failures import unreadable
from ._paging import Listing
from ._queries import ReadRequests
from ._query import positive, query
from ._reads import read_call
from .errors import DynamicsPortalClientException, ErrorCode, invalid

DELTA_LINK: Final = "@odata.deltaLink"
TRACKED: Final = "odata.track-changes"
DELETED: Final = "/$deletedEntity"
_OWN_OPTIONS: Final = ("$select", "$count")  # of a delta link: they are the caller's to choose anew

R_co = TypeVar("R_co", covariant=True)


class ChangeToken(str):
    """From where changes are to be asked the next time, as text to store."""

    __slots__ = ()


class Changed(Generic[R_co]):
    """A row that is new or was changed, as it is now."""

    __slots__ = ("row",)
    __match_args__ = ("row",)

    def __init__(self, row: R_co) -> None:
        self.row = row

    def __repr__(self) -> str:
        return f"<Changed: {self.row!r}>"


class Removed:
    """A row that is gone. `reason`: the service's word, `deleted`. Its representation does not show the id."""

    __slots__ = ("id", "reason")
    __match_args__ = ("id", "reason")

    def __init__(self, id: Any, reason: str) -> None:
        self.id: UUID = id
        self.reason = reason

    def __repr__(self) -> str:
        return "<Removed>"


Change: TypeAlias = Changed[R_co] | Removed
"""What has become of a row."""


class ChangeListing(Listing):
    """The state of a query for changes, and the token that came with its last page."""

    __slots__ = ("_token",)

    def take_note(self, document: Mapping[str, Any], *, is_last: bool, current: str) -> None:
        """Keep the token of the last page. Raises `InvalidRequestError` where the service gives none."""
        self._token: ChangeToken | None = None
        if not is_last:
            return
        link = document.get(DELTA_LINK)
        if link is None:
            raise DynamicsPortalClientException(
                ErrorCode.INVALID_REQUEST,
                explanation=f"the service gave no token: changes of {self._table.name} are not tracked",
                status_code=200,
                correlation_id=self._correlation_id or None,
                attempts=1,
            )
        problem = ""
        try:
            address = self._root.follow(str(link), current, "the service's link to changes")
        except ValueError as error:
            problem = str(error)
        if problem:
            raise unreadable(problem, 200, self._correlation_id)
        rest = "&".join(part for part in urlsplit(address).query.split("&") if not _is_own(part))
        self._token = ChangeToken(f"{self._root.url}{self._table.entity_set}?{rest}")

    @property
    def token(self) -> ChangeToken:
        """From where the next changes are to be asked. Raises an invalid request before the last one was taken."""
        token: ChangeToken | None = getattr(self, "_token", None)
        if token is None or not self._page_is_done:
            raise invalid("token: it comes after the last change: take them all first")
        return token


class ChangeRequests(ReadRequests):
    """The calls that ask for changes of a table."""

    __slots__ = ()
    listing_kind: ClassVar[type[Listing]] = ChangeListing
    tracks: ClassVar[bool] = True

    @checking_input
    def changes(self, since: Any, select: Any, page_size: int | None) -> Listing:
        """Changes since a token, or from where a state had come."""
        page_size = positive("page_size", page_size)
        if isinstance(since, str) and since.startswith("{"):
            if select is not None or page_size is not None:
                raise ValueError("since: a state goes on as it was begun, without select and page_size")
            return self.resume(since)
        preferences = TRACKED + ("" if page_size is None else f",odata.maxpagesize={page_size}")
        empty = json.dumps({"value": [], DELTA_LINK: f"{self._collection()}?$deltatoken=0"})
        return self._listing(
            self._collection() + _joined(query(self.model, select=select), self._since(since)),
            (("Prefer", preferences),),
            empty=empty.encode(),
        )

    @checking_input
    def count_changes(self, since: Any) -> Call:
        """How many rows have changed since a token."""
        if since is None:
            raise ValueError("since: expected a token; all rows are counted by `count`")
        return read_call(self._settings, f"{self._collection()}/$count?{self._since(since)}", empty=b"0")

    def _since(self, since: Any) -> str:
        """The part of a query that a token is. Raises `ValueError` or `TypeError` for what is none of this table."""
        if since is None:
            return ""
        if not isinstance(since, str):
            raise TypeError(f"since: expected a token as text, got {type(since).__name__}")
        address, _, rest = since.partition("?")
        if address != self._collection() or not rest or not since.isascii() or not since.isprintable() or " " in since:
            raise ValueError(f"since: it is no token of changes of {self.model.table().name} in this organisation")
        return rest

    def _listing(self, *arguments: Any, **keywords: Any) -> Listing:
        keywords |= {"decode": self._decode, "model": self.model, "wrap": Changed}
        return super()._listing(*arguments, **keywords)

    def _decode(self, item: Mapping[str, Any]) -> Change[Any]:
        if str(item.get("@odata.context", "")).endswith(DELETED):
            key = self.model.table().key
            guid = len(key) == 1 and self.model.__columns__[key[0]].type == "Edm.Guid"
            return Removed(UUID(item["id"]) if guid else item["id"], str(item.get("reason", "")))
        return Changed(self.model.from_dict(item))


def _is_own(part: str) -> bool:
    return unquote(part).partition("=")[0] in _OWN_OPTIONS


def _joined(text: str, more: str) -> str:
    if not more:
        return text
    return f"{text}&{more}" if text else f"?{more}"
