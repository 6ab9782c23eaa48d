"""Columns that the server fills: keys, timestamps, owner, state, version, full name.

It decides what a row gets that the client did not give, and what it cannot give. Which rows are written is the business
of `writing`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dynamics_portal_generator.csdl import Property

from .annotations import LOGICAL_NAME
from .circumstances import Circumstances
from .drafts import Drafts, problem_with
from .operands import column
from .schema import Schema, Table
from .store import Store

_STATE_DEFAULTS = {"statecode": 0, "statuscode": 1}
_WHOLE = ("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64")


@dataclass(frozen=True)
class ServerColumns:
    """Fills columns of documents that are about to be stored."""

    schema: Schema
    store: Store
    drafts: Drafts
    now: Callable[[], datetime]
    circumstances: Callable[[], Circumstances]

    def add_key(self, table: Table, document: dict[str, Any]) -> None:
        """Fills the key where it can be made up: GUIDs, and whole numbers. DataverseError 400 for others."""
        if table.mirror and len(table.key) == 1:
            key = table.key[0].path
            if document.get(key) is None and document.get(table.mirror) is not None:
                document[key] = document[table.mirror]
        for part in table.key:
            if document.get(part.path) is not None:
                continue
            declared = table.properties[part.path]
            kind = self.schema.primitive(declared.type)
            if kind == "Edm.Guid":
                document[part.path] = str(uuid.uuid4())
            elif kind in _WHOLE and len(table.key) == 1:
                rows = self.store.family(table.family)
                with self.store.transaction() as connection:
                    highest = connection.execute(sa.select(sa.func.max(column(rows, part.path)))).scalar()
                document[part.path] = int(highest or 0) + 1
            else:
                raise problem_with(table, f"The key column '{part.path}' is required.")
        if table.mirror:
            document[table.mirror] = document[table.key[0].path]

    def add_on_create(self, table: Table, document: dict[str, Any], *, seeding: bool) -> None:
        """Fills what the server knows when a row is created."""
        moment, told = self.moment(), self.circumstances()
        server: dict[str, Any] = {"createdon": moment, "modifiedon": moment}
        server.update({f"_{name}_value": told.user_id for name in ("createdby", "modifiedby")})
        if told.actual_user_id is not None:
            names = ("createdonbehalfby", "modifiedonbehalfby")
            server.update({f"_{name}_value": told.actual_user_id for name in names})
        for name, value in server.items():
            if name in table.properties and not (seeding and document.get(name) is not None):
                document[name] = value
        for name, fallback in _STATE_DEFAULTS.items():
            if name in table.properties and self.schema.primitive(table.properties[name].type) == "Edm.Int32":
                choice = self.schema.choices.of(table.name, name)
                first = next(iter(choice.options), fallback) if choice else fallback
                document[name] = first if document.get(name) is None else document[name]
        if "_ownerid_value" in table.properties and document.get("_ownerid_value") is None:
            document["_ownerid_value"] = told.user_id
            document[f"_ownerid_value@{LOGICAL_NAME}"] = "systemuser"
        for name, declared in table.properties.items():
            if name not in document and declared.default is not None:
                document[name] = self._default(table, declared, declared.default)

    def add_on_update(self, table: Table, document: dict[str, Any]) -> None:
        """Fills what the server knows when a row is changed."""
        if "modifiedon" in table.properties:
            document["modifiedon"] = self.moment()
        told = self.circumstances()
        users = {"_modifiedby_value": told.user_id, "_modifiedonbehalfby_value": told.actual_user_id}
        document.update({name: value for name, value in users.items() if name in table.properties})

    def add_computed(self, table: Table, document: dict[str, Any], version: int) -> None:
        """Fills what follows from other columns, and from the version."""
        if "versionnumber" in table.properties:
            document["versionnumber"] = version
        names = ("firstname", "lastname", "fullname")
        if all(name in table.properties for name in names):
            parts = [document[name] for name in names[:2] if document.get(name)]
            if parts:
                document["fullname"] = " ".join(parts)

    def _default(self, table: Table, declared: Property, text: str) -> Any:
        kind = self.schema.primitive(declared.type)
        if kind == "Edm.Boolean":
            return text == "true"
        if kind in _WHOLE:
            return int(text)
        if kind in ("Edm.Double", "Edm.Single"):
            return float(text)
        return self.drafts.stored(table, declared, text)

    def moment(self) -> str:
        """Now, as a timestamp to the second."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
