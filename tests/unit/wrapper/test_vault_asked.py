"""A provider for Vault asks through the real supabase client. What answers here is a function in place of the network;
`tests/integration/supabase` asks a real PostgreSQL."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dynamics_portal import AsyncVaultCredentialProvider, CredentialError, Secret, VaultCredentialProvider

URL = "https://project.supabase.co"
KEY = "sb_secret_k3y-that-nobody-may-see"
SECRET = "s3cr3t-that-nobody-may-see"
ROWS = [
    {"name": "dynamics_tenant_id", "secret": "tenant"},
    {"name": "dynamics_client_id", "secret": "client"},
    {"name": "dynamics_client_secret", "secret": SECRET},
]


class Project:
    """What a Supabase project answers, and what it was asked."""

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200, json=ROWS)
        self.requests: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        given = self.answer
        return httpx.Response(given.status_code, headers=given.headers, content=given.content, request=request)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project()

    async def handle(transport: object, request: httpx.Request) -> httpx.Response:
        return project.handle(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda transport, request: project.handle(request))
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return project


@pytest.fixture(params=[VaultCredentialProvider, AsyncVaultCredentialProvider], ids=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    provider: Callable[..., Any] = request.param
    return provider


def asked(provider: Any) -> Any:
    """What a provider gives, whichever kind it is."""
    given = provider.get_credentials()
    return asyncio.run(given) if inspect.iscoroutine(given) else given


def test_the_function_is_called_with_the_key_and_the_names_alone(make: Callable[..., Any], project: Project) -> None:
    credentials = asked(make(URL, KEY))
    assert (credentials.tenant_id, credentials.client_id, credentials.client_secret) == (
        "tenant",
        "client",
        Secret(SECRET),
    )
    (request,) = project.requests
    assert (request.method, str(request.url)) == ("POST", f"{URL}/rest/v1/rpc/dynamics_portal_secrets")
    assert request.headers["apikey"] == KEY
    assert json.loads(request.content) == {
        "secret_names": ["dynamics_tenant_id", "dynamics_client_id", "dynamics_client_secret"]
    }


def test_it_is_asked_anew_each_time(make: Callable[..., Any], project: Project) -> None:
    provider = make(URL, KEY)
    asked(provider)
    project.answer = httpx.Response(200, json=[*ROWS[:2], {"name": "dynamics_client_secret", "secret": "changed"}])
    assert asked(provider).client_secret == Secret("changed")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(401, json={"message": "Invalid API key"}), "Supabase does not accept the key: check "),
        (httpx.Response(404, json={"code": "PGRST202", "message": SECRET}), "the database has no function "),
        (
            httpx.Response(403, json={"code": "42501", "message": "permission denied for function x"}),
            "the function dynamics_portal_secrets may not read Vault",
        ),
        (httpx.Response(200, json=ROWS[:2]), "Vault has no secret 'dynamics_client_secret': create it with "),
        (httpx.Response(200, json={"message": SECRET}), "gave no list of secrets"),
        (httpx.ConnectError(SECRET), r"Supabase cannot be reached: no answer \(ConnectError\)"),
        (httpx.ReadTimeout(SECRET), "Supabase did not answer within 5 s"),
        (RuntimeError(SECRET), r"asking Supabase Vault failed \(RuntimeError\)"),
    ],
)
def test_what_went_wrong_is_told_in_words_of_our_own(
    answer: httpx.Response | Exception, told: str, make: Callable[..., Any], project: Project
) -> None:
    project.answer = answer
    with pytest.raises(CredentialError, match=told) as caught:
        asked(make(URL, KEY))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_redirect_is_not_followed_with_the_key(make: Callable[..., Any], project: Project) -> None:
    project.answer = httpx.Response(307, headers={"location": "https://elsewhere.example/"}, json={"message": "moved"})
    with pytest.raises(CredentialError):
        asked(make(URL, KEY))
    assert [request.url.host for request in project.requests] == ["project.supabase.co"]
