"""What Arrow's users are given, twice: for tasks (`async_…`) and for threads (`sync_…`), as in `_concurrency`.

pyarrow is imported when it is first needed, here and in what this module imports then.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped] # it has no type hints

    from ._async.arrow import AsyncRecordBatches

AsyncBatchStream: TypeAlias = "AsyncRecordBatches"
BatchStream: TypeAlias = "pyarrow.RecordBatchReader"


class ChangedBatch:
    """What a page tells of changes. `changed`: a record batch of the rows that are new or were changed, as they are.

    `removed`: an array with the ids, as text, of those that are gone. Its representation shows how many.
    """

    __slots__ = ("changed", "removed")
    __match_args__ = ("changed", "removed")

    def __init__(self, changed: pyarrow.RecordBatch, removed: pyarrow.Array) -> None:
        self.changed = changed
        self.removed = removed

    def __len__(self) -> int:
        return len(self.changed) + len(self.removed)

    def __getitem__(self, rows: slice) -> ChangedBatch:
        """All of it: a page of changes is taken whole."""
        return self

    def __repr__(self) -> str:
        return f"<ChangedBatch: {len(self.changed)} changed, {len(self.removed)} removed>"


def arrow_module(name: str) -> Any:
    """A module of this package that imports pyarrow. Raises `ImportError` without the extra `arrow`."""
    try:
        return import_module(f".{name}", __package__)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pyarrow":
            raise
    raise ImportError("pyarrow is missing: install the extra, dynamics-portal[arrow]")


def async_stream(batches: Any) -> Any:
    """The batches themselves."""
    return batches


def sync_stream(batches: Any) -> Any:
    """A `pyarrow.RecordBatchReader` over the batches."""
    import pyarrow as pa  # what few services need

    return pa.RecordBatchReader.from_batches(batches.schema, batches)


def arrow_schema(model: type[Any], *, select: Iterable[Any] | None = None, labels: bool = False) -> pyarrow.Schema:
    """The schema of what `read_arrow` gives of a table, without a call: `arrow_schema(Contact, select=["fullname"])`.

    `select`, `labels`: as for `read_arrow`. Raises `InvalidRequestError` for a column that the table lacks, and
    `ImportError` without the extra `arrow`.
    """
    arrow = arrow_module("_arrow")
    return arrow.schema_of(model, arrow.columns_of(model, select, labels))
