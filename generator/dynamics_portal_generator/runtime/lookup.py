"""Lookups of a row that was read: which row is meant, of which table, and what it is called.

Source: Dataverse Web API, "Lookup properties", "Request annotations" (lookuplogicalname, associatednavigationproperty).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

FORMATTED: Final = "@OData.Community.Display.V1.FormattedValue"
_TABLE: Final = "@Microsoft.Dynamics.CRM.lookuplogicalname"
_NAVIGATION: Final = "@Microsoft.Dynamics.CRM.associatednavigationproperty"


class Lookup:
    """What a lookup refers to. The representation shows the table, never the id or the name.

    `id`: of the row. `name`: what Dataverse shows for the row. `table`: the row's table, by its logical name, which a
    lookup to one of several tables needs. `navigation`: the navigation property that leads to it. All but the id are
    `None` where the answer did not hold them: they are annotations, which have to be asked for.
    """

    __slots__ = ("id", "name", "navigation", "table")

    def __init__(self, id: UUID, extra: Mapping[str, Any], column: str) -> None:
        self.id = id
        self.name = _text(extra.get(column + FORMATTED))
        self.table = _text(extra.get(column + _TABLE))
        self.navigation = _text(extra.get(column + _NAVIGATION))

    def __repr__(self) -> str:
        return f"<Lookup: {self.table or 'of a row'}>"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
