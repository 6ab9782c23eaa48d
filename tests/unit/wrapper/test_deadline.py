"""Deadlines: the seconds that a whole call may take, and other options for some calls of a client."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import MENTOR, Client, Clock, Service, Shell, make_portal, problem, rows, token

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    DynamicsPortalClient,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
)
from dynamics_portal._deadline import Deadline, Remaining

OK = httpx2.Response(200, json={"contactid": str(MENTOR)})


def read(shell: Shell, **options: Any) -> Any:
    portal = shell.portal.with_options(**options) if options else shell.portal
    return shell(portal.contacts.get(MENTOR))


def taking(clock: Clock, seconds: float, answer: httpx2.Response) -> Callable[[httpx2.Request], httpx2.Response]:
    """An answer that takes some seconds."""

    def give(request: httpx2.Request) -> httpx2.Response:
        clock.now += seconds
        return answer

    return give


def test_a_deadline_ends_a_call_instead_of_a_wait_that_is_too_long(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.answer(problem(503))
    with pytest.raises(ServerError) as caught:
        read(make_shell(deadline=2.5))
    assert (caught.value.attempts, clock.slept) == (2, [1.0])  # waiting 2 s more would have been too long


def test_where_the_service_asks_for_more_than_is_left_the_call_fails_with_what_it_asked_for(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.answer(problem(429, "0x80072322", Retry_After="20"))
    with pytest.raises(RateLimitedError) as caught:
        read(make_shell(deadline=20))
    assert (caught.value.retry_after, caught.value.attempts, clock.slept) == (20.0, 1, [])


def test_an_attempt_has_what_is_left_for_each_phase(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    seen: list[dict[str, float]] = []

    def look(request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions["timeout"]
        seen.append({phase: timeouts.get(phase) for phase in ("connect", "read", "write", "pool")})
        clock.now += 1
        return problem(503)

    service.answer(look)
    policy = RetryPolicy(initial_delay=4, jitter=0)
    with pytest.raises(ServerError):
        read(make_shell(deadline=20, timeout=httpx2.Timeout(30, connect=10), retry=policy))
    assert [(timeouts["connect"], timeouts["read"]) for timeouts in seen] == [(10, 20), (10, 15), (6, 6)]


def test_a_deadline_that_passes_before_any_attempt_says_that_nothing_was_sent(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.answer(OK)
    service.token_answers = [taking(clock, 1.5, token())]
    with pytest.raises(NetworkError, match="the deadline of 1 s passed") as caught:
        read(make_shell(deadline=1))
    assert (caught.value.attempts, caught.value.may_have_run, service.requests) == (0, False, [])


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_deadline_that_passes_between_two_attempts_says_what_the_first_may_have_done(
    repeatable: bool, make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.token_answers = [token(expires_in=60), taking(clock, 1.9, token())]
    service.answer(httpx2.ReadTimeout("x") if repeatable else httpx2.ConnectError("x"), OK)
    with pytest.raises(NetworkError, match="deadline") as caught:
        read(make_shell(deadline=2.5))
    assert (caught.value.attempts, caught.value.may_have_run) == (1, repeatable)


def test_an_answer_that_is_there_after_the_deadline_is_taken(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    """Unless it still comes in: what has been done and is known should not be thrown away."""
    service.answer(taking(clock, 3, OK), taking(clock, 3, problem(503)))
    shell = make_shell(deadline=2)
    assert read(shell).contactid == MENTOR
    with pytest.raises(ServerError) as caught:
        read(shell)
    assert (caught.value.attempts, caught.value.may_have_run) == (1, True)


class Drops(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in drops, a second each."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __iter__(self) -> Any:
        while True:
            self.clock.now += 1
            yield b" "

    async def __aiter__(self) -> Any:
        for drop in self:
            yield drop


def test_a_body_that_comes_in_drops_is_cut_off_at_the_deadline(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.answer(lambda request: httpx2.Response(200, stream=Drops(clock)))
    started = clock.now
    with pytest.raises(NetworkError, match="timeout") as caught:
        read(make_shell(deadline=7))
    assert (caught.value.attempts, caught.value.may_have_run, clock.now - started) == (1, True, 7)


def test_a_success_is_read_to_its_end_however_long_it_is(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(200, json={"firstname": "x" * (3 << 20)}))
    assert len(read(make_shell(deadline=5)).firstname) == 3 << 20


class Hanging(httpx2.AsyncBaseTransport):
    """Answers until it is told to hang, and then never."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.hangs = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.hangs:
            await asyncio.Event().wait()
        return self.service.handle(request)


@pytest.fixture
def hanging(service: Service, clock: Clock) -> Iterator[tuple[Shell, Hanging]]:
    """A client, and its transport that can hang."""
    transport = Hanging(service)
    shell = Shell(make_portal(AsyncDynamicsPortalClient, service, clock, transport=transport))
    service.answer(OK)
    yield shell, transport
    shell.close()


