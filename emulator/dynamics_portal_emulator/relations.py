"""Relating rows: lookups, one-to-many and many-to-many, by binding or by `$ref`.

It decides how a relation is written, whichever side it is named from ("Associate and disassociate table rows using the
Web API"). How relations are followed when reading is the business of `query`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dynamics_portal_generator.csdl import NavigationProperty, local_name

from .annotations import LOGICAL_NAME, NAVIGATION
from .errors import Kind
from .query import Query
from .resources import API, Resources
from .schema import Link, Lookup, Relation, Reverse, Schema, Table
from .store import Row, Store

Save = Callable[[Row, dict[str, Any]], None]
"""Writes a row's changed document."""


@dataclass(frozen=True)
class Relations:
    """Writes relations; `save` is how a row that changes by it is stored, with a new version."""

    schema: Schema
    store: Store
    query: Query
    resources: Resources

    def resolve(self, table: Table, address: object) -> Row:
        """The row at an address in a body: absolute, or below the root. DataverseError 400 or 404."""
        if not isinstance(address, str):
            raise Kind.BAD_PAYLOAD.error(table=table.name, problem="A reference must be the address of a row.")
        path = urlsplit(address).path
        below = API.fullmatch(path)
        place = self.query.follow(self.resources.parse((below[1] or "") if below else path))
        if place.collection or place.row is None or place.rest:
            raise Kind.BAD_PAYLOAD.error(table=table.name, problem="A reference must be the address of a row.")
        return place.row

    def relation(self, table: Table, navigation: NavigationProperty, target: Row | None) -> Relation:
        """The relation behind a navigation property. DataverseError 400 where it takes no rows of the target's type."""
        relation = self.schema.relation(table, navigation)
        if relation is None:
            raise Kind.UNSUPPORTED.error(what=f"the navigation property {navigation.name}")
        if target is not None and target.type not in self.schema.with_derived(relation.target):
            problem = f"'{navigation.name}' takes rows of '{relation.target}', not of '{target.type}'."
            raise Kind.BAD_PAYLOAD.error(table=table.name, problem=problem)
        return relation

    def fill(self, lookup: Lookup, name: str, document: dict[str, Any], target: Row | None) -> None:
        """Writes a lookup into a document that is yet to be stored."""
        for own, principal in lookup.columns:
            value = None if target is None else target.document.get(principal, target.key)
            document[own] = value
        own = lookup.columns[0][0]
        for term in (LOGICAL_NAME, NAVIGATION):
            document.pop(f"{own}@{term}", None)
        if target is not None:
            document[f"{own}@{LOGICAL_NAME}"] = local_name(target.type)
            document[f"{own}@{NAVIGATION}"] = name

    def associate(self, row: Row, navigation: NavigationProperty, target: Row, save: Save) -> None:
        """Relates two stored rows."""
        table = self.schema.table(row.type)
        relation = self.relation(table, navigation, target)
        if isinstance(relation, Lookup):
            document = dict(row.document)
            self.fill(relation, navigation.name, document, target)
            save(row, document)
        elif isinstance(relation, Reverse):
            self._point(relation, target, row, save)
        else:
            if not navigation.type.collection:
                self._unlink(relation, row.key, None)
            source, other = (row.key, target.key) if relation.forward else (target.key, row.key)
            self.store.link(relation.name, source, other)

    def disassociate(self, row: Row, navigation: NavigationProperty, target: Row | None, save: Save) -> None:
        """Parts two stored rows; without a target, from whatever a single-valued navigation property leads to."""
        table = self.schema.table(row.type)
        relation = self.relation(table, navigation, target)
        if isinstance(relation, Lookup):
            document = dict(row.document)
            self.fill(relation, navigation.name, document, None)
            save(row, document)
        elif isinstance(relation, Reverse):
            for found, _ in self.query.related(relation, [row]).get(row.key, []):
                if target is None or found.key == target.key:
                    self._point(relation, found, None, save)
        else:
            self._unlink(relation, row.key, target.key if target else None)

    def _point(self, relation: Reverse, child: Row, parent: Row | None, save: Save) -> None:
        document = dict(child.document)
        self.fill(Lookup(relation.target, relation.columns), relation.lookup, document, parent)
        save(child, document)

    def _unlink(self, relation: Link, own: str, other: str | None) -> None:
        self.store.unlink(relation.name, *((own, other) if relation.forward else (other, own)))

    def forget(self, row: Row, save: Save) -> None:
        """Removes what refers to a row that is about to go: lookups become null, links vanish."""
        table = self.schema.table(row.type)
        for navigation in table.navigation.values():
            relation = self.schema.relation(table, navigation)
            if isinstance(relation, Link):
                self._unlink(relation, row.key, None)
            elif isinstance(relation, Reverse) and self.store.known(self.schema.table(relation.target).family):
                self.disassociate(row, navigation, None, save)
