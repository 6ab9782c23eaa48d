"""A spec folder, as the command `fetch` writes it: `metadata.xml`, `choices.json`, and the version that both are of.

`choices.json` holds what `$metadata` lacks, in the form that the generator reads. Names that somebody gave to choices
there are kept: they are the names of classes. Everything is written after everything was downloaded, and the version
last, so that a failure leaves the folder as it was or asks for the download again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ._definitions import ChoiceDefinition, TableDefinition
from ._query import nearest

METADATA: Final = "metadata.xml"
CHOICES: Final = "choices.json"
VERSION: Final = "metadata.version"

Choices = Mapping[str, Mapping[str, ChoiceDefinition]]


class SpecFolder:
    """A folder and its files. Raises `OSError` or `ValueError` where one of them cannot be used."""

    def __init__(self, path: Path) -> None:
        self.metadata = path / METADATA
        self.choices = path / CHOICES
        self._version = path / VERSION

    def version(self, tables: Iterable[str]) -> str | None:
        """The version of what is there; `None` where a part is missing, or the choices of one of the tables."""
        if not all(path.is_file() for path in (self.metadata, self.choices, self._version)):
            return None
        return None if set(tables) - set(self._read()) else self._version.read_text("ascii").strip()

    def write(self, metadata: bytes, choices: Choices, version: str | None) -> None:
        """Write what was downloaded."""
        named = choices_document(choices, self._read() if self.choices.is_file() else {})
        self.metadata.parent.mkdir(parents=True, exist_ok=True)
        self._version.unlink(missing_ok=True)  # a version must never be newer than what it is of
        _replace(self.metadata, metadata)
        _replace(self.choices, named.encode())
        if version is not None:
            _replace(self._version, f"{version}\n".encode("ascii"))

    def _read(self) -> dict[str, Any]:
        document = json.loads(self.choices.read_bytes())
        if not isinstance(document, dict):
            raise ValueError(f"{CHOICES} is no JSON object")
        return document


def choices_document(choices: Choices, before: Mapping[str, Any]) -> str:
    """The text of `choices.json`, tables and columns in alphabetical order, options in the service's."""
    shared = _names_that_clash(choices)
    document: dict[str, dict[str, Any]] = {}
    for table, columns in sorted(choices.items()):
        document[table] = {}
        for column, choice in sorted(columns.items()):
            given = _given_name(before, table, column)
            name = given or (choice.name if choice.name not in shared else "")
            document[table][column] = {
                **({"name": name} if name else {}),
                "multi": choice.multi,
                "options": [
                    {
                        "value": option.value,
                        "label": option.label,
                        "labels": {str(language): text for language, text in option.labels.items()},
                    }
                    for option in choice.options
                ],
            }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _names_that_clash(choices: Choices) -> set[str]:
    """Names that choices with different options share, once they are names of classes, in which underscores and cases
    do not count: such a choice is called after its column instead."""
    seen: dict[str, Any] = {}
    every = [choice for columns in choices.values() for choice in columns.values()]
    clash = {
        _plain(choice.name)
        for choice in every
        if seen.setdefault(_plain(choice.name), choice.options) != choice.options
    }
    return {choice.name for choice in every if _plain(choice.name) in clash}


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _given_name(before: Mapping[str, Any], table: str, column: str) -> str:
    columns = before.get(table)
    content = columns.get(column) if isinstance(columns, Mapping) else None
    return str(content.get("name") or "") if isinstance(content, Mapping) else ""


def selected_tables(path: Path) -> list[str]:
    """The tables that a `selection.yaml` names, by whichever of their names. Empty: all.

    Only that is read of it; whether the file is right, the generator says. Raises `ValueError` where it is no YAML.
    """
    import yaml  # comes with the generator, which the command is a part of

    try:
        document = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506 # makes texts, lists and mappings
    except yaml.YAMLError:
        raise ValueError(f"{path.name} is no YAML") from None
    tables = document.get("tables") if isinstance(document, Mapping) else None
    return [str(name) for name in tables] if isinstance(tables, Mapping) else []


def logical_names(wanted: Iterable[str], tables: Iterable[TableDefinition]) -> list[str]:
    """The logical names of the tables that are wanted; without any, of all that the Web API offers.

    Raises `ValueError` for a table that the organisation lacks.
    """
    offered = {table.logical_name: table.logical_name for table in tables if table.entity_set}
    names = {**{str(table.entity_set): table.logical_name for table in tables if table.entity_set}, **offered}
    wanted = list(wanted)
    for name in wanted:
        if name not in names:
            raise ValueError(f"the organisation has no table {name!r}{nearest(name, names)}")
    return sorted({names[name] for name in wanted} if wanted else offered)


def _replace(path: Path, content: bytes) -> None:
    """Write a file through a neighbour, so that it is never half written."""
    neighbour = path.with_name(f".{path.name}.new")
    neighbour.write_bytes(content)
    neighbour.replace(path)
