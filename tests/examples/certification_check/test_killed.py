"""A night over a large roster, killed at random twenty times, ends as if it had not been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from examples.certification_check.__main__ import AGAIN, DONE
from tests.conftest import PROJECT
from tests.examples.certification_check.roster import (
    TODAY,
    Made,
    Website,
    calls_made,
    calls_wanted,
    load,
    make_roster,
    rows_left,
)
from tests.supabase.postgres import Database

from dynamics_portal_emulator.app import LoggedRequest, RequestLog
from dynamics_portal_emulator.emulator import Emulator

MENTORS = int(os.environ.get("CERTIFICATION_CHECK_ROSTER", "100000"))
KILLS = 20
SEED = 20261125
BATCH_SECONDS = 60.0
_STARTS = 10 * KILLS  # more than it can take: a run that gets nowhere ends the test


class Tripwire(RequestLog):
    """A log of requests that says when so many have been answered."""

    def __init__(self) -> None:
        super().__init__()
        self._answered = 0
        self._limit = 0
        self.reached = threading.Event()

    def set(self, limit: int) -> None:
        self._limit = limit
        self.reached.clear()

    def add(self, entry: LoggedRequest) -> None:
        super().add(entry)
        self._answered += 1
        if self._answered >= self._limit:
            self.reached.set()


def start(emulator: Emulator, database: Database) -> subprocess.Popen[bytes]:
    """Start the job as a host does."""
    environ = {
        **os.environ,
        "CERTIFICATION_CHECK_DATABASE_URL": f"host={database.socket} dbname={database.name} user=authenticator",
        "DYNAMICS_BASE_URL": emulator.base_url,
        "DYNAMICS_AUTHORITY": emulator.authority,
        "DYNAMICS_TENANT_ID": emulator.tenant_id,
        "DYNAMICS_CLIENT_ID": emulator.client_id,
        "DYNAMICS_CLIENT_SECRET": emulator.client_secret,
    }
    command = [sys.executable, "-m", "examples.certification_check", "run", "--due-on", TODAY.isoformat()]
    command += ["--ca-file", str(emulator.ca_file), "--batch-seconds", str(BATCH_SECONDS)]
    return subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def cuts(calls: int, chance: random.Random) -> Iterator[int]:
    """After how many answers each kill is: anywhere in the night, the first ones before anything has been answered."""
    yield from sorted([0, 1, *chance.sample(range(2, calls * 9 // 10), KILLS - 2)])


def run_and_kill(emulator: Emulator, database: Database, calls: int) -> tuple[int, bytes]:
    """Run the job to its end; how often it was killed on the way, and what the last process said."""
    chance = random.Random(SEED)
    wire = emulator.log = Tripwire()
    limits = [*cuts(calls, chance)]
    for _ in range(_STARTS):
        process = start(emulator, database)
        if not limits:
            said, _ = process.communicate()
        else:
            wire.set(limits[0])
            while not wire.reached.wait(0.05) and process.poll() is None:
                pass
            _let_pass(chance.uniform(0, 0.6 if limits[0] == 0 else 0.015))
            process.kill()
            said, _ = process.communicate()
        if process.returncode == DONE:
            return KILLS - len(limits), said
        assert process.returncode in (AGAIN, -signal.SIGKILL)
        if process.returncode != AGAIN:
            limits.pop(0)
    raise AssertionError("the run gets nowhere")


def _let_pass(seconds: float) -> None:
    """Let the job go on for a moment, so that it is killed in the middle of anything."""
    threading.Event().wait(seconds)


def note(database: Database, roster: list[Made]) -> None:
    """Let the job have paused those mentors of whom the roster says so."""
    with (
        database.connect() as connection,
        connection.cursor() as cursor,
        cursor.copy("copy certification_check.pauses from stdin") as copy,
    ):
        for made in roster:
            if made.noted:
                copy.write_row(("hlf", made.id, *made.noted))


@pytest.mark.slow
def test_a_night_that_is_killed_twenty_times_does_everything_once(
    emulator: Emulator, website: Website, database: Database
) -> None:
    roster = make_roster(MENTORS, SEED)
    load(emulator, (made.row() for made in roster))
    note(database, roster)
    wanted = calls_wanted(roster)
    began = time.monotonic()
    killed, said = run_and_kill(emulator, database, len(wanted))
    took = time.monotonic() - began

    assert killed == KILLS
    assert calls_made(emulator, website) == wanted
    left = rows_left(emulator)
    assert len(left) == len(roster)
    assert [made.sort for made in roster if left[str(made.id)] != made.left()] == []

    kept = database.run("select mentor_id, certification_expires_on, days from certification_check.notices")
    assert Counter(kept) == Counter((made.id, made.expires_on, made.notice) for made in roster if made.notice)
    steps = database.run("select mentor_id, state from certification_check.steps")
    assert Counter(steps) == Counter((made.id, "done") for made in roster if made.calls)
    assert database.run("select count(*) from certification_check.failures where resolved_at is null") == [(0,)]

    [(state, report)] = database.run("select state, report from certification_check.runs")
    assert state == "finished"
    assert_tells(report, roster)
    assert said.decode().count("\n") == 1
    [(longest, batches)] = database.run("select max(seconds), count(*) from certification_check.batches")
    assert longest <= BATCH_SECONDS
    print(f"\n{MENTORS} mentors, {killed} kills, {took:.0f} s, {batches} batches, the longest {longest} s")


def assert_tells(report: dict[str, Any], roster: list[Made]) -> None:
    """The one report tells of the whole night."""
    sorts = Counter(made.sort for made in roster)
    notices = Counter(made.notice for made in roster)
    assert report["paused"] == sorts["expired"] + sorts["expired, not shown"]
    assert report["hidden"] == sorts["still shown"]
    assert report["restored"] == sorts["renewed"] + sorts["renewed, not shown before"]
    assert [report[f"notices_{days}"] for days in (60, 30, 7)] == [notices[60], notices[30], notices[7]]
    assert (report["left_to_do"], report["open_failures"], report["dry_run"]) == (0, 0, False)
    assert report["attempts"] > KILLS // 2
