"""What the token endpoint's refusals lead to: other credentials are tried once, and a throttled endpoint is left alone.

The limit of 2 s is tried against a server that sends its answer byte by byte, over real TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import trustme
from tests.unit.wrapper.support import (
    CLIENT,
    MENTOR,
    TENANT,
    Client,
    Clock,
    CrowdedLock,
    Service,
    Shell,
    in_threads,
    make_portal,
    token,
)

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AuthFailureError,
    ClientAssertion,
    ClientCredentials,
    CredentialError,
    DynamicsPortalClient,
    NetworkError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
)

REFUSED = httpx2.Response(401, json={"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret"})
EXPIRED = httpx2.Response(401, json={"error": "invalid_client", "error_description": "AADSTS7000222: Expired secret"})


@pytest.fixture(autouse=True)
def _answers(service: Service) -> None:
    service.answer(httpx2.Response(200, json={"UserId": str(MENTOR)}))


def who(shell: Shell) -> Any:
    return shell(shell.portal.who_am_i())


class Rotating:
    """A provider that gives one thing after the other, and counts how often it was asked."""

    def __init__(self, *results: Any) -> None:
        self.results = results
        self.asked = 0

    def get_credentials(self) -> Any:
        result = self.results[min(self.asked, len(self.results) - 1)]
        self.asked += 1
        if isinstance(result, Exception):
            raise result
        return result() if callable(result) else result


class AsyncRotating(Rotating):
    async def get_credentials(self) -> Any:
        await asyncio.sleep(0)
        return super().get_credentials()


OLD, NEW = ClientCredentials(TENANT, CLIENT, "old"), ClientCredentials(TENANT, CLIENT, "new")


@pytest.fixture(params=[Rotating, AsyncRotating])
def rotating(request: pytest.FixtureRequest, client_class: Client) -> type[Rotating]:
    """A synchronous provider for either client, an asynchronous one for that which takes it."""
    if request.param is AsyncRotating and not issubclass(client_class, AsyncDynamicsPortalClient):
        return Rotating
    kind: type[Rotating] = request.param
    return kind


def test_a_secret_that_was_rotated_is_asked_for_once_more(
    rotating: type[Rotating], make_shell: Callable[..., Shell], service: Service
) -> None:
    service.token_answers = [REFUSED, token()]
    provider = rotating(OLD, NEW)
    assert who(make_shell(credentials=provider)).user_id == MENTOR
    assert provider.asked == 2
    assert [b"client_secret=new" in request.content for request in service.token_requests] == [False, True]


def test_a_secret_that_was_not_rotated_is_not_sent_again(
    rotating: type[Rotating], make_shell: Callable[..., Shell], service: Service
) -> None:
    service.token_answers = [REFUSED]
    provider = rotating(OLD, ClientCredentials(TENANT, CLIENT, "old"))
    with pytest.raises(AuthFailureError) as caught:
        who(make_shell(credentials=provider))
    assert (caught.value.dynamics_code, provider.asked, len(service.token_requests)) == ("AADSTS7000215", 2, 1)


def test_credentials_that_are_refused_twice_are_not_asked_for_a_third_time(
    make_shell: Callable[..., Shell], service: Service
) -> None:
    service.token_answers = [REFUSED, EXPIRED]
    provider = Rotating(OLD, NEW, OLD)
    with pytest.raises(AuthFailureError) as caught:
        who(make_shell(credentials=provider))
    assert (caught.value.dynamics_code, provider.asked, caught.value.attempts) == ("AADSTS7000222", 2, 2)


@pytest.mark.parametrize("answer", [CredentialError("Vault is away"), RuntimeError("x"), None])
def test_a_provider_that_has_none_the_second_time_leaves_the_refusal(
    answer: Any, make_shell: Callable[..., Shell], service: Service
) -> None:
    service.token_answers = [REFUSED]
    with pytest.raises(AuthFailureError) as caught:
        who(make_shell(credentials=Rotating(OLD, answer)))
    assert caught.value.dynamics_code == "AADSTS7000215"


@pytest.mark.parametrize("error", ["unauthorized_client", "invalid_scope", "invalid_request"])
def test_only_a_refused_client_asks_the_provider_once_more(
    error: str, make_shell: Callable[..., Shell], service: Service
) -> None:
    service.token_answers = [httpx2.Response(400, json={"error": error, "error_description": "AADSTS700016: no"})]
    provider = Rotating(OLD, NEW)
    with pytest.raises(AuthFailureError):
        who(make_shell(credentials=provider))
    assert provider.asked == 1


def test_an_assertion_that_was_refused_is_made_anew_by_other_credentials(
    make_shell: Callable[..., Shell], service: Service
) -> None:
    service.token_answers = [REFUSED, token()]
    made = [ClientAssertion(TENANT, CLIENT, lambda audience: "first"), NEW]
    assert who(make_shell(credentials=Rotating(*made))).user_id == MENTOR
    assert b"client_assertion=first" in service.token_requests[0].content
    assert b"client_secret=new" in service.token_requests[1].content


def test_the_providers_own_time_does_not_count(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    def slow(credentials: ClientCredentials) -> Callable[[], ClientCredentials]:
        def give() -> ClientCredentials:
            clock.now += 60
            return credentials

        return give

    def refuse(request: httpx2.Request) -> httpx2.Response:
        clock.now += 1.5
        return REFUSED

    service.token_answers = [refuse, token()]
    assert who(make_shell(credentials=Rotating(slow(OLD), slow(NEW)))).user_id == MENTOR


def test_the_second_request_has_what_the_first_one_left_of_the_2_s(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    left: list[float] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        clock.now += 1.5
        return REFUSED

    def slow(request: httpx2.Request) -> httpx2.Response:
        left.append(request.extensions["timeout"].get("read"))
        clock.now += 0.6
        return token()

    service.token_answers = [refuse, slow]
    with pytest.raises(NetworkError, match="no token within 2 s"):
        who(make_shell(credentials=Rotating(OLD, NEW)))
    assert left == [0.5]


def test_a_refusal_that_took_all_the_time_asks_nobody_again(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        clock.now += 2.0
        return REFUSED

    service.token_answers = [refuse]
    provider = Rotating(OLD, NEW)
    with pytest.raises(AuthFailureError):
        who(make_shell(credentials=provider))
    assert provider.asked == 1


# The token endpoint throttles


def test_a_wait_that_fits_into_the_2_s_is_waited(shell: Shell, service: Service, clock: Clock) -> None:
    service.token_answers = [httpx2.Response(429, headers={"Retry-After": "1.5"}), token()]
    assert who(shell).user_id == MENTOR
    assert clock.slept == [1.5]


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (503, ServerError)])
def test_a_throttled_endpoint_is_left_alone_for_as_long_as_it_asked(
    status: int, kind: type[Exception], shell: Shell, service: Service, clock: Clock
) -> None:
    service.token_answers = [httpx2.Response(status, headers={"Retry-After": "30"}), token()]
    with pytest.raises(kind, match="no token") as first:
        who(shell)
    assert first.value.retry_after == 30  # type: ignore[attr-defined] # an exception of ours
    clock.now += 20
    with pytest.raises(RateLimitedError, match="the token endpoint asked to wait") as caught:
        who(shell)
    assert (caught.value.retry_after, caught.value.attempts, caught.value.may_have_run) == (10.0, 0, False)
    assert (len(service.token_requests), clock.slept) == (1, [])
    clock.now += 10
    assert who(shell).user_id == MENTOR


def test_an_endpoint_that_asks_for_an_absurd_time_is_asked_again_after_an_hour(
    shell: Shell, service: Service, clock: Clock
) -> None:
    service.token_answers = [httpx2.Response(429, headers={"Retry-After": "999999999"}), token()]
    with pytest.raises(RateLimitedError):
        who(shell)
    clock.now += 3600
    assert who(shell).user_id == MENTOR


# Tokens that are never fresh


@pytest.mark.parametrize("expires_in", [-1, 0, 1, 60])
def test_a_token_that_is_never_fresh_is_used_by_the_call_that_fetched_it(
    expires_in: int, shell: Shell, service: Service
) -> None:
    service.token_answers = [token("first", expires_in=expires_in), token("second", expires_in=expires_in)]
    who(shell)
    who(shell)
    sent = [request.headers["authorization"] for request in service.requests]
    assert sent == ["Bearer first", "Bearer second"]


def test_a_token_that_is_never_fresh_serves_those_who_waited_for_it(service: Service, clock: Clock) -> None:
    async def held(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0)
        return service.handle(request)

    async def main() -> None:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(held))
        await asyncio.gather(*(portal.who_am_i() for _ in range(5)))

    service.token_answers = [token(expires_in=30)]
    asyncio.run(main())
    assert (len(service.token_requests), len(service.requests)) == (1, 5)


def test_a_token_that_is_never_fresh_serves_the_threads_that_waited_for_it(service: Service, clock: Clock) -> None:
    """All four find no token, and stand before the cache's lock when one of them fetches."""
    portal = make_portal(DynamicsPortalClient, service, clock)
    service.token_answers = [token(expires_in=30)]
    portal._caller._tokens._lock = CrowdedLock(4)
    in_threads(4, portal.who_am_i)
    assert (len(service.token_requests), len(service.requests)) == (1, 4)


