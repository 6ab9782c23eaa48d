"""What the job has planned and done, in PostgreSQL: `supabase/migrations/*_certification_check.sql`.

It decides what is committed together. A page's plan and the place that the reading has come to are one transaction, so
no mentor is planned twice or left out, wherever the process ends. Each write is refused (`OvertakenError`) once another
process works on the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from .policy import Decision, Kind, Mentor, Move, Pause

Row = dict[str, Any]


class OvertakenError(Exception):
    """Another process works on this run now: this one has to stop."""


@dataclass(slots=True)
class Run:
    """A run as this process has claimed it. `cursor` is where reading goes on, `None` at the beginning."""

    id: int
    attempt: int
    organisation: str
    due_on: date
    dry_run: bool
    cursor: str | None
    scanned: bool
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is planned, with the pause that it makes or ends."""

    id: int
    mentor_id: UUID
    kind: Kind
    pause: Pause


class Store:
    """A connection to PostgreSQL, as the service role. It must be a session's own: a direct one, or a pooler in session
    mode, since the lock on an organisation is the session's."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection: psycopg.Connection[Row] = connection
        connection.row_factory = dict_row
        connection.autocommit = True
        connection.execute("set role service_role")

    @classmethod
    def connect(cls, url: str) -> Self:
        """Connects. psycopg.Error where that is not possible."""
        return cls(psycopg.connect(url, application_name="certification_check"))

    def close(self) -> None:
        """Ends the connection, and with it the lock on an organisation."""
        self._connection.close()

    def enqueue(self, organisation: str, *, dry_run: bool = False, due_on: date | None = None) -> None:
        """Queue a run, by default of today in Oslo. Where there is one of that day already, nothing happens."""
        self._connection.execute("select certification_check.enqueue(%s, %s, %s)", (organisation, dry_run, due_on))

    def claim(self, *, dry_runs_only: bool = False) -> Run | None:
        """Take a run that nobody works on, and lock its organisation; `None` where there is none."""
        found = self._connection.execute("select * from certification_check.claim(%s)", (dry_runs_only,)).fetchone()
        if found is None:
            return None
        names = ("id", "attempt", "organisation", "due_on", "dry_run", "cursor", "scanned")
        return Run(**{name: found[name] for name in names}, counts=Counter(found["counts"]))

    def release(self, run: Run) -> None:
        """Give up the lock on the run's organisation."""
        statement = "select pg_advisory_unlock(certification_check.lock_key(%s))"
        self._connection.execute(statement, (run.organisation,))

    def pauses(self, run: Run, mentors: Iterable[UUID]) -> dict[UUID, Pause]:
        """What is noted of those among some mentors whom the job has paused."""
        found = self._connection.execute(
            "select mentor_id, paused_on, was_visible from certification_check.pauses"
            " where organisation = %s and mentor_id = any(%s)",
            (run.organisation, list(mentors)),
        )
        return {row["mentor_id"]: Pause(row["paused_on"], row["was_visible"]) for row in found}

    def busy(self, run: Run, mentors: Iterable[UUID]) -> set[UUID]:
        """Those among some mentors for whom a step is planned already."""
        found = self._connection.execute(
            "select mentor_id from certification_check.steps"
            " where organisation = %s and mentor_id = any(%s) and state = 'planned'",
            (run.organisation, list(mentors)),
        )
        return {row["mentor_id"] for row in found}

    def plan(
        self, run: Run, read: Mapping[UUID, Mentor], decisions: Mapping[UUID, Decision], cursor: str | None
    ) -> None:
        """Commit what was decided on a page's mentors, and where the next page is (`None`: there is none). That ends an
        earlier failure to read them."""
        counts = run.counts + Counter(mentors=len(read))
        with self._writing(run) as execute:
            self._resolve(run, None)
            if run.dry_run:
                counts.update(would_be_done(decisions.values()))
            else:
                self._note(run, read, decisions)
            execute(
                "update certification_check.runs set cursor = %s, scanned = %s, counts = %s where id = %s",
                (cursor, cursor is None, Jsonb(counts), run.id),
            )
        run.counts, run.cursor, run.scanned = counts, cursor, cursor is None

    def _note(self, run: Run, read: Mapping[UUID, Mentor], decisions: Mapping[UUID, Decision]) -> None:
        known = self.pauses(run, decisions)
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "insert into certification_check.notices (organisation, mentor_id, certification_expires_on, days,"
                " run_id) values (%s, %s, %s, %s, %s) on conflict do nothing",
                [
                    (run.organisation, mentor_id, read[mentor_id].expires_on, decision.notice, run.id)
                    for mentor_id, decision in decisions.items()
                    if decision.notice is not None
                ],
            )
            for mentor_id, decision in decisions.items():
                if decision.step is None:
                    continue
                pause = Pause(run.due_on, read[mentor_id].visible)
                if decision.step is Kind.RESTORE:
                    pause = known[mentor_id]
                noted = (run.organisation, mentor_id, pause.paused_on, pause.was_visible)
                cursor.execute(
                    "insert into certification_check.steps (organisation, mentor_id, paused_on, was_visible, kind,"
                    " run_id) values (%s, %s, %s, %s, %s, %s)",
                    (*noted, decision.step, run.id),
                )
                if decision.step is Kind.PAUSE:
                    cursor.execute(
                        "insert into certification_check.pauses (organisation, mentor_id, paused_on, was_visible)"
                        " values (%s, %s, %s, %s) on conflict (organisation, mentor_id)"
                        " do update set paused_on = excluded.paused_on, was_visible = excluded.was_visible",
                        noted,
                    )

    def begin_anew(self, run: Run) -> None:
        """Let reading begin again, where its place was lost. What is planned stays planned."""
        with self._writing(run) as execute:
            execute("update certification_check.runs set cursor = null, counts = '{}' where id = %s", (run.id,))
        run.cursor, run.counts = None, Counter()

    def steps(self, run: Run, limit: int, *, failed_too: bool) -> list[Step]:
        """Steps that are to be done and have not been tried by this process, also those that earlier runs have left;
        those that have failed before only where they are asked for, and then last."""
        found = self._connection.execute(
            "select id, mentor_id, kind, paused_on, was_visible from certification_check.steps"
            " where organisation = %s and state = 'planned' and (tried_run, tried_attempt) is distinct from (%s, %s)"
            " and (tries = 0 or %s) order by tries, id limit %s",
            (run.organisation, run.id, run.attempt, failed_too, limit),
        )
        return [
            Step(row["id"], row["mentor_id"], Kind(row["kind"]), Pause(row["paused_on"], row["was_visible"]))
            for row in found
        ]

    def finish_step(self, run: Run, step: Step, end: Move) -> None:
        """Strike a step off: it is done, or obsolete. What failed for this mentor before is resolved by that."""
        with self._writing(run) as execute:
            execute(
                "update certification_check.steps set tried_run = %s, tried_attempt = %s, state = %s,"
                " finished_at = now() where id = %s",
                (run.id, run.attempt, end.value, step.id),
            )
            if (step.kind, end) in ((Kind.RESTORE, Move.DONE), (Kind.PAUSE, Move.OBSOLETE)):
                execute(
                    "delete from certification_check.pauses where organisation = %s and mentor_id = %s",
                    (run.organisation, step.mentor_id),
                )
            self._resolve(run, step.mentor_id)

    def fail_step(self, run: Run, step: Step, code: str, correlation_id: str | None) -> None:
        """Record that a step failed. It stays planned, for the next process or the next run."""
        with self._writing(run) as execute:
            execute(
                "update certification_check.steps set tried_run = %s, tried_attempt = %s, tries = tries + 1"
                " where id = %s",
                (run.id, run.attempt, step.id),
            )
            self._record(run, step.kind, step.mentor_id, code, correlation_id)

    def fail_reading(self, run: Run, code: str, correlation_id: str | None) -> None:
        """Record that mentors could not be read."""
        with self._writing(run):
            self._record(run, "read", None, code, correlation_id)

    def end_batch(self, run: Run, *, mentors: int, steps: int, seconds: float) -> None:
        """Note a batch: how much it read and did, and how long it took."""
        with self._writing(run) as execute:
            execute(
                "insert into certification_check.batches (run_id, number, attempt, mentors, steps, seconds)"
                " select %s, coalesce(max(number), 0) + 1, %s, %s, %s, %s"
                " from certification_check.batches where run_id = %s",
                (run.id, run.attempt, mentors, steps, seconds, run.id),
            )

    def finish(self, run: Run) -> dict[str, Any]:
        """Close a run with its report: numbers only. What is older than a year is forgotten."""
        with self._writing(run) as execute:
            report = self._report(run)
            self._close(run, "finished", report)
            for statement in _FORGET:
                execute(statement)
        return report

    def skip(self, run: Run) -> dict[str, Any]:
        """Close a run of an organisation that this Dynamics is not of."""
        report = {"organisation": run.organisation, "due_on": run.due_on.isoformat(), "skipped": True}
        with self._writing(run):
            self._close(run, "skipped", report)
        return report

    def _close(self, run: Run, state: str, report: Mapping[str, Any]) -> None:
        self._connection.execute(
            "update certification_check.runs set state = %s, finished_at = now(), cursor = null, report = %s"
            " where id = %s",
            (state, Jsonb(report), run.id),
        )

    def _report(self, run: Run) -> dict[str, Any]:
        parameters = {"run": run.id, "organisation": run.organisation}
        numbers = self._connection.execute(_NUMBERS, parameters).fetchone() or {}
        report = {
            "organisation": run.organisation,
            "due_on": run.due_on.isoformat(),
            "dry_run": run.dry_run,
            "attempts": run.attempt,
            "mentors": run.counts["mentors"],
            **numbers,
        }
        if run.dry_run:
            report |= {name: run.counts[name] for name in _DRY}
        return report

    def _record(self, run: Run, work: str, mentor_id: UUID | None, code: str, correlation_id: str | None) -> None:
        self._connection.execute(
            "insert into certification_check.failures as failure (organisation, work, mentor_id, code, correlation_id)"
            " values (%s, %s, %s, %s, %s) on conflict (organisation, mentor_id) where resolved_at is null do update"
            " set times = failure.times + 1, last_at = now(), work = excluded.work, code = excluded.code,"
            " correlation_id = excluded.correlation_id",
            (run.organisation, work, mentor_id, code, correlation_id),
        )

    def _resolve(self, run: Run, mentor_id: UUID | None) -> None:
        self._connection.execute(
            "update certification_check.failures set resolved_at = now(), resolved_by = 'success'"
            " where organisation = %s and mentor_id is not distinct from %s and resolved_at is null",
            (run.organisation, mentor_id),
        )

    @contextmanager
    def _writing(self, run: Run) -> Iterator[Any]:
        """A transaction of the process that works on the run, and of no other."""
        with self._connection.transaction():
            held = self._connection.execute(
                "update certification_check.runs set touched_at = now()"
                " where id = %s and attempt = %s and state = 'running'",
                (run.id, run.attempt),
            )
            if held.rowcount != 1:
                raise OvertakenError(f"run {run.id} is worked on by another process, or closed")
            yield self._connection.execute


