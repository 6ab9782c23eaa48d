"""Reading: a task for each range of keys, which asks for its rows itself and gives them as record batches.

Ranges are found when the read is planned, with the conditions that are sent along, so that they are even in what is
read. Only conditions travel to the tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyspark.sql.datasource import DataSourceReader, Filter, InputPartition
from pyspark.sql.types import StructType

from ._columns import arrow_schema_of
from ._connection import client_of, model_of
from ._filters import pushed
from ._options import Connection, ReadOptions


class TableReader(DataSourceReader):
    """Reads a table, or what its conditions find, in as many tasks as `partitions` says, or fewer."""

    def __init__(self, connection: Connection, options: ReadOptions, schema: StructType) -> None:
        self._connection = connection
        self._options = options
        self._schema = schema
        self._condition: Any = None

    def partitions(self) -> Sequence[InputPartition]:
        """The ranges, as conditions. Asks the service for a few rows where there is to be more than one."""
        if self._options.partitions == 1:
            return [InputPartition(self._condition)]
        options = self._options
        table = client_of(self._connection).table(options.table)
        parts = table.ranges(
            options.partitions, by=options.partition_by or None, filter=self._condition, even=options.even
        )
        return [InputPartition(part) for part in parts]

    def read(self, partition: InputPartition) -> Iterator[Any]:
        """The rows of a range."""
        target = arrow_schema_of(self._schema)
        table = client_of(self._connection).table(self._options.table)
        found = table.read_arrow(
            filter=partition.value, select=self._schema.fieldNames(), page_size=self._options.page_size
        )
        for batch in found:
            yield batch.cast(target)


class FilteringTableReader(TableReader):
    """The same, with Spark's conditions sent along. Spark refuses it where its own setting for that is off."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:
        """Take the conditions that can be sent. The result is what Spark must judge itself."""
        self._condition, left = pushed(model_of(self._connection, self._options.table), filters)
        return left
