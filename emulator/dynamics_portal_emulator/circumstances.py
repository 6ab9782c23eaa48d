"""Whose request it is, and what it asks to be left out of it.

It decides in whose name a request acts ("Impersonate another user using the Web API"), whether it looks for duplicates
("Detect duplicate data using the Web API"), and which custom logic it bypasses ("Bypass custom Dataverse logic"). The
circumstances hold for one request; each part of a batch has its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import sqlalchemy as sa

from .errors import Kind
from .operands import column
from .schema import Schema
from .store import Store

_OBJECT_ID, _CALLER_ID = "callerobjectid", "mscrmcallerid"
_LOGIC = "mscrm.bypassbusinesslogicexecution"
_SYNCHRONOUS, _ASYNCHRONOUS, _FLOWS = "CustomSync", "CustomAsync", "Flows"
_current: ContextVar[Circumstances | None] = ContextVar("circumstances", default=None)


@dataclass(frozen=True)
class Circumstances:
    """The circumstances of a request. `actual_user_id` is who sends it where it acts in another user's name; `bypassed`
    holds `CustomSync`, `CustomAsync` and `Flows` as far as they are left out."""

    user_id: str
    actual_user_id: str | None = None
    detects_duplicates: bool = False
    bypassed: frozenset[str] = frozenset()


@dataclass
class Callers:
    """Reads circumstances from headers. `user_id` is the application's own user; `known` are users beside the rows of
    `systemusers`, by their object id of the directory."""

    schema: Schema
    store: Store
    user_id: str
    known: dict[str, str] = field(default_factory=dict)

    def add(self, object_id: str | None, user_id: str | None) -> str:
        """Makes a user known, and returns the id."""
        made = str(uuid.UUID(user_id)) if user_id else str(uuid.uuid4())
        self.known[str(uuid.UUID(object_id)) if object_id else str(uuid.uuid4())] = made
        return made

    def current(self) -> Circumstances:
        """Those of the request that is being answered; outside of one, those of the application itself."""
        return _current.get() or Circumstances(self.user_id)

    @contextmanager
    def during(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Lets the circumstances that headers tell hold for a while. DataverseError 400, 403 or 404."""
        token = _current.set(self._read(headers))
        try:
            yield
        finally:
            _current.reset(token)

    def _read(self, headers: Mapping[str, str]) -> Circumstances:
        user = self._user(headers)
        suppressed = headers.get("mscrm.suppressduplicatedetection", "true").strip().lower()
        actual = self.user_id if user != self.user_id else None
        return Circumstances(user, actual, suppressed == "false", frozenset(_bypassed(headers)))

    def _user(self, headers: Mapping[str, str]) -> str:
        """The user to act as: by object id, which is preferred, or by the id of the row."""
        if _OBJECT_ID in headers:
            wanted = _guid(headers[_OBJECT_ID], "CallerObjectId")
            found = self.known.get(wanted) or self._row("azureactivedirectoryobjectid", wanted)
            if found is None:
                raise Kind.NOT_A_MEMBER.error()
            return found
        if _CALLER_ID in headers:
            wanted = _guid(headers[_CALLER_ID], "MSCRMCallerID")
            if wanted not in (self.user_id, *self.known.values()) and self._row(None, wanted) is None:
                raise Kind.NO_USER.error(id=wanted)
            return wanted
        return self.user_id

    def _row(self, name: str | None, value: str) -> str | None:
        """The key of the user's row with a column's value, or with that key."""
        table = self.schema.named("systemuser")
        if table is None or (name is not None and name not in table.properties):
            return None
        rows = self.store.family(table.family)
        condition = rows.c.key == value if name is None else column(rows, name) == value
        found = self.store.fetch(sa.select(rows).where(condition).limit(1))
        return found[0].key if found else None


def _guid(text: str, header: str) -> str:
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        raise Kind.BAD_QUERY.error(problem=f"The header {header} is no GUID.") from None


def _bypassed(headers: Mapping[str, str]) -> Iterator[str]:
    if headers.get("mscrm.bypasscustompluginexecution", "").strip().lower() == "true":
        yield _SYNCHRONOUS
    if headers.get("mscrm.suppresscallbackregistrationexpanderjob", "").strip().lower() == "true":
        yield _FLOWS
    for part in headers.get(_LOGIC, "").split(","):
        if part.strip() in (_SYNCHRONOUS, _ASYNCHRONOUS):
            yield part.strip()
        elif part.strip():
            problem = f"MSCRM.BypassBusinessLogicExecution takes {_SYNCHRONOUS} and {_ASYNCHRONOUS}."
            raise Kind.BAD_QUERY.error(problem=problem)
