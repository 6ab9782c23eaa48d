"""Errands: what goes out next, when, and through which application user."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.unit.wrapper.support import API, Clock

from dynamics_portal import (
    DynamicsPortalClientException,
    ErrorCode,
    InvalidRequestError,
    NetworkError,
    RateLimitedError,
)
from dynamics_portal._call import Call
from dynamics_portal._errand import Dispatch, Errand
from dynamics_portal._outcome import Answer
from dynamics_portal._throttle import Gate


class Steps:
    """A run of so many requests, which keeps what it is fed."""

    def __init__(self, count: int = 1, *, repeatable: bool = True) -> None:
        self.left = count
        self.repeatable = repeatable
        self.fed: list[Any] = []

    def next_call(self) -> Call | None:
        if not self.left:
            return None
        self.left -= 1
        return Call("POST", f"{API}contacts", "id", repeatable=self.repeatable)

    def feed(self, answer: Answer, call: Call) -> None:
        self.fed.append(answer.uncertain)

    def fail(self, error: DynamicsPortalClientException) -> None:
        self.fed.append(error)


def dispatch(clock: Clock, users: int = 1, concurrency: int | None = 2) -> Dispatch[Steps]:
    gates = [Gate() for _ in range(users)]
    return Dispatch(lambda: gates, concurrency, 300.0, clock)


def out(it: Dispatch[Steps]) -> list[Errand[Steps]]:
    """All that goes out now."""
    errands = []
    while (errand := it.next()[0]) is not None:
        errands.append(errand)
    return errands


def back(it: Dispatch[Steps], errand: Errand[Steps], outcome: Answer | DynamicsPortalClientException) -> bool:
    """A request has come back. Whether its run has ended."""
    errand.finished = it.now()
    if isinstance(outcome, Answer):
        errand.answer = outcome
    else:
        errand.error = outcome
    return it.settle(errand)


def done() -> Answer:
    return Answer(204, {}, b"")


def refusal(seconds: float, **facts: Any) -> DynamicsPortalClientException:
    return DynamicsPortalClientException(ErrorCode.RATE_LIMITED, status_code=429, retry_after=seconds, **facts)


def test_what_was_turned_away_goes_out_first_through_whoever_may(clock: Clock) -> None:
    it = dispatch(clock, users=2, concurrency=1)
    runs = [Steps() for _ in range(4)]
    for run in runs:
        it.add(run, 1)
    first, second = out(it)
    refused = first.identity
    assert {refused, second.identity} == {0, 1}
    assert not back(it, first, refusal(250.0))
    assert it.next() == (None, 250.0)
    assert back(it, second, done())
    (again,) = out(it)
    assert (again.run, again.identity) == (runs[0], second.identity)
    assert back(it, again, done())
    assert out(it)[0].run is runs[2]
    clock.now += 250.0
    assert out(it)[0].identity == refused


def test_the_gate_of_an_identity_holds_it_back(clock: Clock) -> None:
    gates = [Gate(), Gate()]
    it: Dispatch[Steps] = Dispatch(lambda: gates, 2, 300.0, clock)
    gates[0].hold(clock.now, 30.0)
    for _ in range(4):
        it.add(Steps(), 1)
    assert [errand.identity for errand in out(it)] == [1, 1]
    assert it.next() == (None, 30.0)


def test_the_requests_of_a_run_follow_one_another(clock: Clock) -> None:
    it = dispatch(clock)
    run = Steps(3)
    it.add(run, 1)
    for ends in (False, False, True):
        (errand,) = out(it)
        assert it.next() == (None, math.inf)
        assert back(it, errand, done()) is ends
    assert run.fed == [False] * 3


def test_a_run_with_nothing_to_send_has_ended(clock: Clock) -> None:
    it = dispatch(clock)
    assert it.add(Steps(0), 1).call is None
    assert (it.waits, it.in_flight) == (False, 0)


@pytest.mark.parametrize("outcome", [done(), DynamicsPortalClientException(ErrorCode.NETWORK_ERROR)])
def test_what_may_have_run_before_it_was_turned_away_is_told(
    clock: Clock, outcome: Answer | DynamicsPortalClientException
) -> None:
    it = dispatch(clock)
    run = Steps()
    it.add(run, 1)
    (errand,) = out(it)
    back(it, errand, refusal(1.0, may_have_run=True))
    clock.now += 1.0
    (again,) = out(it)
    assert back(it, again, outcome)
    assert [item.may_have_run if isinstance(item, NetworkError) else item for item in run.fed] == [True]


def test_a_busy_service_that_asks_to_wait_is_not_a_failure(clock: Clock) -> None:
    it = dispatch(clock)
    run = Steps()
    it.add(run, 1)
    (errand,) = out(it)
    busy = DynamicsPortalClientException(ErrorCode.SERVER_ERROR, status_code=503, retry_after=7.0)
    assert not back(it, errand, busy)
    assert (run.fed, it.next()) == ([], (None, 7.0))


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_was_cut_off_goes_out_again_where_that_is_harmless(clock: Clock, repeatable: bool) -> None:
    it = dispatch(clock)
    run = Steps(repeatable=repeatable)
    it.add(run, 1)
    ended = it.cut_off(out(it))
    assert it.in_flight == 0
    if repeatable:
        (errand,) = out(it)
        assert (ended, errand.run) == ([], run)
        back(it, errand, done())
        assert run.fed == [True], "it may have run before"
    else:
        assert [errand.run for errand in ended] == [run]
        assert [error.may_have_run for error in run.fed] == [True]


def test_patience_ends_and_begins_anew(clock: Clock) -> None:
    it = dispatch(clock)
    it.add(Steps(), 1)
    for _ in range(3):
        (errand,) = out(it)
        back(it, errand, refusal(300.0))
        it.check_patience(300.0)
        clock.now += 300.0
    (errand,) = out(it)
    back(it, errand, refusal(300.0))
    with pytest.raises(RateLimitedError):
        it.check_patience(300.0)
    it.check_patience(300.0)


def test_the_same_gate_is_the_same_application_user(clock: Clock) -> None:
    gate = Gate()
    it: Dispatch[Steps] = Dispatch(lambda: [gate, gate], None, 300.0, clock)
    it.add(Steps(), 1)
    with pytest.raises(InvalidRequestError, match="same application user"):
        it.next()
