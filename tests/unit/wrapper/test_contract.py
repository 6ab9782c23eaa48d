"""The contract's list "What the client must do": a test for each point, under its number, in both clients.

The details of each are in the other modules, of point 8 also in `tests/integration/supabase`, which asks a real
PostgreSQL through the real supabase client.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import socket
import subprocess
import sys
import tomllib
import weakref
from collections.abc import Callable
from importlib import metadata
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import httpx2
import pytest
from packaging.requirements import Requirement
from tests.conftest import PROJECT
from tests.unit.wrapper.support import MENTOR, SECRET, Client, Clock, Service, Shell, problem, token

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AsyncVaultCredentialProvider,
    AuthFailureError,
    ClientCredentials,
    CredentialProvider,
    DynamicsPortalClientException,
    ErrorCode,
    InvalidRequestError,
    NetworkError,
    ServerError,
    VaultCredentialProvider,
)


@pytest.fixture
def answered(service: Service) -> Service:
    service.answer(httpx2.Response(200, json={"UserId": str(MENTOR)}))
    return service


class Provider:
    """A provider of a test's own: the interface is all that it takes."""

    asked = 0

    def get_credentials(self) -> ClientCredentials:
        self.asked += 1
        return ClientCredentials("tenant", "client", SECRET)


def test_1_it_is_made_with_a_base_url_a_provider_and_an_injected_transport(
    make_shell: Callable[..., Shell], answered: Service
) -> None:
    provider = Provider()
    assert isinstance(provider, CredentialProvider)
    shell = make_shell(credentials=provider)
    assert shell(shell.portal.who_am_i()).user_id == MENTOR
    assert len(answered.requests) == len(answered.token_requests) == 1


@pytest.mark.parametrize("base_url", ["http://hlf.crm4.dynamics.com", "http://localhost", "ws://x", "hlf.no"])
def test_1_a_base_url_that_is_not_https_is_rejected_by_the_constructor(
    base_url: str, make_shell: Callable[..., Shell]
) -> None:
    with pytest.raises(ValueError, match="https://"):
        make_shell(base_url=base_url)


def test_2_credentials_are_asked_for_when_a_token_is_needed(
    make_shell: Callable[..., Shell], answered: Service, clock: Clock
) -> None:
    provider = Provider()
    shell = make_shell(credentials=provider)
    assert provider.asked == 0
    shell(shell.portal.who_am_i())
    shell(shell.portal.who_am_i())
    assert provider.asked == 1
    clock.now += 4000
    shell(shell.portal.who_am_i())
    assert provider.asked == 2


def test_2_credentials_are_held_no_longer_than_the_token_request(
    make_shell: Callable[..., Shell], answered: Service
) -> None:
    class Traced(ClientCredentials):
        """Credentials whose end can be seen."""

        __slots__ = ("__weakref__",)

    given: list[weakref.ref[Traced]] = []

    class Once:
        def get_credentials(self) -> ClientCredentials:
            credentials = Traced("tenant", "client", SECRET)
            given.append(weakref.ref(credentials))
            return credentials

    shell = make_shell(credentials=Once())
    shell(shell.portal.who_am_i())
    gc.collect()
    assert [reference() for reference in given] == [None]


def test_3_a_new_token_is_fetched_within_60_s_of_expiry(shell: Shell, answered: Service, clock: Clock) -> None:
    answered.token_answers = [token(expires_in=3600)]
    for moment, fetched in ((0, 1), (3539, 1), (3541, 2)):
        clock.now = 1000 + moment
        shell(shell.portal.who_am_i())
        assert len(answered.token_requests) == fetched


