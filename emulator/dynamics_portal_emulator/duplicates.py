"""Duplicate detection: rows that some columns make the same.

It decides when a row is a duplicate of another ("Detect duplicate data using the Web API"): where a rule's columns have
values that are all equal, text without regard to case. Rules are set by tests; Dataverse has some for accounts,
contacts and leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from .errors import Kind
from .operands import column, comparable
from .schema import Schema, Table
from .settings import Settings
from .store import Row, Store


@dataclass(frozen=True)
class Duplicates:
    """Looks for duplicates by the rules of the settings."""

    schema: Schema
    store: Store
    settings: Settings

    def check(self, table: Table, document: Mapping[str, Any], row: Row | None) -> None:
        """DataverseError 412 where a row but for itself is a duplicate of a document that is about to be stored."""
        rows = self.store.family(table.family)
        for rule in self.settings.duplicate_rules.get(table.name, ()):
            if any(document.get(name) is None for name in rule):
                continue
            statement = sa.select(rows.c.key).where(rows.c.type == table.type)
            for name in rule:
                kind = self.schema.primitive(table.properties[name].type)
                statement = statement.where(comparable(column(rows, name), kind) == document[name])
            with self.store.transaction() as connection:
                found = [key for (key,) in connection.execute(statement.limit(2))]
            if any(row is None or key != row.key for key in found):
                raise Kind.DUPLICATE_RECORD.error()
