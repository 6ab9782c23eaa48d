"""The job between a real PostgreSQL with the migrations applied and an emulated Dynamics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from typing import Any, Unpack

import psycopg
import pytest
from examples.certification_check.dynamics import WRITABLE
from examples.certification_check.job import Job, Limits
from examples.certification_check.store import Store
from tests.conftest import PROJECT
from tests.examples.certification_check.roster import TODAY, Website
from tests.supabase.postgres import Cluster, Database, has_library, running_cluster
from tests.unit.wrapper.support import Clock

from dynamics_portal import ClientOptions, DynamicsPortalClient, RetryPolicy, StaticCredentialProvider
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

SPEC = PROJECT / "spec" / "hlf"
PG_CRON, FIRST = "pg_cron", "project_1"
EVERY_MINUTE = ("each minute", "select certification_check.enqueue('each minute')")
_TABLES = ("batches", "pauses", "steps", "notices", "failures", "runs")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL. Where pg_cron is installed, it has the first database, set up as on Supabase, and a job that runs
    each minute: it has run by the time that a test asks for it."""
    if not has_library(PG_CRON):
        with running_cluster() as running:
            yield running
        return
    settings = [f"shared_preload_libraries={PG_CRON}", f"cron.database_name={FIRST}", "cron.use_background_workers=on"]
    with running_cluster(*settings) as running:
        first = running.database()
        assert first.name == FIRST
        first.run("create extension pg_cron; grant usage on schema cron to postgres")
        first.run("select cron.schedule(%s, '* * * * *', %s)", EVERY_MINUTE, user="postgres")
        yield running


@pytest.fixture(scope="session")
def cron_database(cluster: Cluster) -> Database:
    """pg_cron's database. Skips the test where there is no pg_cron."""
    if not has_library(PG_CRON):
        pytest.skip("needs pg_cron (Debian's package postgresql-15-cron)")
    return cluster.named(FIRST)


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
def connect(emulator: Emulator) -> Iterator[Callable[..., DynamicsPortalClient]]:
    """Makes a client on the emulator, with keywords of one's own."""
    with ExitStack() as stack:

        def make(**keywords: Unpack[ClientOptions]) -> DynamicsPortalClient:
            provider = StaticCredentialProvider(
                tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
            )
            options: ClientOptions = {
                "authority": emulator.authority,
                "ssl_context": emulator.ssl_context(),
                "writable": WRITABLE,
                **keywords,
            }
            return stack.enter_context(DynamicsPortalClient(emulator.base_url, provider, **options))

        yield make


@pytest.fixture
def portal(connect: Callable[..., DynamicsPortalClient], clock: Clock) -> DynamicsPortalClient:
    """A client for which waiting between attempts takes no time."""
    return connect(clock=clock, sleep=clock.sleep, retry=RetryPolicy(jitter=0))


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

    def run(
        due_on: date = TODAY, *, limits: Limits | None = None, dry_run: bool = False, enabled: bool = True
    ) -> list[dict[str, Any]]:
        store.enqueue("hlf", due_on=due_on, dry_run=dry_run)
        job = Job(portal, store, limits or Limits(page_size=50), clock=clock, enabled=enabled)
        return job.work(dry_runs_only=dry_run)

    return run
