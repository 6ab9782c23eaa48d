"""CreateMultiple, UpdateMultiple, UpsertMultiple and DeleteMultiple: one message for many rows of a table.

It decides what a message may hold, which tables take it, and what is left when a row fails: nothing of a standard
table's, the others of an elastic one's ("Use bulk operation messages"; "UpsertMultiple Action"). How a row is written
is decided by `writing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from .drafts import problem_with
from .elastic import partitioned, session
from .errors import DataverseError, Kind
from .exchange import Answer, Request, json_answer
from .mutations import columns_of
from .query import Place, Query
from .resources import Key, KeySegment, Resources, SetSegment
from .schema import Schema, Table
from .settings import MEGABYTE, Settings
from .store import Row, Store
from .values import encode
from .writing import Writer

BuiltIn: TypeAlias = Callable[[Request, Place | None], Answer]
"""An operation that the emulator answers itself, from the request and the place that it is bound to."""

_DETAILS = "Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails"
_CRM = "Microsoft.Dynamics.CRM"


@dataclass(frozen=True)
class _Target:
    """A row of a message: its key where it names one, and what is to be written."""

    table: Table
    key: Key | None
    body: Mapping[str, Any]


Step: TypeAlias = Callable[[_Target], Row | None]


@dataclass(frozen=True)
class Bulk:
    """Answers the bulk messages."""

    schema: Schema
    store: Store
    query: Query
    resources: Resources
    writer: Writer
    settings: Settings

    def operations(self) -> dict[str, BuiltIn]:
        """What this part answers, by local name."""
        return {
            "CreateMultiple": self.create,
            "UpdateMultiple": self.update,
            "UpsertMultiple": self.upsert,
            "DeleteMultiple": self.delete,
        }

    def supports(self, table: Table, message: str) -> bool:
        """Whether a table takes a message."""
        if message == "DeleteMultiple":
            return table.elastic
        return table.elastic or table.name not in self.settings.without_bulk

    def create(self, request: Request, place: Place | None) -> Answer:
        """Creates rows, and answers with their ids in the order of the targets."""
        table, targets = self._read(request, place, "CreateMultiple")
        rows = self._each(table, targets, self._created, request)
        ids = [row.document[table.key[0].path] for row in rows if row is not None]
        context = {"@odata.context": f"{request.root}/$metadata#{_CRM}.CreateMultipleResponse"}
        return self._done(json_answer(200, {**context, "Ids": ids}), table, rows)

    def update(self, request: Request, place: Place | None) -> Answer:
        """Changes rows, named by their ids or by `@odata.id`. Answers without content."""
        table, targets = self._read(request, place, "UpdateMultiple")
        return self._done(Answer(204), table, self._each(table, targets, self._updated, request))

    def upsert(self, request: Request, place: Place | None) -> Answer:
        """Changes the rows that exist and creates the others. Answers without content, as documented."""
        table, targets = self._read(request, place, "UpsertMultiple")
        return self._done(Answer(204), table, self._each(table, targets, self._upserted, request))

    def delete(self, request: Request, place: Place | None) -> Answer:
        """Removes rows of an elastic table."""
        table, targets = self._read(request, place, "DeleteMultiple")
        rows = self._each(table, targets, self._deleted, request)
        return replace(Answer(204), work=len(rows))

    def _read(self, request: Request, place: Place | None, message: str) -> tuple[Table, list[_Target]]:
        """The table and the targets. DataverseError where the message is wrong before any row is looked at."""
        if place is None or not place.collection or place.rest:
            raise Kind.UNKNOWN_SEGMENT.error(segment=f"{_CRM}.{message}")
        table = place.table
        if message == "DeleteMultiple" and not table.elastic:
            raise Kind.NO_DELETE_MULTIPLE.error()
        if not self.supports(table, message):
            raise Kind.NO_BULK_MESSAGE.error(message=message, table=table.name)
        size = len(request.call.body)
        if size > self.settings.message_size:
            raise Kind.MESSAGE_TOO_LARGE.error(size=f"{size / MEGABYTE:.2f}")
        body = request.body(table)
        given = body.get("Targets") if isinstance(body, Mapping) else None
        if not isinstance(given, list) or not given:
            raise problem_with(
                table, f"Required parameter 'Targets' is missing or empty for the operation '{message}'."
            )
        if self.settings.cost(len(given)) > self.settings.bulk_seconds:
            raise Kind.DATABASE_TIMEOUT.error()
        return table, [self._target(table, item) for item in given]

    def _target(self, table: Table, item: Any) -> _Target:
        named = str(item.get("@odata.type", "")).lstrip("#") if isinstance(item, Mapping) else ""
        if not named:
            problem = f"'{_CRM}.crmbaseentity' is abstract: each item of 'Targets' must say its '@odata.type'."
            raise problem_with(table, problem)
        if named not in self.schema.with_derived(table.type):
            raise problem_with(table, f"The type '{named}' is not assignable to '{table.type}'.")
        kind = self.schema.table(named)
        return _Target(kind, self._key(kind, item), item)

    def _key(self, table: Table, item: Mapping[str, Any]) -> Key | None:
        """The key that a target names: by the address in `@odata.id`, else by its primary key."""
        address = item.get("@odata.id")
        if address is not None:
            segments = self.resources.parse(str(address))
            if len(segments) == 2 and isinstance(segments[0], SetSegment) and isinstance(segments[1], KeySegment):
                return segments[1].key
            raise problem_with(table, "'@odata.id' must be the address of a row: accounts(name='Acme').")
        values = {part.path: item.get(part.path) for part in table.key}
        if None in values.values():
            return None
        stored = {
            path: self.writer.drafts.stored(table, table.properties[path], value) for path, value in values.items()
        }
        key = Key(stored, primary=True)
        return partitioned(table, key, item["partitionid"]) if table.elastic and item.get("partitionid") else key

    def _each(self, table: Table, targets: Sequence[_Target], step: Step, request: Request) -> list[Row | None]:
        if table.elastic:
            return self._partially(targets, step, request)
        with self.store.transaction():
            return [step(target) for target in targets]

    def _partially(self, targets: Sequence[_Target], step: Step, request: Request) -> list[Row | None]:
        """Each row for itself. DataverseError of the first that failed, with a status for each if it is asked for."""
        rows: list[Row | None] = []
        statuses: list[dict[str, Any]] = []
        failure: DataverseError | None = None
        for index, target in enumerate(targets):
            row, status = None, 200
            try:
                row = step(target)
            except DataverseError as error:
                failure, status = failure or error, error.status
            key = row.key if row else str((target.key.values if target.key else {}).get(target.table.key[0].path, ""))
            rows.append(row)
            statuses.append({"RequestIndex": index, "Id": key, "StatusCode": status})
        if failure is None:
            return rows
        told = {f"@{_DETAILS}": encode(statuses).decode()} if request.preferences.wants(_DETAILS) else {}
        raise DataverseError(failure.status, failure.code, failure.message, annotations=told)

    def _created(self, target: _Target) -> Row:
        return self.writer.create(target.table, target.body)

    def _updated(self, target: _Target) -> Row:
        if target.key is None:
            raise problem_with(target.table, "Each item of 'Targets' must name its row, by its id or by '@odata.id'.")
        row = self.query.find(target.table, target.key)
        if row is None:
            if target.key.primary:
                raise Kind.NO_ROWS.error(table=target.table.name, ids=target.key.text)
            raise Kind.NO_ROW_WITH_KEY.error(table=target.table.name)
        return self.writer.update(row, target.body)

    def _upserted(self, target: _Target) -> Row:
        key = target.key
        row = None if key is None else self.query.find(target.table, key)
        if row is not None:
            return self.writer.put(row, target.body)
        return self.writer.create(target.table, target.body, given=columns_of(key) if key else None)

    def _deleted(self, target: _Target) -> None:
        if target.key is None:
            raise problem_with(target.table, "Each item of 'Targets' must name its row, by its id or by '@odata.id'.")
        self.writer.delete(self.query.require(target.table, target.key))

    def _done(self, answer: Answer, table: Table, rows: Sequence[Row | None]) -> Answer:
        last = rows[-1]
        headers = {**answer.headers, **(session(table, last) if last else {})}
        return replace(answer, headers=headers, work=len(rows))
