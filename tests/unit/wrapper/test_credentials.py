"""Credentials without a secret: certificates, federated tokens, and credentials that bring tokens themselves."""

from __future__ import annotations

import asyncio
import contextvars
import json
import math
import os
import pickle
import pprint
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import jwt
import pytest
from azure.core.credentials import AccessToken as AzureAccessToken
from azure.core.credentials import TokenCredential as AzureTokenCredential
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from rich.pretty import pretty_repr
from tests.certificates import Pair
from tests.unit.wrapper.support import (
    CLIENT,
    MENTOR,
    SECRET,
    TENANT,
    TOKEN_PATH,
    Client,
    Clock,
    Service,
    Shell,
    make_portal,
    token,
)

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AuthFailureError,
    CertificateCredentialProvider,
    ClientAssertion,
    ClientCredentials,
    CredentialError,
    CredentialProvider,
    DynamicsPortalClient,
    FederatedCredentialProvider,
    InvalidRequestError,
    NetworkError,
    Secret,
    TokenCredential,
    _concurrency,
)
from dynamics_portal._tokens import token_of

TOKEN_URL = f"https://login.microsoftonline.com{TOKEN_PATH}"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(autouse=True)
def _answers(service: Service) -> None:
    service.answer(httpx2.Response(200, json={"UserId": str(MENTOR)}))


def who(shell: Shell) -> Any:
    return shell(shell.portal.who_am_i())


def form(service: Service) -> dict[str, str]:
    """The form of the last token request."""
    return {name: value for name, (value,) in parse_qs(service.token_requests[-1].content.decode()).items()}


PAIR, OTHER = Pair(), Pair()
BOTH = PAIR.private() + PAIR.certificate


def certified(**options: Any) -> CertificateCredentialProvider:
    return CertificateCredentialProvider(TENANT, CLIENT, **options)


def claims_of(assertion: str) -> dict[str, Any]:
    """What a JWT says, once its signature and audience are checked."""
    public: Any = PAIR.key.public_key()
    claims: dict[str, Any] = jwt.decode(assertion, public, algorithms=["PS256"], audience=TOKEN_URL)
    return claims


def test_a_certificate_signs_as_entra_wants_it(make_shell: Callable[..., Shell], service: Service) -> None:
    who(make_shell(credentials=certified(certificate=BOTH)))
    sent = form(service)
    assert (sent["client_id"], sent["grant_type"]) == (CLIENT, "client_credentials")
    assert sent["client_assertion_type"] == ASSERTION_TYPE
    assert "client_secret" not in sent
    header = jwt.get_unverified_header(sent["client_assertion"])
    assert header == {"alg": "PS256", "typ": "JWT", "x5t#S256": PAIR.thumbprint}
    claims = claims_of(sent["client_assertion"])
    assert (claims["iss"], claims["sub"], claims["aud"]) == (CLIENT, CLIENT, TOKEN_URL)
    assert claims["exp"] - claims["nbf"] == 300
    assert abs(claims["nbf"] - time.time()) < 60


def test_no_assertion_is_sent_twice(make_shell: Callable[..., Shell], service: Service, clock: Clock) -> None:
    service.token_answers = [httpx2.Response(503), token(expires_in=70), token()]
    shell = make_shell(credentials=certified(certificate=BOTH))
    who(shell)
    clock.now += 60
    who(shell)
    sent = [parse_qs(request.content.decode())["client_assertion"][0] for request in service.token_requests]
    assert len({claims_of(assertion)["jti"] for assertion in sent}) == 3


@pytest.mark.parametrize("kind", [str, str.encode, Secret])
def test_a_certificate_is_text_bytes_or_a_secret(kind: Callable[[str], Any]) -> None:
    provider = certified(certificate=kind(PAIR.certificate), private_key=kind(PAIR.private()))
    assert claims_of(Secret(provider.get_credentials().assertion(TOKEN_URL)).reveal())


def test_what_stands_beside_the_parts_of_a_pem_does_no_harm() -> None:
    noted = BOTH.replace("-----BEGIN", "Bag Attributes\n    friendlyName: Pårørende\n-----BEGIN")
    assert claims_of(Secret(certified(certificate=noted).get_credentials().assertion(TOKEN_URL)).reveal())


def test_a_certificate_that_is_renewed_on_disk_is_used(tmp_path: Path) -> None:
    file, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    file.write_text(PAIR.certificate)
    key.write_text(PAIR.private(b"open"))
    provider = certified(certificate_file=file, private_key_file=str(key), password="open")
    before = provider.get_credentials()
    assert before == provider.get_credentials()
    file.write_text(OTHER.certificate)
    key.write_text(OTHER.private(b"open"))
    assert before != provider.get_credentials()
    file.unlink()
    with pytest.raises(CredentialError, match=r"cannot use certificate_file .*certificate.pem: No such file"):
        provider.get_credentials()


