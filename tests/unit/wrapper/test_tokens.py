"""Tokens: when one is fetched, how often, and what becomes of a fetch that fails."""

from __future__ import annotations

import asyncio
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import (
    BASE_URL,
    CLIENT,
    MENTOR,
    SECRET,
    TOKEN_PATH,
    Clock,
    CrowdedLock,
    Service,
    Shell,
    in_threads,
    make_portal,
    problem,
    token,
)

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AuthFailureError,
    ClientCredentials,
    CredentialError,
    DynamicsPortalClient,
    DynamicsPortalClientException,
    InvalidRequestError,
    NetworkError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
)
from dynamics_portal._deadline import Deadline, Remaining
from dynamics_portal._tokens import Token, lifetime


@pytest.fixture(autouse=True)
def _answers(service: Service) -> None:
    service.answer(httpx2.Response(200, json={"UserId": str(MENTOR)}))


def who(shell: Shell) -> Any:
    return shell(shell.portal.who_am_i())


def test_a_token_is_asked_for_as_entra_wants_it(shell: Shell, service: Service) -> None:
    who(shell)
    (request,) = service.token_requests
    assert (request.method, request.url.host, request.url.path) == ("POST", "login.microsoftonline.com", TOKEN_PATH)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": [CLIENT],
        "client_secret": [SECRET],
        "scope": [f"{BASE_URL}/.default"],
    }


def test_authority_and_scope_may_be_others(make_shell: Callable[..., Shell], service: Service) -> None:
    who(make_shell(authority="https://login.microsoftonline.us/", scope="api://dynamics/.default"))
    (request,) = service.token_requests
    assert request.url.host == "login.microsoftonline.us"
    assert b"scope=api%3A%2F%2Fdynamics%2F.default" in request.content


def test_a_token_is_used_until_60_s_before_its_expiry(shell: Shell, service: Service, clock: Clock) -> None:
    service.token_answers = [token("first", expires_in=1000), token("second")]
    who(shell)
    clock.now += 939
    who(shell)
    assert len(service.token_requests) == 1
    clock.now += 1
    who(shell)
    assert len(service.token_requests) == 2
    assert service.last.headers["authorization"] == "Bearer second"


def test_the_life_of_a_token_begins_before_it_was_asked_for(shell: Shell, service: Service, clock: Clock) -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        clock.now += 1.5
        return token(expires_in=100)

    service.token_answers = [slow]
    who(shell)
    clock.now += 38.4
    who(shell)
    assert len(service.token_requests) == 1
    clock.now += 0.2
    who(shell)
    assert len(service.token_requests) == 2


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3599, 3599),
        ("3599", 3599),
        (None, 300),
        ("soon", 300),
        (True, 300),
        ([], 300),
        (math.nan, 300),
        (-5, 0),
        (0, 0),
        (10**400, 300),
        (math.inf, 86_400),
        (10**12, 86_400),
    ],
)
def test_a_lifetime_that_is_missing_or_absurd_is_handled(expires_in: Any, seconds: float) -> None:
    assert lifetime(expires_in) == seconds


@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.integers())))
def test_a_lifetime_is_always_a_sensible_number(expires_in: Any) -> None:
    assert 0 <= lifetime(expires_in) <= 86_400


def test_a_token_without_a_life_is_used_once(shell: Shell, service: Service) -> None:
    service.token_answers = [token(expires_in=0)]
    who(shell)
    who(shell)
    assert len(service.token_requests) == 2


def test_a_401_drops_the_token_and_is_not_retried(shell: Shell, service: Service) -> None:
    service.answers[:] = [problem(401), httpx2.Response(200, json={})]
    with pytest.raises(AuthFailureError) as caught:
        who(shell)
    assert (caught.value.attempts, caught.value.status_code) == (1, 401)
    who(shell)
    assert [request.headers["authorization"] for request in service.requests] == ["Bearer token-1", "Bearer token-2"]


def test_a_fetch_that_takes_over_2_s_is_a_network_error(shell: Shell, service: Service, clock: Clock) -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        clock.now += 2.1
        return token()

    service.token_answers = [slow]
    with pytest.raises(NetworkError, match="no token within 2 s"):
        who(shell)
    assert service.requests == []


def test_a_fetch_that_takes_2_s_is_in_time(shell: Shell, service: Service, clock: Clock) -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        clock.now += 1.9
        return token()

    service.token_answers = [slow]
    assert who(shell).user_id == MENTOR


