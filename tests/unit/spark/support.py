"""What the tests of the data source share: how Spark drives it, without Spark."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
from pyspark.sql.types import StructType

from dynamics_portal.spark import DataverseSource
from dynamics_portal.spark._columns import arrow_schema_of
from dynamics_portal_emulator.emulator import Emulator

Sources = Callable[..., DataverseSource]
"""Makes a data source of options."""


def shape(text: str) -> StructType:
    """A schema of names and types, as firstname string, new_type integer."""
    schema = StructType()
    for part in text.split(", "):
        name, kind, *rest = part.split(" ")
        schema.add(name, kind, nullable=not rest)
    return schema


def rows_of(batches: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def read_all(source: DataverseSource, *filters: Any) -> list[dict[str, Any]]:
    """What all tasks of a read give, each of which gets its reader and its part by pickle."""
    schema = source.schema()
    reader = source.reader(schema)
    if filters:
        assert list(reader.pushFilters(list(filters))) == []
    rows: list[dict[str, Any]] = []
    for part in reader.partitions():
        task, there = pickle.loads(pickle.dumps((reader, part)))  # noqa: S301 # of this test's own making
        for batch in task.read(there):
            assert batch.schema.equals(arrow_schema_of(schema))
            rows += batch.to_pylist()
    return rows


def written(source: DataverseSource, *columns: pa.Array, names: list[str], schema: str) -> Any:
    """Writes one task's rows, and commits. The writer travels by pickle, as Spark sends it."""
    writer = source.writer(shape(schema), overwrite=False)
    writer = pickle.loads(pickle.dumps(writer))  # noqa: S301 # as above
    message = writer.write(iter([pa.RecordBatch.from_arrays(list(columns), names=names)]))
    writer.commit([message, None])
    return message


def names_of(emulator: Emulator) -> Counter[str]:
    return Counter(row["firstname"] for row in emulator.rows("contacts"))
