# Derived from ../_async/crew.py by tools/derive_sync.py; change that file, not this one.
"""Crews: runs that are brought to their end under the pace of each identity, as many at a time as the service takes.

What writes many rows and what reads many pages at once go through the same: `begin` takes a run (a state machine,
`_batch.Run`), `ended` gives those that have come to their end, in whatever order. Unless it `has_room`, a run is at
hand that may not go out yet, and there is no use in making more of them. Nothing goes out but within these three. A run
may be followed by another one, as a page is by the next: begin it when the one before has ended.

    crew = Crew([caller], concurrency=None)
    while True:
        while crew.has_room() and (run := next(runs, None)) is not None:
            crew.begin(run)
        if crew.is_idle:
            break
        for errand in await crew.ended():
            ...  # errand.run has what it was fed

Which run goes out next, when, and through whom is decided in `_errand`, how many at a time in `_pace`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar, cast

from .._batch import Run
from .._call import Call
from .._errand import Dispatch, Errand
from .._pace import Pace
from .._workers import SyncLanes
from ..errors import DynamicsPortalClientException
from .caller import Caller

RunT = TypeVar("RunT", bound=Run)


class Crew(Generic[RunT]):
    """Sends what runs want to be sent, through callers of one identity each.

    `concurrency`: requests of each identity at a time, always as many; `None`: as many as turn out well.
    """

    def __init__(self, callers: Sequence[Caller], *, concurrency: int | None) -> None:
        terms = [caller.terms for caller in callers]
        first = terms[0]
        self._callers = [
            caller.with_settings(replace(its.settings, defers=True)) for caller, its in zip(callers, terms, strict=True)
        ]
        self._sleep = first.sleep
        self._dispatch: Dispatch[RunT] = Dispatch(
            lambda: [caller.terms.gate for caller in callers],
            concurrency,
            first.settings.retry.max_retry_after,
            first.settings.clock,
        )
        self._alone = concurrency == 1 and len(callers) == 1
        self._lanes: SyncLanes[Errand[RunT] | float] = SyncLanes()
        self._ended: list[Errand[RunT]] = []
        self._nap = math.inf

    def has_room(self) -> bool:
        """Send what may be sent. Whether there is use for another run: none is at hand that may not go out yet."""
        self._send()
        return not self._dispatch.waits

    @property
    def paces(self) -> Sequence[Pace]:
        """How each identity goes."""
        return self._dispatch.paces

    def begin(self, run: RunT, weight: int = 1) -> None:
        """Take a run, and send what may be sent. `weight`: how many rows its requests are for."""
        errand = self._dispatch.add(run, weight)
        if errand.call is None:
            self._ended.append(errand)
        self._send()

    @property
    def is_idle(self) -> bool:
        """Whether no run is on its way."""
        return not (self._ended or self._dispatch.in_flight or self._dispatch.waits)

    def ended(self) -> list[Errand[RunT]]:
        """Runs that have come to their end. Waits until there is one, or until there is room where there was none.

        Raises `RateLimitedError` where the service has let nothing through for too long; what is on its way stays so.
        """
        crowded = not self.has_room()
        while not self._ended and not self.is_idle:
            seconds = self._send()
            if crowded and not self._dispatch.waits:
                break
            if self._dispatch.in_flight:
                if seconds < math.inf and not self._alone:
                    self._wake_in(seconds)
                self._take()
            else:
                self._dispatch.check_patience(seconds)
                until = self._dispatch.now() + seconds
                self._sleep(seconds)
                self._dispatch.waited(until)
        ended, self._ended = self._ended, []
        return ended

    def cut_off(self) -> None:
        """End what is being sent. It is sent again by whoever goes on, where that does no harm."""
        errands = [job for job in self._lanes.cut_off() if isinstance(job, Errand)]
        self._nap = math.inf
        self._ended += self._dispatch.cut_off(errands)

    def _send(self) -> float:
        """Send what may be sent. For how many seconds nothing more may."""
        while True:
            errand, seconds = self._dispatch.next()
            if errand is None:
                return seconds
            self._lanes.begin(self._work, errand, alone=self._alone)

    def _wake_in(self, seconds: float) -> None:
        """Let something end in some seconds, unless something does before."""
        until = self._dispatch.now() + seconds
        if until < self._nap:
            self._nap = until
            self._lanes.begin(self._work, until)

    def _take(self) -> None:
        """Take what has come back, or wait until something has."""
        unforeseen: Exception | None = None
        for job, error in self._lanes.ended():
            if not isinstance(job, Errand):
                self._dispatch.waited(job)
                self._nap = math.inf if job == self._nap else self._nap
            elif error is not None:
                self._dispatch.drop(job)
                unforeseen = error
            elif self._dispatch.settle(job):
                self._ended.append(job)
        if unforeseen is not None:
            raise unforeseen

    def _work(self, job: Errand[RunT] | float) -> None:
        if not isinstance(job, Errand):
            self._sleep(max(job - self._dispatch.now(), 0.0))
            return
        caller = self._callers[job.identity]
        if job.deadline is None:
            job.deadline = caller.deadline()
        try:
            job.answer = caller.call(cast("Call", job.call), job.deadline)
        except DynamicsPortalClientException as error:
            job.error = error
        job.finished = self._dispatch.now()