class Trickle(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in drops, a second each."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.drops = 0

    def drop(self) -> bytes:
        self.drops += 1
        self.clock.now += 1
        return b" "

    def __iter__(self) -> Any:
        while True:
            yield self.drop()

    async def __aiter__(self) -> Any:
        while True:
            yield self.drop()


def test_a_body_that_comes_in_drops_is_cut_off(
    client_class: Any, make_shell: Callable[..., Shell], clock: Clock
) -> None:
    stream = Trickle(clock)

    class Transport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, stream=stream)

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            return self.handle_request(request)

    with pytest.raises(NetworkError, match="no token within 2 s"):
        who(make_shell(transport=Transport()))
    assert stream.drops <= 3


def test_a_task_that_hangs_is_cut_off(service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamics_portal._async.tokens.FETCH_LIMIT", 0.01)

    class Hanging(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await asyncio.Event().wait()
            raise AssertionError

    shell = Shell(make_portal(AsyncDynamicsPortalClient, service, clock, transport=Hanging()))
    with pytest.raises(NetworkError, match="no token within"):
        who(shell)
    shell.close()


def test_each_phase_of_the_request_has_what_is_left_of_the_limit(shell: Shell, service: Service) -> None:
    seen: list[Any] = []

    def look(request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions["timeout"]
        seen.extend([timeouts.get("connect"), timeouts["read"], "write" in timeouts])
        return token()

    service.token_answers = [look]
    who(shell)
    assert seen == [2.0, 2.0, True]


def test_no_phase_is_ever_given_no_time(clock: Clock) -> None:
    deadline = Deadline(clock, 2.0)
    clock.now += 3
    assert deadline.left() == -1
    assert Remaining(deadline).get("read") > 0


def test_the_token_request_is_retried_inside_its_limit(shell: Shell, service: Service, clock: Clock) -> None:
    service.token_answers = [httpx2.Response(503), token()]
    assert who(shell).user_id == MENTOR
    assert clock.slept == [1.0]


def test_the_token_request_is_not_retried_beyond_its_limit(shell: Shell, service: Service, clock: Clock) -> None:
    service.token_answers = [httpx2.Response(503)]
    with pytest.raises(ServerError, match="no token"):
        who(shell)
    assert clock.slept == [1.0]
    assert len(service.token_requests) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            httpx2.Response(401, json={"error": "invalid_client", "error_description": "AADSTS7000215: Invalid …"}),
            AuthFailureError,
            "AADSTS7000215",
        ),
        (
            httpx2.Response(400, json={"error": "unauthorized_client", "error_description": "AADSTS700016: …"}),
            AuthFailureError,
            "AADSTS700016",
        ),
        (httpx2.Response(400, json={"error": "invalid_scope"}), AuthFailureError, "invalid_scope"),
        (httpx2.Response(404, content=b"<html>"), AuthFailureError, None),
        (httpx2.Response(200, content=b"<html>"), AuthFailureError, None),
        (httpx2.Response(200, json={"access_token": "x y"}), AuthFailureError, None),
        (httpx2.Response(200, json={"access_token": 7}), AuthFailureError, None),
        (token(token_type="pop"), AuthFailureError, None),
        (httpx2.Response(429, headers={"Retry-After": "9"}), RateLimitedError, None),
        (httpx2.ConnectError("x"), NetworkError, None),
    ],
)
def test_a_refusal_says_what_it_is(
    answer: Any, kind: type[DynamicsPortalClientException], code: str | None, shell: Shell, service: Service
) -> None:
    service.token_answers = [answer]
    with pytest.raises(kind, match=r"no token|no bearer token") as caught:
        who(shell)
    assert caught.value.dynamics_code == code
    assert caught.value.correlation_id
    assert not caught.value.may_have_run
    assert service.requests == []


