"""The edge function in a real Deno, between an emulated Dynamics over TLS and Vault in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme
from examples.edge_function.build import FOLDER, MissingError, build
from examples.edge_function.here import (
    JWT_SECRET,
    MENTOR,
    ORGANISATION,
    SPEC,
    Function,
    access_token,
    running_function,
    trust,
    trusted_config,
)
from tests.supabase.postgres import running_cluster
from tests.supabase.postgrest import Supabase, running_supabase

from dynamics_portal_demo.portal_side import ACTION, Website
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

REASON = "Certification expired on Friday"
SURNAME = "Nordmann-Planted"
PLANTED = "a-key-in-the-environment-of-the-build"


@pytest.fixture(scope="session")
def folder() -> Path:
    """What is deployed, built anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUPABASE_SERVICE_ROLE_KEY", PLANTED)
        try:
            return build(FOLDER)
        except MissingError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def website() -> Website:
    return Website([MENTOR])


@pytest.fixture(scope="session")
def shared_dynamics(website: Website) -> Iterator[Emulator]:
    mentor = {"contactid": str(MENTOR), "lastname": SURNAME}
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json", data={"contacts": [mentor]}) as running:
        running.on_action(ACTION, website.answer)
        yield running


@pytest.fixture
def dynamics(shared_dynamics: Emulator) -> Iterator[Emulator]:
    """Dynamics, which has not been asked and does not fail. Its tokens stay: the function keeps the one that it has."""
    shared_dynamics.log.clear()
    yield shared_dynamics
    shared_dynamics.faults.clear()


@pytest.fixture(scope="session")
def supabase(shared_dynamics: Emulator, authority: trustme.CA) -> Iterator[Supabase]:
    """A project with the three secrets in its Vault."""
    with running_cluster() as cluster:
        database = cluster.database()
        for what in ("tenant_id", "client_id", "client_secret"):
            database.set_secret(f"dynamics_{what}", getattr(shared_dynamics, what))
        with running_supabase(database, trusted_config(authority)) as running:
            yield running


@pytest.fixture(scope="session")
def environment(shared_dynamics: Emulator, supabase: Supabase) -> dict[str, str]:
    return {
        "DYNAMICS_BASE_URL": shared_dynamics.base_url,
        "DYNAMICS_AUTHORITY": shared_dynamics.authority,
        "SUPABASE_URL": supabase.url,
        "SUPABASE_SERVICE_ROLE_KEY": supabase.service_role_key,
        "JWT_SECRET": JWT_SECRET,
        "ORGANISATION": ORGANISATION,
        "LOG_LEVEL": "DEBUG",
    }


@pytest.fixture(scope="session")
def run(
    folder: Path,
    environment: dict[str, str],
    shared_dynamics: Emulator,
    authority: trustme.CA,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Function]]:
    """Starts the function, with other settings; `None` leaves one out."""
    assert shared_dynamics.ca_file is not None
    path = tmp_path_factory.mktemp("edge") / "ca.pem"
    ca_file = trust(path, authority.cert_pem.bytes(), shared_dynamics.ca_file.read_bytes())
    with ExitStack() as stack:

        def start(**changes: str | None) -> Function:
            kept = {name: value for name, value in {**environment, **changes}.items() if value is not None}
            return stack.enter_context(running_function(folder, kept, ca_file))

        yield start


@pytest.fixture(scope="session")
def shared_function(run: Callable[..., Function]) -> Function:
    return run()


@pytest.fixture
def function(shared_function: Function) -> Function:
    """The function, which has logged nothing in this test."""
    shared_function.lines.clear()
    return shared_function


@pytest.fixture
def send(function: Function, supabase: Supabase) -> Callable[..., httpx2.Response]:
    """Sends a good request, with a body, headers or a method of one's own."""
    return sender(function, supabase.url)


def sender(function: Function, supabase_url: str) -> Callable[..., httpx2.Response]:
    token = access_token(supabase_url)

    def send(method: str = "POST", content: Any = None, headers: dict[str, str] | None = None, **changes: Any) -> Any:
        body = {"mentor_id": str(MENTOR), "visible": True, "reason": REASON, **changes}
        given = {"json": body} if content is None else {"content": content}
        sent = {"authorization": f"Bearer {token}", "content-type": "application/json", **(headers or {})}
        return httpx2.request(method, function.url, headers=sent, timeout=60, **given)

    return send
