"""Throttling: where the service asks one request to wait, all of the same identity wait."""

from __future__ import annotations

import asyncio
import gc
import math
import random
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import (
    BASE_URL,
    CLIENT,
    MENTOR,
    SECRET,
    TENANT,
    Client,
    Clock,
    Service,
    Shell,
    in_threads,
    make_portal,
    problem,
    token,
)

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    ClientCredentials,
    DynamicsPortalClient,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    StaticCredentialProvider,
)
from dynamics_portal._outcome import Answer, Fault
from dynamics_portal._throttle import LONGEST, OPEN, Gate, shared_gate
from dynamics_portal.retry import Course, asked_to_wait

OK = httpx2.Response(200, json={"contactid": str(MENTOR)})
THROTTLED = problem(429, "0x80072322", Retry_After="12")
IDENTITY = StaticCredentialProvider(tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET)


def read(shell: Shell, portal: Any = None) -> Any:
    return shell((portal or shell.portal).contacts.get(MENTOR))


def throttle(shell: Shell, service: Service, answer: httpx2.Response = THROTTLED) -> None:
    """One call that is throttled and gives up, so that what follows finds the gate closed."""
    service.answers[:] = [answer]
    with pytest.raises((RateLimitedError, ServerError)):
        read(shell, shell.portal.with_options(retry=RetryPolicy(max_attempts=1)))
    service.answers[:] = [OK]
    service.requests.clear()


