"""Trees of rows, and the calling user with teams and reports.

It decides who is above and below whom ("Query hierarchical data" of Dataverse) and which owners are the caller's own.
`$metadata` does not say which relationship of a table to itself is the hierarchical one: it is taken to be the one
whose name begins with `parent`, or the only one there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from .errors import Kind
from .operands import column
from .schema import Link, Lookup, Schema, Table
from .store import CHUNK, Store

DEPTH = 100  # recursions, the default limit of the documentation
_CRM = "Microsoft.Dynamics.CRM"
_MEMBERSHIP = "teammembership_association"


@dataclass(frozen=True)
class Hierarchy:
    """Follows the hierarchical relationship of a table."""

    schema: Schema
    store: Store

    def parent_column(self, table: Table) -> str | None:
        """The column that holds a row's parent; None where the table has no hierarchy."""
        family = {part.name for part in self.schema.metadata.ancestry(table.type)}
        own = {
            name: relation.columns[0][0]
            for name, navigation in table.navigation.items()
            if isinstance(relation := self.schema.relation(table, navigation), Lookup)
            and relation.target in family
            and len(relation.columns) == 1
        }
        named = sorted(name for name in own if name.startswith("parent"))
        chosen = named[0] if named else next(iter(own)) if len(own) == 1 else None
        return None if chosen is None else own[chosen]

    def above(self, table: Table, key: str) -> set[str]:
        """The keys of a row's ancestors."""
        parent = self._required(table)
        found: set[str] = set()
        current = key
        for _ in range(DEPTH):
            row = self.store.get(table.family, current)
            value = row.document.get(parent) if row is not None else None
            if value is None or value in found:
                break
            current = str(value)
            found.add(current)
        return found

    def below(self, table: Table, key: str) -> set[str]:
        """The keys of a row's descendants."""
        parent = self._required(table)
        rows = self.store.family(table.family)
        found: set[str] = set()
        level = [key]
        for _ in range(DEPTH):
            children: list[str] = []
            for start in range(0, len(level), CHUNK):
                statement = sa.select(rows).where(column(rows, parent).in_(level[start : start + CHUNK]))
                children.extend(row.key for row in self.store.fetch(statement))
            level = [child for child in children if child not in found]
            if not level:
                break
            found.update(level)
        return found

    def _required(self, table: Table) -> str:
        parent = self.parent_column(table)
        if parent is None:
            raise Kind.BAD_QUERY.error(problem=f"The table '{table.name}' has no hierarchical relationship.")
        return parent


@dataclass(frozen=True)
class Caller:
    """The user in whose name requests come."""

    hierarchy: Hierarchy
    who: Callable[[], str]
    business_unit_id: str

    @property
    def user_id(self) -> str:
        """The user of the request that is being answered."""
        return self.who()

    def teams(self, users: set[str]) -> set[str]:
        """The teams that users are members of; none where the document has no teams."""
        schema = self.hierarchy.schema
        table = schema.table_or_none(f"{_CRM}.systemuser")
        navigation = table.navigation.get(_MEMBERSHIP) if table is not None else None
        relation = schema.relation(table, navigation) if table is not None and navigation is not None else None
        if not isinstance(relation, Link):
            return set()
        return {team for _, team in self.hierarchy.store.linked(relation.name, sorted(users), relation.forward)}

    def with_reports(self) -> set[str]:
        """The user, and everybody below in the reporting hierarchy (`parentsystemuserid`)."""
        table = self.hierarchy.schema.table_or_none(f"{_CRM}.systemuser")
        if table is None or self.hierarchy.parent_column(table) is None:
            return {self.user_id}
        return {self.user_id, *self.hierarchy.below(table, self.user_id)}

    def owners(self, function: str) -> set[str] | None:
        """The ids that a query function about owners stands for; None for another function."""
        me = {self.user_id}
        if function == "EqualUserId":
            return me
        if function in ("EqualBusinessId", "EqualRoleBusinessId"):
            return {self.business_unit_id}
        if function == "EqualUserTeams":
            return self.teams(me)
        if function == "EqualUserOrUserTeams":
            return me | self.teams(me)
        if function == "EqualUserOrUserHierarchy":
            return self.with_reports()
        if function == "EqualUserOrUserHierarchyAndTeams":
            everybody = self.with_reports()
            return everybody | self.teams(everybody)
        return None
