"""Playing: either client on a cassette, and no socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.replay.scenarios import KEEP
from tests.unit.wrapper.support import Client, Clock, Shell

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AsyncPortalClient,
    DynamicsPortalClient,
    RetryPolicy,
    StaticCredentialProvider,
    cassettes,
)


@pytest.fixture(params=[DynamicsPortalClient, AsyncDynamicsPortalClient], ids=["sync", "async"])
def client_class(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    return client


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and every look-up of a name, to this machine as well."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("what plays a cassette opened a socket")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@contextmanager
def playing(path: Path, client: Client) -> Iterator[Shell]:
    """A driven client on a cassette, with credentials that no service ever gave. Fails where an answer is left over."""
    clock = Clock()
    provider = StaticCredentialProvider(tenant_id="no-tenant", client_id="no-client", client_secret="no-secret")
    options: dict[str, Any] = {
        "clock": clock,
        "sleep": clock.async_sleep if issubclass(client, AsyncPortalClient) else clock.sleep,
        "retry": RetryPolicy(jitter=0),
    }
    with cassettes.recorder(keep=KEEP).use_cassette(path) as cassette:
        shell = Shell(client(cassettes.BASE_URL, provider, **options))
        try:
            yield shell
        finally:
            shell.close()
        assert cassette.all_played, f"{len(cassette) - cassette.play_count} answers of {path.name} were not asked for"
