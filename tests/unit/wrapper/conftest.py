"""Fixtures of the wrapper's tests. What uses `shell` runs twice, once for each client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.unit.wrapper.support import Client, Clock, Service, Shell, make_portal

from dynamics_portal import AsyncDynamicsPortalClient, DynamicsPortalClient


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(params=[DynamicsPortalClient, AsyncDynamicsPortalClient], ids=["sync", "async"])
def client_class(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    return client


@pytest.fixture
def make_shell(client_class: Client, service: Service, clock: Clock) -> Iterator[Callable[..., Shell]]:
    """Makes a driven client with keywords of one's own."""
    shells: list[Shell] = []

    def make(**options: Any) -> Shell:
        shells.append(Shell(make_portal(client_class, service, clock, **options)))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


@pytest.fixture
def shell(make_shell: Callable[..., Shell]) -> Shell:
    return make_shell()


@pytest.fixture
def portal(shell: Shell) -> Any:
    """The client that `shell` drives."""
    return shell.portal
