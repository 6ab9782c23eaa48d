"""The command: queues today's run and works off what is queued, `work` only the latter. One line for each run.

Exit codes: 0 all is done; 1 all was tried, and some of it failed; 2 it cannot start; 75 some of it is left, so start it
again (EX_TEMPFAIL of sysexits.h).
"""

from __future__ import annotations

import argparse
import logging
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from dynamics_portal import DynamicsPortalClient, InvalidRequestError

from .dynamics import READ_ONLY, WRITABLE
from .job import Job, Limits, SuspendedError
from .policy import HLF
from .store import OvertakenError, Store

DATABASE = "CERTIFICATION_CHECK_DATABASE_URL"
FLAG = "CERTIFICATION_CHECK_ENABLED"
PORTAL_FLAG = "DYNAMICS_PORTAL_ENABLED"
DONE, FAILED, UNUSABLE, AGAIN = 0, 1, 2, 75


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Runs the command and returns its exit code."""
    asked = _parser().parse_args(arguments)
    if not environ.get(DATABASE):
        return _end(f"set {DATABASE}, the connection string of PostgreSQL", UNUSABLE)
    enabled = _is_on(environ, FLAG) and _is_on(environ, PORTAL_FLAG)
    try:
        limits = Limits(asked.batch_seconds, asked.run_seconds, asked.reserve_seconds, asked.page_size)
        trust = ssl.create_default_context(cafile=asked.ca_file) if asked.ca_file else None
        writable = WRITABLE if enabled and not asked.dry_run else READ_ONLY
        portal = DynamicsPortalClient.from_environment(environ=environ, ssl_context=trust, writable=writable)
    except (InvalidRequestError, ValueError, OSError) as error:
        return _end(str(error), UNUSABLE)
    with portal:
        return _with_store(portal, asked, limits, environ[DATABASE], enabled=enabled)


def _with_store(
    portal: DynamicsPortalClient, asked: argparse.Namespace, limits: Limits, url: str, *, enabled: bool
) -> int:
    try:
        store = Store.connect(url)
    except psycopg.Error:  # whose text may quote the connection string
        return _end(f"cannot connect to the database that {DATABASE} names as the service role", UNUSABLE)
    try:
        if asked.what == "run":
            store.enqueue(asked.organisation, dry_run=asked.dry_run, due_on=asked.due_on)
        reports = Job(portal, store, limits, enabled=enabled).work(dry_runs_only=asked.dry_run)
    except SuspendedError as reason:
        return _end(f"not finished: {reason}", AGAIN)
    except (OvertakenError, psycopg.OperationalError) as error:
        return _end(f"not finished: {type(error).__name__}", AGAIN)
    except psycopg.Error as error:
        return _end(f"the database refuses, SQLSTATE {error.sqlstate}: are the migrations applied?", UNUSABLE)
    finally:
        store.close()
    for report in reports:
        sys.stdout.write(f"{told(report)}\n")
    return FAILED if any(report.get("open_failures") for report in reports) else DONE


def told(report: Mapping[str, Any]) -> str:
    """A report as a sentence."""
    head = f"{report['due_on']} {report['organisation']}"
    if report.get("skipped"):
        return f"{head}: skipped, for its mentors are not in this Dynamics"
    have = "would have " if report["dry_run"] else ""
    return (
        f"{head}: {report['mentors']} mentors read; {have}paused {report['paused']}, hidden {report['hidden']}, "
        f"restored {report['restored']}, noted {report['notices_60']}, {report['notices_30']} and "
        f"{report['notices_7']} with 60, 30 and 7 days left; steps left to do: {report['left_to_do']}, "
        f"open failures: {report['open_failures']}"
    )


def _parser() -> argparse.ArgumentParser:
    usual = Limits()
    parser = argparse.ArgumentParser(prog="certification_check", description=__doc__, allow_abbrev=False)
    parser.add_argument("what", choices=("run", "work"), help="queue today's run and work, or work only")
    parser.add_argument("--organisation", default=HLF)
    parser.add_argument("--due-on", type=date.fromisoformat, help="the day to judge by; default: today in Oslo")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, and say what would be done")
    parser.add_argument("--batch-seconds", type=float, default=usual.batch_seconds)
    parser.add_argument("--run-seconds", type=float, default=usual.run_seconds)
    parser.add_argument("--reserve-seconds", type=float, default=usual.reserve_seconds)
    parser.add_argument("--page-size", type=int, default=usual.page_size)
    parser.add_argument("--ca-file", type=Path, help="whom to trust instead of the system's authorities")
    return parser


def _is_on(environ: Mapping[str, str], flag: str) -> bool:
    return environ.get(flag, "").strip().lower() not in ("false", "0", "no", "off")


def _end(problem: str, code: int) -> int:
    sys.stderr.write(f"certification_check: {problem}\n")
    return code


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    raise SystemExit(main())