def test_3_a_token_fetch_over_2_s_fails_with_the_network_error_code(
    shell: Shell, answered: Service, clock: Clock
) -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        clock.now += 2.01
        return token()

    answered.token_answers = [slow]
    with pytest.raises(NetworkError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.code is ErrorCode.NETWORK_ERROR


@pytest.mark.parametrize("given", ["job-7", UUID(int=7), lambda: "job-7", lambda: UUID(int=7)])
def test_4_every_request_carries_a_token_and_a_correlation_id(
    given: Any, make_shell: Callable[..., Shell], answered: Service
) -> None:
    shell = make_shell(correlation_id=given)
    shell(shell.portal.who_am_i())
    (request,) = answered.requests
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.headers["x-correlation-id"] == str(given() if callable(given) else given)


def test_4_the_correlation_id_is_new_for_each_call_and_the_same_for_each_attempt(
    shell: Shell, service: Service
) -> None:
    service.answer(problem(503), httpx2.Response(200, json={}))
    shell(shell.portal.who_am_i())
    shell(shell.portal.who_am_i())
    first, again, second = (request.headers["x-correlation-id"] for request in service.requests)
    assert first == again != second


def test_4_a_correlation_id_that_cannot_be_sent_is_an_invalid_request(
    make_shell: Callable[..., Shell], answered: Service
) -> None:
    shell = make_shell(correlation_id=lambda: "Kåre\r\n")
    with pytest.raises(InvalidRequestError, match="correlation_id"):
        shell(shell.portal.who_am_i())
    assert answered.requests == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_5_passing_failures_are_retried_twice_by_default(
    status: int, shell: Shell, service: Service, clock: Clock
) -> None:
    service.answer(problem(status))
    with pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.who_am_i())
    assert (caught.value.attempts, clock.slept) == (3, [1.0, 2.0])


