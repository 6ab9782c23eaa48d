"""Reading into Arrow: the course of a query whose pages are record batches, or of several on parts of a table. No I/O.

Parts are read in rounds, one page of each at a time, so that no more pages are in memory than there are parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ._arrow import columns_of
from ._arrow_pages import BatchPages, BatchReader
from ._call import Call
from ._ranges import RangeFinder
from ._requests import TableRequests
from .errors import invalid

MAX_PARTS: Final = 52  # requests at a time that the service allows a user


class BatchWork:
    """A query into record batches: what to ask, and the batches that have come.

    `ranges`: how many parts, or their conditions; `None` is the whole in one. Raises `InvalidRequestError` for
    arguments that make no sense.
    """

    def __init__(
        self,
        requests: TableRequests,
        *,
        ranges: int | Sequence[Any] | None,
        labels: bool,
        select: Any,
        filter: Any,
        **options: Any,
    ) -> None:
        self._requests = requests
        self._reader = BatchReader(requests.model, columns_of(requests.model, select, labels))
        self._options = {"select": select, **options}
        self.finder: RangeFinder | None = None
        self._parts = [self._part(filter)]
        if ranges is None:
            return
        if any(options.get(name) is not None for name in ("order_by", "top")):
            raise invalid("ranges: parts that are read at a time have no order: leave out order_by and top")
        if isinstance(ranges, int):
            self.finder = RangeFinder(requests, ranges, None, filter)
        elif filter is not None:
            raise invalid("ranges: conditions hold the filter already: give it to `ranges`")
        else:
            self._parts = [self._part(found) for found in ranges]

    @property
    def schema(self) -> Any:
        """The schema of the batches."""
        return self._reader.schema

    def divide(self) -> None:
        """Read the parts that were found."""
        if self.finder is not None:
            self._parts = [self._part(found) for found in self.finder.conditions()]
            self.finder = None

    def jobs(self) -> list[tuple[BatchPages, Call]]:
        """What to ask of the parts that are not at their end, once their batches are taken."""
        jobs = [(part, call) for part in self._parts if (call := part.next_call()) is not None]
        self._parts = [part for part, _ in jobs]
        return jobs[:MAX_PARTS]

    def take(self) -> Any | None:
        """The next batch; `None` where there is none yet."""
        return next((batch for part in self._parts if (batch := part.take()) is not None), None)

    def _part(self, filter: Any) -> BatchPages:
        return BatchPages(self._reader, self._requests.find(filter=filter, **self._options))
