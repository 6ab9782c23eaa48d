"""Columns of an answer that are no table's row: of FetchXML and of `$apply`.

It decides how what SQLite selects becomes JSON again, with the annotations that were asked for. Properties without a
value are left out ("Retrieve and execute predefined queries"). Which columns there are is decided by `fetching` and
`applying`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from .annotations import FORMATTED, LOGICAL_NAME, NAVIGATION, Annotator, formatted_value
from .operands import Operand, column
from .values import Values, decode


@dataclass(frozen=True)
class Shown:
    """A column of an answer under the name that it has there. `computed` tells that no column holds its value."""

    name: str
    operand: Operand
    computed: bool = False

    @property
    def expression(self) -> sa.ColumnElement[Any]:
        """What is selected: the stored value, not the form in which it is compared."""
        operand = self.operand
        if self.computed or operand.rows is None:
            return operand.expression
        return column(operand.rows, operand.name)


@dataclass(frozen=True)
class Answer:
    """Rows of such columns."""

    columns: Sequence[Shown]
    values: Values
    annotator: Annotator

    def told(self) -> list[sa.ColumnElement[Any]]:
        """What is selected beside the columns: what lookups are known to lead to."""
        return [
            column(item.operand.rows, f"{item.operand.name}@{term}")
            for item, term in self._lookups()
            if item.operand.rows is not None
        ]

    def _lookups(self) -> list[tuple[Shown, str]]:
        return [
            (item, term)
            for item in self.columns
            if not item.computed
            and item.operand.rows is not None
            and item.operand.table is not None
            and item.operand.name in item.operand.table.lookups
            for term in (NAVIGATION, LOGICAL_NAME)
            if self.annotator.preferences.wants(term)
        ]

    def rows(self, selected: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """The rows as JSON. Each has the columns' values and then those of `told`."""
        size = len(self.columns)
        self.annotator.learn(
            (item.operand.table, item.operand.name, values[place])
            for place, item in enumerate(self.columns)
            if not item.computed and item.operand.table is not None and item.operand.name in item.operand.table.lookups
            for values in selected
        )
        return [self._row(values[:size], values[size:]) for values in selected]

    def _row(self, values: Sequence[Any], told: Sequence[Any]) -> dict[str, Any]:
        annotations: dict[str, dict[str, Any]] = {}
        for (item, term), value in zip(self._lookups(), told, strict=True):
            if value is not None:
                annotations.setdefault(item.name, {})[f"{item.name}@{term}"] = value
        shown: dict[str, Any] = {}
        for item, stored in zip(self.columns, values, strict=True):
            if stored is None:
                continue
            value = self._wire(item, stored)
            text = self._formatted(item, value) if self.annotator.preferences.wants(FORMATTED) else None
            if text is not None:
                shown[f"{item.name}@{FORMATTED}"] = text
            shown.update(annotations.get(item.name, {}))
            shown[item.name] = value
        return shown

    def _wire(self, item: Shown, stored: Any) -> Any:
        operand = item.operand
        if operand.kind == "Edm.Boolean":
            return bool(stored)
        if operand.kind == "Edm.Decimal":
            return Decimal(stored)
        declared = operand.table.properties.get(operand.name) if operand.table is not None else None
        if declared is not None and operand.table is not None and isinstance(stored, str) and stored[:1] in "{[":
            structured = declared.type.collection or declared.type.name in operand.table.schema.metadata.complex_types
            if structured:
                return self.values.wire(operand.table.type, {operand.name: decode(stored)})[operand.name]
        return stored

    def _formatted(self, item: Shown, value: Any) -> str | None:
        operand = item.operand
        if operand.table is not None and operand.name in operand.table.properties:
            return self.annotator.formatted(operand.table, operand.name, value)
        return formatted_value(operand.kind, value)
