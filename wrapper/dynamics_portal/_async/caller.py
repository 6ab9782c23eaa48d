"""The way of a call: retry ► authenticate ► log ► HTTP. Each attempt asks the token cache anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .. import _logging
from .._call import STANDING_HEADERS, Call
from .._failures import failure
from .._noop import RecordedWrite
from .._outcome import Answer, Fault, Outcome
from .._settings import Settings
from ..errors import DynamicsPortalClientException, invalid
from ..retry import Course
from .exchange import AsyncExchange
from .repeat import async_repeat
from .tokens import AsyncTokenCache


class AsyncCaller:
    """Carries calls out: as often as the policy allows, each attempt with a token that is fresh."""

    __slots__ = ("_exchange", "_settings", "_sleep", "_tokens", "closed")

    def __init__(
        self,
        exchange: AsyncExchange,
        tokens: AsyncTokenCache,
        settings: Settings,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._exchange = exchange
        self._tokens = tokens
        self._settings = settings
        self._sleep = sleep
        self.closed = False

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """Writes that were kept instead of sent: none."""
        return ()

    async def call(self, call: Call) -> Answer:
        """The answer of a success. Raises `DynamicsPortalClientException` for everything else."""
        if self.closed:
            raise invalid("the client is closed")
        logs = _logging.is_on()
        started = self._settings.clock() if logs else 0.0
        standing = [("Accept", call.accept), *STANDING_HEADERS, ("x-correlation-id", call.correlation_id)]
        headers = [*standing, *call.headers]
        course = Course(self._settings.retry, repeatable=call.repeatable)

        async def attempt() -> Outcome:
            authorization = await self._tokens.authorization(call.correlation_id)
            outcome = await self._exchange.send(
                call.method,
                call.url,
                [*headers, ("Authorization", authorization)],
                call.content,
                self._settings.timeouts,
                correlation_id=call.correlation_id,
                attempt=course.attempts + 1,
            )
            if isinstance(outcome, Answer) and outcome.status == 401:
                self._tokens.drop(authorization)
            return outcome

        without_token: DynamicsPortalClientException | None = None
        try:
            outcome = await async_repeat(attempt, course, self._sleep)
        except DynamicsPortalClientException as error:
            error.may_have_run = course.may_have_run
            without_token, outcome = error, Fault(error.explanation, may_have_run=False)
        if logs:
            seconds = self._settings.clock() - started
            _logging.log_call(call.method, call.url, outcome, seconds, call.correlation_id, course.attempts)
        if without_token is not None:
            raise without_token
        if isinstance(outcome, Answer) and outcome.ok:
            outcome.attempts, outcome.uncertain = course.attempts, course.uncertain
            return outcome
        raise failure(outcome, call.correlation_id, attempts=course.attempts, uncertain=course.uncertain)
