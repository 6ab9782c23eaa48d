"""The way of a call: retry ► authenticate ► log ► HTTP. Each attempt asks the token cache anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast

from .. import _logging
from .._call import STANDING_HEADERS, Call, Lifetime
from .._concurrency import LimitReachedError
from .._deadline import Deadline, Remaining
from .._failures import failure
from .._noop import RecordedWrite
from .._outcome import Answer, Fault, Outcome
from .._settings import Settings
from .._throttle import OPEN, Gate, held_back
from ..errors import DynamicsPortalClientException, invalid
from ..retry import Course, asked_to_wait
from .exchange import AsyncExchange
from .repeat import async_repeat
from .tokens import AsyncTokenCache


class AsyncTerms(NamedTuple):
    """What whoever paces calls goes by: the caller's settings, the gate of its identity, how it waits."""

    settings: Settings
    gate: Gate
    sleep: Callable[[float], Awaitable[None]]


class AsyncCaller:
    """Carries calls out: as often as the policy allows, each attempt with a token that is fresh."""

    __slots__ = ("_exchange", "_lifetime", "_settings", "_sleep", "_tokens")

    def __init__(
        self,
        exchange: AsyncExchange,
        tokens: AsyncTokenCache,
        settings: Settings,
        sleep: Callable[[float], Awaitable[None]],
        lifetime: Lifetime,
    ) -> None:
        self._exchange = exchange
        self._tokens = tokens
        self._settings = settings
        self._sleep = sleep
        self._lifetime = lifetime

    def with_settings(self, settings: Settings) -> AsyncCaller:
        """A caller with other settings that shares everything else: connections, the token, when it is closed."""
        return AsyncCaller(self._exchange, self._tokens, settings, self._sleep, self._lifetime)

    def close(self) -> None:
        """Send nothing any more."""
        self._lifetime.closed = True

    @property
    def sends(self) -> bool:
        """Whether calls go anywhere. Where they do not, what takes several of them ends after the first."""
        return True

    @property
    def lacking(self) -> set[str]:
        """Bulk messages that tables were found to lack."""
        return self._lifetime.lacking

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """Writes that were kept instead of sent: none."""
        return ()

    @property
    def terms(self) -> AsyncTerms:
        """What whoever paces calls goes by."""
        return AsyncTerms(self._settings, self._tokens.gate, self._sleep)

    def deadline(self) -> Deadline | None:
        """The end of what begins now, where the settings set one; for what takes more than one call."""
        seconds = self._settings.deadline
        return None if seconds is None else Deadline(self._settings.clock, seconds)

    async def call(self, call: Call, deadline: Deadline | None = None) -> Answer:
        """The answer of a success. Raises `DynamicsPortalClientException` for everything else."""
        if self._lifetime.closed:
            raise invalid("the client is closed")
        settings = self._settings
        deadline = deadline or self.deadline()
        logs = _logging.is_on()
        started = settings.clock() if logs else 0.0
        standing = [("Accept", call.accept), *STANDING_HEADERS, ("x-correlation-id", call.correlation_id)]
        own = settings.extra_headers.items
        headers = [*standing, *(item for item in own if item not in call.headers), *call.headers]
        time_left = None if deadline is None else deadline.left
        course = Course(settings.retry, repeatable=call.repeatable, time_left=time_left, defers=settings.defers)
        watch = settings.hooks.begin(call, headers, settings.clock)

        async def attempt() -> Outcome:
            authorization = await self._admitted(call, course, deadline)
            begun = 0.0 if watch is None else settings.clock()
            outcome = await self._exchange.send(
                call.method,
                call.url,
                [*headers, ("Authorization", authorization)],
                call.content,
                settings.timeouts if deadline is None else Remaining(deadline, settings.timeouts),
                correlation_id=call.correlation_id,
                attempt=course.attempts + 1,
                time_left=time_left,
                unwrap=call.unwrap,
            )
            if isinstance(outcome, Answer) and not outcome.ok:
                self._learn(outcome, authorization, course)
            if watch is not None:
                watch.attempted(course.attempts + 1, outcome, settings.clock() - begun)
            return outcome

        error: BaseException | None = None
        try:
            outcome = await async_repeat(attempt, course, self._sleep)
        except DynamicsPortalClientException as unsent:
            unsent.may_have_run = course.may_have_run
            error, outcome = unsent, Fault(unsent.explanation, may_have_run=False)
        except BaseException as other:
            if watch is not None:
                watch.ended(course.attempts, other)
            raise
        if error is None and not (isinstance(outcome, Answer) and (outcome.ok or _is_unchanged(outcome, call))):
            error = failure(outcome, call.correlation_id, attempts=course.attempts, uncertain=course.uncertain)
        if logs:
            seconds = settings.clock() - started
            _logging.log_call(call.method, call.url, outcome, seconds, call.correlation_id, course.attempts)
        if watch is not None:
            watch.ended(course.attempts, error)
        if error is not None:
            raise error
        answer = cast("Answer", outcome)
        answer.attempts, answer.uncertain = course.attempts, course.uncertain
        return answer

    async def _admitted(self, call: Call, course: Course, deadline: Deadline | None) -> str:
        """The header that authorizes the next attempt, once no other call's throttling holds it back."""
        while True:
            try:
                authorization = await self._tokens.authorization(call.correlation_id, self._settings.retry, deadline)
            except LimitReachedError:
                authorization = ""
            if deadline is not None and (not authorization or deadline.left() <= 0):
                raise deadline.passed(call.correlation_id, course.attempts)
            gate = self._tokens.gate
            until = gate.until
            if until <= course.passed:
                if until > OPEN:
                    gate.reopen(until)  # it was waited for, whatever the clock says
                return authorization
            now = self._settings.clock()
            wait = course.hold_back(until, now)
            if wait is None:
                raise held_back(until - now, call.correlation_id, attempts=course.attempts)
            if wait > 0:
                await self._sleep(wait)  # and then again with a token that is fresh by then
            else:
                gate.reopen(now)

    def _learn(self, answer: Answer, authorization: str, course: Course) -> None:
        """What a refusal means for the calls to come."""
        if answer.status == 401:
            self._tokens.drop(authorization)
        wanted = asked_to_wait(answer)
        if wanted is not None:
            course.passed = self._tokens.gate.hold(self._settings.clock(), wanted)


def _is_unchanged(answer: Answer, call: Call) -> bool:
    """Whether an answer says that a row still has the version which a read has named."""
    return answer.status == 304 and call.reads and any(name == "If-None-Match" for name, _ in call.headers)
