"""Requests to elastic tables: the partition that one names, and rows whose time is over.

It decides what `partitionId` of a request narrows and when a row is gone ("Use elastic tables", sections Using
partitionId parameter and Query rows of an elastic table). How rows are named is the business of `elastic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from .elastic import PARTITION, partitioned
from .exchange import Request
from .operands import column
from .resources import KeySegment, Segment, SetSegment
from .schema import Table
from .store import Store

_LIFETIME = "ttlinseconds"
_METHODS = ("GET", "DELETE")  # with others Dataverse passes over partitionId


@dataclass(frozen=True)
class Partitions:
    """Narrows requests to partitions, and removes rows whose time is over."""

    store: Store
    now: Callable[[], datetime]

    def narrowed(self, request: Request, segments: tuple[Segment, ...]) -> tuple[Request, tuple[Segment, ...]]:
        """The request with its `partitionId` as part of the key, or as a condition of the collection."""
        first = segments[0]
        partition = request.given.get("partitionId", "").strip("'\"")
        if not isinstance(first, SetSegment) or not first.table.elastic:
            return request, segments
        self._expire(first.table)
        if not partition or request.call.method not in _METHODS:
            return request, segments
        if len(segments) > 1 and isinstance(segments[1], KeySegment):
            key = segments[1].key
            if key.primary:
                key = partitioned(first.table, key, partition)
            return request, (first, KeySegment(key), *segments[2:])
        text = partition.replace("'", "''")
        condition = f"{PARTITION} eq '{text}'"
        given = request.given.get("$filter")
        narrowed = f"({given}) and {condition}" if given else condition
        return replace(request, given={**request.given, "$filter": narrowed}), segments

    def _expire(self, table: Table) -> None:
        """Removes rows that were not written for as many seconds as they say."""
        rows = self.store.family(table.family)
        moment = self.now()
        for row in self.store.fetch(sa.select(rows).where(column(rows, _LIFETIME).is_not(None))):
            written = row.document.get("modifiedon") or row.document.get("createdon")
            if written is None:
                continue
            until = datetime.fromisoformat(written) + timedelta(seconds=int(row.document[_LIFETIME]))
            if until <= moment:
                self.store.delete(table.family, row)
