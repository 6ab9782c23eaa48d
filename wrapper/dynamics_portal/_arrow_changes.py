"""Changes as record batches: the rows of a page that are new or were changed, and the ids of those that are gone. No
I/O.

Source: Dataverse, "Use change tracking to synchronize data with external systems".
"""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pyarrow.compute as pc  # type: ignore[import-untyped] # as above

from ._arrow import columns_of
from ._arrow_pages import BatchPages, BatchReader
from ._arrow_reading import BatchWork
from ._arrow_stream import ChangedBatch
from ._changes import DELETED, DELTA_LINK, ChangeListing, ChangeToken
from ._paging import NEXT_LINK
from ._requests import TableRequests
from .errors import invalid

_CONTEXT = "@odata.context"


class ChangeReader(BatchReader):
    """Makes of a page what has changed."""

    links: ClassVar[tuple[str, ...]] = (NEXT_LINK, DELTA_LINK)
    beside: ClassVar[tuple[str, ...]] = (_CONTEXT, "id")

    def _of_arrays(self, arrays: list[Any]) -> Any:
        *columns, context, ids = arrays
        gone = pc.fill_null(pc.ends_with(context, pattern=DELETED), False)
        kept = pc.invert(gone)
        return ChangedBatch(super()._of_arrays([column.filter(kept) for column in columns]), ids.filter(gone))

    def _of_rows(self, found: list[Any]) -> Any:
        gone = [str(item.get(_CONTEXT, "")).endswith(DELETED) for item in found]
        changed = [item for item, is_gone in zip(found, gone, strict=True) if not is_gone]
        ids = [str(item["id"]) for item, is_gone in zip(found, gone, strict=True) if is_gone]
        return ChangedBatch(super()._of_rows(changed), pa.array(ids, pa.string()))


class ChangeWork(BatchWork):
    """A query for changes into record batches. Raises `InvalidRequestError` for arguments that make no sense."""

    def __init__(
        self, requests: TableRequests, since: Any, select: Any, page_size: int | None, *, labels: bool
    ) -> None:
        if isinstance(since, str) and since.startswith("{"):
            raise invalid("since: expected a token; a state goes to `changes`")
        reader = ChangeReader(requests.model, columns_of(requests.model, select, labels))
        listing = requests.changes().changes(since, select, page_size)
        assert isinstance(listing, ChangeListing)  # of changes
        super().__init__(reader, [BatchPages(reader, listing)], is_whole=True)
        self._listing = listing

    @property
    def token(self) -> ChangeToken:
        """From where the next changes are to be asked. Raises an invalid request before the last one was taken."""
        if self._ready:
            raise invalid("token: it comes after the last change: take them all first")
        return self._listing.token
