"""An emulator, and data sources on it in this process. Nothing here starts Spark, or needs Java."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.packages import Package, Packages, packages
from tests.unit.generator.kinds import KIND_CHOICES, KINDS

from dynamics_portal import PortalClient, StaticCredentialProvider
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

__all__ = ["packages"]

SPEC = Path(__file__).resolve().parents[3] / "spec" / "hlf"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json") as running:
        yield running


@pytest.fixture(scope="module")
def kinds(packages: Packages) -> Package:
    """A package with a table that has a column of each kind."""
    return packages.of_csdl("spark_kinds_api", KINDS, KIND_CHOICES)


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Callable[[Emulator], str]:
    """Makes an option `credentials` of an emulator's."""

    def make(emulator: Emulator) -> str:
        provider = StaticCredentialProvider(
            tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
        )
        monkeypatch.setattr("dynamics_portal.credentials.given_for_a_test", lambda: provider, raising=False)
        return "dynamics_portal.credentials:given_for_a_test"

    return make


@pytest.fixture
def source(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Makes a data source on the emulator's contacts, whose credentials are in the environment."""
    from dynamics_portal.spark import DataverseSource
    from dynamics_portal.spark import _connection as connections

    for name, value in {
        "DYNAMICS_BASE_URL": emulator.base_url,
        "DYNAMICS_AUTHORITY": emulator.authority,
        "DYNAMICS_TENANT_ID": emulator.tenant_id,
        "DYNAMICS_CLIENT_ID": emulator.client_id,
        "DYNAMICS_CLIENT_SECRET": emulator.client_secret,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DYNAMICS_PORTAL_ENABLED", raising=False)
    made: dict[Any, PortalClient] = {}
    monkeypatch.setattr(connections, "_clients", made)
    yield lambda **options: DataverseSource({"table": "contacts", "ca_file": str(emulator.ca_file), **options})
    for portal in made.values():
        portal.close()
