"""Errands: one request after another that bring a run to its end, and which identity sends the next one. No I/O.

A run is a state machine (`_batch.Run`): it says what to send and takes what came of it. Each of its requests goes out
when the pace of some identity lets it; one that the service turns away goes out again, first of all, through whichever
identity may. It does not count as an attempt: it provably did not run. When nothing has got through for three times
the policy's `max_retry_after` (15 minutes by default), the run is told that it is over for now.

Source: Dataverse, "Service protection API limits".
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar, cast

from ._batch import Run
from ._call import Call
from ._deadline import Deadline
from ._outcome import Answer
from ._pace import Pace, Patience
from ._requests import TableRequests
from ._throttle import OPEN, Gate
from .errors import DynamicsPortalClientException, ErrorCode, NetworkError, RateLimitedError, ServerError, invalid

RunT = TypeVar("RunT", bound=Run)

_PATIENCE: Final = 3  # times `max_retry_after`


class Errand(Generic[RunT]):
    """A run on its way. `weight`: how many rows its requests are for.

    `call`: what is to be sent next. `seconds`: how long the last request took. `trouble`: with what its first failure
    failed, of those that are no fault of a row.
    """

    __slots__ = (
        "answer",
        "begun",
        "call",
        "deadline",
        "error",
        "finished",
        "identity",
        "requests",
        "run",
        "trouble",
        "uncertain",
        "weight",
    )

    def __init__(self, run: RunT, weight: int) -> None:
        self.run = run
        self.weight = weight
        self.call = run.next_call()
        self.deadline: Deadline | None = None
        self.identity = 0
        self.begun = self.finished = 0.0
        self.answer: Answer | None = None
        self.error: DynamicsPortalClientException | None = None
        self.uncertain = False
        self.requests = 0
        self.trouble: DynamicsPortalClientException | None = None

    @property
    def seconds(self) -> float:
        """How long the last request took."""
        return self.finished - self.begun

    @property
    def smooth(self) -> bool:
        """Whether the first attempt of the first request was all that it took."""
        return self.requests == 1 and self.trouble is None


class Dispatch(Generic[RunT]):
    """Says which errand goes out next, when, and through which identity; takes what came of it.

    `gates`: gives those of the identities, who are known once they have been asked for credentials. `concurrency`:
    requests of each at a time; `None`: as many as turn out well.
    """

    def __init__(
        self,
        gates: Callable[[], Sequence[Gate]],
        concurrency: int | None,
        max_retry_after: float,
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._waited = OPEN
        self._gates = gates
        self._patience = Patience(_PATIENCE * max_retry_after)
        self._refusal: DynamicsPortalClientException | None = None
        self._waiting: deque[Errand[RunT]] = deque()
        self.paces = [Pace(concurrency, clock()) for _ in gates()]

    def now(self) -> float:
        """The moment. What was waited for has come, whatever the clock says: a test's may stand still."""
        return max(self._clock(), self._waited)

    def waited(self, until: float) -> None:
        """Some moment was waited for."""
        self._waited = max(self._waited, until)

    @property
    def waits(self) -> bool:
        """Whether there is an errand that is yet to go out."""
        return bool(self._waiting)

    @property
    def in_flight(self) -> int:
        """Requests that are out."""
        return sum(pace.in_flight for pace in self.paces)

    def add(self, run: RunT, weight: int) -> Errand[RunT]:
        """Take a run. Where it has nothing to send, it has ended."""
        errand = Errand(run, weight)
        if errand.call is not None:
            self._waiting.append(errand)
        return errand

    def next(self) -> tuple[Errand[RunT] | None, float]:
        """What goes out now; else `None`, and for how many seconds nothing does: infinite until one is back."""
        if not self._waiting:
            return None, math.inf
        now = self.now()
        gates = self._gates()
        if len({id(gate) for gate in gates}) < len(gates):
            raise invalid("through: two clients speak as the same application user, whose limits do not add up")
        opens = [pace.opens(now, gate.until) for pace, gate in zip(self.paces, gates, strict=True)]
        first = min(range(len(opens)), key=lambda number: (opens[number], self.paces[number].in_flight))
        if opens[first] > now:
            return None, opens[first] - now
        errand = self._waiting.popleft()
        errand.identity, errand.begun = first, now
        self.paces[first].begin(now)
        return errand, 0.0

    def settle(self, errand: Errand[RunT]) -> bool:
        """Take what came of an errand's request. Whether its run has ended."""
        answer, error, call = errand.answer, errand.error, cast("Call", errand.call)
        errand.answer = errand.error = None
        if answer is not None:
            self._answered(errand, answer, call)
        elif error is not None and _is_refusal(error):
            self._refused(errand, error)
            return False
        elif error is not None:
            self._failed(errand, error)
        errand.uncertain = False
        return self._goes_on(errand)

    def _goes_on(self, errand: Errand[RunT]) -> bool:
        """Whether a run has ended; else its next request goes out before any other."""
        errand.call = errand.run.next_call()
        if errand.call is not None:
            self._waiting.appendleft(errand)
        return errand.call is None

    def _answered(self, errand: Errand[RunT], answer: Answer, call: Call) -> None:
        self._patience.got_through()
        errand.requests += answer.attempts
        self.paces[errand.identity].answered(
            errand.finished, errand.seconds, errand.weight, answer.headers, troubled=answer.attempts > 1
        )
        answer.uncertain = answer.uncertain or errand.uncertain
        errand.run.feed(answer, call)

    def _refused(self, errand: Errand[RunT], error: DynamicsPortalClientException) -> None:
        pace = self.paces[errand.identity]
        pace.refused(errand.finished, errand.begun, error.dynamics_code, error.retry_after)
        errand.uncertain = errand.uncertain or error.may_have_run
        self._patience.refused(errand.finished)
        self._refusal = error
        self._waiting.appendleft(errand)

    def _failed(self, errand: Errand[RunT], error: DynamicsPortalClientException) -> None:
        pace = self.paces[errand.identity]
        errand.requests += 2  # whatever it did, it was not all that it took
        if isinstance(error, (NetworkError, ServerError)):
            errand.trouble = errand.trouble or error
            pace.failed(errand.finished, errand.seconds)
        else:
            self._patience.got_through()
            pace.answered(errand.finished, errand.seconds, 0, {}, troubled=True)
        error.may_have_run = error.may_have_run or errand.uncertain
        errand.run.fail(error)

    def cut_off(self, errands: Sequence[Errand[RunT]]) -> list[Errand[RunT]]:
        """Requests were given up, and may have run. They go out again where that is harmless. Gives what has ended."""
        ended: list[Errand[RunT]] = []
        for errand in errands:
            self.paces[errand.identity].cut_off()
            call = cast("Call", errand.call)
            if call.repeatable:
                errand.uncertain = True
                self._waiting.appendleft(errand)
                continue
            errand.run.fail(
                DynamicsPortalClientException(
                    ErrorCode.NETWORK_ERROR,
                    explanation="the request was cut off",
                    correlation_id=call.correlation_id,
                    attempts=1,
                    may_have_run=True,
                )
            )
            if self._goes_on(errand):
                ended.append(errand)
        return ended

    def drop(self, errand: Errand[RunT]) -> None:
        """An errand has ended in a way that nobody foresees."""
        self.paces[errand.identity].cut_off()

    def check_patience(self, seconds: float) -> None:
        """Raises what the service has refused last, where nothing has got through for too long once it may again."""
        if self._refusal is not None and self._patience.is_over(self.now() + seconds):
            self._patience.got_through()  # whoever goes on is patient anew
            raise self._refusal.copy()


def _is_refusal(error: DynamicsPortalClientException) -> bool:
    """Whether the service turned the request away for now, and did nothing of it."""
    return isinstance(error, RateLimitedError) or (error.status_code == 503 and error.retry_after is not None)


def check_through(own: TableRequests, other: TableRequests, *, sends: bool) -> None:
    """Raises an invalid request where rows of a table cannot go through the one of another client."""
    name = own.model.table().entity_set
    if other.model.table().entity_set != name or other.settings.root.url != own.settings.root.url:
        raise invalid(f"through: expected {name} of the same organisation, through other application users")
    if not sends:
        raise invalid("through: a client that does nothing sends nothing")
