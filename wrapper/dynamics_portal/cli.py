"""The command `dynamics-portal whoami`: does the connection work, and as whom?

It reads the environment, makes one call and prints what came of it. Exit codes: 0 done, 1 the call failed, 2 the
environment or an option cannot be used. typer is imported here alone; the client does without it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from . import DynamicsPortalClient
from ._portal import BASE_URL
from .errors import DynamicsPortalClientException, InvalidRequestError

CALL_FAILED = 1
UNUSABLE_INPUT = 2


def whoami(
    url: Annotated[str | None, typer.Option(help=f"The organisation's address; default: {BASE_URL}.")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="PEM file of the authority to trust, as an emulator writes it.")
    ] = None,
) -> None:
    """Ask the organisation who it takes this program for. Credentials come from the environment (DYNAMICS_…)."""
    environ = {**os.environ, BASE_URL: url} if url else dict(os.environ)
    try:
        with DynamicsPortalClient.from_environment(environ=environ, ssl_context=_trust(ca_file)) as portal:
            answer = portal.who_am_i()
    except DynamicsPortalClientException as error:
        unusable = isinstance(error, InvalidRequestError) and error.attempts == 0
        _end(str(error), UNUSABLE_INPUT if unusable else CALL_FAILED)
    except OSError as error:
        _end(f"cannot use {ca_file}: {error.strerror or type(error).__name__}", UNUSABLE_INPUT)
    typer.echo(f"user          {answer.user_id}")
    typer.echo(f"business unit {answer.business_unit_id}")
    typer.echo(f"organization  {answer.organization_id}")


def _trust(ca_file: Path | None) -> object:
    if ca_file is None:
        return None
    import ssl  # not on every platform, and needed for this option only

    return ssl.create_default_context(cafile=str(ca_file))


def _end(problem: str, code: int) -> NoReturn:
    typer.echo(f"error: {problem}", err=True)
    raise typer.Exit(code)