def test_the_certificate_of_a_chain_is_the_one_that_the_key_belongs_to() -> None:
    provider = certified(certificate=OTHER.certificate + PAIR.certificate, private_key=PAIR.private())
    assert claims_of(Secret(provider.get_credentials().assertion(TOKEN_URL)).reveal())


CURVE = Pair(ec.generate_private_key(ec.SECP256R1()))
SHORT = Pair(rsa.generate_private_key(65537, 1024))  # noqa: S505 # there to be refused
EXPIRED = Pair(PAIR.key, days=-1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "give the certificate, as certificate or as certificate_file"),
        ({"certificate": BOTH, "certificate_file": "x"}, "give certificate or certificate_file, not both"),
        ({"certificate": "/run/portal.pem"}, "certificate is no PEM; a file's name goes to certificate_file"),
        ({"certificate": PAIR.certificate}, "cannot use certificate: it holds no private key"),
        ({"certificate": PAIR.private()}, "cannot use certificate: it holds no certificate"),
        ({"certificate": PAIR.certificate, "private_key": "x"}, "private_key is no PEM"),
        (
            {"certificate": PAIR.certificate, "private_key": OTHER.private()},
            "the key in private_key does not belong to the certificate in certificate",
        ),
        ({"certificate": PAIR.certificate, "private_key": PAIR.private(b"x")}, "the private key has a password"),
        ({"certificate": BOTH, "password": "x"}, "the private key has no password"),
        (
            {"certificate": PAIR.certificate, "private_key": PAIR.private(b"x"), "password": b"\xff"},
            "cannot be read; is the password right?",
        ),
        ({"certificate": BOTH.replace("MII", "AAA")}, "cannot use certificate: the private key cannot be read"),
        ({"certificate": CURVE.private() + CURVE.certificate}, "not an RSA key, which PS256 needs"),
        ({"certificate": SHORT.private() + SHORT.certificate}, "has 1024 bits, and PS256 needs 2048"),
        ({"certificate": EXPIRED.private() + EXPIRED.certificate}, r"expired on \d{4}-\d\d-\d\d"),
        (
            {"certificate_file": "/nonexistent/portal.pem"},
            r"cannot use certificate_file /nonexistent/portal.pem: No such",
        ),
        ({"certificate_file": os.devnull}, "cannot use certificate_file /dev/null: it is no PEM"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_at_once(options: dict[str, Any], told: str) -> None:
    with pytest.raises(CredentialError, match=told) as caught:
        certified(**options)
    assert caught.value.__context__ is None
    assert "PRIVATE" not in str(caught.value)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CredentialError, match="it is no PEM"):
        certified(certificate_file=file)
    with pytest.raises(CredentialError, match="it is no text"):
        FederatedCredentialProvider("t", "c", token_file=file).get_credentials()


@pytest.mark.parametrize("missing", ["jwt", "cryptography.x509"])
def test_the_extra_that_is_missing_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(CredentialError, match=r"pip install 'dynamics-portal\[certificate\]'"):
        certified(certificate=BOTH)


def federated(path: Path) -> FederatedCredentialProvider:
    variables = {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_FEDERATED_TOKEN_FILE": str(path),
    }
    return FederatedCredentialProvider(environ=variables)


def test_a_federated_token_is_read_from_its_file_each_time(
    tmp_path: Path, make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    file = tmp_path / "token"
    file.write_text("first.token\n")
    shell = make_shell(credentials=federated(file))
    who(shell)
    assert (form(service)["client_assertion"], form(service)["client_assertion_type"]) == (
        "first.token",
        ASSERTION_TYPE,
    )
    file.write_text("second.token")
    clock.now += 3600
    who(shell)
    assert form(service)["client_assertion"] == "second.token"


@pytest.mark.parametrize("given", ["text", Secret("text")])
def test_a_federated_token_may_come_from_a_call(given: Any, make_shell: Callable[..., Shell], service: Service) -> None:
    who(make_shell(credentials=FederatedCredentialProvider(TENANT, CLIENT, token=lambda: given)))
    assert form(service)["client_assertion"] == "text"
    assert service.token_requests[-1].url.path == TOKEN_PATH


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), (b"", "is empty"), (b" \n", "is empty"), (b"a b", "no token holds")]
)
def test_a_federated_token_that_cannot_be_used_is_told_with_its_file(
    content: bytes | None, told: str, tmp_path: Path, make_shell: Callable[..., Shell], service: Service
) -> None:
    file = tmp_path / "federated"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AuthFailureError, match=f"federated.*{told}"):
        who(make_shell(credentials=federated(file)))
    assert service.token_requests == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "set AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE in the environment"),
        ({"tenant_id": "t", "token_file": "x"}, "set AZURE_CLIENT_ID in the environment"),
        ({"token": lambda: "x", "token_file": "x"}, "give token or token_file, not both"),
        ({"token": "eyJ…"}, "token: expected what gives the token when called, got str"),
    ],
)
def test_federation_that_lacks_something_is_told_at_once(options: dict[str, Any], told: str) -> None:
    with pytest.raises(CredentialError, match=told):
        FederatedCredentialProvider(**options, environ={})


