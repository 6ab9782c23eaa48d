"""What a row's removal does to the rows that refer to it.

It decides each relationship's behaviour ("Configure table relationship cascading behavior", section Delete): a setting,
else `OnDelete` of the document, else Dataverse's default for lookups, which removes the link.
"""

from __future__ import annotations

from dataclasses import dataclass

from dynamics_portal_generator.csdl import NavigationProperty

from .errors import Kind
from .query import Query
from .schema import Reverse, Schema, Table
from .settings import Settings
from .store import Row, Store

_OF_DOCUMENT = {"Cascade": "Cascade", "None": "Restrict", "SetNull": "RemoveLink", "SetDefault": "RemoveLink"}


@dataclass(frozen=True)
class Cascades:
    """Finds the rows that go with a row."""

    schema: Schema
    store: Store
    query: Query
    settings: Settings

    def behaviour(self, table: Table, navigation: NavigationProperty) -> str:
        """`Cascade`, `RemoveLink` or `Restrict`."""
        said = self.settings.on_delete.get((table.name, navigation.name))
        return said or _OF_DOCUMENT.get(navigation.on_delete or "", "RemoveLink")

    def going_along(self, row: Row) -> list[Row]:
        """The rows that are to be removed first. DataverseError 405 where one of them forbids it."""
        table = self.schema.table(row.type)
        found: list[Row] = []
        for navigation in table.navigation.values():
            behaviour = self.behaviour(table, navigation)
            relation = None if behaviour == "RemoveLink" else self.schema.relation(table, navigation)
            if not isinstance(relation, Reverse) or not self.store.known(self.schema.table(relation.target).family):
                continue
            related = [child for child, _ in self.query.related(relation, [row]).get(row.key, [])]
            if related and behaviour == "Restrict":
                raise Kind.STILL_ASSOCIATED.error()
            found += related
        return found
