"""The job: works a run off in batches that end in time, and can be ended anywhere.

It decides the order of things and what a failure stops. A batch first does the steps that are planned, then reads a
page of mentors, commits what is to be done with them, and does that. What has failed before is tried again when all
mentors have been read, so that it keeps nobody waiting. No call is begun that could not end in time: its deadline is
what is left of the batch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from dynamics_portal import (
    DynamicsPortalClient,
    DynamicsPortalClientException,
    ErrorCode,
    InvalidRequestError,
    NotFoundError,
    VersionMismatchError,
)
from dynamics_portal_api.models import Contact

from .dynamics import NotAppliedError, candidates, make, mentor_of, read_again
from .policy import HLF, Decision, Kind, Mentor, Move, after, decide, next_move
from .store import Run, Step, Store

_LOGGER = logging.getLogger(__name__)
_ENDS = (Move.DONE, Move.OBSOLETE)
_OF_THE_SERVICE = frozenset(
    {
        ErrorCode.AUTH_FAILURE,
        ErrorCode.RATE_LIMITED,
        ErrorCode.SERVER_ERROR,
        ErrorCode.NETWORK_ERROR,
    }
)
"""Failures that are not about one mentor."""
_CONFLICTS = 3
"""How often a row may change between reading and writing before that counts as a failure."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done at a time. Seconds are of the given clock.

    `batch_seconds`: a batch has ended by then. `run_seconds`: so has the last batch of this process. `reserve_seconds`:
    with less left, no call is begun. `page_size`: mentors in a batch. `failures_in_a_row`: that many failures of the
    service, not of one mentor, stop the process.
    """

    batch_seconds: float = 60.0
    run_seconds: float = 3300.0
    reserve_seconds: float = 5.0
    page_size: int = 1000
    failures_in_a_row: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.reserve_seconds < self.batch_seconds:
            raise ValueError("reserve_seconds must be more than 0 and less than batch_seconds")
        if self.run_seconds < self.batch_seconds:
            raise ValueError("run_seconds must be at least batch_seconds")
        if not 0 < self.page_size <= 5000:
            raise ValueError("page_size must be from 1 to 5,000, the most that Dataverse gives")
        if self.failures_in_a_row < 1:
            raise ValueError("failures_in_a_row must be at least 1")


class SuspendedError(Exception):
    """The process stops before the run is at its end; another one goes on from here."""


class _GoneError(Exception):
    """There is no such mentor any more."""


class Job:
    """Works runs off, with a client and a store that are the caller's to close.

    `enabled`: whether anything may be changed. Where not, every run is a dry one: it reads, decides, says what it would
    have done, and leaves what earlier runs have planned as it is.
    """

    def __init__(
        self,
        portal: DynamicsPortalClient,
        store: Store,
        limits: Limits | None = None,
        *,
        enabled: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._portal = portal
        self._enabled = enabled
        self._store = store
        self._limits = limits or Limits()
        self._clock = clock
        self._begun = clock()
        self._failures = 0  # of the service, in a row

    def work(self, *, dry_runs_only: bool = False) -> list[dict[str, Any]]:
        """Work off whatever is to be done, and return the runs' reports. `SuspendedError` where something is left;
        `OvertakenError` where another process has taken over."""
        reports = []
        while (run := self._store.claim(dry_runs_only=dry_runs_only)) is not None:
            try:
                reports.append(self._work_off(run))
            finally:
                self._store.release(run)
        return reports

    def _work_off(self, run: Run) -> dict[str, Any]:
        if run.organisation != HLF:
            return self._store.skip(run)
        run.dry_run = run.dry_run or not self._enabled
        _LOGGER.info("run %s of %s, attempt %s, dry run: %s", run.id, run.due_on, run.attempt, run.dry_run)
        while not self._batch(run):
            pass
        return self._store.finish(run)

    def _batch(self, run: Run) -> bool:
        """A batch; whether the run is at its end."""
        begun = self._clock()
        batch = _Batch(self._portal, self._clock, self._end_of_batch(begun), self._limits.reserve_seconds)
        if not batch.has_time():
            raise SuspendedError("the time of this process is used up")
        read = done = 0
        try:
            done, caught_up = self._do(run, batch, {})
            if caught_up and not run.scanned and batch.has_time():
                rows = self._read(run, batch)
                read = len(rows)
                more, caught_up = self._do(run, batch, rows)
                done += more
            return caught_up and run.scanned
        finally:
            self._store.end_batch(run, mentors=read, steps=done, seconds=self._clock() - begun)

    def _end_of_batch(self, begun: float) -> float:
        return min(begun + self._limits.batch_seconds, self._begun + self._limits.run_seconds)

    def _do(self, run: Run, batch: _Batch, rows: dict[UUID, Contact]) -> tuple[int, bool]:
        """Do the steps that are planned, until none is left or the time is up: how many, and whether none is left.
        `rows` are mentors who have just been read. A dry run does none."""
        done = 0
        while not run.dry_run and (steps := self._store.steps(run, self._limits.page_size, failed_too=run.scanned)):
            for step in steps:
                if not batch.has_time():
                    return done, False
                self._attempt(run, batch, step, rows.get(step.mentor_id))
                done += 1
        return done, True

    def _attempt(self, run: Run, batch: _Batch, step: Step, row: Contact | None) -> None:
        try:
            end = self._take(run.due_on, batch, step, row)
        except _GoneError:
            end = Move.OBSOLETE
        except NotAppliedError:
            self._store.fail_step(run, step, "not_applied", None)
            return
        except DynamicsPortalClientException as error:
            self._store.fail_step(run, step, error.code, error.correlation_id)
            self._count(error)
            return
        self._failures = 0
        if end is not None:
            self._store.finish_step(run, step, end)

    def _take(self, today: date, batch: _Batch, step: Step, row: Contact | None) -> Move | None:
        """Make a step's moves, from where it is; how it ended, or `None` where the time was up before its end."""
        if row is None or step.kind is Kind.HIDE:  # hiding is no write of the row, so no ETag guards it
            row = _as_it_is(batch, step)
        mentor, etag, conflicts = mentor_of(row), row.etag, 0
        while (move := next_move(step.kind, step.pause, mentor, today)) not in _ENDS:
            if not batch.has_time():
                return None
            try:
                make(batch.portal(), move, step.mentor_id, step.pause, etag)
            except VersionMismatchError:
                # Somebody has changed the row, or an answer was lost and this was the second time.
                conflicts += 1
                if conflicts > _CONFLICTS:
                    raise
                row = _as_it_is(batch, step)
                mentor, etag = mentor_of(row), row.etag
            except NotFoundError:
                _as_it_is(batch, step)  # which raises where it is the mentor who is missing, and not the action
                raise
            else:
                mentor, etag = after(move, step.pause, mentor), None
        return move

    def _read(self, run: Run, batch: _Batch) -> dict[UUID, Contact]:
        """Read the next page of mentors, decide on them and commit what is decided."""
        try:
            found = self._next_page(run, batch)
        except DynamicsPortalClientException as error:
            self._store.fail_reading(run, error.code, error.correlation_id)
            raise SuspendedError(f"mentors cannot be read: {error}") from None
        self._failures = 0
        rows, cursor = found
        read = {mentor_id: mentor_of(row) for mentor_id, row in rows.items()}
        self._store.plan(run, read, self._decide(run, read), cursor)
        return rows

    def _next_page(self, run: Run, batch: _Batch) -> tuple[dict[UUID, Contact], str | None]:
        try:
            mentors = candidates(batch.portal(), run.due_on, run.cursor, self._limits.page_size)
            page = mentors.page()
        except InvalidRequestError:
            if run.cursor is None:
                raise
            _LOGGER.warning("the place that reading had come to is no longer known; it begins anew")
            self._store.begin_anew(run)
            mentors = candidates(batch.portal(), run.due_on, None, self._limits.page_size)
            page = mentors.page()
        rows = {row.contactid: row for row in page if isinstance(row.contactid, UUID)}
        return rows, str(mentors.state) if page else None

    def _decide(self, run: Run, read: dict[UUID, Mentor]) -> dict[UUID, Decision]:
        pauses, busy = self._store.pauses(run, read), self._store.busy(run, read)
        return {
            mentor_id: decide(mentor, pauses.get(mentor_id), run.due_on)
            for mentor_id, mentor in read.items()
            if mentor_id not in busy
        }

    def _count(self, error: DynamicsPortalClientException) -> None:
        self._failures = self._failures + 1 if error.code in _OF_THE_SERVICE else 0
        if error.code is ErrorCode.AUTH_FAILURE or self._failures >= self._limits.failures_in_a_row:
            raise SuspendedError(f"Dynamics refuses or fails, whoever the mentor is: {error}")


def _as_it_is(batch: _Batch, step: Step) -> Contact:
    try:
        return read_again(batch.portal(), step.mentor_id)
    except NotFoundError:
        raise _GoneError from None


class _Batch:
    """The time of a batch, and the client that keeps within it."""

    def __init__(
        self, portal: DynamicsPortalClient, clock: Callable[[], float], end: float, reserve_seconds: float
    ) -> None:
        self._portal = portal
        self._clock = clock
        self._end = end
        self._reserve = reserve_seconds

    def has_time(self) -> bool:
        """Whether a call may begin."""
        return self._end - self._clock() >= self._reserve

    def portal(self) -> DynamicsPortalClient:
        """The client for the next call. One that follows another within a move may find little time left."""
        return self._portal.with_options(deadline=max(self._end - self._clock(), 0.001))
