"""An emulator of HLF's organisation over real TLS, and either client on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import shared_data
from tests.packages import DYNAMICS
from tests.unit.wrapper.support import Client, Clock, Shell

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AsyncPortalClient,
    DynamicsPortalClient,
    RetryPolicy,
    StaticCredentialProvider,
)
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

SPEC = Path(__file__).resolve().parents[3] / "spec" / "hlf"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json") as running:
        yield running


@pytest.fixture(scope="module")
def whole_organisation() -> Iterator[Emulator]:
    """An emulator of a real organisation, with all of its tables and operations."""
    with running_emulator(shared_data("metadata", DYNAMICS)) as running:
        yield running


@pytest.fixture(params=[DynamicsPortalClient, AsyncDynamicsPortalClient], ids=["sync", "async"])
def client_class(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    return client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connect(client_class: Client, emulator: Emulator, clock: Clock) -> Iterator[Callable[..., Shell]]:
    """Makes a driven client on the emulator, with keywords of one's own; waiting between attempts takes no time."""
    shells: list[Shell] = []

    def make(**options: Any) -> Shell:
        provider = StaticCredentialProvider(
            tenant_id=emulator.tenant_id,
            client_id=emulator.client_id,
            client_secret=options.pop("client_secret", emulator.client_secret),
        )
        keywords: dict[str, Any] = {
            "authority": emulator.authority,
            "ssl_context": emulator.ssl_context(),
            "clock": clock,
            "sleep": clock.async_sleep if issubclass(client_class, AsyncPortalClient) else clock.sleep,
            "retry": RetryPolicy(jitter=0),
            **options,
        }
        shells.append(Shell(client_class(emulator.base_url, provider, **keywords)))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


@pytest.fixture
def shell(connect: Callable[..., Shell]) -> Shell:
    return connect()


@pytest.fixture
def portal(shell: Shell) -> Any:
    """The client that `shell` drives."""
    return shell.portal
