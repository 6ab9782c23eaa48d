"""Streams: what has changed, by Dataverse's change tracking, a few pages a step.

Each page of changes names the next one, so no two processes could read them at a time; they are read once, where the
stream is planned. An offset is a token, or the state of an iteration between two pages. A step that Spark repeats reads
the same pages: to the same link where it comes again, or else to the end, which gives rows twice and loses none. So
what is done with a change must be the same the second time, as for `changes`.

Source: Dataverse, "Use change tracking to synchronize data with external systems"; Apache Spark, "Python Data Source
API" (SimpleDataSourceStreamReader).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pyspark.sql.datasource import SimpleDataSourceStreamReader
from pyspark.sql.streaming.datasource import SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

from .._changes import Change, Changed, Removed
from .._seam import RowModel
from .._sync.changes import Changes
from ..errors import InvalidRequestError
from ._columns import CHANGE, arrow_schema_of, change_batch
from ._connection import client_of, model_of
from ._options import Connection, ReadOptions

_UPSERT, _DELETE = "upsert", "delete"


class ChangeStream(SimpleDataSourceStreamReader, SupportsTriggerAvailableNow):
    """What has become of the rows of a table, from a token or from the beginning."""

    def __init__(self, connection: Connection, options: ReadOptions, schema: StructType) -> None:
        self._connection = connection
        self._options = options
        self._schema = schema
        self._ends = False
        self._ended = False

    def initialOffset(self) -> dict[str, str]:
        """The token that it was given, or what stands for none."""
        return {"since": self._options.since, "day": _today()}

    def prepareForTriggerAvailableNow(self) -> None:
        """End where there are no more changes for the first time."""
        self._ends, self._ended = True, False

    def read(self, start: dict[str, str]) -> tuple[Iterator[Any], dict[str, str]]:
        """The next step's changes. A token without changes is exchanged once a day, before the service forgets it."""
        if self._ended:
            return iter(()), start
        changes = self._changes(start["since"])
        batches: list[Any] = []
        place, ended = "", False
        for _ in range(self._options.pages):
            batches += self._batches(changes)
            place, ended = _place(changes)
            if ended:
                break
        self._ended = ended and self._ends
        if ended and not batches and start["since"] and start["day"] == _today():
            return iter(()), start
        return iter(batches), {"since": place, "day": _today()}

    def readBetweenOffsets(self, start: dict[str, str], end: dict[str, str]) -> Iterator[Any]:
        """The changes of a step that is repeated."""
        changes = self._changes(start["since"])
        while True:
            yield from self._batches(changes)
            place, ended = _place(changes)
            if ended or place == end["since"]:
                return

    def _changes(self, since: str) -> Changes[Any]:
        table = client_of(self._connection).table(self._options.table)
        if since.startswith("{"):
            return table.changes(since)
        select = [name for name in self._schema.fieldNames() if name != CHANGE]
        return table.changes(since or None, select=select, page_size=self._options.page_size)

    def _batches(self, changes: Changes[Any]) -> list[Any]:
        """The next page. What has become of rows stays in its order."""
        model = model_of(self._connection, self._options.table)
        schema = arrow_schema_of(self._schema)
        batches = []
        for changed, found in groupby(changes.page(), lambda change: isinstance(change, Changed)):
            rows = [_read(model, change) for change in found]
            batches.append(change_batch(model, schema, rows, _UPSERT if changed else _DELETE))
        return batches


def _read(model: RowModel, change: Change[Any]) -> dict[str, Any]:
    """What is told of a row, by the service's names."""
    if isinstance(change, Removed):
        return {model.table().key[0]: change.id}
    held = change.row.to_dict()
    return {name: getattr(change.row, column.attribute) for name, column in model.__columns__.items() if name in held}


def _place(changes: Changes[Any]) -> tuple[str, bool]:
    """From where to go on, and whether these were all changes."""
    try:
        return changes.token, True
    except InvalidRequestError:  # there is no token yet
        return changes.state, False


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()
