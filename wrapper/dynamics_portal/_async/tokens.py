"""The token cache: one token in memory, fetched when it is stale, by one caller at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .._concurrency import async_limit, async_lock, async_resolve
from .._outcome import Answer, Fault, Outcome
from .._settings import Settings
from .._tokens import (
    FETCH_LIMIT,
    TOKEN_HEADERS,
    Deadline,
    Remaining,
    Token,
    no_credentials,
    no_token,
    provider_problem,
    read_token,
    token_body,
    token_url,
    too_slow,
)
from ..credentials import AsyncCredentialProvider, ClientCredentials, CredentialProvider
from ..errors import DynamicsPortalClientException
from ..retry import Course
from .exchange import AsyncExchange
from .repeat import async_repeat


class AsyncTokenCache:
    """Gives the value of the `Authorization` header, and fetches a token where the one it has is stale.

    However many ask at a time, one fetches and the others wait for it; where it fails, they fail with it.
    """

    __slots__ = ("_exchange", "_failure", "_fetches", "_lock", "_provider", "_settings", "_sleep", "_token")

    def __init__(
        self,
        exchange: AsyncExchange,
        provider: CredentialProvider | AsyncCredentialProvider,
        settings: Settings,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._exchange = exchange
        self._provider = provider
        self._settings = settings
        self._sleep = sleep
        self._lock = async_lock()
        self._token: Token | None = None
        self._fetches = 0
        self._failure: DynamicsPortalClientException | None = None

    async def authorization(self, correlation_id: str) -> str:
        """The header's value. Raises `DynamicsPortalClientException` where no token can be had."""
        token = self._token
        if token is not None and token.is_fresh(self._settings.clock()):
            return token.header
        seen = self._fetches
        async with self._lock:
            if self._fetches != seen and self._failure is not None:
                failure = self._failure.copy()  # the fetch that was waited for
            else:
                token = self._token
                if token is not None and token.is_fresh(self._settings.clock()):
                    return token.header
                got = await self._fetch(correlation_id)
                self._fetches += 1
                if isinstance(got, Token):
                    self._token, self._failure = got, None
                    return got.header
                self._token, self._failure = None, got.copy()
                failure = got
        raise failure

    def drop(self, authorization: str) -> None:
        """Forget the token that the service refused, unless another one has taken its place."""
        token = self._token
        if token is not None and token.header == authorization:
            self._token = None

    async def _fetch(self, correlation_id: str) -> Token | DynamicsPortalClientException:
        try:
            credentials: object = await async_resolve(self._provider.get_credentials())
        except Exception as error:  # a provider is anybody's code, and its errors may hold secrets
            return no_credentials(provider_problem(error), correlation_id)
        if not isinstance(credentials, ClientCredentials):
            return no_credentials("the credential provider gave no ClientCredentials", correlation_id)
        asked_at = self._settings.clock()
        deadline = Deadline(self._settings.clock, FETCH_LIMIT)
        course = Course(self._settings.retry, repeatable=True, time_left=deadline.left)
        try:
            async with async_limit(FETCH_LIMIT):
                outcome = await self._request(credentials, course, deadline, correlation_id)
        except TimeoutError:
            return too_slow(correlation_id, max(course.attempts, 1))
        if deadline.left() < 0 or (isinstance(outcome, Fault) and deadline.left() <= 0):
            return too_slow(correlation_id, course.attempts)
        token = read_token(outcome, asked_at) if isinstance(outcome, Answer) and outcome.ok else None
        return token or no_token(outcome, correlation_id, course.attempts)

    async def _request(
        self, credentials: ClientCredentials, course: Course, deadline: Deadline, correlation_id: str
    ) -> Outcome:
        url = token_url(self._settings.authority, credentials)
        headers = [*TOKEN_HEADERS, ("x-correlation-id", correlation_id)]
        body = token_body(credentials, self._settings.scope)

        async def attempt() -> Outcome:
            return await self._exchange.send(
                "POST",
                url,
                headers,
                body,
                Remaining(deadline),
                correlation_id=correlation_id,
                attempt=course.attempts + 1,
                time_left=deadline.left,
            )

        return await async_repeat(attempt, course, self._sleep)
