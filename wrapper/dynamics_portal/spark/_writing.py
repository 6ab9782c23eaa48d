"""Writing: each task sends its rows in bulk, and tells what has become of them; the driver sums up.

A row that fails by itself fails no task, since Spark would begin the task anew: its failure is told. A request that
fails for no row's sake, such as a token that cannot be had, does fail the task, which Spark then repeats. A repeated
task makes no row twice: see `_rows`; what an earlier attempt may have written counts as done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from pyspark import TaskContext
from pyspark.sql.datasource import DataSourceArrowWriter, WriterCommitMessage

from ..errors import AuthFailureError, NetworkError, RateLimitedError
from ._connection import client_of
from ._options import Connection, WriteOptions
from ._results import Failures, write_summary
from ._rows import RowShape

_NOT_THE_ROWS: Final = (AuthFailureError, NetworkError, RateLimitedError)


class RowsFailedError(RuntimeError):
    """Rows of a write have failed; all others are written. Its words tell how many, by kind, and the run's id."""


@dataclass
class Written(WriterCommitMessage):
    """What a task has done: rows it was given, and how many of them failed, by code."""

    rows: int = 0
    failed: Counter[str] = field(default_factory=Counter)


class BulkWriter(DataSourceArrowWriter):
    """Writes rows by the bulk verbs of a table."""

    def __init__(self, connection: Connection, options: WriteOptions, shape: RowShape) -> None:
        self._connection = connection
        self._options = options
        self._shape = shape

    def write(self, iterator: Iterator[Any]) -> Written:
        """Write what a task was given. Raises where requests fail for no row's sake."""
        context = TaskContext.get()
        task = 0 if context is None else context.partitionId()
        written = Written()
        failures = Failures(self._options, task)
        for result in self._results(self._shape.rows(iterator, task), task):
            written.rows += 1
            if result.error is None:
                continue
            if isinstance(result.error, _NOT_THE_ROWS):
                result.error.add_note(self._again)
                raise result.error
            written.failed[failures.add(result)] += 1
        failures.write()
        return written

    def _results(self, rows: Iterator[Any], task: int) -> Any:
        table = client_of(self._connection).table(self._options.table)
        verb = getattr(table, f"{self._options.operation}_many")
        limits = {"concurrency": self._options.concurrency, "chunk_size": self._options.chunk_size}
        said = {name: value for name, value in limits.items() if value is not None}
        run = uuid5(NAMESPACE_OID, f"{self._options.run_id}/{task}")
        return verb(rows, resume_from=f"{run}:0", **said)  # any attempt may be one that follows another

    @property
    def _again(self) -> str:
        """How to write the same rows again."""
        return f"With the option run_id={self._options.run_id}, rows that are written already are not made twice."

    def commit(self, messages: Sequence[WriterCommitMessage | None]) -> None:
        """Sum up. Raises `RowsFailedError` where rows have failed, unless a report is all that is wanted."""
        done = [message for message in messages if isinstance(message, Written)]
        rows = sum(message.rows for message in done)
        failed = sum((message.failed for message in done), Counter[str]())
        write_summary(self._options, rows, failed)
        if failed and self._options.raises:
            kinds = ", ".join(f"{count} x {code}" for code, count in failed.most_common(5))
            where = f"; see {self._options.results}" if self._options.results else ""
            raise RowsFailedError(
                f"{failed.total()} of {rows} rows could not be written ({kinds}); the others are{where}. {self._again}"
            )

    def abort(self, messages: Sequence[WriterCommitMessage | None]) -> None:
        """Nothing: what is written stays, and the same run_id writes the rest."""
