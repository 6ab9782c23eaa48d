"""Columns: which type of Spark's stands for which of Dataverse's. Arrow's types decide, as for `read_arrow`.

Ids are text, in lower case with hyphens; a choice is its number, a multiple choice a list of numbers; decimals keep all
digits; moments are UTC. What has no type in Spark is its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
from pyspark.sql.pandas.types import from_arrow_type, to_arrow_schema
from pyspark.sql.types import DataType, ShortType, StringType, StructField, StructType

from .. import _arrow
from .._query import nearest
from .._seam import ColumnInfo, RowModel
from ..errors import invalid

Kind: TypeAlias = Literal[
    "id", "choice", "choices", "whole", "flag", "decimal", "double", "day", "moment", "time", "span", "text", "bytes"
]
"""What a column holds, as far as conditions and conversions differ by it."""

CHANGE: Final = "_change_type"
"""The column of a stream that says what has become of a row: `upsert` or `delete`."""

_KINDS: Final[Mapping[str, Kind]] = {
    "Edm.String": "text",
    "Edm.Guid": "id",
    "Edm.Boolean": "flag",
    "Edm.SByte": "whole",
    "Edm.Byte": "whole",
    "Edm.Int16": "whole",
    "Edm.Int32": "whole",
    "Edm.Int64": "whole",
    "Edm.Decimal": "decimal",
    "Edm.Double": "double",
    "Edm.Single": "double",
    "Edm.DateTimeOffset": "moment",
    "Edm.Date": "day",
    "Edm.TimeOfDay": "time",
    "Edm.Duration": "span",
    "Edm.Binary": "bytes",
}


def kind_of(column: ColumnInfo) -> Kind | None:
    """What a column holds; `None` for what is neither compared nor written here."""
    if column.file:
        return "id"
    kind = _KINDS.get(column.type)
    if not column.model:
        return kind
    return "choices" if kind == "text" else "choice" if kind == "whole" else None


def schema_of(model: RowModel, select: Sequence[str], *, changes: bool) -> StructType:
    """The schema of a table, or of some of its columns. Raises `InvalidRequestError` for names that it lacks.

    `changes`: of a stream, which always has the key, and what has become of the row.
    """
    names = list(dict.fromkeys(select)) or list(model.__columns__)
    missing = [name for name in model.table().key if changes and name not in names]
    fields = [StructField(name, _type_of(model, name)) for name in (*missing, *names)]
    return StructType([*fields, StructField(CHANGE, StringType())] if changes else fields)


def check_schema(model: RowModel, schema: StructType, *, changes: bool) -> None:
    """Raise `InvalidRequestError` where a schema that was given has another type for a column than it has."""
    for item in schema:
        expected = StringType() if changes and item.name == CHANGE else _type_of(model, item.name)
        if item.dataType != expected:
            raise invalid(f"schema: {item.name} is {expected.simpleString()}, not {item.dataType.simpleString()}")
        if not item.nullable:
            raise invalid(f"schema: {item.name} may be null, as any column that is read")
    needed = (*model.table().key, CHANGE) if changes else ()
    if not set(needed) <= set(schema.names):
        raise invalid(f"schema: a stream has the columns {', '.join(needed)}, too")


def _type_of(model: RowModel, name: str) -> DataType:
    column = model.__columns__.get(name)
    if column is None:
        raise invalid(f"{model.table().name} has no column {name!r}{nearest(name, model.__columns__)}")
    kind = _arrow.kind_of(model, column).type
    return ShortType() if kind == pa.uint8() else from_arrow_type(kind)


def arrow_schema_of(schema: StructType) -> Any:
    """The schema that Spark expects of record batches."""
    return to_arrow_schema(schema, timezone="UTC")


def change_batch(model: RowModel, schema: Any, rows: Sequence[Mapping[str, Any]], change: str) -> Any:
    """Rows of a stream, as mappings from columns to values, as a record batch. `change`: what has become of them."""
    arrays = [
        pa.array([change] * len(rows), item.type)
        if item.name == CHANGE
        else _array(model, item.name, rows).cast(item.type)
        for item in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(model: RowModel, name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    kind = _arrow.kind_of(model, model.__columns__[name])
    values = (row.get(name) for row in rows)
    return pa.array(
        [value if value is None or kind.plain is None else kind.plain(value) for value in values], kind.type
    )