class Provider:
    """Gives credentials, or raises, and counts how often it was asked."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.asked = 0

    def get_credentials(self) -> Any:
        self.asked += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_credentials_are_asked_for_with_each_token_and_not_kept(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    provider = Provider(ClientCredentials("t", "c", "old"))
    shell = make_shell(credentials=provider)
    assert provider.asked == 0
    who(shell)
    who(shell)
    assert provider.asked == 1
    provider.result = ClientCredentials("t", "c", "new")
    clock.now += 3600
    who(shell)
    assert provider.asked == 2
    assert b"client_secret=new" in service.token_requests[-1].content


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (CredentialError("the secret dynamics_client_secret is missing"), "dynamics_client_secret is missing"),
        (RuntimeError(f"db://user:{SECRET}@host"), r"the credential provider failed \(RuntimeError\)"),
        (DynamicsPortalClientException("network_error", explanation="Vault is away"), "Vault is away"),  # type: ignore[arg-type] # as a user may write it
        (None, "no ClientCredentials"),
    ],
)
def test_a_provider_that_fails_is_an_auth_failure(
    result: Any, told: str, make_shell: Callable[..., Shell], service: Service
) -> None:
    with pytest.raises(AuthFailureError, match=told) as caught:
        who(make_shell(credentials=Provider(result)))
    assert SECRET not in str(caught.value) + repr(caught.value) + caught.value.message
    assert caught.value.__context__ is None
    assert service.token_requests == []


class AsyncProvider:
    async def get_credentials(self) -> ClientCredentials:
        return ClientCredentials("t", "c", "awaited")


def test_an_asynchronous_provider_is_awaited(service: Service, clock: Clock) -> None:
    shell = Shell(make_portal(AsyncDynamicsPortalClient, service, clock, credentials=AsyncProvider()))
    who(shell)
    shell.close()
    assert b"client_secret=awaited" in service.token_requests[0].content


def test_an_asynchronous_provider_is_refused_by_the_synchronous_client(service: Service, clock: Clock) -> None:
    with pytest.raises(InvalidRequestError, match="AsyncProvider is asynchronous, which needs an asynchronous client"):
        make_portal(DynamicsPortalClient, service, clock, credentials=AsyncProvider())


def test_what_is_no_provider_is_refused_by_the_constructor(make_shell: Callable[..., Shell]) -> None:
    with pytest.raises(InvalidRequestError, match="get_credentials"):
        make_shell(credentials={"client_secret": SECRET})


def test_many_threads_fetch_one_token(service: Service, clock: Clock) -> None:
    entered, go = threading.Semaphore(0), threading.Event()

    def held(request: httpx2.Request) -> httpx2.Response:
        entered.release()
        assert go.wait(10)
        return token()

    service.token_answers = [held]
    portal = make_portal(DynamicsPortalClient, service, clock)
    threads = [threading.Thread(target=portal.who_am_i) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert entered.acquire(timeout=10)
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(service.token_requests) == 1
    assert len(service.requests) == 8


def test_many_tasks_fetch_one_token(service: Service, clock: Clock) -> None:
    async def held(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/token"):
            await asyncio.sleep(0)
        return service.handle(request)

    async def main() -> None:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(held))
        await asyncio.gather(*(portal.who_am_i() for _ in range(8)))

    asyncio.run(main())
    assert len(service.token_requests) == 1
    assert len(service.requests) == 8


def test_those_who_wait_fail_with_the_fetch_that_failed(service: Service, clock: Clock) -> None:
    async def held(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0)
        return service.handle(request)

    async def main() -> list[Any]:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(held))
        failed = await asyncio.gather(*(portal.who_am_i() for _ in range(4)), return_exceptions=True)
        service.token_answers = [token()]
        await portal.who_am_i()  # the next call tries again
        return failed

    service.token_answers = [httpx2.Response(401, json={"error": "invalid_client"})]
    failed = asyncio.run(main())
    assert len(service.token_requests) == 2
    assert all(isinstance(error, AuthFailureError) for error in failed)
    assert len({id(error) for error in failed}) == 4


def test_threads_that_wait_fail_with_the_fetch_that_failed(service: Service, clock: Clock) -> None:
    failed: list[Exception] = []

    def call() -> None:
        try:
            portal.who_am_i()
        except AuthFailureError as error:
            failed.append(error)

    service.token_answers = [httpx2.Response(401, json={"error": "invalid_client"})]
    portal = make_portal(DynamicsPortalClient, service, clock)
    portal._caller._tokens._lock = CrowdedLock(4)
    in_threads(4, call)
    assert len(service.token_requests) == 1
    assert len({id(error) for error in failed}) == 4


def test_a_task_that_is_cancelled_leaves_the_fetch_to_the_next(service: Service, clock: Clock) -> None:
    async def held(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/token") and not service.token_requests:
            service.token_requests.append(request)
            await asyncio.Event().wait()
        return service.handle(request)

    async def main() -> Any:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(held))
        first = asyncio.create_task(portal.who_am_i())
        second = asyncio.create_task(portal.who_am_i())
        while not service.token_requests:
            await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(main()).user_id == MENTOR


def test_an_old_refusal_does_not_drop_a_new_token(service: Service, clock: Clock) -> None:
    portal = make_portal(DynamicsPortalClient, service, clock)
    portal.who_am_i()
    portal._caller._tokens.drop("Bearer another")
    portal.who_am_i()
    assert len(service.token_requests) == 1


def test_a_token_does_not_show_itself() -> None:
    kept = Token("Bearer abc", 1.0)
    assert "abc" not in f"{kept!r} {[getattr(kept, name) for name in Token.__slots__]}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(kept)
    assert kept.header == "Bearer abc"


def test_the_policy_bounds_the_token_request_too(make_shell: Callable[..., Shell], service: Service) -> None:
    service.token_answers = [httpx2.Response(503)]
    with pytest.raises(ServerError):
        who(make_shell(retry=RetryPolicy(max_attempts=1)))
    assert len(service.token_requests) == 1
