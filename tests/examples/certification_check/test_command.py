"""The command: what it prints, its exit codes, and what it says of a setting that cannot be used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest
from examples.certification_check import here
from examples.certification_check.__main__ import AGAIN, DATABASE, DONE, FAILED, UNUSABLE, main
from tests.conftest import PROJECT
from tests.examples.certification_check.roster import TODAY, YESTERDAY, Made, Website, calls_made
from tests.supabase.postgres import Cluster, Database

from dynamics_portal_emulator.emulator import Emulator

README = PROJECT / "examples" / "certification_check" / "README.md"


@pytest.fixture
def environ(emulator: Emulator, database: Database) -> dict[str, str]:
    return {
        DATABASE: f"host={database.socket} dbname={database.name} user=authenticator",
        "DYNAMICS_BASE_URL": emulator.base_url,
        "DYNAMICS_AUTHORITY": emulator.authority,
        "DYNAMICS_TENANT_ID": emulator.tenant_id,
        "DYNAMICS_CLIENT_ID": emulator.client_id,
        "DYNAMICS_CLIENT_SECRET": emulator.client_secret,
    }


@pytest.fixture
def mentor(emulator: Emulator) -> Made:
    made = Made("expired", expires_on=YESTERDAY)
    emulator.seed("contacts", [made.row()])
    return made


def run(emulator: Emulator, environ: Mapping[str, str], *options: str) -> int:
    trust = ["--ca-file", str(emulator.ca_file)]
    return main(["run", "--due-on", TODAY.isoformat(), *trust, *options], environ)


def test_a_night_is_told_in_a_line(
    emulator: Emulator,
    website: Website,
    environ: dict[str, str],
    mentor: Made,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(emulator, environ) == DONE
    assert capsys.readouterr().out == (
        "2026-11-25 hlf: 1 mentors read; paused 1, hidden 0, restored 0, noted 0, 0 and 0 with 60, 30 and 7 days left; "
        "steps left to do: 0, open failures: 0\n"
    )


@pytest.mark.parametrize("flag", ["CERTIFICATION_CHECK_ENABLED", "--dry-run"])
def test_without_the_flag_it_says_what_it_would_have_done(
    emulator: Emulator,
    website: Website,
    environ: dict[str, str],
    mentor: Made,
    flag: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = [flag] if flag.startswith("--") else []
    assert run(emulator, environ | {flag: "false"}, *options) == DONE
    assert "would have paused 1" in capsys.readouterr().out
    assert calls_made(emulator, website) == {}


def test_with_the_portal_switched_off_it_runs_through_without_a_call(
    emulator: Emulator, environ: dict[str, str], mentor: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(emulator, environ | {"DYNAMICS_PORTAL_ENABLED": "false"}) == DONE
    assert "0 mentors read; would have paused 0" in capsys.readouterr().out
    assert emulator.requests == ()


def test_a_failure_that_is_open_and_a_run_that_is_not_finished_have_exit_codes(
    emulator: Emulator, website: Website, environ: dict[str, str], mentor: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.faults.add(status=401, times=9)
    assert run(emulator, environ) == AGAIN
    emulator.faults.clear()
    emulator.faults.add(status=400, method="PATCH")
    assert run(emulator, environ) == FAILED
    assert "steps left to do: 1, open failures: 1" in capsys.readouterr().out


def test_another_organisation_is_skipped(
    emulator: Emulator, environ: dict[str, str], mentor: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(emulator, environ, "--organisation", "another") == DONE
    assert capsys.readouterr().out == "2026-11-25 another: skipped, for its mentors are not in this Dynamics\n"


@pytest.mark.parametrize(
    ("changed", "options", "said"),
    [
        ({DATABASE: ""}, (), f"set {DATABASE}"),
        ({DATABASE: "host=/nowhere password=hunter2"}, (), "cannot connect to the database"),
        ({"DYNAMICS_CLIENT_SECRET": ""}, (), "DYNAMICS_CLIENT_SECRET"),
        ({"DYNAMICS_BASE_URL": "http://organisation.example"}, (), "https://"),
        ({}, ("--batch-seconds", "1"), "reserve_seconds"),
        ({}, ("--ca-file", "/nowhere/ca.pem"), "No such file"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(
    emulator: Emulator,
    environ: dict[str, str],
    changed: dict[str, str],
    options: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(emulator, environ | changed, *options) == UNUSABLE
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert "hunter2" not in told


def test_a_database_without_the_migrations_is_told_in_a_line(
    emulator: Emulator, environ: dict[str, str], cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = cluster.database(migrated=False)
    assert run(emulator, environ | {DATABASE: f"host={bare.socket} dbname={bare.name} user=authenticator"}) == UNUSABLE
    assert capsys.readouterr().err == (
        "certification_check: the database refuses, SQLSTATE 3F000: are the migrations applied?\n"
    )


def test_it_runs_here_as_the_readme_says(cluster: object) -> None:
    [command] = re.findall(r"^\.venv/bin/python (-m examples\.certification_check\.here)$", README.read_text(), re.M)
    assert here.__name__ == command.split()[1]
    done = subprocess.run(
        [sys.executable, *command.split()], cwd=PROJECT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == DONE, done.stderr
    told, real, _, following = done.stdout.splitlines()
    assert "would have paused 10" in told
    assert " paused 10, hidden 2, restored 0" in real
    assert "restored 3" in following
