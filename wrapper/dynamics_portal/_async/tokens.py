"""The token cache: one token in memory, fetched when it is stale, by one caller at a time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from .._concurrency import LimitReachedError, async_ask, async_lock, async_within
from .._deadline import Deadline, Remaining
from .._outcome import Outcome
from .._settings import Settings
from .._throttle import Gate, held_back, shared_gate
from .._tokens import (
    FETCH_LIMIT,
    TOKEN_HEADERS,
    Fetch,
    Token,
    no_credentials,
    source_problem,
    token_body,
    token_of,
    token_url,
    too_slow,
)
from ..credentials import (
    AnyCredentials,
    AsyncCredentialProvider,
    AsyncCredentialSource,
    AsyncTokenCredential,
    ClientAssertion,
    ClientCredentials,
    CredentialProvider,
    TokenCredential,
    checked_jwt,
)
from ..errors import DynamicsPortalClientException
from ..retry import Course, RetryPolicy
from ..secrets import Secret
from .exchange import AsyncExchange
from .repeat import async_repeat


class AsyncTokenCache:
    """Gives the value of the `Authorization` header, and fetches a token where the one it has is stale.

    However many ask at a time, one fetches and the others wait for it; where it fails, they fail with it. A fetch that
    is cut short by its own caller says nothing to the others: the next of them begins anew.
    `gate` is where requests of this identity wait when the service throttles it.
    """

    __slots__ = (
        "_endpoint",
        "_exchange",
        "_failure",
        "_fetches",
        "_lock",
        "_settings",
        "_sleep",
        "_source",
        "_token",
        "gate",
    )

    def __init__(
        self,
        exchange: AsyncExchange,
        source: AsyncCredentialSource,
        settings: Settings,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._exchange = exchange
        self._source = source
        self._settings = settings
        self._sleep = sleep
        self._lock = async_lock()
        self._token: Token | None = None
        self._fetches = 0
        self._failure: DynamicsPortalClientException | None = None
        self._endpoint = Gate()
        self.gate = Gate()

    async def authorization(self, correlation_id: str, policy: RetryPolicy, deadline: Deadline | None) -> str:
        """The header's value. Raises `DynamicsPortalClientException` where no token can be had.

        Raises `LimitReachedError` where there is none when the deadline of the call that needs it has passed.
        """
        token = self._token
        if token is not None and token.is_fresh(self._settings.clock()):
            return token.header
        if deadline is None:
            got = await self._refreshed(correlation_id, policy)
        else:
            got = await async_within(deadline.left(), self._refreshed, correlation_id, policy)
        if isinstance(got, Token):
            return got.header
        raise got

    def drop(self, authorization: str) -> None:
        """Forget the token that the service refused, unless another one has taken its place."""
        token = self._token
        if token is not None and token.header == authorization:
            self._token = None

    async def _refreshed(self, correlation_id: str, policy: RetryPolicy) -> Token | DynamicsPortalClientException:
        seen = self._fetches
        async with self._lock:
            token = self._token
            waited = self._fetches != seen  # for a fetch of somebody else's, which serves for all who waited for it
            if token is not None and (waited or token.is_fresh(self._settings.clock())):
                return token
            if waited and self._failure is not None:
                return self._failure.copy()
            got = await self._fetch(correlation_id, policy)
            self._fetches += 1
            if isinstance(got, Token):
                self._token, self._failure = got, None
            else:
                self._token, self._failure = None, got.copy()
            return got

    async def _fetch(self, correlation_id: str, policy: RetryPolicy) -> Token | DynamicsPortalClientException:
        throttled = self._endpoint.left(self._settings.clock())
        if throttled > 0:
            return held_back(throttled, correlation_id, of_token=True)
        source = self._source
        if not isinstance(source, (CredentialProvider, AsyncCredentialProvider)):
            return await self._brought(source, correlation_id)
        credentials = await self._credentials(source)
        if isinstance(credentials, str):
            return no_credentials(credentials, correlation_id)
        fetch = Fetch(self._settings.clock, FETCH_LIMIT, correlation_id)
        await self._request(credentials, fetch, policy)
        if fetch.may_try_others():
            others = await self._credentials(source)
            if not isinstance(others, str) and others != credentials:
                await self._request(others, fetch, policy)
        wanted = fetch.asked_to_wait()
        if wanted is not None:
            self._endpoint.hold(self._settings.clock(), wanted)
        return fetch.result()

    async def _brought(
        self, source: TokenCredential | AsyncTokenCredential, correlation_id: str
    ) -> Token | DynamicsPortalClientException:
        """A token from a credential that brings one itself."""
        asked_at, problem = self._settings.clock(), ""
        access: object = None
        try:
            access = await async_within(FETCH_LIMIT, async_ask, source.get_token, self._settings.scope)
        except LimitReachedError:
            return too_slow(correlation_id, 0)
        except Exception as error:  # a credential is anybody's code, and its errors may hold secrets
            problem = source_problem(error)
        if self._settings.clock() - asked_at > FETCH_LIMIT:
            return too_slow(correlation_id, 0)
        token = token_of(access, asked_at, time.time())
        return token or no_credentials(problem or "the token credential gave no token", correlation_id)

    async def _credentials(self, source: CredentialProvider | AsyncCredentialProvider) -> AnyCredentials | str:
        """What the provider gives; in its place what went wrong."""
        try:
            credentials: object = await async_ask(source.get_credentials)
        except Exception as error:  # a provider is anybody's code, and its errors may hold secrets
            return source_problem(error)
        if not isinstance(credentials, (ClientCredentials, ClientAssertion)):
            return "the credential provider gave no ClientCredentials and no ClientAssertion"
        origin, clock = self._settings.root.origin, self._settings.clock
        self.gate = shared_gate(origin, credentials.tenant_id, credentials.client_id, clock, self._sleep)
        return credentials

    async def _request(self, credentials: AnyCredentials, fetch: Fetch, policy: RetryPolicy) -> None:
        """Ask for a token with these credentials, within what is left of the time for it."""
        url = token_url(self._settings.authority, credentials)
        headers = [*TOKEN_HEADERS, ("x-correlation-id", fetch.correlation_id)]
        body = await self._body(credentials, url)  # a provider's own time does not count
        deadline = fetch.begin()
        course = Course(policy, repeatable=True, time_left=deadline.left)

        async def attempt() -> Outcome:
            form = body if course.attempts == 0 else await self._body(credentials, url)  # no assertion is sent twice
            if isinstance(form, str):
                raise no_credentials(form, fetch.correlation_id)
            return await self._exchange.send(
                "POST",
                url,
                headers,
                form.reveal().encode("ascii"),
                Remaining(deadline),
                correlation_id=fetch.correlation_id,
                attempt=fetch.attempts + course.attempts + 1,
                time_left=deadline.left,
                whole=False,
            )

        outcome: Outcome | DynamicsPortalClientException | None = None
        try:
            outcome = await async_within(deadline.left(), async_repeat, attempt, course, self._sleep)
        except LimitReachedError:
            pass
        except DynamicsPortalClientException as error:
            outcome = error.with_traceback(None)
        fetch.end(outcome, course.attempts)

    async def _body(self, credentials: AnyCredentials, url: str) -> Secret | str:
        """The form to send; in its place what went wrong."""
        if isinstance(credentials, ClientCredentials):
            return token_body(credentials, credentials.client_secret, self._settings.scope)
        try:
            assertion = checked_jwt(await async_ask(credentials.assertion, url), "the assertion")
        except Exception as error:  # what makes an assertion is anybody's code, as a provider is
            return source_problem(error)
        return token_body(credentials, assertion, self._settings.scope)
