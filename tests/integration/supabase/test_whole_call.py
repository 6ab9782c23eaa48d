"""From Vault to Dataverse: either client on an emulated organisation, with credentials from a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.conftest import PROJECT
from tests.supabase.postgres import Database
from tests.supabase.postgrest import Supabase
from tests.unit.wrapper.support import Client, Shell
from typer.testing import CliRunner, Result

from dynamics_portal import (
    AsyncChainedCredentialProvider,
    AsyncDynamicsPortalClient,
    AsyncVaultCredentialProvider,
    AuthFailureError,
    ChainedCredentialProvider,
    DynamicsPortalClient,
    InvalidRequestError,
    StaticCredentialProvider,
    VaultCredentialProvider,
)
from dynamics_portal.cli import fetch, whoami
from dynamics_portal_emulator import Emulator, running_emulator

SPEC = PROJECT / "spec" / "hlf"


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json") as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator, database: Database) -> Iterator[Emulator]:
    """An organisation whose credentials are in Vault."""
    running.reset()
    before = running.directory.client_secret
    database.set_secret("dynamics_tenant_id", running.tenant_id)
    database.set_secret("dynamics_client_id", running.client_id)
    database.set_secret("dynamics_client_secret", running.client_secret)
    yield running
    running.directory.client_secret = before


@pytest.fixture(params=["sync", "async", "sync provider in the async client"])
def kinds(request: pytest.FixtureRequest) -> tuple[Client, Any]:
    """A class of clients, and a class of providers that it takes."""
    asynchronous = AsyncVaultCredentialProvider if request.param == "async" else VaultCredentialProvider
    return (DynamicsPortalClient if request.param == "sync" else AsyncDynamicsPortalClient), asynchronous


@pytest.fixture
def connect(kinds: tuple[Client, Any], emulator: Emulator, supabase: Supabase) -> Iterator[Callable[..., Shell]]:
    """Makes a driven client whose credentials come from Vault."""
    shells: list[Shell] = []
    client, provider = kinds

    def make(credentials: Any = None) -> Shell:
        given = credentials or provider(supabase.url, supabase.service_role_key)
        trust = emulator.ssl_context()
        shells.append(Shell(client(emulator.base_url, given, authority=emulator.authority, ssl_context=trust)))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


def test_a_call_is_made_with_credentials_from_vault(connect: Callable[..., Shell], emulator: Emulator) -> None:
    shell = connect()
    assert str(shell(shell.portal.who_am_i()).user_id) == emulator.user_id


def test_vault_is_asked_once_for_each_token(
    connect: Callable[..., Shell], emulator: Emulator, supabase: Supabase
) -> None:
    shell = connect()
    for _ in range(3):
        shell(shell.portal.who_am_i())
    assert (len(supabase.calls), emulator.token_requests) == (1, 1)


def test_a_rotated_secret_is_used_for_the_next_token(
    connect: Callable[..., Shell], emulator: Emulator, supabase: Supabase, database: Database
) -> None:
    shell = connect()
    shell(shell.portal.who_am_i())
    emulator.directory.client_secret = "rotated-in-entra"
    database.set_secret("dynamics_client_secret", "rotated-in-entra")
    shell(shell.portal.who_am_i())  # the token is good until it expires
    assert len(supabase.calls) == 1
    emulator.expire_tokens()
    with pytest.raises(AuthFailureError):
        shell(shell.portal.who_am_i())  # a 401 is not retried; it drops the token
    assert shell(shell.portal.who_am_i()).user_id
    assert (len(supabase.calls), emulator.token_requests) == (2, 2)


def test_a_secret_that_was_rotated_while_it_was_asked_for_is_asked_for_once_more(
    connect: Callable[..., Shell], emulator: Emulator, supabase: Supabase
) -> None:
    def outdated(request: Request) -> Response:
        supabase.answer = None
        names = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id, "client_secret": "no-longer-good"}
        return JSONResponse([{"name": f"dynamics_{what}", "secret": secret} for what, secret in names.items()])

    supabase.answer = outdated
    shell = connect()
    assert shell(shell.portal.who_am_i()).user_id
    assert (len(supabase.calls), emulator.token_requests) == (1, 2)


def test_a_secret_that_entra_does_not_accept_is_asked_for_once_more_and_then_it_fails(
    connect: Callable[..., Shell], emulator: Emulator, supabase: Supabase, database: Database
) -> None:
    emulator.directory.client_secret = "rotated-in-entra-alone"
    shell = connect()
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.dynamics_code == "AADSTS7000215"
    assert len(supabase.calls) == 2
    database.set_secret("dynamics_client_secret", "rotated-in-entra-alone")
    assert shell(shell.portal.who_am_i()).user_id


def test_a_vault_that_has_no_secret_is_an_auth_failure_that_names_it(
    connect: Callable[..., Shell], emulator: Emulator, database: Database
) -> None:
    database.run("delete from vault.secrets where name = 'dynamics_client_secret'")
    shell = connect()
    with pytest.raises(AuthFailureError, match="Vault has no secret 'dynamics_client_secret'"):
        shell(shell.portal.who_am_i())
    assert emulator.token_requests == 0


def test_a_chain_goes_on_where_vault_has_nothing(
    connect: Callable[..., Shell], kinds: tuple[Client, Any], emulator: Emulator, supabase: Supabase, database: Database
) -> None:
    database.run("truncate vault.secrets")
    client, provider = kinds
    fallback = StaticCredentialProvider(
        tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
    )
    chain = ChainedCredentialProvider if client is DynamicsPortalClient else AsyncChainedCredentialProvider
    shell = connect(chain(provider(supabase.url, supabase.service_role_key), fallback))
    assert shell(shell.portal.who_am_i()).user_id


@pytest.fixture
def environ(emulator: Emulator, supabase: Supabase) -> dict[str, str]:
    return {
        "DYNAMICS_BASE_URL": emulator.base_url,
        "DYNAMICS_AUTHORITY": emulator.authority,
        "SUPABASE_URL": supabase.url,
        "SUPABASE_SERVICE_ROLE_KEY": supabase.service_role_key,
    }


UNUSED = dict.fromkeys(("DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET"), "not-used")
CLIENTS = pytest.mark.parametrize("client", [DynamicsPortalClient, AsyncDynamicsPortalClient])


@CLIENTS
@pytest.mark.parametrize("own", [{}, UNUSED], ids=["Vault alone", "both"])
def test_the_environment_leads_to_vault(
    own: dict[str, str], client: Client, environ: dict[str, str], emulator: Emulator
) -> None:
    shell = Shell(client.from_environment(environ={**environ, **own}, ssl_context=emulator.ssl_context()))
    assert str(shell(shell.portal.who_am_i()).user_id) == emulator.user_id
    shell.close()


@CLIENTS
@pytest.mark.parametrize("other", ["SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"])
def test_one_of_vaults_variables_alone_is_a_mistake_unless_the_credentials_are_there(
    other: str, client: Client, environ: dict[str, str], emulator: Emulator
) -> None:
    del environ[other]
    told = f"set {other} in the environment, for Vault, or DYNAMICS_TENANT_ID, DYNAMICS_CLIENT_ID and"
    with pytest.raises(InvalidRequestError, match=told):
        client.from_environment(environ=environ)
    for what in ("tenant_id", "client_id", "client_secret"):
        environ[f"DYNAMICS_{what.upper()}"] = getattr(emulator, what)
    shell = Shell(client.from_environment(environ=environ, ssl_context=emulator.ssl_context()))
    assert shell(shell.portal.who_am_i()).user_id
    shell.close()


def run(command: Callable[..., None], environ: dict[str, str], *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    unset = dict.fromkeys(("DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET", "DYNAMICS_SCOPE"), "")
    return CliRunner().invoke(app, list(arguments), env={**unset, **environ})


def test_the_commands_take_credentials_from_vault(environ: dict[str, str], emulator: Emulator, tmp_path: Any) -> None:
    trust = ("--ca-file", str(emulator.ca_file))
    done = run(whoami, environ, *trust)
    assert (done.exit_code, emulator.user_id in done.stdout) == (0, True)
    done = run(fetch, environ, *trust, "-o", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert tmp_path.joinpath("metadata.xml").read_bytes() == emulator.metadata_document


def test_a_command_says_what_is_wrong_with_vault(
    environ: dict[str, str], emulator: Emulator, database: Database
) -> None:
    database.run("truncate vault.secrets")
    done = run(whoami, environ, "--ca-file", str(emulator.ca_file))
    assert (done.exit_code, "Vault has no secret 'dynamics_tenant_id'" in done.stderr) == (1, True)
    assert environ["SUPABASE_SERVICE_ROLE_KEY"] not in done.output