def test_the_throttled_call_waits_exactly_as_long_as_it_was_asked_to(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.answer(THROTTLED, OK)
    read(make_shell(retry=RetryPolicy()))  # with jitter
    assert clock.slept == [12.0]


@pytest.mark.parametrize("status", [429, 503])
def test_the_next_call_waits_for_what_is_left(status: int, shell: Shell, service: Service, clock: Clock) -> None:
    throttle(shell, service, problem(status, Retry_After="12"))
    clock.now += 5
    read(shell)
    assert clock.slept == [7.0]
    read(shell)
    assert clock.slept == [7.0]


@pytest.mark.parametrize("answer", [problem(429), problem(503), problem(500, Retry_After="9"), problem(404)])
def test_an_answer_that_does_not_ask_to_wait_holds_nobody_back(
    answer: httpx2.Response, shell: Shell, service: Service, clock: Clock
) -> None:
    service.answers[:] = [answer]
    with pytest.raises(Exception, match="status"):
        read(shell, shell.portal.with_options(retry=RetryPolicy(max_attempts=1)))
    service.answers[:] = [OK]
    read(shell)
    assert clock.slept == []


def test_calls_that_were_held_back_do_not_come_all_at_once(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    shell = make_shell(retry=RetryPolicy(jitter=0.5, initial_delay=4, random=random.Random(7).random))
    waits = []
    for _ in range(20):
        throttle(shell, service)
        read(shell)
        waits.append(clock.slept[-1])
    assert len(set(waits)) == 20
    assert all(12 <= wait <= 12 + 4 * 0.5 for wait in waits)


def test_a_wait_longer_than_the_policy_allows_fails_at_once_and_sends_nothing(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    shell = make_shell(retry=RetryPolicy(jitter=0, max_retry_after=10))
    throttle(shell, service)
    with pytest.raises(RateLimitedError, match="the service asked to wait") as caught:
        read(shell)
    assert (caught.value.retry_after, caught.value.attempts, caught.value.may_have_run) == (12.0, 0, False)
    assert (service.requests, clock.slept, caught.value.correlation_id is None) == ([], [], False)
    clock.now += 2
    read(shell)
    assert clock.slept == [10.0]


def test_a_wait_longer_than_the_deadline_allows_fails_at_once(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    shell = make_shell()
    throttle(shell, service)
    with pytest.raises(RateLimitedError) as caught:
        read(shell, shell.portal.with_options(deadline=12))
    assert (caught.value.retry_after, clock.slept) == (12.0, [])
    read(shell, shell.portal.with_options(deadline=12.5))


def test_a_call_that_is_held_back_between_two_attempts_says_what_the_first_may_have_done(
    shell: Shell, service: Service, clock: Clock
) -> None:
    """While one call waits to be repeated, another one is throttled for longer than the first may take."""

    def throttled_meanwhile(request: httpx2.Request) -> httpx2.Response:
        shell.portal._caller._tokens.gate.hold(clock.now, 400)
        raise httpx2.ReadTimeout("x")

    service.answer(throttled_meanwhile)
    with pytest.raises(RateLimitedError) as caught:
        shell(shell.portal.contacts.create({"firstname": "Kari"}))
    assert (caught.value.attempts, caught.value.may_have_run, caught.value.retry_after) == (1, True, 399.0)


def test_a_call_is_not_held_back_for_ever(shell: Shell, service: Service, clock: Clock) -> None:
    """Where the gate closes again and again, waiting for it is bounded as a whole."""
    gates: list[Gate] = []

    def sleep(seconds: float) -> None:
        assert clock.now < 2000, "it waits for ever"
        clock.now += seconds
        gates[0].hold(clock.now, 100)

    async def async_sleep(seconds: float) -> None:
        sleep(seconds)

    service.answer(OK)
    read(shell)
    caller = shell.portal._caller
    gates.append(caller._tokens.gate)
    caller._sleep = async_sleep if isinstance(shell.portal, AsyncDynamicsPortalClient) else sleep
    gates[0].hold(clock.now, 100)
    started = clock.now
    with pytest.raises(RateLimitedError):
        read(shell)
    assert clock.now - started == 300.0


def test_a_clock_that_stands_still_while_waiting_does_not_hold_a_call_twice(
    client_class: Client, service: Service
) -> None:
    """As with a `sleep` of a test's own beside the real clock."""
    slept: list[float] = []

    async def async_sleep(seconds: float) -> None:
        slept.append(seconds)

    sleep: Any = async_sleep if issubclass(client_class, AsyncDynamicsPortalClient) else slept.append
    service.answer(THROTTLED, OK)
    shell = Shell(make_portal(client_class, service, Clock(), sleep=sleep))
    read(shell)
    assert slept == [12.0]
    read(shell)  # the wait that the service asked for is over, for the calls to come as well
    assert slept == [12.0]
    shell.close()


def test_a_token_that_goes_stale_while_a_call_is_held_back_is_replaced(
    shell: Shell, service: Service, clock: Clock
) -> None:
    service.token_answers = [token("old", expires_in=70), token("new")]
    throttle(shell, service)
    read(shell)
    assert service.last.headers["authorization"] == "Bearer new"


# Whose gate it is


def test_clients_of_the_same_identity_share_it(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    throttle(make_shell(), service)
    read(make_shell())
    assert clock.slept == [12.0]


def test_both_clients_share_it(service: Service, clock: Clock) -> None:
    first = Shell(make_portal(DynamicsPortalClient, service, clock))
    throttle(first, service)
    second = Shell(make_portal(AsyncDynamicsPortalClient, service, clock))
    read(second)
    second.close()
    first.close()
    assert clock.slept == [12.0]


class Fixed:
    def __init__(self, *values: str) -> None:
        self.values = values

    def get_credentials(self) -> ClientCredentials:
        return ClientCredentials(*self.values)


class Managed:
    def get_token(self, *scopes: str) -> Any:
        class Brought:
            token, expires_on = "brought", 2**40

        return Brought


@pytest.mark.parametrize(
    "other",
    [
        {"credentials": Fixed(TENANT, "another client", "s")},
        {"credentials": Fixed("another tenant", "client-0001", "s")},
        {"base_url": "https://another.crm4.dynamics.com"},
        {"credentials": Managed()},
    ],
    ids=["client", "tenant", "service", "token credential"],
)
def test_another_identity_is_not_held_back(
    other: dict[str, Any], make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    throttle(make_shell(), service)
    read(make_shell(**other))
    assert clock.slept == []


def test_clocks_that_know_nothing_of_each_other_hold_nobody_back(
    client_class: Client, shell: Shell, service: Service
) -> None:
    throttle(shell, service)
    clock = Clock()
    other = Shell(make_portal(client_class, service, clock))
    read(other)
    other.close()
    assert clock.slept == []


def test_a_sleep_that_is_not_the_clocks_own_holds_no_other_client_back(client_class: Client, service: Service) -> None:
    """A test with a stub for `sleep` beside the real clock leaves nothing to the tests after it."""
    waits: list[list[float]] = [[], []]
    policy = RetryPolicy(jitter=0)
    shells: list[Shell] = []
    for slept in waits:

        async def async_sleep(seconds: float, slept: list[float] = slept) -> None:
            slept.append(seconds)

        sleep: Any = async_sleep if issubclass(client_class, AsyncDynamicsPortalClient) else slept.append
        shells.append(Shell(client_class(BASE_URL, IDENTITY, transport=service.transport, sleep=sleep, retry=policy)))
    throttle(shells[0], service)
    read(shells[1])
    assert waits == [[], []]
    read(shells[0])
    assert [math.ceil(seconds) for seconds in waits[0]] == [12]
    for shell in shells:
        shell.close()


def test_a_token_credential_has_a_gate_of_its_own(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    shell = make_shell(credentials=Managed())
    throttle(shell, service)
    read(make_shell(credentials=Managed()))
    assert clock.slept == []
    read(shell)
    assert clock.slept == [12.0]


def test_a_gate_is_there_for_as_long_as_somebody_holds_it() -> None:
    clock = Clock()
    gate = shared_gate("https://o", "t", "c", clock)
    gate.hold(0, 5)
    assert shared_gate("https://o", "t", "c", clock) is gate
    del gate
    gc.collect()
    assert shared_gate("https://o", "t", "c", clock).until == OPEN


def test_a_clock_that_cannot_be_looked_up_has_a_gate_of_its_own() -> None:
    class Unhashable(Clock):
        __hash__ = None  # type: ignore[assignment] # that is the point

    clock = Unhashable()
    assert shared_gate("https://o", "t", "c", clock) is not shared_gate("https://o", "t", "c", clock)


# Many at a time


def test_tasks_are_held_back_by_one_throttled_answer(service: Service) -> None:
    """Ten tasks while one is throttled: none is sent before the time has come."""
    clock = Clock()
    sent_at: list[float] = []

    async def handle(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0)
        if not request.url.path.endswith("/token"):
            sent_at.append(clock.now)
        return service.handle(request)

    async def main() -> None:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(handle))
        first = asyncio.create_task(portal.contacts.get(MENTOR))
        while len(sent_at) < 1:
            await asyncio.sleep(0)
        await asyncio.gather(first, *(portal.contacts.get(MENTOR) for _ in range(10)))

    service.answer(THROTTLED, OK)
    asyncio.run(main())
    assert sent_at[0] == 1000.0
    assert len(sent_at) == 12
    assert all(moment >= 1012.0 for moment in sent_at[1:])


def test_threads_are_held_back_by_one_throttled_answer(service: Service, clock: Clock) -> None:
    portal = make_portal(DynamicsPortalClient, service, clock)
    throttle(Shell(portal), service)
    opens = clock.now + 12
    sent_at: list[float] = []
    held = threading.Barrier(8)

    def sleep(seconds: float) -> None:
        held.wait(10)  # all of them are held back at the same time
        clock.now = opens

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent_at.append(clock.now)
        return OK

    service.answers[:] = [answer]
    portal._caller._sleep = sleep
    in_threads(8, lambda: portal.contacts.get(MENTOR))
    assert sent_at == [opens] * 8


def test_a_gate_that_has_opened_costs_the_calls_to_come_nothing(shell: Shell, service: Service, clock: Clock) -> None:
    throttle(shell, service)
    clock.now += 12
    gate = shell.portal._caller._tokens.gate
    assert gate.until == clock.now
    read(shell)
    assert gate.until == OPEN
    gate.hold(clock.now, 5)
    gate.reopen(clock.now)  # by a call that saw it open just before another one closed it
    assert gate.until == clock.now + 5


def test_threads_that_close_a_gate_leave_it_at_the_latest_moment() -> None:
    gate, seconds = Gate(), iter(range(64))
    in_threads(64, lambda: gate.hold(0, next(seconds)))
    assert gate.until == 63


# The policy


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e9)), min_size=1))
def test_a_gate_opens_at_the_latest_of_what_was_asked_for_and_never_later_than_in_an_hour(
    asked: list[tuple[float, float]],
) -> None:
    gate = Gate()
    for now, seconds in asked:
        until = gate.hold(now, seconds)
        assert now <= until <= now + LONGEST
        assert gate.until >= until
    assert gate.until == max(now + min(seconds, LONGEST) for now, seconds in asked)


@given(
    st.floats(-1e5, 1e5),
    st.floats(-1e5, 1e5),
    st.floats(0, 1e4) | st.none(),
    st.floats(0, 1e4),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_call_waits_at_a_gate_no_longer_than_it_may_and_passes_it_once(
    until: float, now: float, time_left: float | None, longest: float, jitter: float, chance: float
) -> None:
    policy = RetryPolicy(max_retry_after=longest, jitter=jitter, random=lambda: chance)
    course = Course(policy, repeatable=True, time_left=None if time_left is None else lambda: time_left)
    wait, left = course.hold_back(until, now), until - now
    if wait is None:
        assert left > longest or left >= (math.inf if time_left is None else time_left)
        assert course.passed == OPEN
    else:
        assert course.passed == until
        assert (wait == 0) == (left <= 0)
        assert left <= wait <= left + policy.initial_delay * jitter or wait == 0
        assert left <= longest
        assert time_left is None or wait == 0 or wait < time_left


@given(st.lists(st.floats(0.001, 400), max_size=20))
def test_what_a_call_waits_at_gates_is_bounded_as_a_whole(waits: list[float]) -> None:
    course, now, waited = Course(RetryPolicy(jitter=0), repeatable=True), 0.0, 0.0
    for seconds in waits:
        wait = course.hold_back(now + seconds, now)
        if wait is None:
            break
        now, waited = now + wait, waited + wait
    assert waited <= 300 + 1e-6


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (Answer(429, {"retry-after": "7"}, b""), 7),
        (Answer(503, {"retry-after": "0"}, b""), 0),
        (Answer(429, {}, b""), None),
        (Answer(500, {"retry-after": "7"}, b""), None),
        (Answer(200, {"retry-after": "7"}, b""), None),
        (Fault("x", may_have_run=False), None),
    ],
)
def test_who_asks_to_wait(outcome: Answer | Fault, seconds: float | None) -> None:
    assert asked_to_wait(outcome) == seconds