_DRY = ("paused", "hidden", "restored", "notices_60", "notices_30", "notices_7")
_DONE = {Kind.PAUSE: "paused", Kind.HIDE: "hidden", Kind.RESTORE: "restored"}
_NUMBERS = """
select
    (select count(*) from certification_check.steps where tried_run = %(run)s and state = 'done' and kind = 'pause')
        as paused,
    (select count(*) from certification_check.steps where tried_run = %(run)s and state = 'done' and kind = 'hide')
        as hidden,
    (select count(*) from certification_check.steps where tried_run = %(run)s and state = 'done' and kind = 'restore')
        as restored,
    (select count(*) from certification_check.steps where tried_run = %(run)s and state = 'obsolete') as obsolete,
    (select count(*) from certification_check.steps where organisation = %(organisation)s and state = 'planned')
        as left_to_do,
    (select count(*) from certification_check.failures where organisation = %(organisation)s and resolved_at is null)
        as open_failures,
    (select count(*) from certification_check.notices where run_id = %(run)s and days = 60) as notices_60,
    (select count(*) from certification_check.notices where run_id = %(run)s and days = 30) as notices_30,
    (select count(*) from certification_check.notices where run_id = %(run)s and days = 7) as notices_7,
    (select count(*) from certification_check.batches where run_id = %(run)s) as batches
"""
_FORGET = (
    "delete from certification_check.steps where state <> 'planned' and finished_at < now() - interval '1 year'",
    "delete from certification_check.failures where resolved_at < now() - interval '1 year'",
    "delete from certification_check.notices where certification_expires_on < current_date - 366",
)


def would_be_done(decisions: Iterable[Decision]) -> Counter[str]:
    """What would come of decisions, under the names of a report."""
    found: Counter[str] = Counter()
    for decision in decisions:
        if decision.step is not None:
            found[_DONE[decision.step]] += 1
        if decision.notice is not None:
            found[f"notices_{decision.notice}"] += 1
    return found
