"""The database as the trigger: pg_cron, on a real PostgreSQL."""

from __future__ import annotations

import time

import pytest
from tests.conftest import PROJECT
from tests.examples.certification_check.conftest import EVERY_MINUTE
from tests.supabase.postgres import Database

SCHEDULE = PROJECT / "examples" / "certification_check" / "schedule.sql"
_A_MINUTE_AND_SOME = 90.0  # seconds


def test_the_schedule_queues_todays_run_once_however_often_it_fires(cron_database: Database) -> None:
    for _ in range(2):  # it may be applied again
        cron_database.run(SCHEDULE.read_text("utf-8"), user="postgres")
    [(schedule, command, database, user, active)] = cron_database.run(
        "select schedule, command, database, username, active from cron.job where jobname = 'certification-check'"
    )
    assert (schedule, database, user, active) == ("15 2 * * *", cron_database.name, "postgres", True)
    for _ in range(2):
        cron_database.run(command, user=user)
    queued = cron_database.run(
        "select state, dry_run, due_on = (now() at time zone 'Europe/Oslo')::date from certification_check.runs"
        " where organisation = 'hlf'"
    )
    assert queued == [("queued", False, True)]


def test_a_day_is_oslos_wherever_the_session_is(cron_database: Database) -> None:
    for number, zone in enumerate(("Pacific/Kiritimati", "Pacific/Pago_Pago")):
        with cron_database.connect("postgres") as connection:
            connection.execute("select set_config('TimeZone', %s, false)", (zone,))
            connection.execute("select certification_check.enqueue(%s)", (f"zone {number}",))
    days = cron_database.run(
        "select distinct due_on from certification_check.runs where organisation like 'zone %%'", ()
    )
    assert len(days) == 1


@pytest.mark.slow
def test_pg_cron_runs_what_it_was_told(cron_database: Database) -> None:
    deadline = time.monotonic() + _A_MINUTE_AND_SOME
    with cron_database.connect() as connection:
        connection.autocommit = True
        # The server waits, and looks again until a run has been noted; no test sleeps.
        ended = "select status, command from cron.job_run_details where end_time is not null"
        while not (found := connection.execute(ended).fetchall()) and time.monotonic() < deadline:
            connection.execute("select pg_sleep(0.5)")
    assert set(found) == {("succeeded", EVERY_MINUTE[1])}
    queued = cron_database.run("select state from certification_check.runs where organisation = 'each minute'")
    assert ("queued",) in queued
