"""Rows to write: which columns a write may have, and the ids of new rows, the same whenever a task is repeated.

A new row's id is made of the run's id, the task's number, and what the row holds; rows of a task that hold the same are
told apart by counting. So it does not depend on the order of rows, which Spark does not promise to keep when it repeats
a task. What each task gets must be the same again, as for any write of Spark's.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DayTimeIntervalType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    ShortType,
    StringType,
    StructType,
    TimestampType,
)

from .._query import nearest
from .._seam import ColumnInfo, RowModel
from ..errors import invalid
from ._columns import Kind, kind_of
from ._options import WriteOptions

_BIND: Final = "@odata.bind"
_WHOLE: Final = (ByteType, ShortType, IntegerType, LongType)
_TAKEN: Final[Mapping[Kind, tuple[type[DataType], ...]]] = {
    "id": (StringType,),
    "choice": _WHOLE,
    "choices": (ArrayType,),
    "whole": _WHOLE,
    "flag": (BooleanType,),
    "decimal": (DecimalType, *_WHOLE),
    "double": (FloatType, DoubleType),
    "day": (DateType,),
    "moment": (TimestampType,),
    "time": (StringType,),
    "span": (DayTimeIntervalType,),
    "text": (StringType,),
    "bytes": (BinaryType,),
}


class RowShape:
    """What the rows of a write look like. Raises `InvalidRequestError`, which names a column that does not fit."""

    def __init__(self, model: RowModel, schema: StructType, options: WriteOptions) -> None:
        self._options = options
        self._table = model.table()
        self._key = options.key or self._table.key
        self._makes_ids = options.operation == "create" and self._may_make_ids(model, schema)
        self._converted: dict[str, Callable[[Any], Any]] = {}
        for item in schema:
            self._check(model, item.name, item.dataType)
        missing = [name for name in self._key if name not in schema.names]
        if options.operation != "create" and missing:
            raise invalid(f"rows to {options.operation} need the columns of their key: {', '.join(missing)}")

    def _may_make_ids(self, model: RowModel, schema: StructType) -> bool:
        key = self._table.key
        column = model.__columns__.get(key[0]) if len(key) == 1 else None
        if column is not None and column.type == "Edm.Guid" and column.access != "read":
            return True
        if set(key) <= set(schema.names):
            return False
        raise invalid(
            f"{self._table.name}: the service chooses the keys of new rows, so a task that Spark repeats would make "
            "rows twice; give the key, or use 'upsert' with a key"
        )

    def _check(self, model: RowModel, name: str, given: DataType) -> None:
        if name.endswith(_BIND):
            navigation = model.navigation().get(name.removesuffix(_BIND))
            if navigation is None or navigation.collection:
                raise invalid(f"{self._table.name} has no lookup {name.removesuffix(_BIND)!r}")
            if not isinstance(given, StringType):
                raise invalid(f"{name}: expected string, got {given.simpleString()}")
            return
        column = model.__columns__.get(name)
        if column is None:
            raise invalid(f"{self._table.name} has no column {name!r}{nearest(name, model.__columns__)}")
        self._check_access(name, column)
        kind = kind_of(column)
        if kind is None or not isinstance(given, _TAKEN[kind]):
            raise invalid(f"{self._table.name}.{name} is {column.type}, and takes no {given.simpleString()}")
        if kind == "time":
            self._converted[name] = dt.time.fromisoformat

    def _check_access(self, name: str, column: ColumnInfo) -> None:
        operation = self._options.operation
        if name in self._key:
            return
        if operation == "delete":
            raise invalid(f"rows to delete have their key alone, without {name!r}")
        if column.access == "read" or (column.access == "create" and operation != "create"):
            hint = "; a lookup is written as 'name@odata.bind'" if name.startswith("_") else ""
            raise invalid(f"{self._table.name}.{name} cannot be written by {operation}{hint}")

    def rows(self, batches: Iterable[Any], task: int) -> Iterator[Any]:
        """The rows as the verb takes them. `task`: the number of Spark's task."""
        seen: Counter[UUID] = Counter()
        run = uuid5(NAMESPACE_OID, f"{self._options.run_id}/{task}")
        for batch in batches:
            for values in batch.to_pylist():
                row = {name: self._value(name, value) for name, value in values.items()}
                yield self._given(row, run, seen)

    def _value(self, name: str, value: Any) -> Any:
        convert = self._converted.get(name)
        return value if value is None or convert is None else convert(value)

    def _given(self, row: dict[str, Any], run: UUID, seen: Counter[UUID]) -> Any:
        operation, key = self._options.operation, self._key
        if operation == "create" and self._makes_ids and row.get(key[0]) is None:
            row[key[0]] = _id(run, row, seen)
        found = row[key[0]] if len(key) == 1 and not self._options.key else {name: row.get(name) for name in key}
        if operation == "delete":
            return found
        kept = {
            name: value
            for name, value in row.items()
            if (operation == "create" or name not in key) and (value is not None or self._options.write_nulls)
        }
        return kept if operation == "create" else (found, kept)


def _id(run: UUID, row: Mapping[str, Any], seen: Counter[UUID]) -> UUID:
    """The id of a new row, which is that of no other one of the task."""
    content = uuid5(run, json.dumps(row, default=str, sort_keys=True))
    seen[content] += 1
    return content if seen[content] == 1 else uuid5(content, str(seen[content]))