def test_federated_tokens_are_equal_where_their_texts_are(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a")
    first, again = federated(file).get_credentials(), federated(file).get_credentials()
    file.write_text("b")
    assert first == again
    assert first != federated(file).get_credentials()
    another: Any = "a"
    assert first.assertion != another


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("", "c", str), "empty credentials: tenant_id"),
        (("t", "c ", str), "client_id begins or ends with a space or a line break"),
        (("t", "\ud800", str), "cannot be sent"),
        (("t", "c", "eyJ…"), "expected what gives the JWT for a token endpoint, got str"),
    ],
)
def test_an_assertion_that_cannot_be_used_is_refused(values: Any, told: str) -> None:
    with pytest.raises(CredentialError, match=told):
        ClientAssertion(*values)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((" ", "c", "\n"), "empty credentials: tenant_id, client_secret"),
        (("t", None, "s"), "empty credentials: client_id"),
        (("t", "c", "s3cr3t\n"), "client_secret begins or ends with a space or a line break"),
        ((" t", "c\t", "s"), "tenant_id, client_id begins or ends with"),
    ],
)
def test_credentials_that_were_copied_badly_are_told_without_them(values: Any, told: str) -> None:
    with pytest.raises(CredentialError, match=f"^{told}") as caught:
        ClientCredentials(*values)
    assert "s3cr3t" not in str(caught.value)


def test_an_environment_with_a_line_break_is_told_before_anything_is_sent(client_class: Client) -> None:
    environ = {
        "DYNAMICS_BASE_URL": "https://hlf.crm4.dynamics.com",
        "DYNAMICS_TENANT_ID": "t",
        "DYNAMICS_CLIENT_ID": "c",
        "DYNAMICS_CLIENT_SECRET": "s\n",
    }
    with pytest.raises(InvalidRequestError, match="client_secret begins or ends with"):
        client_class.from_environment(environ=environ)


def raising(error: Exception) -> Callable[[str], str]:
    def fail(audience: str) -> str:
        raise error

    return fail


@pytest.mark.parametrize(
    ("assertion", "told"),
    [
        (lambda audience: "", "the assertion is empty"),
        (lambda audience: None, "the assertion gave no text"),
        (lambda audience: f"{SECRET} å", "the assertion holds what no token holds"),
        (raising(CredentialError("the key store is locked")), "the key store is locked"),
        (raising(KeyError(SECRET)), r"failed \(KeyError\)"),
    ],
)
def test_an_assertion_that_fails_is_an_auth_failure(
    assertion: Any, told: str, make_shell: Callable[..., Shell], service: Service
) -> None:
    shell = make_shell(credentials=Fixed(ClientAssertion(TENANT, CLIENT, assertion)))
    with pytest.raises(AuthFailureError, match=told) as caught:
        who(shell)
    assert SECRET not in str(caught.value) + caught.value.message
    assert caught.value.__context__ is None
    assert service.token_requests == []


def test_an_assertion_that_fails_the_second_time_is_an_auth_failure(
    make_shell: Callable[..., Shell], service: Service
) -> None:
    given = iter(["first"])
    service.token_answers = [httpx2.Response(503)]
    shell = make_shell(credentials=Fixed(ClientAssertion(TENANT, CLIENT, lambda audience: next(given, ""))))
    with pytest.raises(AuthFailureError, match="the assertion is empty"):
        who(shell)
    assert len(service.token_requests) == 1


class Fixed:
    """A provider of the same credentials each time."""

    def __init__(self, credentials: Any) -> None:
        self.credentials = credentials

    def get_credentials(self) -> Any:
        return self.credentials