def test_5_three_503s_in_a_row_end_in_the_server_error_code(shell: Shell, service: Service) -> None:
    service.answer(problem(503), problem(503), problem(503), httpx2.Response(200, json={}))
    with pytest.raises(ServerError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.code is ErrorCode.SERVER_ERROR


def test_5_retry_after_wins(shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(problem(429, Retry_After="12"), httpx2.Response(200, json={}))
    shell(shell.portal.who_am_i())
    assert clock.slept == [12.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_5_mistakes_fail_at_once(status: int, shell: Shell, service: Service, clock: Clock) -> None:
    service.answer(problem(status))
    with pytest.raises(DynamicsPortalClientException):
        shell(shell.portal.who_am_i())
    assert (len(service.requests), clock.slept) == (1, [])


def test_6_each_attempt_and_each_call_is_logged_at_debug_level(
    shell: Shell, service: Service, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        clock.now += 0.25
        return httpx2.Response(200, headers={"x-ms-service-request-id": "1f-1"}, json={"value": []})

    service.answer(problem(503), slow)
    with caplog.at_level(logging.DEBUG, logger="dynamics_portal"):
        shell(shell.portal.contacts.list(filter="emailaddress1 eq 'kari@example.org'"))
    fetched, failed, answered, whole = (vars(record) for record in caplog.records)
    assert fetched["url"] == "https://login.microsoftonline.com/***"
    assert (failed["status"], failed["attempt"]) == (503, 1)
    assert (answered["method"], answered["status"], answered["attempt"], answered["duration_ms"]) == (
        "GET",
        200,
        2,
        250,
    )
    assert answered["request_id"] == "1f-1"
    assert answered["url"].endswith("/contacts?$filter=***")
    assert answered["correlation_id"] == service.last.headers["x-correlation-id"]
    assert (whole["attempts"], whole["duration_ms"]) == (2, 1250)
    assert "kari" not in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


def test_6_nothing_is_formatted_while_the_level_is_off(
    shell: Shell, answered: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dynamics_portal._logging.redact_url", lambda url: pytest.fail("formatted"))
    with caplog.at_level(logging.INFO, logger="dynamics_portal"):
        shell(shell.portal.who_am_i())
    assert caplog.records == []


def test_6_a_call_without_a_token_is_logged_too(
    shell: Shell, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.token_answers = [httpx2.Response(401, json={"error": "invalid_client"})]
    with caplog.at_level(logging.DEBUG, logger="dynamics_portal"), pytest.raises(DynamicsPortalClientException):
        shell(shell.portal.who_am_i())
    assert [vars(record).get("fault") for record in caplog.records] == [None, "no token"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ErrorCode.INVALID_REQUEST),
        (401, ErrorCode.AUTH_FAILURE),
        (403, ErrorCode.FORBIDDEN),
        (404, ErrorCode.NOT_FOUND),
        (409, ErrorCode.CONFLICT),
        (412, ErrorCode.CONFLICT),
        (429, ErrorCode.RATE_LIMITED),
        (500, ErrorCode.SERVER_ERROR),
    ],
)
def test_7_the_exception_has_a_code(status: int, code: ErrorCode, shell: Shell, service: Service) -> None:
    service.answer(problem(status, "0xABC", "the server's text", x_ms_service_request_id="r-1"))
    with pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.who_am_i())
    error = caught.value
    assert (error.code, error.status_code, error.dynamics_code, error.message, error.request_id) == (
        code,
        status,
        "0xabc",
        "the server's text",
        "r-1",
    )
    assert error.correlation_id == service.last.headers["x-correlation-id"]


def test_7_dynamics_own_code_is_taken_into_account(shell: Shell, service: Service) -> None:
    service.answer(problem(400, "0x80040217"))
    with pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.code is ErrorCode.NOT_FOUND


class Supabase:
    """A supabase client as the Vault provider uses it: one remote procedure call gives the named secrets."""

    def __init__(self, asynchronous: bool) -> None:
        self.vault = {"dynamics_tenant_id": "tenant", "dynamics_client_id": "client", "dynamics_client_secret": SECRET}
        self.asked: list[str] = []
        self._asynchronous = asynchronous

    def rpc(self, function: str, arguments: dict[str, list[str]]) -> Supabase:
        self.asked.append(function)
        self._names = arguments["secret_names"]
        return self

    def execute(self) -> Any:
        found = [{"name": name, "secret": self.vault[name]} for name in self._names if name in self.vault]

        async def later() -> SimpleNamespace:
            return SimpleNamespace(data=found)

        return later() if self._asynchronous else SimpleNamespace(data=found)


@pytest.fixture
def supabase(client_class: Client) -> Supabase:
    return Supabase(asynchronous=issubclass(client_class, AsyncDynamicsPortalClient))


@pytest.fixture
def vault_shell(client_class: Client, make_shell: Callable[..., Shell], supabase: Supabase) -> Shell:
    asynchronous = issubclass(client_class, AsyncDynamicsPortalClient)
    provider: Any = AsyncVaultCredentialProvider if asynchronous else VaultCredentialProvider
    return make_shell(credentials=provider(client=supabase))


def test_8_secrets_come_from_supabase_vault(vault_shell: Shell, supabase: Supabase, answered: Service) -> None:
    assert vault_shell(vault_shell.portal.who_am_i()).user_id == MENTOR
    assert len(supabase.asked) == 1
    (request,) = answered.token_requests
    assert parse_qs(request.content.decode())["client_secret"] == [SECRET]


def test_8_no_secret_is_in_a_repr_an_exception_or_a_log(
    vault_shell: Shell, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer(problem(400, "0x0", f"{SECRET} token-1"))
    service.token_answers = [token(), httpx2.Response(401, json={"error": "invalid_client", "x": SECRET})]
    with caplog.at_level(1), pytest.raises(DynamicsPortalClientException) as caught:
        vault_shell(vault_shell.portal.who_am_i())
    shown = f"{vault_shell.portal!r} {caught.value} {caught.value!r} {caplog.text} {vars(caught.value)}"
    assert SECRET not in shown
    assert "token-1" not in shown + caught.value.message


def test_8_a_secret_that_vault_lacks_is_named(vault_shell: Shell, supabase: Supabase, answered: Service) -> None:
    del supabase.vault["dynamics_client_secret"]
    with pytest.raises(AuthFailureError, match="dynamics_client_secret"):
        vault_shell(vault_shell.portal.who_am_i())
    assert answered.token_requests == []


def test_9_a_no_op_implementation_takes_the_clients_place_behind_the_feature_flag(
    client_class: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make: Any = client_class
    portal = make.from_environment(environ={"DYNAMICS_PORTAL_ENABLED": "false"})
    assert type(portal) is make
    assert len(caplog.records) == 1
    shell = Shell(portal)
    shell(asyncio.sleep(0))  # an event loop has a pair of sockets of its own
    monkeypatch.setattr(socket, "socket", lambda *arguments, **keywords: pytest.fail("a socket was opened"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments: pytest.fail("a name was looked up"))
    assert shell(portal.contacts.list(filter="statecode eq 0")) == []
    new_id = shell(portal.contacts.create({"lastname": "Nordmann"}))
    shell(portal.contacts.update(new_id, {"lastname": "Hansen"}))
    assert [write.method for write in portal.recorded] == ["POST", "PATCH"]
    with pytest.raises(InvalidRequestError):
        shell(portal.contacts.create({"lastname": 7}))
    shell.close()


LEFT_OUT = ("ssl", "httpcore2", "anyio", "typer", "tenacity", "supabase", "dynamics_portal_api", "attrs")


def test_10_importing_it_brings_in_nothing_that_a_platform_may_lack() -> None:
    program = f"import sys, dynamics_portal; print([name for name in {LEFT_OUT} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_10_importing_the_clients_brings_in_no_more_than_httpx2_does() -> None:
    program = (
        "import sys, httpx2; before = set(sys.modules); "
        "from dynamics_portal import AsyncDynamicsPortalClient, DynamicsPortalClient; "
        f"print([name for name in {LEFT_OUT} if name in set(sys.modules) - before])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


WITHOUT = (
    *("anyio", "fcntl", "grp", "httpcore2", "mmap", "multiprocessing", "pwd", "resource", "ssl"),
    *("subprocess", "termios", "_ssl"),
)

IN_WEB_ASSEMBLY = f"""
import asyncio, sys, threading
import httpx2  # which has a build for WebAssembly, and asks for the platform when it is imported

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {WITHOUT!r}:
            raise ImportError(f"{{name}} is not there")

for name in list(sys.modules):
    if name.partition(".")[0] in {WITHOUT!r}:
        del sys.modules[name]
sys.meta_path.insert(0, Absent())

def no_thread(*arguments, **keywords):
    raise RuntimeError("can't start new thread")

threading._start_new_thread = no_thread
sys.platform = "emscripten"

from dynamics_portal import AsyncDynamicsPortalClient, DynamicsPortalClient, StaticCredentialProvider

def answer(request):
    if request.url.path.endswith("/token"):
        return httpx2.Response(200, json={{"access_token": "t", "expires_in": 3599}})
    if request.method == "GET":
        return httpx2.Response(200, json={{"value": [{{"contactid": "{MENTOR}", "lastname": "Nordmann"}}]}})
    failing = request.headers["x-correlation-id"] == "fail"
    return httpx2.Response(503 if failing else 204, headers={{"Retry-After": "0"}})

provider = StaticCredentialProvider(tenant_id="t", client_id="c", client_secret="s")
options = {{"transport": httpx2.MockTransport(answer), "deadline": 30}}

async def of_tasks():
    portal = AsyncDynamicsPortalClient("https://x.crm4.dynamics.com", provider, **options)
    names = [row.lastname async for row in portal.contacts.list(select=["lastname"])]
    await portal.contacts.create({{"lastname": "Hansen"}})
    await portal.aclose()
    return names

portal = DynamicsPortalClient("https://x.crm4.dynamics.com", provider, **options)
print([row.lastname for row in portal.contacts.list(select=["lastname"])], asyncio.run(of_tasks()))
print(type(portal.contacts.create({{"lastname": "Hansen"}})).__name__)
try:
    portal.with_options(correlation_id="fail").contacts.update("{MENTOR}", {{"lastname": "Hansen"}})
except Exception as error:
    print(type(error).__name__, error.attempts)
"""


def test_10_it_runs_where_there_are_neither_threads_nor_tls_nor_processes() -> None:
    done = subprocess.run([sys.executable, "-c", IN_WEB_ASSEMBLY], capture_output=True, text=True, check=False)
    assert done.stdout == "['Nordmann'] ['Nordmann']\nUUID\nServerError 3\n", done.stderr


def test_10_the_core_is_pure_python_and_so_is_what_it_needs() -> None:
    needed, files = ["dynamics-portal"], {}
    while needed:
        distribution = metadata.distribution(needed.pop())
        files[distribution.name] = distribution.files or []
        requirements = [Requirement(text) for text in distribution.requires or []]
        needed += [
            requirement.name
            for requirement in requirements
            if requirement.name not in files and (not requirement.marker or requirement.marker.evaluate({"extra": ""}))
        ]
    assert {"attrs", "httpx2", "tenacity"} <= set(files)
    assert [file for found in files.values() for file in found if file.suffix in (".so", ".pyd")] == []


def test_11_the_build_fails_where_less_than_90_percent_of_the_wrapper_is_covered() -> None:
    target = re.search(r"^test:.*\n\t(.*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert target is not None
    limit = re.search(r"pytest .*--cov .*--cov-fail-under (\d+)", target[1])
    assert limit is not None
    assert int(limit[1]) >= 90
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]["run"]
    assert settings["branch"]
    assert settings["source_pkgs"] == ["dynamics_portal"]


def test_11_the_readme_says_how_to_run_the_test_against_a_real_organisation() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Against a real organisation") :]
    for word in ("DYNAMICS_BASE_URL", "DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET"):
        assert word in section
    assert "pytest -m credentials" in section
