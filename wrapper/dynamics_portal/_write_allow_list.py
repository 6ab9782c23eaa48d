"""The write allow-list: which columns of which tables the client may write. Whatever it does not name is refused.

Names may be the table's entity set or logical name, and for a lookup its logical name, its navigation property,
`x@odata.bind` or `_x_value`. Beside columns, a table's list names what else may be done to its rows: navigation
properties (to associate rows by them), the actions that are bound to it, and `$delete`, for to end a row is to end what
others wrote there. Actions that are bound to no table are listed under `$actions`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from ._seam import RowModel, package_of_model

DELETE: Final = "$delete"
ACTIONS: Final = "$actions"


class WriteAllowList:
    """Says whether a write may be sent. Made without a mapping, it allows everything."""

    __slots__ = ("_columns",)

    def __init__(self, writable: Mapping[str, Collection[str]] | None) -> None:
        self._columns: dict[str, set[str]] | None = None
        if writable is None:
            return
        if not isinstance(writable, Mapping):
            raise TypeError("writable: expected a mapping of a table's name to the columns that may be written")
        for table, names in writable.items():
            if isinstance(names, (str, bytes)):
                raise TypeError(f"writable: expected a list of columns for {table!r}, got a text")
        self._columns = {table: {_written(name) for name in names} for table, names in writable.items()}

    def check(self, model: RowModel, body: Mapping[str, Any]) -> None:
        """Raise `ValueError` that names the first column which may not be written, rows within the row included."""
        if self._columns is None:
            return
        allowed = self._of(model)
        navigation = model.navigation()
        for name, value in body.items():
            if name in model.table().key:
                continue  # which row it is, not what is in it
            if _written(name) not in allowed:
                raise ValueError(f"{model.table().name}.{name} is not in the client's list of writable columns")
            if name in navigation:
                target = package_of_model(model).model(navigation[name].target)
                for row in value if isinstance(value, list) else [value]:
                    self.check(target, row)

    def check_delete(self, model: RowModel) -> None:
        """Raise `ValueError` where the table's rows may not be deleted."""
        if self._columns is not None and DELETE not in self._of(model):
            raise ValueError(f"{model.table().name}: {DELETE} is not in the client's list of writable columns")

    def check_action(self, model: RowModel | None, name: str) -> None:
        """Raise `ValueError` where an action may not be called: one that is bound to a table, or to none."""
        if self._columns is None:
            return
        local = name.rpartition(".")[2]
        listed = self._columns.get(ACTIONS, set()) if model is None else self._of(model)
        if not {local.lower(), name.lower()} & listed:
            where = f"under {ACTIONS}" if model is None else f"of {model.table().name}"
            raise ValueError(f"{local} is not in the client's list of writable columns and actions {where}")

    def _of(self, model: RowModel) -> set[str]:
        table = model.table()
        columns = self._columns or {}
        found = columns.get(table.entity_set, columns.get(table.name))
        if found is None:
            raise ValueError(f"{table.name} is not in the client's list of writable tables")
        return found


def _written(name: str) -> str:
    """A column's name in one spelling: of a lookup, its navigation property's in lower case."""
    base = name.removesuffix("@odata.bind")
    if base.startswith("_") and base.endswith("_value"):
        base = base[1:].removesuffix("_value")
    return base.lower()