HOLDERS: list[Any] = [
    certified(certificate=BOTH),
    certified(certificate=PAIR.certificate, private_key=PAIR.private(b"p4ssw0rd"), password="p4ssw0rd"),
    certified(certificate=BOTH).get_credentials(),
    certified(certificate=BOTH).get_credentials().assertion,
    FederatedCredentialProvider("t", "c", token=lambda: SECRET),
    FederatedCredentialProvider("t", "c", token=lambda: SECRET).get_credentials(),
    FederatedCredentialProvider("t", "c", token=lambda: SECRET).get_credentials().assertion,
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_no_representation_shows_a_key_or_a_token(holder: Any) -> None:
    shown = "".join([repr(holder), str(holder), f"{holder}", pprint.pformat(holder), pretty_repr(holder)])
    shown += json.dumps(holder, default=str)
    for planted in (SECRET, "p4ssw0rd", *PAIR.private().splitlines(), *PAIR.certificate.splitlines()):
        assert planted not in shown
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(holder)


# Credentials that bring tokens themselves


class Managed:
    """As azure-identity's: a token for a scope."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results) or [AzureAccessToken("brought", int(time.time()) + 3600)]
        self.asked: list[tuple[str, ...]] = []
        self.thread: threading.Thread | None = None

    def get_token(self, *scopes: str, **options: Any) -> Any:
        self.asked.append(scopes)
        self.thread = threading.current_thread()
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result


class AsyncManaged(Managed):
    """As azure.identity.aio's."""

    async def get_token(self, *scopes: str, **options: Any) -> Any:
        await asyncio.sleep(0)
        return super().get_token(*scopes, **options)


def test_a_token_credential_is_asked_for_the_scope(make_shell: Callable[..., Shell], service: Service) -> None:
    credential = Managed()
    assert isinstance(credential, AzureTokenCredential)
    assert isinstance(credential, TokenCredential)
    shell = make_shell(credentials=credential)
    who(shell)
    who(shell)
    assert credential.asked == [("https://hlf.crm4.dynamics.com/.default",)]
    assert service.last.headers["authorization"] == "Bearer brought"
    assert service.token_requests == []


def test_an_asynchronous_token_credential_is_awaited(service: Service, clock: Clock) -> None:
    credential = AsyncManaged()
    shell = Shell(make_portal(AsyncDynamicsPortalClient, service, clock, credentials=credential))
    who(shell)
    shell.close()
    assert credential.thread is threading.main_thread()
    assert service.last.headers["authorization"] == "Bearer brought"


def test_a_brought_token_is_used_until_60_s_before_its_expiry(
    make_shell: Callable[..., Shell], service: Service, clock: Clock
) -> None:
    first = AzureAccessToken("first", int(time.time()) + 1000)
    shell = make_shell(credentials=Managed(first, AzureAccessToken("second", int(time.time()) + 5000)))
    for later in (0, 900, 60):
        clock.now += later
        who(shell)
    sent = [request.headers["authorization"] for request in service.requests]
    assert sent == ["Bearer first", "Bearer first", "Bearer second"]


class Brought:
    """What a token credential gives."""

    def __init__(self, token: Any, expires_on: Any) -> None:
        self.token = token
        self.expires_on = expires_on


@pytest.mark.parametrize(
    ("expires_on", "seconds"),
    [
        (1500, 500),
        ("1500", 500),
        (999, 0),
        (None, 300),
        (True, 300),
        ("soon", 300),
        (math.nan, 300),
        (1e300, 86400),
    ],
)
def test_when_a_brought_token_expires_is_told_in_seconds_since_1970(expires_on: Any, seconds: float) -> None:
    found = token_of(Brought("text", expires_on), 50.0, 1000.0)
    assert found is not None
    assert found.expires_at == 50.0 + seconds


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (None, "the token credential gave no token"),
        (Brought("a b", 9e9), "the token credential gave no token"),
        (Brought(b"bytes", 9e9), "the token credential gave no token"),
        (RuntimeError(f"AADSTS7000215: {SECRET}"), r"failed \(RuntimeError\)"),
    ],
)
def test_a_token_credential_that_fails_is_an_auth_failure_of_which_the_kind_is_told(
    result: Any, told: str, make_shell: Callable[..., Shell], service: Service
) -> None:
    with pytest.raises(AuthFailureError, match=told) as caught:
        who(make_shell(credentials=Managed(result)))
    assert SECRET not in str(caught.value) + caught.value.message
    assert caught.value.__context__ is None
    assert service.requests == []


def test_a_token_credential_has_2_s(
    make_shell: Callable[..., Shell], client_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_class.__module__.replace("client", "tokens") + ".FETCH_LIMIT", 0.01)
    go = threading.Event()

    class Hanging(Managed):
        def get_token(self, *scopes: str, **options: Any) -> Any:
            go.wait(10)
            return super().get_token(*scopes, **options)

    shell = make_shell(credentials=Hanging())
    with pytest.raises(NetworkError, match="no token within"):
        who(shell)
    go.set()


