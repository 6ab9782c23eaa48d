"""Record the scenarios of `tests/replay` to `cassettes/`: `make record`.

    python -m tools.record                          against the emulator: the same bytes in every run
    python -m tools.record --organisation           what only reads, against the organisation of DYNAMICS_*
    python -m tools.record --organisation --writes  what makes rows and removes them, too

What is written is scrubbed on the way and then searched once more: a cassette that holds anything unscrubbed, or one of
the credentials, is removed and ends the run with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.replay.scenarios import CASSETTES, KEEP, SCENARIOS, NothingToReadError, Scenario
from tests.unit.wrapper.support import Clock, Shell

from dynamics_portal import DynamicsPortalClient, RetryPolicy, StaticCredentialProvider, cassettes
from dynamics_portal_emulator.clock import Clock as EmulatedClock
from dynamics_portal_emulator.server import running_emulator

SPEC = CASSETTES.parent / "spec" / "hlf"
NOON = 1_767_268_800.0  # seconds since the epoch: 2026-01-01 12:00 UTC, when every recording takes place
CREDENTIALS = ("DYNAMICS_BASE_URL", "DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET")

Connect = Callable[[Scenario], Any]
"""Makes a client for a scenario."""


class UnsafeError(Exception):
    """A cassette that must not be kept."""


@contextmanager
def emulated() -> Iterator[tuple[Connect, Sequence[str]]]:
    """Clients of an emulator that stands still in time, and what of its secrets no cassette may hold."""
    with running_emulator(
        SPEC / "metadata.xml", choices=SPEC / "choices.json", clock=EmulatedClock(lambda: NOON)
    ) as emulator:

        def connect(scenario: Scenario) -> Any:
            emulator.reset()
            scenario.prepare(emulator)
            clock = Clock()
            provider = StaticCredentialProvider(
                tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
            )
            return DynamicsPortalClient(
                emulator.base_url,
                provider,
                authority=emulator.authority,
                ssl_context=emulator.ssl_context(),
                clock=clock,
                sleep=clock.sleep,
                retry=RetryPolicy(jitter=0),
            )

        yield connect, (emulator.tenant_id, emulator.client_id, emulator.client_secret, emulator.base_url)


@contextmanager
def organisation() -> Iterator[tuple[Connect, Sequence[str]]]:
    """Clients of the organisation that the environment names, and its credentials."""
    yield (
        lambda _: DynamicsPortalClient.from_environment(),
        [value for name in CREDENTIALS if (value := os.environ.get(name))],
    )


def record(scenario: Scenario, connect: Connect, secrets: Sequence[str], folder: Path) -> Path:
    """Run a scenario and write its cassette. Raises `UnsafeError` where it may not be kept."""
    target = folder / f"{scenario.name}.yaml"
    with tempfile.TemporaryDirectory(prefix="cassettes-") as scratch:
        path = Path(scratch) / target.name
        shell = Shell(connect(scenario))
        try:
            with cassettes.recorder(keep=KEEP, record_mode="once", record_on_exception=False).use_cassette(path):
                scenario.run(shell)
        finally:
            shell.close()
        content = path.read_bytes()
        found = cassettes.problems(path, keep=KEEP)
        found += ["one of the credentials is in it"] * any(secret.encode() in content for secret in secrets)
    if found:
        raise UnsafeError(f"{scenario.name}: {'; '.join(found)}")
    folder.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def chosen(names: Sequence[str], *, real: bool, writes: bool) -> list[Scenario]:
    """The scenarios of these names, or all, that may run. Raises `ValueError` for a name that none has."""
    unknown = set(names) - {scenario.name for scenario in SCENARIOS}
    if unknown:
        raise ValueError(f"no scenario is called {', '.join(sorted(unknown))}")
    wanted = [scenario for scenario in SCENARIOS if not names or scenario.name in names]
    return [item for item in wanted if not real or not (item.emulated or (item.writes and not writes))]


def record_all(scenarios: Sequence[Scenario], folder: Path, *, real: bool = False) -> list[str]:
    """Record them, and say what became of each that has no cassette. Raises `UnsafeError`."""
    left = []
    with organisation() if real else emulated() as (connect, secrets):
        for scenario in scenarios:
            try:
                record(scenario, connect, secrets, folder)
            except NothingToReadError:
                left.append(f"{scenario.name}: the organisation has no rows that it could read")
    return left


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.record", description="Record cassettes.")
    parser.add_argument("names", nargs="*", help="scenarios; all where none is named")
    parser.add_argument("--organisation", action="store_true", help="record the organisation of DYNAMICS_BASE_URL")
    parser.add_argument("--writes", action="store_true", help="scenarios that make and remove rows, too")
    parser.add_argument("-o", "--output", type=Path, default=CASSETTES, help="the folder to write to")
    given = parser.parse_args(arguments)
    if given.writes and not given.organisation:
        parser.error("--writes goes with --organisation; against the emulator every scenario is recorded")
    missing = [name for name in CREDENTIALS if not os.environ.get(name)]
    if given.organisation and missing:
        parser.error(f"--organisation needs credentials: set {', '.join(missing)}")
    try:
        scenarios = chosen(given.names, real=given.organisation, writes=given.writes)
        left = record_all(scenarios, given.output, real=given.organisation)
    except ValueError as error:
        parser.error(str(error))
    except UnsafeError as error:
        print(f"not kept: {error}", file=sys.stderr)
        return 1
    print(f"{len(scenarios) - len(left)} cassettes in {given.output}")
    print("\n".join(left), file=sys.stderr, end="\n" if left else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
