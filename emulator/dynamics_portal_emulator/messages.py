"""`sdkmessages` and `sdkmessagefilters`: which table takes which message.

It decides what is found when a client asks, as Microsoft says to, whether a table takes CreateMultiple ("Use bulk
operation messages", section Availability). The rows are made when somebody first asks for them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dynamics_portal_generator.csdl import Metadata

from .annotations import LOGICAL_NAME
from .resources import Segment, SetSegment
from .schema import Schema, Table
from .settings import Settings
from .store import Store
from .supplements import supplemented

MESSAGES, FILTERS = "sdkmessages", "sdkmessagefilters"
_SINGLE = ("Create", "Retrieve", "RetrieveMultiple", "Update", "Upsert", "Delete")
_BULK = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple", "DeleteMultiple")
_IDS = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


def with_messages(metadata: Metadata) -> Metadata:
    """The document, with the message tables where it has none."""
    return supplemented(metadata, "messages.xml", FILTERS)


@dataclass
class Messages:
    """Makes the rows. `described` is the document that they tell about, `supports` says who takes a bulk message."""

    described: Metadata
    schema: Schema
    store: Store
    settings: Settings
    supports: Callable[[Table, str], bool]
    _made_for: frozenset[str] | None = field(default=None)

    def forget(self) -> None:
        """Makes the rows again when they are next asked for."""
        self._made_for = None

    def prepare(self, segments: Sequence[Segment]) -> None:
        """Makes the rows that a request may ask for."""
        first = segments[0]
        if not isinstance(first, SetSegment) or first.name not in (MESSAGES, FILTERS):
            return
        without = frozenset(self.settings.without_bulk)
        if self._made_for != without:
            self._make()
            self._made_for = without

    def _make(self) -> None:
        messages, filters = self.schema.set_table(MESSAGES), self.schema.set_table(FILTERS)
        for table in (messages, filters):
            if table is not None:
                self.store.empty(table.family)
        for name in (*_SINGLE, *_BULK):
            if messages is not None:
                self._add(messages, {"sdkmessageid": _id(name), "name": name})
            if filters is not None:
                for logical in self._taking(name):
                    lookup = {"_sdkmessageid_value": _id(name), f"_sdkmessageid_value@{LOGICAL_NAME}": "sdkmessage"}
                    key = {"sdkmessagefilterid": _id(name, logical)}
                    self._add(filters, {**key, "primaryobjecttypecode": logical, **lookup})

    def _taking(self, message: str) -> list[str]:
        found = []
        for entity_set in self.described.container.entity_sets.values():
            table = self.schema.table_or_none(entity_set.entity_type)
            if table is not None and table.key and (message in _SINGLE or self.supports(table, message)):
                found.append(table.name)
        return list(dict.fromkeys(found))

    def _add(self, table: Table, document: dict[str, str]) -> None:
        self.store.insert(
            table.family, document[table.key[0].path], table.type, self.store.next_version(), dict(document)
        )


def _id(*names: str) -> str:
    """The same id for the same thing in every run."""
    return str(uuid.uuid5(_IDS, "/".join(("message", *names))))
