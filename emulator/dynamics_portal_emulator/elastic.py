"""Elastic tables: how a row in a partition is named.

It decides under which key such a row is stored, when its address names the partition, and what a write tells as its
session ("Use elastic tables"). Rows without a partition of their own are in one named after their id, and are then
named as any others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .resources import Key, key_text
from .schema import Table
from .store import Row

PARTITION = "partitionid"


def partitioned(table: Table, key: Key, partition: str) -> Key:
    """The key of a row within a partition."""
    return Key({**{part.path: key.values[part.path] for part in table.key}, PARTITION: partition}, primary=False)


def row_key(table: Table, document: dict[str, Any]) -> str:
    """The key under which a row is stored; fills the partition of an elastic table's row."""
    values = [document[part.path] for part in table.key]
    if table.elastic:
        own = str(values[0])
        if document.get(PARTITION) is None:
            document[PARTITION] = own
        if document[PARTITION] != own:
            values.append(document[PARTITION])
    return key_text(values)


def own_partition(table: Table, document: Mapping[str, Any]) -> str | None:
    """The partition that a row's address must name."""
    if not table.elastic or document.get(PARTITION) in (None, str(document.get(table.key[0].path))):
        return None
    return str(document[PARTITION])


def session(table: Table, row: Row) -> dict[str, str]:
    """The header of a write that tells its session token."""
    return {"x-ms-session-token": f"240:8#{row.version}#7=-1"} if table.elastic else {}
