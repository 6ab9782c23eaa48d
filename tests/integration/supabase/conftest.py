"""A Supabase project: a real PostgreSQL with the migrations applied, and its Data API."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.console import Console
from rich.traceback import Traceback
from tests.supabase.postgres import Cluster, Database, running_cluster
from tests.supabase.postgrest import Supabase, running_supabase

from dynamics_portal import AsyncVaultCredentialProvider, ClientCredentials, VaultCredentialProvider

Provider = type[VaultCredentialProvider] | type[AsyncVaultCredentialProvider]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def shared_database(cluster: Cluster) -> Database:
    return cluster.database()


@pytest.fixture
def database(shared_database: Database) -> Database:
    """A project with an empty Vault. Copying one takes a third of a second, so tests that only fill Vault share it."""
    shared_database.run("truncate vault.secrets")
    return shared_database


@pytest.fixture
def own_database(cluster: Cluster) -> Database:
    """A project whose objects and grants a test may change."""
    return cluster.database()


@pytest.fixture(scope="session")
def shared_supabase(shared_database: Database) -> Iterator[Supabase]:
    with running_supabase(shared_database) as running:
        yield running


@pytest.fixture
def supabase(database: Database, shared_supabase: Supabase) -> Iterator[Supabase]:
    """The project's Data API, which has not been called."""
    yield shared_supabase
    shared_supabase.reset()


@pytest.fixture(params=[VaultCredentialProvider, AsyncVaultCredentialProvider], ids=["sync", "async"])
def provider_class(request: pytest.FixtureRequest) -> Provider:
    provider: Provider = request.param
    return provider


@pytest.fixture
def make_provider(provider_class: Provider, supabase: Supabase) -> Callable[..., Any]:
    """Makes a provider on the project, with keywords of one's own."""

    def make(**keywords: Any) -> Any:
        url, key = keywords.pop("url", supabase.url), keywords.pop("key", supabase.service_role_key)
        return provider_class(url, key, **keywords)

    return make


def ask(provider: Any) -> ClientCredentials:
    """What a provider gives, awaited where it has to be."""

    async def awaited(value: Any) -> Any:
        return await value

    value = provider.get_credentials()
    found: ClientCredentials = asyncio.run(awaited(value)) if inspect.isawaitable(value) else value
    return found


SECRETS = {
    "dynamics_tenant_id": "tenant-0001-planted",
    "dynamics_client_id": "client-0001-planted",
    "dynamics_client_secret": "s3cr3t-that-nobody-may-see",
}


@pytest.fixture
def secrets(database: Database) -> dict[str, str]:
    """The three secrets, put into Vault."""
    return fill(database)


def printed(error: BaseException, function: str) -> str:
    """What a printer of tracebacks shows of an exception from a function's frame on, with all variables: the frames of
    the test before it know what was planted."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_name != function:
        traceback = traceback.tb_next
    assert traceback is not None
    console = Console(record=True, width=200, file=io.StringIO())
    shown = Traceback.from_exception(
        type(error), error, traceback, show_locals=True, locals_max_length=99, locals_max_string=9999
    )
    console.print(shown)
    return console.export_text()


def fill(database: Database, **others: str) -> dict[str, str]:
    """Put the three secrets into Vault, some of them with another text."""
    filled = {**SECRETS, **others}
    for name, secret in filled.items():
        database.set_secret(name, secret)
    return filled
