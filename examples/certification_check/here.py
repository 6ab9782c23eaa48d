"""Runs the check here: a night that only tells, a night, a renewal and the night after, on a PostgreSQL and an emulated
Dynamics that are thrown away. It needs a checkout of the project, and PostgreSQL's server."""

from __future__ import annotations

import datetime as dt
import sys

from tests.conftest import PROJECT
from tests.examples.certification_check.roster import TODAY, Website, load, make_roster, stored
from tests.supabase.postgres import running_cluster

from dynamics_portal_emulator import running_emulator

from .__main__ import DATABASE, DONE, main

MENTORS = 2000
SPEC = PROJECT / "spec" / "hlf"


def here() -> int:
    """Runs the nights and returns the first exit code that is not 0, or 0."""
    roster = make_roster(MENTORS, seed=1)
    with (
        running_cluster() as cluster,
        running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json") as emulator,
    ):
        load(emulator, (made.row() for made in roster))
        Website(emulator)
        database = cluster.database()
        environ = {
            DATABASE: f"host={database.socket} dbname={database.name} user=authenticator",
            "DYNAMICS_BASE_URL": emulator.base_url,
            "DYNAMICS_AUTHORITY": emulator.authority,
            "DYNAMICS_TENANT_ID": emulator.tenant_id,
            "DYNAMICS_CLIENT_ID": emulator.client_id,
            "DYNAMICS_CLIENT_SECRET": emulator.client_secret,
        }

        def night(day: dt.date, *options: str) -> int:
            return main(["run", "--due-on", day.isoformat(), "--ca-file", str(emulator.ca_file), *options], environ)

        codes = [night(TODAY, "--dry-run"), night(TODAY)]
        expired = [made for made in roster if made.sort == "expired"]
        for made in expired[:3]:
            renewed = (TODAY + dt.timedelta(days=730)).isoformat()
            emulator.service.writer.update(stored(emulator, str(made.id)), {"new_certification_expiry": renewed})
        sys.stdout.write("Three of the mentors who were paused renew their certification.\n")
        codes.append(night(TODAY + dt.timedelta(days=1)))
    return next((code for code in codes if code != DONE), DONE)


if __name__ == "__main__":
    raise SystemExit(here())
