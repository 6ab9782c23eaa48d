"""Hooks, in both clients: what they are told and when, and that they change nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import MENTOR, Clock, Service, Shell, problem

from dynamics_portal import AuthFailureError, InvalidRequestError, NetworkError, NotFoundError

NAME = "Kari Nordmann"


@pytest.fixture
def told() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def watched(make_shell: Callable[..., Shell], told: list[tuple[str, Any]]) -> Shell:
    return make_shell(
        on_request=lambda event: told.append(("request", event)),
        on_attempt=lambda event: told.append(("attempt", event)),
        on_response=lambda event: told.append(("response", event)),
    )


def test_a_call_begins_has_attempts_and_ends(
    watched: Shell, told: list[tuple[str, Any]], service: Service, clock: Clock
) -> None:
    service.answer(
        problem(503, Retry_After="3"),
        httpx2.ConnectError("x"),
        httpx2.Response(200, json={"firstname": NAME}, headers={"x-ms-service-request-id": str(MENTOR)}),
    )
    watched(watched.portal.contacts.get(MENTOR))
    assert [what for what, _ in told] == ["request", "attempt", "attempt", "attempt", "response"]
    first, second, third = (event for what, event in told if what == "attempt")
    assert (first.number, first.status_code, first.fault) == (1, 503, None)
    assert (second.number, second.status_code, second.fault) == (2, None, "no answer (ConnectError)")
    assert (third.number, third.status_code, third.request_id) == (3, 200, str(MENTOR))
    request, response = told[0][1], told[-1][1]
    assert (request.method, request.url) == ("GET", "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts(***)")
    assert request.correlation_id == service.last.headers["x-correlation-id"]
    assert (response.attempts, response.status_code, response.error) == (3, 200, None)
    assert response.elapsed == sum(clock.slept)
    assert response.request is third.request is request


def test_nothing_personal_is_shown_unless_it_is_revealed(
    watched: Shell, told: list[tuple[str, Any]], service: Service
) -> None:
    service.answer(httpx2.Response(204, headers={"x-own": NAME}))
    watched(watched.portal.contacts.update(MENTOR, {"firstname": NAME}))
    shown = " ".join(repr(event) + str(getattr(event, "url", "")) for _, event in told)
    assert NAME not in shown
    assert str(MENTOR) not in shown
    sent, received = told[0][1].reveal(), told[1][1].reveal()
    assert (sent.method, str(MENTOR) in sent.url, NAME.encode() in sent.content) == ("PATCH", True, True)
    assert {"authorization"}.isdisjoint(name.lower() for name, _ in sent.headers)
    assert ("If-Match", "*") in sent.headers
    assert (received.status_code, received.headers["x-own"], received.content) == (204, NAME, b"")
    assert NAME not in repr(sent) + repr(received)


def test_a_failed_call_ends_with_its_exception(watched: Shell, told: list[tuple[str, Any]], service: Service) -> None:
    service.answer(problem(404, "0x80040217"))
    with pytest.raises(NotFoundError) as caught:
        watched(watched.portal.contacts.get(MENTOR))
    assert told[-1][1].error is caught.value
    service.answers[:] = [httpx2.ReadTimeout("x")]
    with pytest.raises(NetworkError):
        watched(watched.portal.new_set_website_visibility(MENTOR, visible=True))
    assert (told[-1][1].status_code, told[-1][1].attempts, told[-2][1].reveal()) == (None, 3, None)


def test_a_call_without_a_token_ends_without_an_attempt(
    watched: Shell, told: list[tuple[str, Any]], service: Service
) -> None:
    service.token_answers = [httpx2.Response(401, json={"error": "invalid_client"})]
    with pytest.raises(AuthFailureError, match="no token"):
        watched(watched.portal.who_am_i())
    assert [what for what, _ in told] == ["request", "response"]
    assert (told[-1][1].attempts, told[-1][1].last) == (0, None)


class Broken(Exception):
    """A hook's own exception."""


@pytest.mark.parametrize("name", ["on_request", "on_attempt", "on_response"])
def test_a_hook_that_fails_changes_nothing_and_is_told_of(
    name: str, make_shell: Callable[..., Shell], service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: object) -> None:
        raise Broken(NAME)

    service.answer(httpx2.Response(200, json={"firstname": NAME}))
    shell = make_shell(**{name: fail})
    with caplog.at_level(logging.ERROR, "dynamics_portal"):
        assert shell(shell.portal.contacts.get(MENTOR)).firstname == NAME
    assert [record.getMessage() for record in caplog.records] == [f"the hook {name} has failed: Broken"]
    assert caplog.records[0].exc_info is None  # its words and variables may hold what it was told


def test_what_ends_a_program_ends_it_in_a_hook_too(make_shell: Callable[..., Shell], service: Service) -> None:
    def interrupt(event: object) -> None:
        raise KeyboardInterrupt

    service.answer(httpx2.Response(200, json={}))
    shell = make_shell(on_attempt=interrupt)
    with pytest.raises(KeyboardInterrupt):
        shell(shell.portal.contacts.get(MENTOR))


def test_hooks_are_options_of_some_calls_too(watched: Shell, told: list[tuple[str, Any]], service: Service) -> None:
    service.answer(httpx2.Response(200, json={}))
    watched(watched.portal.with_options(on_attempt=None, on_response=None).who_am_i())
    assert [what for what, _ in told] == ["request"]
    watched(watched.portal.with_options(on_request=None, on_attempt=None, on_response=None).who_am_i())
    assert len(told) == 1


async def wait(event: object) -> None:
    """What waits."""


@pytest.mark.parametrize(("hook", "words"), [(wait, "a plain function"), ("print", "expected a function, got str")])
def test_what_is_no_plain_function_is_refused(hook: Any, words: str, make_shell: Callable[..., Shell]) -> None:
    with pytest.raises(InvalidRequestError, match=f"on_request: .*{words}"):
        make_shell(on_request=hook)
