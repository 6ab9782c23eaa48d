"""Annotations that a client asks for by `Prefer: odata.include-annotations`.

It decides formatted values and what is told about a lookup's target ("Request annotations" of the Dataverse Web API).
Formats are those of the language en-US.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from .options import Preferences
from .schema import Schema, Table
from .store import CHUNK, Row, Store

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount"
TOTAL_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
PAGING_COOKIE = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE_RECORDS = "Microsoft.Dynamics.CRM.morerecords"
SCHEMA_VERSION = "Microsoft.Dynamics.CRM.globalmetadataversion"
_NUMBERS = ("Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double", "Edm.Single")


@dataclass(frozen=True)
class Annotator:
    """Adds annotations to the rows of one answer; it looks names of targets up once for all of them."""

    schema: Schema
    store: Store
    preferences: Preferences
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether any annotation is asked for."""
        return self.preferences.annotations is not None

    def prepare(self, table: Table, rows: Iterable[Row], columns: Iterable[str]) -> None:
        """Looks up what the lookups of these rows display."""
        if not self.preferences.wants(FORMATTED):
            return
        shown = [column for column in columns if column in table.lookups]
        self.learn((table, column, row.document.get(column)) for row in rows for column in shown)

    def learn(self, lookups: Iterable[tuple[Table, str, Any]]) -> None:
        """Looks up what these values of lookups display."""
        wanted: dict[str, set[str]] = {}
        for table, column, value in lookups:
            if value is not None:
                for target in self._targets(table, column):
                    wanted.setdefault(target.family, set()).add(str(value))
        for family, keys in wanted.items():
            source, missing = self.store.family(family), sorted(keys - self._names.keys())
            for start in range(0, len(missing), CHUNK):
                for found in self.store.fetch(
                    sa.select(source).where(source.c.key.in_(missing[start : start + CHUNK]))
                ):
                    name = self.schema.table(found.type).primary_name
                    if name and found.document.get(name):
                        self._names[found.key] = str(found.document[name])

    def _targets(self, table: Table, column: str) -> Iterable[Table]:
        for name in table.lookups[column]:
            target = self.schema.table_or_none(table.navigation[name].type.name)
            if target is not None:
                yield target

    def annotate(self, table: Table, document: Mapping[str, Any], column: str, value: Any) -> dict[str, Any]:
        """The annotations of one column of a row, by the names that they have beside it."""
        if value is None or column not in table.properties:
            return {}
        found: dict[str, Any] = {}
        if self.preferences.wants(FORMATTED):
            text = self.formatted(table, column, value)
            if text is not None:
                found[f"{column}@{FORMATTED}"] = text
        for term in (NAVIGATION, LOGICAL_NAME):
            told = document.get(f"{column}@{term}")
            if told is not None and self.preferences.wants(term):
                found[f"{column}@{term}"] = told
        return found

    def formatted(self, table: Table, column: str, value: Any) -> str | None:
        """What a value of a column is shown as; None for what has no format."""
        if column in table.lookups:
            return self._names.get(str(value))
        choice = self.schema.choices.of(table.name, column)
        if choice is not None:
            return choice.label(value)
        kind = self.schema.primitive(table.properties[column].type)
        if kind == "Edm.Boolean":
            return "Yes" if value else "No"
        return formatted_value(kind, value)


def formatted_value(kind: str, value: Any) -> str | None:
    """What a value of a type is shown as, whatever column it is from; None for what has no format."""
    if kind in ("Edm.DateTimeOffset", "Edm.Date") and isinstance(value, str):
        return _moment(value)
    if kind in _NUMBERS and isinstance(value, (int, float, Decimal)):
        return f"{value:,}"
    return None


def _moment(value: str) -> str:
    """`6/12/2024 2:13 PM`, or the date alone."""
    moment = datetime.fromisoformat(value[:19])
    day = f"{moment.month}/{moment.day}/{moment.year}"
    if len(value) == len("YYYY-MM-DD"):
        return day
    return f"{day} {moment.hour % 12 or 12}:{moment.minute:02} {'AM' if moment.hour < 12 else 'PM'}"
