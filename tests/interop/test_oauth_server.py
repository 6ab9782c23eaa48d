"""The client's token requests before an OAuth server that nobody here wrote: npm's oidc-provider.

It takes a token request as the standards have it, checks a signed assertion, and refuses without Entra's own codes.
The Web API behind it is a stub that any token opens; what a token is worth, the server itself says.
"""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import jwt
import pytest
import trustme
from tests.certificates import Pair
from tests.conftest import node_command
from tests.unit.wrapper.support import BASE_URL, CLIENT, SECRET, TENANT, Client, Shell

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AuthFailureError,
    CertificateCredentialProvider,
    ClientCredentials,
    DynamicsPortalClient,
)

SCRIPT = Path(__file__).with_name("oauth_server.mjs")
SCOPE = f"{BASE_URL}/.default"
CERTIFIED = "client-with-a-certificate"
GOOD = ClientCredentials(TENANT, CLIENT, SECRET)
WRONG = ClientCredentials(TENANT, CLIENT, "wr0ng-and-nobody-may-see-it")


class OAuthServer:
    """Where the server is, whom it trusts, and what a client has to trust."""

    def __init__(self, authority: str, context: ssl.SSLContext, pair: Pair) -> None:
        self.authority = authority
        self.context = context
        self.pair = pair

    def says_of(self, token: str) -> Any:
        """What the server knows of a token (RFC 7662, "Introspection Response")."""
        form = {"token": token, "client_id": CLIENT, "client_secret": SECRET}
        with httpx2.Client(verify=self.context) as session:
            return session.post(f"{self.authority}/{TENANT}/introspection", data=form).json()


@pytest.fixture(scope="module")
def server() -> Iterator[OAuthServer]:
    node, provider = node_command("oidc-provider", "lib/index.js")
    ca, pair, context = trustme.CA(), Pair(), ssl.create_default_context()
    ca.configure_trust(context)
    certificate = ca.issue_cert("127.0.0.1")
    how = "token_endpoint_auth_method"
    public = jwt.algorithms.RSAAlgorithm.to_jwk(pair.key.public_key(), as_dict=True)
    settings = {
        "certificate": certificate.cert_chain_pems[0].bytes().decode(),
        "key": certificate.private_key_pem.bytes().decode(),
        "tenant": TENANT,
        "scope": SCOPE,
        "clients": [
            {"client_id": CLIENT, "client_secret": SECRET, how: "client_secret_post"},
            {"client_id": CERTIFIED, how: "private_key_jwt", "jwks": {"keys": [public]}},
        ],
    }
    command = [node, str(SCRIPT), provider]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write(json.dumps(settings) + "\n")
        running.stdin.flush()
        port = json.loads(running.stdout.readline())["port"]
        yield OAuthServer(f"https://127.0.0.1:{port}", context, pair)
        running.stdin.close()


class Routes(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Token requests go to the server, and are kept; all others to a stub that keeps the token they carry."""

    def __init__(self, server: OAuthServer) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.statuses: list[int] = []
        self.tokens: list[str] = []
        self._server = server

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not str(request.url).startswith(self._server.authority):
            self.tokens.append(request.headers["authorization"].removeprefix("Bearer "))
            return httpx2.Response(200, json={"UserId": "11111111-2222-3333-4444-555555555555"})
        self.forms.append(parse_qs(request.content.decode()))
        with httpx2.Client(verify=self._server.context) as session:
            answer = session.send(request)
        self.statuses.append(answer.status_code)
        return httpx2.Response(answer.status_code, headers={"content-type": "application/json"}, content=answer.content)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self.handle_request(request)


class Provider:
    """Gives credentials one after the other, the last of them again and again, and counts."""

    def __init__(self, *credentials: Any) -> None:
        self.credentials = list(credentials)
        self.asked = 0

    def get_credentials(self) -> Any:
        self.asked += 1
        return self.credentials.pop(0) if len(self.credentials) > 1 else self.credentials[0]


@pytest.fixture
def routes(server: OAuthServer) -> Routes:
    return Routes(server)


@pytest.fixture(params=[DynamicsPortalClient, AsyncDynamicsPortalClient], ids=["sync", "async"])
def connect(request: pytest.FixtureRequest, server: OAuthServer, routes: Routes) -> Iterator[Callable[..., Shell]]:
    """Makes a driven client with credentials and options of one's own."""
    client: Client = request.param
    shells: list[Shell] = []

    def make(provider: Any, **options: Any) -> Shell:
        portal = client(BASE_URL, provider, authority=server.authority, transport=routes, **options)
        shells.append(Shell(portal))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


def refused(shell: Shell) -> AuthFailureError:
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.who_am_i())
    return caught.value


