"""Labels of choices, which `$metadata` does not hold.

It decides the label of a choice's value. The file is `{table: {column: {"name", "multi", "options": [{"value",
"label", "labels": {language code: label}}]}}}`, as a spec folder keeps it beside `metadata.xml`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ENGLISH = 1033  # the language code of en-US


@dataclass(frozen=True)
class Choice:
    """One column's choice: its values and their labels."""

    name: str
    multi: bool
    options: Mapping[int, str] = field(default_factory=dict)
    labels: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    """The labels of each value by language code."""

    def label(self, value: object) -> str | None:
        """The label of a value as the column holds it; several, joined by `; `, of a multi-select column."""
        if isinstance(value, bool):
            return self.options.get(int(value))
        if isinstance(value, int):
            return self.options.get(value)
        if isinstance(value, str) and self.multi:
            labels = [self.options.get(int(part), part.strip()) for part in value.split(",") if part.strip().isdigit()]
            return "; ".join(labels)
        return None


class Choices:
    """All choices of a document."""

    def __init__(self, tables: Mapping[str, Mapping[str, Choice]]) -> None:
        self._tables = tables

    def of(self, table: str, column: str) -> Choice | None:
        """The choice behind a column, by logical names."""
        return self._tables.get(table, {}).get(column)

    def columns(self, table: str) -> Mapping[str, Choice]:
        """Every choice column of a table."""
        return self._tables.get(table, {})

    @cached_property
    def shared(self) -> Mapping[str, Choice]:
        """The global choices: those that several columns have under one name."""
        found = [choice for columns in self._tables.values() for choice in columns.values()]
        counted = Counter(choice.name for choice in found)
        return {choice.name: choice for choice in found if counted[choice.name] > 1}

    @classmethod
    def parse(cls, content: object) -> Choices:
        """From the parsed JSON of a choices file. ValueError, in one line, where its shape is another."""
        if not isinstance(content, Mapping):
            raise ValueError("choices: expected an object of tables")
        return cls({table: _columns(table, columns) for table, columns in content.items()})

    @classmethod
    def read(cls, path: Path) -> Choices:
        """From a choices file. OSError or ValueError where it cannot be used."""
        return cls.parse(json.loads(path.read_bytes()))


def _columns(table: str, columns: Any) -> dict[str, Choice]:
    if not isinstance(columns, Mapping):
        raise ValueError(f"choices: expected an object of columns under {table!r}")
    return {column: _choice(f"{table}.{column}", content) for column, content in columns.items()}


def _choice(where: str, content: Any) -> Choice:
    try:
        options = {int(option["value"]): str(option.get("label", "")) for option in content["options"]}
        labels = {int(option["value"]): _labels(option) for option in content["options"]}
        return Choice(str(content.get("name", where)), bool(content.get("multi", False)), options, labels)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError(f"choices: {where} needs options, each with a whole number as value") from None


def _labels(option: Any) -> dict[int, str]:
    """Labels by language code; where the file gives one label only, that is English."""
    given = option.get("labels") or {ENGLISH: option.get("label", "")}
    return {int(language): str(label) for language, label in given.items()}
