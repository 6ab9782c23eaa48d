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
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise SelectionError(located(f"cannot be read: {error.strerror or type(error).__name__}", source, 0)) from None
    except RecursionError:
        raise SelectionError(located("is nested too deep", source, 0)) from None
    except UnicodeDecodeError:
        raise SelectionError(located("is not UTF-8 text", source, 0)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise SelectionError(located(f"not YAML: {problem}", source, mark.line + 1 if mark else 0)) from None
    if root is None or _is_null(root):
        return Selection(source)
    tables: dict[str, WantedTable] = {}
    operations: dict[str, Wanted] = {}
    for key, value in _entries(root, "the selection", source):
        if key.name == "tables":
            for table, columns in _entries(value, "tables", source):
                wanted = tuple(_names(columns, f"the columns of {table.name!r}", source))
                tables[table.name] = WantedTable(table.name, table.line, wanted)
        elif key.name == "operations":
            operations = {operation.name: operation for operation in _names(value, "operations", source)}
        else:
            expected = " and ".join(_KEYS)
            raise SelectionError(located(f"unknown key {key.name!r}; expected {expected}", source, key.line))
    return Selection(source, tables, operations)


def _entries(node: yaml.Node, what: str, source: str) -> Iterator[tuple[Wanted, yaml.Node]]:
    if _is_null(node):
        return
    if not isinstance(node, yaml.MappingNode):
        raise SelectionError(located(f"{what} must be a mapping of names", source, _line(node)))
    seen: set[str] = set()
    for key, value in node.value:
        yield _name(key, what, source, seen), value


def _names(node: yaml.Node, what: str, source: str) -> Iterator[Wanted]:
    if _is_null(node):
        return
    if not isinstance(node, yaml.SequenceNode):
        raise SelectionError(located(f"{what} must be a list of names", source, _line(node)))
    seen: set[str] = set()
    for item in node.value:
        yield _name(item, what, source, seen)


def _name(node: yaml.Node, what: str, source: str, seen: set[str]) -> Wanted:
    # The text as it stands: `on`, `no` and `1` would be no names to YAML, but they may be to a service.
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        raise SelectionError(located(f"{what} may hold names only", source, _line(node)))
    if node.value in seen:
        raise SelectionError(located(f"{node.value!r} is given twice in {what}", source, _line(node)))
    seen.add(node.value)
    return Wanted(node.value, _line(node))


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
