"""BulkDelete: jobs that remove whatever some queries find.

It decides when a job runs, which rows it takes and what is told about it ("Delete data in bulk"; "BulkDelete Action").
A job runs as soon as the emulator's clock has reached its start; it then takes the rows that were there when it began.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .bulk import BuiltIn
from .errors import DataverseError, Kind
from .exchange import Answer, Request, json_answer
from .expressions import filter_of, table_of
from .options import Options
from .query import Place, Query
from .schema import Schema, Table
from .store import Row, Store
from .values import timestamp
from .writing import Writer

_REQUIRED = (
    "QuerySet",
    "JobName",
    "SendEmailNotification",
    "ToRecipients",
    "CCRecipients",
    "RecurrencePattern",
    "StartDateTime",
)
_BULK_DELETE = 13  # operationtype of asyncoperation
_READY, _COMPLETED = 0, 3  # statecode
_WAITING, _SUCCEEDED, _FAILED = 0, 30, 31  # statuscode


@dataclass
class _Job:
    """A job that is yet to run."""

    key: str
    start: datetime
    found: Sequence[tuple[Table, Options]]


@dataclass
class BulkDelete:
    """Takes jobs and runs them."""

    schema: Schema
    store: Store
    query: Query
    writer: Writer
    now: Callable[[], datetime]
    _waiting: list[_Job] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def operations(self) -> dict[str, BuiltIn]:
        """What this part answers, by local name."""
        return {"BulkDelete": self.submit}

    def forget(self) -> None:
        """Drops the jobs that wait."""
        with self._lock:
            self._waiting.clear()

    def submit(self, request: Request, place: Place | None) -> Answer:
        """Takes a job and answers with its id. DataverseError 400 where a query is wrong."""
        if place is not None:
            raise Kind.UNKNOWN_SEGMENT.error(segment="BulkDelete")
        body = request.json("BulkDelete")
        start = self._checked(body)
        found = [
            (table, Options(filter=filter_of(table, query.get("Criteria")))) for table, query in self._tables(body)
        ]
        for table, options in found:
            self.query.count(Place(table, True), options)  # a condition that does not fit its column is told now
        job = _Job(str(uuid.uuid4()), start, found)
        self._note(job, str(body["JobName"]))
        with self._lock:
            self._waiting.append(job)
        self.run_due()
        context = {"@odata.context": f"{request.root}/$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"}
        return json_answer(200, {**context, "JobId": job.key})

    @staticmethod
    def _checked(body: Any) -> datetime:
        missing = [name for name in _REQUIRED if not isinstance(body, Mapping) or body.get(name) is None]
        if missing:
            problem = f"Required parameter '{missing[0]}' is missing for the operation 'BulkDelete'."
            raise Kind.BAD_PAYLOAD.error(table="BulkDelete", problem=problem)
        if body["RecurrencePattern"]:
            raise Kind.UNSUPPORTED.error(what="bulk deletion that recurs")
        try:
            return datetime.fromisoformat(timestamp(body["StartDateTime"]))
        except ValueError as error:
            raise Kind.BAD_PAYLOAD.error(table="BulkDelete", problem=f"StartDateTime is {error}.") from None

    def _tables(self, body: Mapping[str, Any]) -> list[tuple[Table, Mapping[str, Any]]]:
        queries = body["QuerySet"]
        if not isinstance(queries, list) or not all(isinstance(query, Mapping) for query in queries):
            raise Kind.BAD_PAYLOAD.error(table="BulkDelete", problem="QuerySet must be a list of queries.")
        return [(table_of(self.schema, query), query) for query in queries]

    def run_due(self) -> None:
        """Runs the jobs whose time has come."""
        moment = self.now()
        with self._lock:
            due = [job for job in self._waiting if job.start <= moment]
            self._waiting = [job for job in self._waiting if job.start > moment]
        for job in due:
            self._run(job)

    def _run(self, job: _Job) -> None:
        done, failed = 0, 0
        for table, options in job.found:
            for row in self.query.rows(Place(table, True), options, limit=None):
                try:
                    self.writer.delete(row)
                    done += 1
                except DataverseError:  # counted, as a job goes on after a row that cannot be removed
                    failed += 1
        status = {"statecode": _COMPLETED, "statuscode": _FAILED if failed else _SUCCEEDED}
        self._change("asyncoperation", job.key, {**status, "completedon": self._moment()})
        self._change("bulkdeleteoperation", job.key, {**status, "successcount": done, "failurecount": failed})

    def _note(self, job: _Job, name: str) -> None:
        """Rows that tell of the job, where the document has their tables; the job's id is the key of both."""
        common = {"name": name, "statecode": _READY, "statuscode": _WAITING}
        job_columns = {"asyncoperationid": job.key, "operationtype": _BULK_DELETE, **common}
        counts = {"successcount": 0, "failurecount": 0, "isrecurring": False}
        operation = {"bulkdeleteoperationid": job.key, "_asyncoperationid_value": job.key, **counts, **common}
        for logical, columns in (("asyncoperation", job_columns), ("bulkdeleteoperation", operation)):
            table = self.schema.named(logical)
            if table is not None:
                known = {column: value for column, value in columns.items() if column in table.properties}
                self.writer.create(table, known, seeding=True)

    def _change(self, logical: str, key: str, columns: Mapping[str, Any]) -> None:
        table = self.schema.named(logical)
        row: Row | None = None if table is None else self.store.get(table.family, key)
        if table is not None and row is not None:
            self.writer.update(row, {name: value for name, value in columns.items() if name in table.properties})

    def _moment(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
