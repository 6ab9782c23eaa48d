"""Choices (option sets): the values and labels that `$metadata` lacks, read from `choices.json` beside it.

Dataverse's `$metadata` says `Edm.Int32` for a choice and `Edm.String` for a multi-select one; values and labels live in
the metadata tables. A spec folder holds them in one JSON document:
`{"<table>": {"<column>": {"name": "…", "multi": false, "options": [<option>, …]}}}`, where an option is
`{"value": 1, "label": "…", "labels": {"1044": "…"}}`.

Source: Dataverse Web API, "Query table definitions" (PicklistAttributeMetadata, MultiSelectPicklistAttributeMetadata).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .csdl import Metadata, local_name
from .errors import InputError
from .names import class_name, pascal_case
from .nearest import nearest


class ChoicesError(InputError):
    """A choices document that cannot be used; one line with the file and the place in it."""


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a choice, its label in the base language, and its labels by language code (LCID)."""

    value: int
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChoiceColumn:
    """The choice of a column. Columns of one `name` share it (a global choice)."""

    table: str
    column: str
    name: str
    options: tuple[Option, ...]
    multi: bool = False
    description: str | None = None
    assumed: str | None = None
    """Why the values are an assumption; `None` where they are known."""


Choices = Mapping[tuple[str, str], ChoiceColumn]
"""(table, column) to the choice."""


def load_choices(path: Path, metadata: Metadata, *, missing_ok: bool = False) -> dict[tuple[str, str], ChoiceColumn]:
    """The choices of a document, checked against the metadata: each column must exist and be of the right type.

    With `missing_ok` choices of tables and columns that the metadata lacks are passed over: a comparison of two
    documents tells of them itself.
    Raises `ChoicesError`.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ChoicesError(f"{path}: cannot be read as JSON: {error}") from None
    tables = {local_name(name): name for name in metadata.entity_types}
    result: dict[tuple[str, str], ChoiceColumn] = {}
    for table, columns in _object(document, path, "the document").items():
        if table not in tables:
            if missing_ok:
                continue
            raise ChoicesError(f"{path}: {table}: no such table{nearest(table, tables)}")
        properties = metadata.all_properties(tables[table])
        for column, content in _object(columns, path, table).items():
            where = f"{table}.{column}"
            if column not in properties:
                if missing_ok:
                    continue
                raise ChoicesError(f"{path}: {where}: no such column{nearest(column, properties)}")
            choice = _choice(table, column, _object(content, path, where), path)
            expected = "Edm.String" if choice.multi else "Edm.Int32"
            if properties[column].type.name != expected:
                raise ChoicesError(f"{path}: {where}: is {properties[column].type}, but this choice needs {expected}")
            result[table, column] = choice
    _check_shared(result.values(), path)
    return result


def _choice(table: str, column: str, content: Mapping[str, Any], path: Path) -> ChoiceColumn:
    where = f"{table}.{column}"
    unknown = set(content) - {"name", "multi", "options", "description", "assumed"}
    if unknown:
        raise ChoicesError(f"{path}: {where}: unknown member {sorted(unknown)[0]!r}")
    options: list[Option] = []
    for number, item in enumerate(_list(content.get("options") or [], path, f"{where}.options")):
        option = _object(item, path, f"{where}.options[{number}]")
        value, label = option.get("value"), option.get("label")
        if not isinstance(value, int) or isinstance(value, bool) or not isinstance(label, str):
            raise ChoicesError(f"{path}: {where}.options[{number}]: needs a whole number 'value' and a text 'label'")
        labels = _object(option.get("labels", {}), path, f"{where}.options[{number}].labels")
        options.append(Option(value, label, {str(key): str(text) for key, text in labels.items()}))
    if not options:
        raise ChoicesError(f"{path}: {where}: has no options")
    if len({option.value for option in options}) < len(options):
        raise ChoicesError(f"{path}: {where}: holds a value twice")
    name = content.get("name") or pascal_case(table) + pascal_case(column)
    return ChoiceColumn(
        table,
        column,
        class_name(name),
        tuple(options),
        bool(content.get("multi", False)),
        content.get("description"),
        content.get("assumed"),
    )


def _check_shared(choices: Any, path: Path) -> None:
    by_name: dict[str, ChoiceColumn] = {}
    for choice in choices:
        first = by_name.setdefault(choice.name, choice)
        if first.options != choice.options:
            raise ChoicesError(
                f"{path}: {choice.table}.{choice.column}: shares the name {choice.name} with "
                f"{first.table}.{first.column}, but not its options"
            )


def _object(value: Any, path: Path, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ChoicesError(f"{path}: {where}: must be an object")
    return value


def _list(value: Any, path: Path, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ChoicesError(f"{path}: {where}: must be a list")
    return value