def test_a_secret_brings_a_token_that_the_server_stands_by(
    connect: Callable[..., Shell], routes: Routes, server: OAuthServer
) -> None:
    shell = connect(Provider(GOOD))
    assert shell(shell.portal.who_am_i()).user_id
    (token,) = routes.tokens
    told = server.says_of(token)
    assert (told["active"], told["client_id"], told["scope"]) == (True, CLIENT, SCOPE)
    assert server.says_of("no-token")["active"] is False


def test_a_wrong_secret_is_asked_for_once_more_and_then_it_fails(connect: Callable[..., Shell], routes: Routes) -> None:
    provider = Provider(WRONG)
    error = refused(connect(provider))
    assert (error.status_code, error.dynamics_code) == (401, "invalid_client")
    assert (provider.asked, routes.statuses, routes.tokens) == (2, [401], [])
    assert WRONG.client_secret.reveal() not in f"{error} {error!r} {error.message}"


def test_a_secret_that_was_rotated_meanwhile_is_used_at_once(connect: Callable[..., Shell], routes: Routes) -> None:
    provider = Provider(WRONG, GOOD)
    shell = connect(provider)
    assert shell(shell.portal.who_am_i()).user_id
    assert (provider.asked, routes.statuses) == (2, [401, 200])


def test_two_wrong_secrets_are_tried_and_no_third(connect: Callable[..., Shell], routes: Routes) -> None:
    provider = Provider(WRONG, ClientCredentials(TENANT, CLIENT, "wr0ng-too"), GOOD)
    error = refused(connect(provider))
    assert (error.status_code, error.attempts) == (401, 2)
    assert (provider.asked, routes.statuses) == (2, [401, 401])


def test_a_client_that_is_not_known_is_refused(connect: Callable[..., Shell], routes: Routes) -> None:
    error = refused(connect(Provider(ClientCredentials(TENANT, "nobody", SECRET))))
    assert error.dynamics_code == "invalid_client"
    assert routes.tokens == []


def test_a_tenant_that_is_not_known_is_an_auth_failure(connect: Callable[..., Shell], routes: Routes) -> None:
    provider = Provider(ClientCredentials("another-tenant", CLIENT, SECRET))
    assert refused(connect(provider)).status_code == 404
    assert (provider.asked, routes.statuses) == (1, [404])


def certified(pair: Pair) -> CertificateCredentialProvider:
    return CertificateCredentialProvider(TENANT, CERTIFIED, certificate=pair.certificate, private_key=pair.private())


def test_a_certificate_brings_a_token(connect: Callable[..., Shell], routes: Routes, server: OAuthServer) -> None:
    shell = connect(certified(server.pair))
    assert shell(shell.portal.who_am_i()).user_id
    assert server.says_of(routes.tokens[0])["client_id"] == CERTIFIED
    assert "client_secret" not in routes.forms[0]


def test_a_signed_assertion_is_used_once(connect: Callable[..., Shell], routes: Routes, server: OAuthServer) -> None:
    """The server refuses an assertion that it has seen, so each token request has to bring one of its own."""
    for _ in range(2):
        shell = connect(certified(server.pair))
        shell(shell.portal.who_am_i())
    assert routes.statuses == [200, 200]
    (first,), (second,) = (form["client_assertion"] for form in routes.forms)
    assert first != second
    form = {name: value for name, (value,) in routes.forms[0].items()}
    with httpx2.Client(verify=server.context) as session:
        again = session.post(f"{server.authority}/{TENANT}/oauth2/v2.0/token", data=form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


def test_a_certificate_that_the_server_does_not_know_is_refused(connect: Callable[..., Shell], routes: Routes) -> None:
    error = refused(connect(certified(Pair())))
    assert (error.status_code, error.dynamics_code) == (401, "invalid_client")
    assert routes.tokens == []
