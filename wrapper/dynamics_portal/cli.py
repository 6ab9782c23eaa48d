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
from .errors import DynamicsPortalClientException, ForbiddenError, InvalidRequestError, NotFoundError

CALL_FAILED = 1
UNUSABLE_INPUT = 2
METADATA = "metadata.xml"
VERSION = "metadata.version"


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
    output: Annotated[Path, typer.Option("-o", "--output", help="The spec folder to write metadata.xml into.")],
    url: Url = None,
    ca_file: CaFile = None,
) -> None:
    """Download the organisation's $metadata into a spec folder, unless it is the version that is there already."""
    document, stamp = output / METADATA, output / VERSION
    try:
        known = stamp.read_text("ascii").strip() if document.is_file() and stamp.is_file() else None
        with _connected(url, ca_file) as portal:
            version = _version(portal)
            if version is not None and version == known:
                typer.echo(f"{document}: unchanged since version {version}, nothing was downloaded")
                return
            content = portal.metadata()
        output.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)  # a stamp must never be newer than the document
        _replace(document, content)
        if version is not None:
            _replace(stamp, f"{version}\n".encode("ascii"))
    except (OSError, ValueError) as error:
        _end(f"cannot use {output}: {getattr(error, 'strerror', None) or type(error).__name__}", UNUSABLE_INPUT)
    typer.echo(f"{document}: {len(content)} bytes, version {version or 'not told'}")


def _version(portal: DynamicsPortalClient) -> str | None:
    """The schema's version, where the account may ask for it; downloading is always right, only dearer."""
    try:
        return portal.metadata_version()
    except (ForbiddenError, NotFoundError):
        return None


def _replace(path: Path, content: bytes) -> None:
    """Write a file through a neighbour, so that it is never half written."""
    neighbour = path.with_name(f".{path.name}.new")
    neighbour.write_bytes(content)
    neighbour.replace(path)


@contextmanager
def _connected(url: str | None, ca_file: Path | None) -> Iterator[DynamicsPortalClient]:
    """A client from the environment. What goes wrong while it is used ends the command with one line."""
    environ = {**os.environ, BASE_URL: url} if url else dict(os.environ)
    if not is_enabled(environ):
        _end(f"{ENABLED} switches the portal off; unset it to call the service", UNUSABLE_INPUT)
    try:
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
