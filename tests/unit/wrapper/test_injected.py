"""What is injected into a client is checked when the client is made, and named where it cannot work."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import BASE_URL, MENTOR, Client, Service, Shell

from dynamics_portal import AsyncPortalClient, InvalidRequestError, RetryPolicy, StaticCredentialProvider

ANYBODY = StaticCredentialProvider(tenant_id="t", client_id="c", client_secret="s")


async def later(seconds: float) -> None:
    raise AssertionError("never called")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"transport": httpx2.Client()}, r"transport: expected one of httpx2's, with handle_\w+\(\), got Client"),
        ({"transport": httpx2.MockTransport}, "transport: .* got the class MockTransport"),
        ({"clock": 5}, "clock: expected a function, got int"),
        ({"sleep": 0.5}, "sleep: expected a function, got float"),
        ({"ssl_context": False}, "ssl_context: expected an ssl.SSLContext, got bool"),
        ({"ssl_context": "ca.pem"}, "ssl_context: expected an ssl.SSLContext, got str"),
        ({"scope": 5}, "scope: expected text"),
        ({"scope": "https://hlf.crm4.dynamics.com/.default\n"}, "scope: expected text"),
        ({"scope": "blå"}, "scope: expected text"),
    ],
)
def test_what_cannot_work_is_refused(wrong: dict[str, Any], words: str, client_class: Client) -> None:
    make: Any = client_class
    with pytest.raises(InvalidRequestError, match=f"^invalid request: {words}"):
        make(BASE_URL, ANYBODY, **wrong)


def test_a_transport_of_the_other_kind_is_refused(client_class: Client, make_shell: Callable[..., Shell]) -> None:
    asynchronous = issubclass(client_class, AsyncPortalClient)
    other: Any = httpx2.HTTPTransport() if asynchronous else httpx2.AsyncHTTPTransport()
    with pytest.raises(InvalidRequestError, match=f"transport: .* got {type(other).__name__}"):
        make_shell(transport=other)


def test_the_synchronous_client_refuses_a_sleep_that_has_to_be_awaited(
    client_class: Client, make_shell: Callable[..., Shell]
) -> None:
    if issubclass(client_class, AsyncPortalClient):
        make_shell(sleep=later)
    else:
        with pytest.raises(InvalidRequestError, match="sleep: later is asynchronous"):
            make_shell(sleep=later)


def test_none_is_the_default(client_class: Client) -> None:
    make: Any = client_class
    shell = Shell(make(BASE_URL, ANYBODY, transport=None, clock=None, sleep=None, ssl_context=None, scope=None))
    assert shell.portal._settings.clock is time.monotonic
    assert shell.portal._settings.scope == f"{BASE_URL}/.default"
    shell.close()


def test_an_own_context_and_scope_are_taken(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(200, json={"UserId": str(MENTOR)}))
    shell = make_shell(ssl_context=ssl.create_default_context(), scope="api://gateway/.default")
    shell(shell.portal.who_am_i())
    assert b"scope=api%3A%2F%2Fgateway%2F.default" in service.token_requests[0].content


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_attempts": 2.5}, "max_attempts: expected a whole number, got float"),
        ({"max_attempts": "3"}, "max_attempts: expected a whole number, got str"),
        ({"max_attempts": True}, "max_attempts: expected a whole number, got bool"),
        ({"jitter": None}, "jitter: expected a number, got NoneType"),
        ({"initial_delay": "1"}, "initial_delay: expected a number, got str"),
        ({"max_retry_after": False}, "max_retry_after: expected a number, got bool"),
        ({"random": 0.5}, "random: expected a function, got float"),
    ],
)
def test_a_policy_takes_numbers(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        RetryPolicy(**wrong)