# Single flight, and what breaks it off


class Leaving(BaseException):
    """What is no `Exception`, as a thread's or a task's end may be."""


def test_a_thread_that_breaks_off_leaves_the_fetch_to_the_next(service: Service, clock: Clock) -> None:
    class Broken(Rotating):
        def get_credentials(self) -> Any:
            if self.asked == 0:
                self.asked += 1
                raise Leaving
            return super().get_credentials()

    portal = make_portal(DynamicsPortalClient, service, clock, credentials=Broken(NEW))
    with pytest.raises(Leaving):
        portal.who_am_i()
    assert portal.who_am_i().user_id == MENTOR


def test_what_breaks_off_the_token_request_comes_out_of_its_thread(service: Service, clock: Clock) -> None:
    def leave(request: httpx2.Request) -> httpx2.Response:
        assert threading.current_thread() is not threading.main_thread()
        raise Leaving

    service.token_answers = [leave, token()]
    portal = make_portal(DynamicsPortalClient, service, clock)
    with pytest.raises(Leaving):
        portal.who_am_i()
    assert portal.who_am_i().user_id == MENTOR


def test_where_no_thread_can_be_had_the_token_is_fetched_all_the_same(
    service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert make_portal(DynamicsPortalClient, service, clock).who_am_i().user_id == MENTOR


# The limit of 2 s, against a server that trickles


class Trickler:
    """A token endpoint over TLS that never comes to the end of its headers, until it is told to stop."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._stop = threading.Event()
        self.sent = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the client has gone
            connection, _ = self._listener.accept()
            with self._context.wrap_socket(connection, server_side=True) as stream:
                stream.recv(65536)
                stream.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not self._stop.wait(0.002):
                    stream.sendall(b"x")
                    self.sent += 1

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def trickler() -> Iterator[Trickler]:
    server = Trickler()
    yield server
    server.close()


def test_headers_that_come_byte_by_byte_do_not_outlast_the_limit(
    trickler: Trickler, client_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_class.__module__.replace("client", "tokens") + ".FETCH_LIMIT", 0.2)
    before = set(threading.enumerate())
    provider = Rotating(NEW)
    shell = Shell(
        client_class(
            "https://hlf.crm4.dynamics.com",
            provider,
            authority=trickler.address,
            ssl_context=trickler.trust,
            retry=RetryPolicy(max_attempts=1),
        )
    )
    started = time.monotonic()
    with pytest.raises(NetworkError, match=r"no token within|no token: timeout"):
        who(shell)
    assert time.monotonic() - started < 1.5
    assert trickler.sent > 10  # each byte came in good time, so no phase's own timeout ended it
    trickler.close()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "dynamics-portal":  # the one that was left behind ends with the connection
            thread.join(10)
            assert not thread.is_alive()
    shell.close()
