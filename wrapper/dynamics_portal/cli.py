"""The commands `whoami` (does the connection work, and as whom?) and `fetch` (the organisation's schema).

They read the environment, call the service and print what came of it. Exit codes: 0 done, 1 a call failed, 2 the
environment or an option cannot be used. typer is imported here alone; the client does without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from . import DynamicsPortalClient
from ._portal import BASE_URL, ENABLED, is_enabled
from ._spec_folder import SpecFolder, logical_names, selected_tables
from .errors import DynamicsPortalClientException, ForbiddenError, InvalidRequestError, NotFoundError

CALL_FAILED = 1
UNUSABLE_INPUT = 2


Url = Annotated[str | None, typer.Option(help=f"The organisation's address; default: {BASE_URL}.")]
CaFile = Annotated[Path | None, typer.Option(help="PEM file of the authority to trust, as an emulator writes it.")]


def whoami(url: Url = None, ca_file: CaFile = None) -> None:
    """Ask the organisation who it takes this program for. Credentials come from the environment (DYNAMICS_…)."""
    with _connected(url, ca_file) as portal:
        answer = portal.who_am_i()
    typer.echo(f"user          {answer.user_id}")
    typer.echo(f"business unit {answer.business_unit_id}")
    typer.echo(f"organization  {answer.organization_id}")


def fetch(
    output: Annotated[Path, typer.Option("-o", "--output", help="The spec folder to write into.")],
    url: Url = None,
    ca_file: CaFile = None,
    selection: Annotated[Path | None, typer.Option(help="YAML: of which tables the choices are wanted.")] = None,
) -> None:
    """Download the organisation's $metadata and choices into a spec folder, unless their version is there already."""
    folder = SpecFolder(output)
    try:
        wanted = selected_tables(selection) if selection else []
        known = folder.version(wanted)
        with _connected(url, ca_file) as portal:
            version = _version(portal)
            if version is not None and version == known:
                typer.echo(f"{folder.metadata}: unchanged since version {version}, nothing was downloaded")
                return
            content = portal.metadata()
            choices = portal.definitions.choices(logical_names(wanted, portal.definitions.tables()))
        folder.write(content, choices, version)
    except OSError as error:
        _end(f"cannot use {error.filename or output}: {error.strerror or type(error).__name__}", UNUSABLE_INPUT)
    except ValueError as error:
        _end(f"cannot use {output}: {error}", UNUSABLE_INPUT)
    count = sum(map(len, choices.values()))
    typer.echo(f"{folder.metadata}: {len(content)} bytes, version {version or 'not told'}")
    typer.echo(f"{folder.choices}: {count} choices of {len(choices)} tables")


def _version(portal: DynamicsPortalClient) -> str | None:
    """The schema's version, where the account may ask for it; downloading is always right, only dearer."""
    try:
        return portal.metadata_version()
    except (ForbiddenError, NotFoundError):
        return None


@contextmanager
def _connected(url: str | None, ca_file: Path | None) -> Iterator[DynamicsPortalClient]:
    """A client from the environment. What goes wrong while it is used ends the command with one line."""
    environ = {**os.environ, BASE_URL: url} if url else dict(os.environ)
    try:
        if not is_enabled(environ):
            _end(f"{ENABLED} switches the portal off; unset it to call the service", UNUSABLE_INPUT)
        with DynamicsPortalClient.from_environment(environ=environ, ssl_context=_trust(ca_file)) as portal:
            yield portal
    except DynamicsPortalClientException as error:
        unusable = isinstance(error, InvalidRequestError) and error.attempts == 0
        _end(str(error), UNUSABLE_INPUT if unusable else CALL_FAILED)
    except OSError as error:
        _end(f"cannot use {ca_file}: {error.strerror or type(error).__name__}", UNUSABLE_INPUT)


def _trust(ca_file: Path | None) -> object:
    if ca_file is None:
        return None
    import ssl  # not on every platform, and needed for this option only

    return ssl.create_default_context(cafile=str(ca_file))


def _end(problem: str, code: int) -> NoReturn:
    typer.echo(f"error: {problem}", err=True)
    raise typer.Exit(code)
