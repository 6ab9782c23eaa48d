"""The job between a real PostgreSQL with the migrations applied and an emulated Dynamics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from examples.certification_check.dynamics import WRITABLE
from examples.certification_check.job import Job, Limits
from examples.certification_check.store import Store
from tests.conftest import PROJECT
from tests.examples.certification_check.roster import TODAY, Website
from tests.supabase.postgres import Cluster, Database, running_cluster
from tests.unit.wrapper.support import Clock

from dynamics_portal import DynamicsPortalClient, RetryPolicy, StaticCredentialProvider
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

SPEC = PROJECT / "spec" / "hlf"
_TABLES = ("batches", "pauses", "steps", "notices", "failures", "runs")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def shared_database(cluster: Cluster) -> Database:
    return cluster.database()


@pytest.fixture
def database(shared_database: Database) -> Database:
    """A project on which the job has never run."""
    shared_database.run(f"truncate {', '.join(f'certification_check.{name}' for name in _TABLES)} restart identity")
    return shared_database


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json") as running:
        yield running


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Iterator[Emulator]:
    yield shared_emulator
    shared_emulator.reset()


@pytest.fixture
def website(emulator: Emulator) -> Website:
    return Website(emulator)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal(emulator: Emulator, clock: Clock) -> Iterator[DynamicsPortalClient]:
    provider = StaticCredentialProvider(
        tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
    )
    with DynamicsPortalClient(
        emulator.base_url,
        provider,
        authority=emulator.authority,
        ssl_context=emulator.ssl_context(),
        clock=clock,
        sleep=clock.sleep,
        retry=RetryPolicy(jitter=0),
        writable=WRITABLE,
    ) as made:
        yield made


@pytest.fixture
def open_store(database: Database) -> Iterator[Callable[[], Store]]:
    """Opens a store, as a process of the job's does."""
    opened: list[Store] = []

    def make() -> Store:
        opened.append(Store(psycopg.connect(host=str(database.socket), dbname=database.name, user="authenticator")))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


@pytest.fixture
def night(portal: DynamicsPortalClient, store: Store, clock: Clock) -> Callable[..., list[dict[str, Any]]]:
    """Queues the run of a day, by default of the roster's today, and works off what is queued."""

    def run(due_on: Any = TODAY, *, limits: Limits | None = None, **keywords: Any) -> list[dict[str, Any]]:
        store.enqueue("hlf", due_on=due_on)
        return Job(portal, store, limits or Limits(page_size=50), clock=clock, **keywords).work()

    return run
