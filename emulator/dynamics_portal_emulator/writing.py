"""Writing rows: create, update, delete.

It decides what a body may hold, what the server adds to it and which keys must be unique ("Create a table row using
the Web API", "Update and delete table rows using the Web API"). Conditions of a request (`If-Match`) are checked by
the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dynamics_portal_generator.csdl import NavigationProperty

from .attachments import Attachments
from .cascades import Cascades
from .drafts import Drafts, problem_with
from .duplicates import Duplicates
from .effects import Effects
from .elastic import PARTITION, row_key
from .errors import Kind
from .operands import column
from .relations import Relations
from .schema import Lookup, Schema, Table
from .server_columns import ServerColumns
from .store import KeyTakenError, Row, Store


@dataclass(frozen=True)
class Writer:
    """Writes rows; every method runs in one transaction."""

    schema: Schema
    store: Store
    relations: Relations
    drafts: Drafts
    columns: ServerColumns
    duplicates: Duplicates
    cascades: Cascades
    effects: Effects
    attachments: Attachments

    def create(self, table: Table, body: Any, *, given: Mapping[str, Any] | None = None, seeding: bool = False) -> Row:
        """Adds a row and the rows nested in it. `given` are stored values from the address (upsert). `seeding` lets
        the body set what only the server sets otherwise. DataverseError 400, 404 or 412."""
        with self.store.transaction():
            kind = self._kind(table, body)
            draft = self.drafts.read(kind, body, creating=True, seeding=seeding)
            document = {**draft.document, **(given or {})}
            self.columns.add_key(kind, document)
            self.columns.add_on_create(kind, document, seeding=seeding)
            for navigation, target in draft.related:
                relation = self.relations.relation(kind, navigation, target)
                if isinstance(relation, Lookup):
                    self.relations.fill(relation, navigation.name, document, target)
            for navigation, nested in [item for item in draft.nested if not item[0].type.collection]:
                relation = self.relations.relation(kind, navigation, None)
                if isinstance(relation, Lookup):
                    target = self.create(self.schema.table(relation.target), nested, seeding=seeding)
                    self.relations.fill(relation, navigation.name, document, target)
                    draft.nested.remove((navigation, nested))
            self._check_required(kind, document)
            self._check_alternate_keys(kind, document, None)
            if not seeding:
                self._check_duplicates(kind, document, None)
                self._check_images(kind, draft.document)
            document |= self.attachments.set_images(kind, row_key(kind, document), draft.document)
            row = self._insert(kind, document)
            if not seeding:
                self._note("Create", row)
            for navigation, target in draft.related:
                if target is not None and not isinstance(self.relations.relation(kind, navigation, target), Lookup):
                    self.relations.associate(row, navigation, target, self._save)
            for navigation, nested in draft.nested:
                relation = self.relations.relation(kind, navigation, None)
                target = self.create(self.schema.table(relation.target), nested, seeding=seeding)
                self.relations.associate(row, navigation, target, self._save)
            return self._again(kind, row) if draft.related or draft.nested else row

    def update(self, row: Row, body: Any) -> Row:
        """Changes the columns and lookups that the body names. DataverseError 400, 404 or 412."""
        with self.store.transaction():
            table = self.schema.table(row.type)
            draft = self.drafts.read(table, body, creating=False, seeding=False)
            if draft.nested:
                problem = f"Deep update of navigation properties is not allowed: '{draft.nested[0][0].name}'."
                raise problem_with(table, problem)
            for part in table.key:
                if part.path in draft.document and draft.document[part.path] != row.document.get(part.path):
                    raise problem_with(table, f"The key column '{part.path}' cannot be changed.")
            if table.elastic and draft.document.get(PARTITION, row.document[PARTITION]) != row.document[PARTITION]:
                raise problem_with(table, f"The column '{PARTITION}' cannot be changed.")
            document = {**row.document, **draft.document}
            for navigation, target in draft.related:
                relation = self.relations.relation(table, navigation, target)
                if isinstance(relation, Lookup):
                    self.relations.fill(relation, navigation.name, document, target)
            self._check_required(table, document)
            self._check_alternate_keys(table, document, row)
            self._check_duplicates(table, document, row)
            document |= self.attachments.set_images(table, row.key, draft.document)
            self._save(row, document)
            self._note("Update", row)
            for navigation, target in draft.related:
                if isinstance(self.relations.relation(table, navigation, target), Lookup):
                    continue
                if target is None:
                    self.relations.disassociate(row, navigation, None, self._save)
                else:
                    self.relations.associate(row, navigation, target, self._save)
            return self._again(table, row)

    def put(self, row: Row, body: Any) -> Row:
        """An upsert's change of a row that exists: of an elastic table's the body is all that is left of it ("Use
        elastic tables", section Upsert a record). DataverseError as for `update`."""
        table = self.schema.table(row.type)
        if table.elastic and isinstance(body, Mapping):
            kept = {part.path for part in table.key} | {PARTITION}
            body = {**{name: None for name in row.document if name in table.properties and name not in kept}, **body}
        return self.update(row, body)

    def tell(self, table: Table, key: str, columns: Mapping[str, Any]) -> None:
        """Lets a row tell of its file: a change as any other, of columns that no body may name."""
        row = self.store.get(table.family, key)
        if row is None:
            raise Kind.NO_ROW.error(table=table.name, id=key)
        self._save(row, {**row.document, **columns})
        self._note("Update", row)

    def delete(self, row: Row) -> None:
        """Removes a row, and what goes along with it; what else referred to it refers to nothing. DataverseError 405
        where a relationship forbids it."""
        with self.store.transaction():
            self._delete(row, set())

    def _delete(self, row: Row, begun: set[tuple[str, str]]) -> None:
        table = self.schema.table(row.type)
        if (table.family, row.key) in begun:  # rows may refer to each other in a ring
            return
        begun.add((table.family, row.key))
        for other in self.cascades.going_along(row):
            self._delete(other, begun)
        self.relations.forget(row, self._save)
        self.attachments.drop(table, row.key)
        self.store.delete(table.family, row)
        self._note("Delete", row)

    def associate(self, row: Row, navigation: NavigationProperty, target: Row) -> None:
        """Relates two rows."""
        with self.store.transaction():
            self.relations.associate(row, navigation, target, self._save)
            self._note("Associate", row)

    def disassociate(self, row: Row, navigation: NavigationProperty, target: Row | None) -> None:
        """Parts two rows."""
        with self.store.transaction():
            self.relations.disassociate(row, navigation, target, self._save)
            self._note("Disassociate", row)

    def _note(self, message: str, row: Row) -> None:
        told = self.columns.circumstances()
        name = self.schema.table(row.type).name
        self.store.after_commit(lambda: self.effects.add(message, name, row.key, told))

    def _check_duplicates(self, table: Table, document: Mapping[str, Any], row: Row | None) -> None:
        if self.columns.circumstances().detects_duplicates:
            self.duplicates.check(table, document, row)

    def _check_images(self, table: Table, given: Mapping[str, Any]) -> None:
        """DataverseError 400 where another image than the primary one is to be set on create."""
        primary = self.attachments.primary_image(table)
        for name in table.images & given.keys():
            if name != primary and given[name] is not None:
                raise Kind.NON_PRIMARY_IMAGE.error(column=name, table=table.name)

    def _kind(self, table: Table, body: Any) -> Table:
        """The table that the body is for: a derived one if it says so."""
        if not isinstance(body, Mapping):
            raise problem_with(table, "A JSON object was expected.")
        named = str(body.get("@odata.type", "")).lstrip("#")
        kind = table
        if named and named != table.type:
            if named not in self.schema.with_derived(table.type):
                raise problem_with(table, f"The type '{named}' is not assignable to '{table.type}'.")
            kind = self.schema.table(named)
        if kind.abstract:
            raise Kind.ABSTRACT_TYPE.error(type=kind.type)
        if not kind.key:
            raise Kind.UNSUPPORTED.error(what=f"rows of '{kind.type}', which has no key")
        return kind

    def _check_required(self, table: Table, document: Mapping[str, Any]) -> None:
        for name, declared in table.properties.items():
            if declared.nullable or declared.computed or declared.type.collection or document.get(name) is not None:
                continue
            raise problem_with(table, f"The required property '{name}' has no value.")

    def _check_alternate_keys(self, table: Table, document: Mapping[str, Any], row: Row | None) -> None:
        rows = self.store.family(table.family)
        for key in table.alternate_keys:
            values = [document.get(part.path) for part in key]
            if None in values or any("/" in part.path for part in key):
                continue
            statement = sa.select(rows.c.key).where(rows.c.type.in_(self.schema.with_derived(table.type)))
            for part, value in zip(key, values, strict=True):
                statement = statement.where(column(rows, part.path) == value)
            with self.store.transaction() as connection:
                taken = [found for (found,) in connection.execute(statement.limit(2))]
            if any(row is None or found != row.key for found in taken):
                columns = ", ".join(part.path for part in key)
                raise Kind.ALTERNATE_KEY_VIOLATED.error(key=f"{table.name} ({columns})", columns=columns)

    def _insert(self, table: Table, document: dict[str, Any]) -> Row:
        version = self.store.next_version()
        self.columns.add_computed(table, document, version)
        key = row_key(table, document)
        try:
            return self.store.insert(table.family, key, table.type, version, document)
        except KeyTakenError:
            raise Kind.DUPLICATE_KEY.error() from None

    def _save(self, row: Row, document: dict[str, Any]) -> None:
        table = self.schema.table(row.type)
        version = self.store.next_version()
        self.columns.add_computed(table, document, version)
        self.columns.add_on_update(table, document)
        self.store.update(table.family, row, version, document)

    def _again(self, table: Table, row: Row) -> Row:
        """The row as it is stored by now."""
        return self.store.get(table.family, row.key) or row