@pytest.mark.parametrize("anyio", [True, False])
def test_a_task_is_cut_off_at_its_deadline(
    anyio: bool, hanging: tuple[Shell, Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, transport = hanging
    read(shell)  # so that there is a token
    transport.hangs = True
    if not anyio:
        monkeypatch.setitem(sys.modules, "anyio", None)
    with pytest.raises(NetworkError, match="timeout") as caught:
        read(shell, deadline=0.02)
    assert (caught.value.attempts, caught.value.may_have_run) == (1, True)


def test_waiting_for_a_token_counts(hanging: tuple[Shell, Hanging]) -> None:
    shell, transport = hanging
    transport.hangs = True
    with pytest.raises(NetworkError, match=r"the deadline of 0\.02 s passed") as caught:
        read(shell, deadline=0.02)
    assert (caught.value.attempts, caught.value.may_have_run) == (0, False)


def test_a_thread_does_not_wait_for_a_token_longer_than_its_deadline(service: Service, clock: Clock) -> None:
    go = threading.Event()

    def held(request: httpx2.Request) -> httpx2.Response:
        go.wait(10)
        return token()

    service.token_answers = [held]
    service.answer(OK)
    portal = make_portal(DynamicsPortalClient, service, clock)
    with pytest.raises(NetworkError, match=r"the deadline of 0\.02 s passed"):
        portal.with_options(deadline=0.02).contacts.get(MENTOR)
    go.set()
    portal.contacts.get(MENTOR)
    assert len(service.token_requests) == 1  # the fetch that was left behind has served the next call


def test_one_tasks_deadline_leaves_the_fetch_to_the_others(service: Service, clock: Clock) -> None:
    asked = 0

    async def handle(request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        if request.url.path.endswith("/token"):
            asked += 1
            if asked == 1:
                await asyncio.Event().wait()
        return service.handle(request)

    async def main() -> list[Any]:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(handle))
        hasty = asyncio.create_task(portal.with_options(deadline=0.02).contacts.get(MENTOR))
        await asyncio.sleep(0)
        others = [asyncio.create_task(portal.contacts.get(MENTOR)) for _ in range(3)]
        return await asyncio.gather(hasty, *others, return_exceptions=True)

    service.answer(OK)
    hasty, *others = asyncio.run(main())
    assert isinstance(hasty, NetworkError)
    assert [other.contactid for other in others] == [MENTOR] * 3
    assert asked == 2


def test_creating_a_row_has_one_deadline_for_all_that_it_takes(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    """The look at whether the row is there is part of the call, and may fail: then the row may be there."""
    looked: list[float] = []

    def look(request: httpx2.Request) -> httpx2.Response:
        looked.append(request.extensions["timeout"].get("read"))
        clock.now += 9
        raise httpx2.ReadTimeout("x")

    service.answer(httpx2.ReadTimeout("x"), taking(clock, 2, problem(412, "0x80040237")), look)
    shell = make_shell(deadline=8)
    with pytest.raises(NetworkError) as caught:
        shell(shell.portal.contacts.create({"firstname": "Kari"}))
    assert looked == [5.0]
    assert caught.value.may_have_run


def test_each_page_of_a_list_is_a_call_of_its_own(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    link = "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts?$skiptoken=2"
    service.answer(
        taking(clock, 4, rows({"firstname": "a"}, next_link=link)), taking(clock, 4, rows({"firstname": "b"}))
    )
    shell = make_shell(deadline=5)
    assert [row.firstname for row in shell(shell.portal.contacts.list())] == ["a", "b"]


@given(st.floats(0.001, 1e6), st.floats(0, 2e6), st.floats(0.001, 1e6) | st.none())
def test_a_phase_never_has_more_than_is_left_nor_more_than_its_own(
    seconds: float, later: float, own: float | None
) -> None:
    clock = Clock()
    deadline = Deadline(clock, seconds)
    clock.now += later
    given_time = Remaining(deadline, {"read": own}).get("read")
    assert 0 < given_time <= max(deadline.left(), 0.001)
    assert own is None or given_time <= own


@pytest.mark.parametrize(
    ("deadline", "told"),
    [
        (0, "deadline must be more than 0 seconds; None is no limit"),
        (-1, "deadline must be more than 0"),
        (float("nan"), "deadline must be more than 0"),
        (float("inf"), "deadline must be more than 0"),
        (True, "deadline: expected seconds, got bool"),
        ("5", "deadline: expected seconds, got str"),
    ],
)
def test_a_deadline_that_makes_no_sense_is_refused(deadline: Any, told: str, make_shell: Callable[..., Shell]) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        make_shell(deadline=deadline)
    with pytest.raises(InvalidRequestError, match=told):
        make_shell().portal.with_options(deadline=deadline)


# with_options


def test_other_options_hold_for_the_client_that_they_give(shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(OK)
    other = shell.portal.with_options(
        timeout=7, retry=RetryPolicy(max_attempts=1), correlation_id=UUID(int=1), deadline=60
    )
    assert type(other) is type(shell.portal)
    shell(other.contacts.get(MENTOR))
    assert service.last.extensions["timeout"].get("read") == 7
    assert service.last.headers["x-correlation-id"] == str(UUID(int=1))
    read(shell)
    assert service.last.extensions["timeout"]["read"] == 120
    assert service.last.headers["x-correlation-id"] != str(UUID(int=1))
    service.answers[:] = [problem(503)]
    with pytest.raises(ServerError) as caught:
        shell(other.contacts.get(MENTOR))
    assert caught.value.attempts == 1


def test_options_that_are_not_given_stay_as_they_are(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(OK)
    asked: list[int] = []

    def next_id() -> str:
        asked.append(1)
        return f"call-{len(asked)}"

    shell = make_shell(timeout=3, deadline=9, correlation_id=next_id)
    shell(shell.portal.with_options(deadline=None).with_options(timeout=5).contacts.get(MENTOR))
    assert service.last.extensions["timeout"] == {"connect": 5, "read": 5, "write": 5, "pool": 5}
    assert service.last.headers["x-correlation-id"] == "call-1"


def test_tables_and_operations_that_were_used_before_follow_the_options(shell: Shell, service: Service) -> None:
    service.answer(OK)
    read(shell)
    shell(shell.portal.who_am_i())
    other = shell.portal.with_options(correlation_id="other")
    for call in (other.contacts.get(MENTOR), other.who_am_i(), other.table("contacts").get(MENTOR)):
        shell(call)
        assert service.last.headers["x-correlation-id"] == "other"
    assert other.contacts is not shell.portal.contacts


def test_the_token_is_shared(shell: Shell, service: Service) -> None:
    service.answer(OK)
    read(shell)
    read(shell, timeout=5)
    assert len(service.token_requests) == 1


def test_the_token_request_goes_by_the_policy_of_the_call_that_needs_it(shell: Shell, service: Service) -> None:
    service.token_answers = [httpx2.Response(503)]
    with pytest.raises(ServerError):
        read(shell, retry=RetryPolicy(max_attempts=1))
    assert len(service.token_requests) == 1


@pytest.mark.parametrize("which", ["original", "other"])
def test_closing_one_closes_both(which: str, client_class: Client, service: Service, clock: Clock) -> None:
    shell = Shell(make_portal(client_class, service, clock))
    other = shell.portal.with_options(timeout=5)
    closed = shell.portal if which == "original" else other
    shell(closed.aclose() if hasattr(closed, "aclose") else closed.close())
    for portal in (shell.portal, other):
        with pytest.raises(InvalidRequestError, match="closed"):
            shell(portal.contacts.get(MENTOR))
    shell.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dedline": 5}, "unknown keyword 'dedline'; did you mean 'deadline'"),
        ({"writable": {}}, "unknown keyword 'writable'"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"retry": 3}, "retry: expected a RetryPolicy"),
        ({"correlation_id": "a\nb"}, "correlation_id"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], told: str, portal: Any) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        portal.with_options(**options)


def test_what_may_be_written_stays_limited(make_shell: Callable[..., Shell], service: Service) -> None:
    shell = make_shell(writable={"contacts": ["firstname"]})
    with pytest.raises(InvalidRequestError):
        shell(shell.portal.with_options(timeout=5).contacts.update(MENTOR, {"lastname": "N"}))
    assert service.requests == []


def test_a_client_that_does_nothing_takes_options_too(client_class: Any) -> None:
    shell = Shell(client_class.no_op())
    other = shell.portal.with_options(deadline=5, timeout=1)
    shell(other.contacts.create({"firstname": "Kari"}))
    assert len(shell.portal.recorded) == len(other.recorded) == 1
    shell(other.aclose() if hasattr(other, "aclose") else other.close())
    with pytest.raises(InvalidRequestError, match="closed"):
        shell(shell.portal.contacts.get(MENTOR))
    shell.close()


def test_a_class_of_ones_own_keeps_what_it_has(service: Service, clock: Clock) -> None:
    class Mine(DynamicsPortalClient):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.mine = "kept"

    service.answer(problem(404))
    other: Any = make_portal(Mine, service, clock).with_options(deadline=1)
    assert (type(other), other.mine) == (Mine, "kept")
    with pytest.raises(NotFoundError):
        other.contacts.get(MENTOR)
