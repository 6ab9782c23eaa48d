"""The selection: which tables, columns and operations of a `$metadata` document are wanted, as `selection.yaml` says.

    tables:            # by logical name or entity set name
      contact: [firstname, new_mentor_status]
      account:         # no list: all columns
    operations: [WhoAmI]

Only the file is judged here (its shape, its keys, names given twice); whether the names exist is for `select`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .csdl.error import located
from .errors import InputError
from .yaml_nodes import YamlError, compose, entries, line_of

_KEYS = ("tables", "operations")
_NULL = "tag:yaml.org,2002:null"


class SelectionError(InputError):
    """A selection that cannot be used. Its text is one line, `file:line: what is wrong`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A name in a selection, and the line where it stands."""

    name: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class WantedTable:
    """A table, and the columns wanted of it; none named means all."""

    name: str
    line: int = 0
    columns: tuple[Wanted, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted. A selection that names nothing wants everything; one that names anything wants only that."""

    source: str = "selection"
    tables: Mapping[str, WantedTable] = field(default_factory=dict)
    operations: Mapping[str, Wanted] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether everything is wanted."""
        return not self.tables and not self.operations

    def error(self, message: str, line: int) -> SelectionError:
        """The one-line error for what stands at a line of this selection."""
        return SelectionError(located(message, self.source, line))


def load_selection(path: Path) -> Selection:
    """Read `selection.yaml`. An empty file selects everything.

    Raises `SelectionError` for a file that cannot be read, is no YAML, or has another shape than the module describes.
    """
    source = str(path)
    tables: dict[str, WantedTable] = {}
    operations: dict[str, Wanted] = {}
    try:
        for key, value in _entries(compose(path), "the selection"):
            if key.name == "tables":
                for table, columns in _entries(value, "tables"):
                    wanted = tuple(_names(columns, f"the columns of {table.name!r}"))
                    tables[table.name] = WantedTable(table.name, table.line, wanted)
            elif key.name == "operations":
                operations = {operation.name: operation for operation in _names(value, "operations")}
            else:
                raise YamlError(f"unknown key {key.name!r}; expected {' and '.join(_KEYS)}", key.line)
    except YamlError as error:
        raise SelectionError(located(error.message, source, error.line)) from None
    return Selection(source, tables, operations)


def _entries(node: yaml.Node | None, what: str) -> Iterator[tuple[Wanted, yaml.Node]]:
    """Keys, each with its own line, and values; none of them where nothing is given."""
    if node is None or _is_null(node):
        return
    for number, (name, value) in enumerate(entries(node, what)):
        yield Wanted(name, line_of(node.value[number][0])), value


def _names(node: yaml.Node, what: str) -> Iterator[Wanted]:
    if _is_null(node):
        return
    if not isinstance(node, yaml.SequenceNode):
        raise YamlError(f"{what} must be a list of names", line_of(node))
    seen: set[str] = set()
    for item in node.value:
        # The text as it stands: `on`, `no` and `1` are no names to YAML, but they may be to a service.
        if not isinstance(item, yaml.ScalarNode) or not item.value:
            raise YamlError(f"{what} may hold names only", line_of(item))
        if item.value in seen:
            raise YamlError(f"{item.value!r} is given twice in {what}", line_of(item))
        seen.add(item.value)
        yield Wanted(item.value, line_of(item))


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL
