"""Rows to write: what `write_arrow` makes of Spark's batches, and ids of new rows, the same when a task is repeated.

A new row's id is made of the run's id, the task's number, and what the row holds; rows of a task that hold the same are
told apart by counting. So it does not depend on the order of rows, which Spark does not promise to keep when it repeats
a task. What each task gets must be the same again, as for any write of Spark's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
from pyspark.sql.types import StructType

from .._arrow_rows import rows_of
from .._query import nearest
from .._seam import RowModel
from ..errors import invalid
from ._columns import arrow_schema_of
from ._connection import model_of
from ._options import Connection, WriteOptions


class RowShape:
    """What the rows of a write look like. Raises `InvalidRequestError`, which names a column that does not fit."""

    def __init__(self, connection: Connection, options: WriteOptions, schema: StructType) -> None:
        self._connection = connection
        self._options = options
        model = model_of(connection, options.table)
        self._key = options.key or model.table().key
        names = schema.names
        self._check_names(model, names)
        self._makes_ids = options.operation == "create" and self._may_choose_ids(model, names)
        if options.operation != "create":
            missing = [name for name in self._key if name not in names]
            if missing:
                raise invalid(f"rows to {options.operation} need the columns of their key: {', '.join(missing)}")
        list(self._written(model, [], arrow_schema_of(schema)))  # there are no rows yet, but their types are judged

    def _check_names(self, model: RowModel, names: Iterable[str]) -> None:
        for name in names:
            column = name.removesuffix("@odata.bind")
            if column not in model.__columns__ and column not in model.navigation():
                raise invalid(f"{model.table().name} has no column {name!r}{nearest(name, model.__columns__)}")
            if self._options.operation == "delete" and name not in self._key:
                raise invalid(f"rows to delete have their key alone, without {name!r}")

    def _may_choose_ids(self, model: RowModel, names: Iterable[str]) -> bool:
        """Whether new rows have ids of the client's choosing. Otherwise they have to have their key with them."""
        key = model.table().key
        column = model.__columns__.get(key[0]) if len(key) == 1 else None
        chosen = column is not None and column.type == "Edm.Guid" and column.access != "read"
        if not chosen and not set(key) <= set(names):
            raise invalid(
                f"{model.table().name}: the service chooses the keys of new rows, so a task that Spark repeats would "
                "make rows twice; give the key, or use 'upsert' with a key"
            )
        return chosen

    def rows(self, batches: Iterator[Any], task: int) -> Iterator[Any]:
        """The rows as the verb takes them. `task`: the number of Spark's task."""
        first = next(batches, None)
        if first is None:
            return
        rows = self._written(model_of(self._connection, self._options.table), chain([first], batches), first.schema)
        if not self._makes_ids:
            yield from rows
            return
        seen: Counter[UUID] = Counter()
        run = uuid5(NAMESPACE_OID, f"{self._options.run_id}/{task}")
        for row in rows:
            if row.get(self._key[0]) is None:
                row[self._key[0]] = _id(run, row, seen)
            yield row

    def _written(self, model: RowModel, batches: Iterable[Any], schema: Any) -> Iterator[Any]:
        operation, key = self._options.operation, self._options.key
        if operation == "delete":
            return (next(iter(row.values())) if len(row) == 1 and not key else row for row in _plain(batches))
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        rows: Iterator[Any] = rows_of(model, reader, operation, key or None, skip_nulls=not self._options.write_nulls)
        return rows


def _plain(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()


def _id(run: UUID, row: Mapping[str, Any], seen: Counter[UUID]) -> UUID:
    """The id of a new row, which is that of no other one of the task."""
    content = uuid5(run, json.dumps(row, default=str, sort_keys=True))
    seen[content] += 1
    return content if seen[content] == 1 else uuid5(content, str(seen[content]))