def test_a_token_credential_that_took_over_2_s_by_the_clock_is_a_network_error(
    make_shell: Callable[..., Shell], clock: Clock
) -> None:
    class Slow(Managed):
        def get_token(self, *scopes: str, **options: Any) -> Any:
            clock.now += 2.1
            return super().get_token(*scopes, **options)

    with pytest.raises(NetworkError, match="no token within 2 s"):
        who(make_shell(credentials=Slow()))


# Which client takes which


def test_a_synchronous_provider_does_not_hold_up_the_loop(service: Service, clock: Clock) -> None:
    """The provider waits for what a task of the same loop does."""
    asked, go = threading.Event(), threading.Event()
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []

    class Waiting:
        def get_credentials(self) -> ClientCredentials:
            asked.set()
            assert go.wait(10), "the loop was held up"
            seen.append(variable.get())
            return ClientCredentials(TENANT, CLIENT, SECRET)

    async def main() -> None:
        async with make_portal(AsyncDynamicsPortalClient, service, clock, credentials=Waiting()) as portal:
            variable.set("the task's")
            call = asyncio.create_task(portal.who_am_i())
            while not asked.is_set():
                await asyncio.sleep(0)
            go.set()
            assert (await call).user_id == MENTOR

    asyncio.run(main())
    assert seen == ["the task's"]


def test_a_task_that_is_cancelled_while_its_provider_is_asked_holds_nobody_up(service: Service, clock: Clock) -> None:
    asked, go = threading.Event(), threading.Event()

    class HangingOnce:
        def get_credentials(self) -> ClientCredentials:
            if not asked.is_set():
                asked.set()
                go.wait(10)
            return ClientCredentials(TENANT, CLIENT, SECRET)

    async def main() -> None:
        async with make_portal(AsyncDynamicsPortalClient, service, clock, credentials=HangingOnce()) as portal:
            first, second = (asyncio.create_task(portal.who_am_i()) for _ in range(2))
            while not asked.is_set():
                await asyncio.sleep(0)
            first.cancel()
            assert (await second).user_id == MENTOR
            assert first.cancelled()
        go.set()

    asyncio.run(main())


@pytest.mark.parametrize("credential", [Managed(), Fixed(ClientCredentials(TENANT, CLIENT, SECRET))])
@pytest.mark.parametrize("anyio", [True, False])
def test_where_there_are_no_threads_a_provider_is_asked_directly(
    credential: Any, anyio: bool, make_shell: Callable[..., Shell], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    if not anyio:
        monkeypatch.setitem(sys.modules, "anyio", None)
    monkeypatch.setattr(_concurrency, "HAS_THREADS", False)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert who(make_shell(credentials=credential)).user_id == MENTOR


def test_without_anyio_a_provider_is_asked_in_a_thread(
    service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anyio", None)
    credential = Managed()
    shell = Shell(make_portal(AsyncDynamicsPortalClient, service, clock, credentials=credential))
    who(shell)
    shell.close()
    assert credential.thread not in (None, threading.main_thread())


def test_asynchronous_credentials_are_refused_by_the_synchronous_client(service: Service, clock: Clock) -> None:
    with pytest.raises(InvalidRequestError, match="AsyncManaged is asynchronous, which needs an asynchronous client"):
        make_portal(DynamicsPortalClient, service, clock, credentials=AsyncManaged())


def test_credentials_that_turn_out_asynchronous_are_refused_when_they_are_asked(service: Service, clock: Clock) -> None:
    async def later() -> ClientCredentials:
        raise AssertionError("nobody awaits it")

    class Disguised:
        def get_credentials(self) -> Any:
            return later()

    class Awaitable:
        def get_credentials(self) -> Any:
            return self

        def __await__(self) -> Any:
            raise AssertionError("nobody awaits it")

    for provider in (Disguised(), Awaitable()):
        assert isinstance(provider, CredentialProvider)
        portal = make_portal(DynamicsPortalClient, service, clock, credentials=provider)
        with pytest.raises(AuthFailureError, match="asynchronous credentials need an asynchronous client"):
            portal.who_am_i()


@pytest.mark.parametrize("wrong", [Managed, Fixed, None, "secret"])
def test_what_gives_neither_credentials_nor_tokens_is_refused(wrong: Any, make_shell: Callable[..., Shell]) -> None:
    with pytest.raises(InvalidRequestError, match=r"get_credentials\(\) or get_token\(\), got"):
        make_shell(credentials=wrong)
