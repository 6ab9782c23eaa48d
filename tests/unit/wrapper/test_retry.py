"""Retry: the policy as pure functions, and what a call does with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import MENTOR, Clock, Service, Shell, made, problem, rows, token

from dynamics_portal import (
    AuthFailureError,
    ConflictError,
    DynamicsPortalClientException,
    ErrorCode,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
)
from dynamics_portal._outcome import Answer, Fault
from dynamics_portal.retry import Course, is_worth_repeating

OK = httpx2.Response(200, json={"contactid": str(MENTOR)})
NEVER_LEFT = [httpx2.ConnectError("x"), httpx2.ConnectTimeout("x"), httpx2.PoolTimeout("x"), httpx2.ProxyError("x")]
MAY_HAVE_RUN = [
    httpx2.ReadError("x"),
    httpx2.ReadTimeout("x"),
    httpx2.WriteError("x"),
    httpx2.WriteTimeout("x"),
    httpx2.RemoteProtocolError("x"),
    httpx2.DecodingError("x"),
    OSError("x"),
]


def read(shell: Shell) -> Any:
    return shell(shell.portal.contacts.get(MENTOR))


def test_the_defaults_are_the_contracts() -> None:
    policy = RetryPolicy()
    assert (policy.max_attempts, policy.initial_delay, policy.multiplier, policy.max_delay, policy.jitter) == (
        3,
        1.0,
        2.0,
        16.0,
        1.0,
    )


def test_a_policy_does_not_change() -> None:
    policy: Any = RetryPolicy()
    with pytest.raises(FrozenInstanceError):
        policy.max_attempts = 9


@pytest.mark.parametrize(
    "wrong", [{"max_attempts": 0}, {"jitter": 1.5}, {"initial_delay": -1}, {"max_delay": float("nan")}]
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**wrong)


@given(st.integers(1, 10_000), st.floats(0, 100), st.floats(0, 10), st.floats(0, 100), st.floats(0, 1), st.integers())
def test_a_delay_is_never_longer_than_the_cap(
    attempt: int, first: float, multiplier: float, cap: float, jitter: float, seed: int
) -> None:
    policy = RetryPolicy(
        initial_delay=first, multiplier=multiplier, max_delay=cap, jitter=jitter, random=random.Random(seed).random
    )
    assert 0 <= policy.delay(attempt) <= cap


@given(st.integers(1, 30), st.floats(0, 1), st.floats(0, 1))
def test_jitter_is_the_random_share_of_a_delay(attempt: int, jitter: float, chance: float) -> None:
    full = RetryPolicy(jitter=0).delay(attempt)
    delay = RetryPolicy(jitter=jitter, random=lambda: chance).delay(attempt)
    assert full * (1 - jitter) - 1e-9 <= delay <= full + 1e-9


@given(st.integers(100, 599), st.booleans(), st.booleans())
def test_only_passing_failures_are_worth_repeating(status: int, repeatable: bool, asked_to_wait: bool) -> None:
    outcome = Answer(status, {"retry-after": "1"} if asked_to_wait else {}, b"")
    worth = is_worth_repeating(outcome, repeatable=repeatable)
    if status not in (429, 500, 502, 503, 504):
        assert not worth
    elif repeatable:
        assert worth
    else:
        assert worth == (status == 429 or (status == 503 and asked_to_wait))


@given(st.booleans(), st.booleans(), st.booleans())
def test_a_fault_is_repeated_where_it_never_left_or_does_no_harm(
    may_have_run: bool, transient: bool, repeatable: bool
) -> None:
    fault = Fault("x", may_have_run=may_have_run, transient=transient)
    assert is_worth_repeating(fault, repeatable=repeatable) == (transient and (repeatable or not may_have_run))


def test_a_course_without_an_outcome_has_nothing_to_repeat() -> None:
    course = Course(RetryPolicy(), repeatable=True)
    assert not course.should_repeat()
    assert not course.may_have_run


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_retried(status: int, shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(problem(status), OK)
    assert read(shell).contactid == MENTOR
    assert clock.slept == [1.0]


@pytest.mark.parametrize("error", [*NEVER_LEFT, *MAY_HAVE_RUN], ids=lambda error: type(error).__name__)
def test_a_network_fault_is_retried(error: Exception, shell: Shell, service: Service) -> None:
    service.answer(error, OK)
    assert read(shell).contactid == MENTOR


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 501, 505])
def test_other_failures_are_final(status: int, shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(problem(status))
    with pytest.raises(DynamicsPortalClientException) as caught:
        read(shell)
    assert (caught.value.attempts, len(service.requests), clock.slept) == (1, 1, [])


def test_each_attempt_waits_twice_as_long_up_to_the_cap(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.answer(problem(502))
    with pytest.raises(ServerError) as caught:
        read(make_shell(retry=RetryPolicy(max_attempts=7, jitter=0)))
    assert clock.slept == [1, 2, 4, 8, 16, 16]
    assert (caught.value.attempts, caught.value.code) == (7, ErrorCode.SERVER_ERROR)


def test_retry_after_wins_over_the_computed_delay(shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(problem(429, Retry_After="20"), problem(503, Retry_After="0"), OK)
    read(shell)
    assert clock.slept == [20.0, 0.0]


def test_retry_after_may_be_a_date(shell: Shell, service: Service, clock: Clock) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 1, 1, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=9), usegmt=True)
    service.answer(problem(429, Retry_After=later, Date=format_datetime(now, usegmt=True)), OK)
    read(shell)
    assert clock.slept == [9.0]


def test_a_wait_that_is_too_long_fails_at_once(shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(problem(429, "0x80072322", Retry_After="301"))
    with pytest.raises(RateLimitedError) as caught:
        read(shell)
    assert (caught.value.retry_after, caught.value.attempts, clock.slept) == (301.0, 1, [])


def test_a_retry_after_that_makes_no_sense_is_passed_over(shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(problem(429, Retry_After="soon"), problem(429, Retry_After="nan"), OK)
    read(shell)
    assert clock.slept == [1.0, 2.0]


def test_one_attempt_is_no_retry(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(problem(503))
    with pytest.raises(ServerError):
        read(make_shell(retry=RetryPolicy(max_attempts=1)))
    assert len(service.requests) == 1


def test_the_budget_belongs_to_one_call(shell: Shell, service: Service) -> None:
    for _ in range(2):
        service.answers = [problem(503), problem(503), OK]
        assert read(shell).contactid == MENTOR


def test_a_call_that_gets_no_answer_is_a_network_error(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("to https://secret.example"))
    with pytest.raises(NetworkError) as caught:
        read(shell)
    assert (caught.value.attempts, caught.value.status_code, caught.value.may_have_run) == (3, None, True)
    assert "secret.example" not in str(caught.value) + caught.value.message
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("error", [httpx2.UnsupportedProtocol("x"), httpx2.InvalidURL("x")])
def test_what_can_never_work_is_not_tried_again(error: Exception, shell: Shell, service: Service) -> None:
    service.answer(error)
    with pytest.raises(NetworkError):
        read(shell)
    assert len(service.requests) == 1


def test_a_refused_certificate_is_not_tried_again(shell: Shell, service: Service) -> None:
    import ssl

    error = httpx2.ConnectError("x")
    error.__cause__ = ssl.SSLCertVerificationError("x")
    service.answer(error)
    with pytest.raises(NetworkError, match="certificate"):
        read(shell)
    assert len(service.requests) == 1


@pytest.mark.parametrize("error", MAY_HAVE_RUN, ids=lambda error: type(error).__name__)
def test_an_action_that_may_have_run_is_not_repeated(
    error: Exception, shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dynamics_portal_api.operations import NewSetWebsiteVisibility

    once = NewSetWebsiteVisibility.__operation__._replace(idempotent=False)
    monkeypatch.setattr(NewSetWebsiteVisibility, "__operation__", once)
    service.answer(error)
    with pytest.raises(NetworkError) as caught:
        shell(shell.portal.new_set_website_visibility(MENTOR, visible=True))
    assert len(service.requests) == 1
    assert caught.value.may_have_run
    assert "may have run" in str(caught.value)


@pytest.mark.parametrize(
    "failure", [*NEVER_LEFT, problem(429), problem(503, Retry_After="1")], ids=lambda item: type(item).__name__
)
def test_an_action_that_did_not_run_is_repeated(
    failure: Any, shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dynamics_portal_api.operations import NewSetWebsiteVisibility

    once = NewSetWebsiteVisibility.__operation__._replace(idempotent=False)
    monkeypatch.setattr(NewSetWebsiteVisibility, "__operation__", once)
    service.answer(failure, httpx2.Response(200, json={"IsVisible": True}))
    assert shell(shell.portal.new_set_website_visibility(MENTOR, visible=True)).is_visible
    assert len(service.requests) == 2


def test_an_action_that_the_contract_marks_is_repeated(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), httpx2.Response(200, json={"IsVisible": True}))
    assert shell(shell.portal.new_set_website_visibility(MENTOR, visible=True)).is_visible


def test_a_create_is_repeated_with_the_same_id(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), made)
    new_id = shell(shell.portal.contacts.create({"firstname": "Kari"}))
    assert [request.content for request in service.requests] == [service.requests[0].content] * 2
    assert service.body()["contactid"] == str(new_id)


def test_a_duplicate_after_a_repetition_is_a_success_if_the_row_is_there(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), problem(412, "0x80040237"), httpx2.Response(200, json={}))
    new_id = shell(shell.portal.contacts.create({"firstname": "Kari"}))
    assert service.last.method == "GET"
    assert str(new_id) in service.last.url.path


def test_a_duplicate_after_a_repetition_is_a_conflict_if_the_row_is_not_there(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), problem(412, "0x80040237"), problem(404))
    with pytest.raises(ConflictError):
        shell(shell.portal.contacts.create({"firstname": "Kari"}))


def test_a_duplicate_after_a_refusal_is_a_conflict_of_its_own(shell: Shell, service: Service) -> None:
    service.answer(problem(429), problem(412, "0x80040237"))  # throttled, so the first attempt did not run
    with pytest.raises(ConflictError):
        shell(shell.portal.contacts.create({"firstname": "Kari"}))
    assert [request.method for request in service.requests] == ["POST", "POST"]


def test_a_duplicate_of_another_kind_is_a_conflict(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), problem(412, "0x80040333"))
    with pytest.raises(ConflictError):
        shell(shell.portal.contacts.create({"firstname": "Kari"}))


def test_a_row_that_is_gone_after_a_repetition_counts_as_deleted(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), problem(404))
    shell(shell.portal.contacts.delete(MENTOR))


def test_a_row_that_is_gone_after_a_refusal_was_never_there(shell: Shell, service: Service) -> None:
    service.answer(problem(429), problem(404))
    with pytest.raises(NotFoundError):
        shell(shell.portal.contacts.delete(MENTOR))


def test_a_page_that_fails_once_loses_and_repeats_no_row(shell: Shell, service: Service) -> None:
    link = "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts?$skiptoken=2"
    service.answer(rows({"firstname": "a"}, next_link=link), httpx2.ReadError("x"), rows({"firstname": "b"}))
    assert [row.firstname for row in shell(shell.portal.contacts.list())] == ["a", "b"]


def test_a_token_that_goes_stale_while_waiting_is_replaced(shell: Shell, service: Service, clock: Clock) -> None:
    service.token_answers = [token("old", expires_in=100), token("new")]
    service.answer(problem(429, Retry_After="50"), OK)
    read(shell)
    assert [request.headers["authorization"] for request in service.requests] == ["Bearer old", "Bearer new"]


def test_no_token_for_the_next_attempt_is_final_and_tells_that_the_first_may_have_run(
    shell: Shell, service: Service
) -> None:
    service.token_answers = [token("short", expires_in=60), httpx2.Response(401, json={"error": "invalid_client"})]
    service.answer(httpx2.ReadTimeout("x"))
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.contacts.create({"firstname": "Kari"}))
    assert caught.value.may_have_run
    assert len(service.requests) == 1


def test_a_closed_client_sends_nothing(make_shell: Callable[..., Shell], service: Service) -> None:
    shell = make_shell()
    shell(shell.portal.aclose() if hasattr(shell.portal, "aclose") else shell.portal.close())
    with pytest.raises(InvalidRequestError, match="closed"):
        read(shell)
    assert service.requests == []
