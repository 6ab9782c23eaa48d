"""Retry: the policy as pure functions, and what a call does with it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import MENTOR, Client, Clock, Service, Shell, made, make_portal, problem, rows, token

from dynamics_portal import (
    AsyncDynamicsPortalClient,
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
from dynamics_portal.retry import Course, asked_to_wait, is_worth_repeating

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


# The two kinds of faults

FAULTS: dict[str, str] = {
    "CloseError": "may have run",
    "ConnectError": "never left",
    "ConnectTimeout": "never left",
    "CookieConflict": "no transport's",  # of httpx2's cookie jar, which is not used
    "DecodingError": "may have run",
    "HTTPError": "may have run",
    "HTTPStatusError": "may have run",
    "InvalidURL": "never left",
    "LocalProtocolError": "may have run",  # a body may have gone out in part
    "NetworkError": "may have run",
    "PoolTimeout": "never left",
    "ProtocolError": "may have run",
    "ProxyError": "never left",
    "ReadError": "may have run",
    "ReadTimeout": "may have run",
    "RemoteProtocolError": "may have run",
    "RequestError": "may have run",
    "RequestNotRead": "may have run",
    "ResponseNotRead": "may have run",
    "SSEError": "may have run",
    "StreamClosed": "may have run",
    "StreamConsumed": "may have run",
    "StreamError": "may have run",
    "TimeoutException": "may have run",
    "TooManyRedirects": "may have run",
    "TransportError": "may have run",
    "UnsupportedProtocol": "never left",
    "WriteError": "may have run",
    "WriteTimeout": "may have run",
}
"""Every exception of httpx2, and what it says of the request."""

EXCEPTIONS = {
    name: value
    for name, value in vars(httpx2).items()
    if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, Warning)
}


def test_every_exception_of_the_transport_is_one_of_two_kinds() -> None:
    assert set(EXCEPTIONS) == set(FAULTS), "httpx2 has others now: say what each means, here and in _outcome"


def instance(name: str) -> Exception:
    """An exception of that name, made without its constructor's arguments, which differ."""
    kind = EXCEPTIONS[name]
    error: Exception = kind.__new__(kind)
    return error


@pytest.mark.parametrize("name", [name for name, kind in FAULTS.items() if kind != "no transport's"])
def test_what_is_not_repeatable_is_sent_again_only_where_it_never_left(
    name: str, shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dynamics_portal_api.operations import NewSetWebsiteVisibility

    once = NewSetWebsiteVisibility.__operation__._replace(idempotent=False)
    monkeypatch.setattr(NewSetWebsiteVisibility, "__operation__", once)
    service.answer(instance(name))
    with pytest.raises(NetworkError) as caught:
        shell(shell.portal.new_set_website_visibility(MENTOR, visible=True))
    assert caught.value.may_have_run == (FAULTS[name] == "may have run")
    if caught.value.may_have_run:
        assert len(service.requests) == 1


# Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("7.5", 7.5),
        ("-5", 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 27),  # RFC 9110's own three
        ("Sunday, 06-Nov-94 08:49:37 GMT", 27),
        ("Sun Nov  6 08:49:37 1994", 27),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_in_any_of_three_forms(
    value: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")  # a date without a zone is not this machine's
    time.tzset()
    try:
        found = asked_to_wait(Answer(429, {"retry-after": value, "date": "Sun, 06 Nov 1994 08:49:10 GMT"}, b""))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == seconds


def test_a_date_without_the_answers_own_is_counted_from_this_machines_clock() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    found = asked_to_wait(Answer(503, {"retry-after": later, "date": "nonsense"}, b""))
    assert found is not None
    assert 85 < found <= 90


@pytest.mark.parametrize(("asked", "slept"), [("30", [30.0]), ("30.5", [])])
def test_retry_after_is_honoured_up_to_the_policys_limit(
    asked: str, slept: list[float], make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    service.answer(problem(429, Retry_After=asked), OK)
    shell = make_shell(retry=RetryPolicy(jitter=0, max_retry_after=30))
    if slept:
        read(shell)
    else:
        with pytest.raises(RateLimitedError):
            read(shell)
    assert clock.slept == slept


def test_seeded_jitter_gives_the_same_delays_each_time(client_class: Client, service: Service) -> None:
    service.answer(problem(503))
    delays = []
    for _ in range(2):
        clock = Clock()
        policy = RetryPolicy(max_attempts=5, random=random.Random(5).random)
        shell = Shell(make_portal(client_class, service, clock, retry=policy))
        with pytest.raises(ServerError):
            read(shell)
        shell.close()
        delays.append(clock.slept)
    assert delays[0] == delays[1]
    assert len(set(delays[0])) == 4
    assert all(0 <= delay <= full for delay, full in zip(delays[0], (1, 2, 4, 8), strict=True))


def test_calls_at_the_same_time_do_not_share_a_budget(service: Service, clock: Clock) -> None:
    """Two calls take turns at failing: each has its three attempts."""

    async def handle(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0)
        return service.handle(request)

    async def main() -> list[Any]:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(handle))
        await portal.who_am_i()
        service.answers[:] = [problem(503)]
        service.requests.clear()
        return await asyncio.gather(*(portal.contacts.get(MENTOR) for _ in range(2)), return_exceptions=True)

    service.answer(httpx2.Response(200, json={}))
    failed = asyncio.run(main())
    assert [error.attempts for error in failed] == [3, 3]
    ids = [request.headers["x-correlation-id"] for request in service.requests]
    assert sorted(map(ids.count, set(ids))) == [3, 3]
    assert ids[0] != ids[1]  # they did take turns
