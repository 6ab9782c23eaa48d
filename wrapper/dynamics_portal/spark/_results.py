"""Results: what is told of rows that failed, as Parquet, a file for each task, and a summary beside them.

Of a row there is the task and its place in it, its id where it has one of its own, and the codes of its failure: no
value of it, and no text of the service's, which may repeat values. A task that is repeated writes its file anew.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final
from uuid import UUID

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pyarrow.fs  # type: ignore[import-untyped] # as above
import pyarrow.parquet  # type: ignore[import-untyped] # as above

from ..redaction import redact_code
from ._options import WriteOptions

_SCHEMA: Final = pa.schema(
    [
        ("task", pa.int32()),
        ("index", pa.int64()),
        ("key", pa.string()),
        ("code", pa.string()),
        ("dynamics_code", pa.string()),
        ("status_code", pa.int32()),
        ("may_have_run", pa.bool_()),
        ("correlation_id", pa.string()),
    ]
)
_PACKED: Final = 10_000  # rows that are kept as objects


class Failures:
    """The failed rows of a task. They are written at its end, so that a file is whole, or of no attempt that failed."""

    def __init__(self, options: WriteOptions, task: int) -> None:
        self._folder = options.results
        self._name = f"part-{task:05d}-{options.run_id}.parquet"
        self._keys = not options.key
        self._task = task
        self._rows: list[dict[str, Any]] = []
        self._tables: list[Any] = []

    def add(self, result: Any) -> str:
        """Tell of a row. Gives the code by which failures are counted."""
        error = result.error
        shown = redact_code(error.dynamics_code)
        if self._folder:
            key = result.key if self._keys and isinstance(result.key, UUID) else None
            self._rows.append(
                {
                    "task": self._task,
                    "index": result.index,
                    "key": None if key is None else str(key),
                    "code": str(error.code),
                    "dynamics_code": shown,
                    "status_code": error.status_code,
                    "may_have_run": error.may_have_run,
                    "correlation_id": error.correlation_id,
                }
            )
            if len(self._rows) == _PACKED:
                self._pack()
        return str(error.code) if shown is None else f"{error.code} {shown}"

    def _pack(self) -> None:
        self._tables.append(pa.Table.from_pylist(self._rows, schema=_SCHEMA))
        self._rows = []

    def write(self) -> None:
        """Write the file, in place of an earlier attempt's; without failures there is none."""
        if not self._folder:
            return
        self._pack()
        filesystem, path = _opened(self._folder)
        file = f"{path}/{self._name}"
        table = pa.concat_tables(self._tables)
        if len(table):
            pyarrow.parquet.write_table(table, file, filesystem=filesystem)
        elif filesystem.get_file_info(file).type != pyarrow.fs.FileType.NotFound:
            filesystem.delete_file(file)


def write_summary(options: WriteOptions, rows: int, failed: Counter[str]) -> None:
    """Tell beside the failed rows how many there were of how many. Spark and Arrow pass the file over."""
    if not options.results:
        return
    filesystem, path = _opened(options.results)
    told = {"run_id": options.run_id, "rows": rows, "failed": failed.total(), "codes": dict(failed)}
    with filesystem.open_output_stream(f"{path}/_summary-{options.run_id}.json") as stream:
        stream.write(json.dumps(told, indent=2).encode())


def _opened(folder: str) -> tuple[Any, str]:
    """The file system of a folder, given as a path or an address that Arrow knows (`s3://…`), and the path in it."""
    known = "://" in folder
    filesystem, path = pyarrow.fs.FileSystem.from_uri(folder) if known else (pyarrow.fs.LocalFileSystem(), folder)
    filesystem.create_dir(path, recursive=True)
    return filesystem, path
