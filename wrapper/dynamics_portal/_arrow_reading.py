"""Reading into Arrow: the course of a query whose pages are record batches, or of several on parts of a table. No I/O.

A part is asked for its next page when the batch of the one before was taken, so that no more pages are in memory than
there are parts. A page that could not be had leaves its part where it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from ._arrow import columns_of
from ._arrow_pages import BatchPages, BatchReader
from ._call import Call
from ._outcome import Answer
from ._range_finder import RangeFinder
from ._requests import TableRequests
from .errors import DynamicsPortalClientException, invalid


class PageRun:
    """The course of one page of a part. `error`: why it could not be had."""

    __slots__ = ("_call", "error", "part")

    def __init__(self, part: BatchPages, call: Call) -> None:
        self.part = part
        self._call: Call | None = call
        self.error: DynamicsPortalClientException | None = None

    def next_call(self) -> Call | None:
        """What to send; `None` at the end."""
        return self._call

    def feed(self, answer: Answer, call: Call) -> None:
        """Take the answer."""
        self._call = None
        try:
            self.part.feed(answer, call)
        except DynamicsPortalClientException as error:
            self.error = error

    def fail(self, error: DynamicsPortalClientException) -> None:
        """Take the failure."""
        self._call, self.error = None, error


class BatchWork:
    """A query into record batches: what to ask, and the batches that have come. `is_whole`: whether it has one part.

    `finder`: what finds the parts, where they are to be found first.
    """

    def __init__(self, reader: BatchReader, parts: Iterable[BatchPages], *, is_whole: bool) -> None:
        self._reader = reader
        self._waiting = deque(parts)
        self._ready: deque[tuple[BatchPages, Any]] = deque()
        self.is_whole = is_whole
        self.finder: RangeFinder | None = None

    @property
    def schema(self) -> Any:
        """The schema of the batches."""
        return self._reader.schema

    def divide(self) -> None:
        """Read the parts that were found."""
        self.finder = None

    def next_run(self) -> PageRun | None:
        """A page that is yet to be asked for; `None` where there is none before a batch is taken or comes."""
        while self._waiting:
            part = self._waiting.popleft()
            call = part.next_call()
            if call is not None:
                return PageRun(part, call)
        return None

    def returned(self, runs: Sequence[PageRun]) -> None:
        """Take pages that have come. Raises why one could not be had; its part can be asked again."""
        for run in runs:
            batch = run.part.take() if run.error is None else None
            if batch is None:
                self._waiting.append(run.part)
            else:
                self._ready.append((run.part, batch))
        for run in runs:
            if run.error is not None:
                raise run.error

    def take(self) -> Any | None:
        """The next batch; `None` where there is none yet."""
        if not self._ready:
            return None
        part, batch = self._ready.popleft()
        self._waiting.append(part)
        return batch


class TableWork(BatchWork):
    """A query of a table into record batches.

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
        self._options = {"select": select, **options}
        reader = self._reader = BatchReader(requests.model, columns_of(requests.model, select, labels))
        super().__init__(reader, [self._part(filter)], is_whole=ranges is None)
        if ranges is None:
            return
        if any(options.get(name) is not None for name in ("order_by", "top")):
            raise invalid("ranges: parts that are read at a time have no order: leave out order_by and top")
        if isinstance(ranges, int):
            self.finder = RangeFinder(requests, ranges, None, filter)
        elif filter is not None:
            raise invalid("ranges: conditions hold the filter already: give it to `ranges`")
        elif isinstance(ranges, str) or not isinstance(ranges, Sequence) or not ranges:
            raise invalid("ranges: expected how many parts, or a list of their conditions")
        else:
            self._waiting = deque(self._part(found) for found in ranges)

    def divide(self) -> None:
        """Read the parts that were found."""
        if self.finder is not None:
            self._waiting = deque(self._part(found) for found in self.finder.conditions())
        super().divide()

    def _part(self, filter: Any) -> BatchPages:
        return BatchPages(self._reader, self._requests.find(filter=filter, **self._options))
