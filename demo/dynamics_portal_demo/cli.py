"""The command `dynamics-portal demo`: regenerates the client, starts the emulator, runs the story, prints the account.

Exit codes: 0 all went as told, 1 it did not, 2 the spec cannot be used.
"""

from __future__ import annotations

import datetime as dt
import filecmp
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

import dynamics_portal_api
from dynamics_portal import DynamicsPortalClient, StaticCredentialProvider
from dynamics_portal_emulator import Emulator, running_emulator
from dynamics_portal_generator.client import generate
from dynamics_portal_generator.errors import InputError
from dynamics_portal_generator.pipeline import derive

from . import story
from .portal_side import ACTION, Website
from .roster import EVERY, MENTORS, make_roster

FAILED = 1
UNUSABLE_INPUT = 2


def demo(
    spec: Annotated[Path, typer.Option(help="The spec folder, as in a checkout of the project.")] = Path("spec/hlf"),
    log: Annotated[bool, typer.Option(help="Print the client's redacted log lines as well.")] = False,
) -> None:
    """Pause the mentors whose certifications have expired, against a Dataverse emulated on loopback."""
    try:
        _regenerate(spec)
    except (InputError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(UNUSABLE_INPUT) from None
    today = dt.datetime.now(dt.UTC).date()
    roster = make_roster(today)
    website = Website([UUID(row["contactid"]) for row in roster.contacts])
    with running_emulator(
        spec / "metadata.xml",
        choices=spec / "choices.json",
        data=roster.tables(),
        client_secret="made-up",  # noqa: S106 # of the emulator only
    ) as emulator:
        emulator.on_action(ACTION, website.answer)
        emulator.faults.add(status=503, path=r"/new_certifications", headers={"Retry-After": "1"})
        _say(f"A Dataverse of {MENTORS} mentors serves on {emulator.base_url}, over TLS with an authority of its own.")
        with _log_lines() if log else nullcontext():
            account = _run(emulator, today)
        retried = sum(request.status == 503 for request in emulator.requests)
        _say(f"The service failed {retried} time with 503 on the way; the call was repeated and nobody noticed.")
        wrong = _check(emulator, account, website)
    for problem in wrong:
        typer.echo(f"error: {problem}", err=True)
    if wrong:
        raise typer.Exit(FAILED)
    _say("Checked against the emulator's rows: exactly the expired mentors are paused and off the website.")


def _regenerate(spec: Path) -> None:
    """Generate the client anew and compare it with the one that is installed."""
    start = time.perf_counter()
    contract = derive(spec / "metadata.xml", selection=spec / "selection.yaml", overlay=spec / "overlay.yaml")
    installed = Path(dynamics_portal_api.__file__).parent
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-demo-") as folder:
        written, _ = generate(contract.document, installed.name, Path(folder))
        fresh = Path(folder) / installed.name
        _, differing, missing = filecmp.cmpfiles(fresh, installed, written.written, shallow=False)
    if differing or missing:
        raise InputError(f"{spec} has changed since the client was generated: run `make generate` first")
    _say(
        f"The client was generated from {spec} in {time.perf_counter() - start:.1f} s: "
        f"{len(written.written)} files, the same as those installed."
    )


def _run(emulator: Emulator, today: dt.date) -> story.Account:
    credentials = StaticCredentialProvider(
        tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
    )
    with DynamicsPortalClient(
        emulator.base_url,
        credentials,
        authority=emulator.authority,
        ssl_context=emulator.ssl_context(),
        writable=story.WRITABLE,
    ) as portal:
        return story.run(portal, today, _say)


def _check(emulator: Emulator, account: story.Account, website: Website) -> list[str]:
    """What did not go as the account tells, by the emulator's own rows."""
    expired = MENTORS // EVERY
    paused = {UUID(row["contactid"]) for row in emulator.rows("contacts") if row["new_pause_reason"] == story.REASON}
    checks = {
        f"expected {expired} paused mentors, found {len(paused)}": len(paused) == expired,
        "the paused mentors are not those of the account": paused == set(account.paused) == set(account.hidden),
        "a paused mentor is still on the website": not paused & website.shown,
        "a mentor vanished who should not": len(website.shown) == MENTORS - expired,
        "the missing mentor was not told as NOT_FOUND": account.not_found == "NOT_FOUND",
        "the foreign column was not refused": account.refused == "INVALID_REQUEST",
        "the 503 did not happen": any(request.status == 503 for request in emulator.requests),
    }
    return [problem for problem, holds in checks.items() if not holds]


@contextmanager
def _log_lines() -> Iterator[None]:
    """Print the client's debug records while the block runs."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("    log: %(message)s"))
    logger = logging.getLogger("dynamics_portal")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _say(text: str) -> None:
    typer.echo(text)
