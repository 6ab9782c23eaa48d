"""What a web server lets through, in a time of our own."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_emulator.protection import Protection, Server, Servers, cookie_of

SMALL = Protection(requests=5, seconds=10.0, window=300.0, concurrent=3)


def ask(server: Server, now: float, seconds: float = 0.0) -> int | None:
    """Sends a request that is answered at once; the seconds to wait where it is refused."""
    refusal = server.admit(now)
    if refusal is not None:
        return refusal.retry_after
    server.spend(now, seconds)
    server.leave()
    return None


def test_the_number_of_requests_is_limited_within_a_sliding_window() -> None:
    server = Server(SMALL)
    assert [ask(server, float(now)) for now in range(5)] == [None] * 5

    assert ask(server, 5.0) == 295
    assert ask(server, 299.9) is not None
    assert ask(server, 302.0) is None


def test_execution_time_is_limited_within_the_window() -> None:
    server = Server(SMALL)
    assert [ask(server, now, 5.0) for now in (0.0, 100.0)] == [None, None]

    refusal = server.admit(200.0)
    assert refusal is not None
    assert (refusal.limit, refusal.retry_after) == ("time", 100)
    assert ask(server, 300.0, 1.0) is None


def test_requests_at_a_time_are_limited_and_none_is_held_against_later_ones() -> None:
    server = Server(SMALL)
    assert [server.admit(0.0) for _ in range(3)] == [None] * 3

    refusal = server.admit(0.0)
    assert refusal is not None
    assert (refusal.limit, refusal.retry_after) == ("concurrency", 1)
    server.leave()
    assert server.admit(0.0) is None


def test_asking_on_makes_the_wait_longer_up_to_the_window() -> None:
    server = Server(Protection(requests=1, window=300.0))
    assert ask(server, 0.0) is None

    waits = [ask(server, 299.0) for _ in range(12)]

    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300
    assert ask(server, 305.0) is not None


def test_what_is_left_is_told() -> None:
    server = Server(Protection())
    ask(server, 0.0, 0.5)

    assert server.remaining(1.0) == (5999, 1199.5)
    assert server.remaining(300.0) == (6000, 1200.0)


events = st.lists(st.tuples(st.floats(0, 120), st.floats(0, 8)), max_size=60)


@given(events)
def test_no_window_ever_holds_more_than_the_limit(steps: list[tuple[float, float]]) -> None:
    server, now = Server(SMALL), 0.0
    taken: list[tuple[float, float]] = []
    for pause, seconds in steps:
        now += pause
        if ask(server, now, seconds) is None:
            earlier = [entry for entry in taken if now - entry[0] < SMALL.window]
            assert len(earlier) < SMALL.requests
            assert sum(spent for _, spent in earlier) < SMALL.seconds + 1e-6
            taken.append((now, seconds))


@given(events)
def test_who_waits_as_told_gets_in(steps: list[tuple[float, float]]) -> None:
    server, now = Server(SMALL), 0.0
    for pause, seconds in steps:
        now += pause
        wait = ask(server, now, seconds)
        if wait is not None:
            assert 0 < wait <= 2 * SMALL.window
            now += wait
            assert ask(server, now, seconds) is None


def test_servers_take_turns_unless_a_cookie_says_which() -> None:
    servers = Servers(lambda: 0.0)

    assert [servers.choose(3, "") for _ in range(6)] == [0, 1, 2, 0, 1, 2]
    assert [servers.choose(3, f"a=b; ARRAffinity={cookie_of(1)}") for _ in range(3)] == [1, 1, 1]
    strangers = Counter(servers.choose(2, f"ARRAffinity={cookie_of(2)}") for _ in range(4))
    assert strangers == {0: 2, 1: 2}


@pytest.mark.parametrize("cookies", ["=;=", "ARRAffinity", 'ARRAffinity="', "\x00"])
def test_cookies_that_are_none_are_passed_over(cookies: str) -> None:
    assert Servers(lambda: 0.0).choose(1, cookies) == 0


def test_servers_count_each_for_itself() -> None:
    servers = Servers(lambda: 0.0)
    one = Protection(requests=1)

    assert servers.admit(0, one) is None
    assert servers.admit(0, one) is not None
    assert servers.admit(1, one) is None
    servers.forget()
    assert servers.admit(0, one) is None
