"""The command `dynamics-portal emulator`.

It decides how files and options become an emulator, what is printed and when the command ends. Loaded by the command
line through the entry point group `dynamics_portal.commands`.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from dynamics_portal_generator.csdl import CsdlError

from .errors import DataverseError
from .server import running_emulator

UNUSABLE_INPUT = 2


def emulator(
    metadata: Annotated[Path, typer.Option(help="The $metadata document to serve.")],
    choices: Annotated[Path | None, typer.Option(help="Labels of choices, as choices.json of a spec folder.")] = None,
    data: Annotated[Path | None, typer.Option(help='Rows to begin with: {"contacts": [{…}, …], …}.')] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 0,
    ca_file: Annotated[Path | None, typer.Option(help="Where to write the certificate authority.")] = None,
    client_id: Annotated[str | None, typer.Option(help="The client id to accept; made up otherwise.")] = None,
    client_secret: Annotated[str | None, typer.Option(help="The client secret to accept; made up otherwise.")] = None,
    tenant_id: Annotated[str | None, typer.Option(help="The tenant to know; made up otherwise.")] = None,
) -> None:
    """Serve a Dataverse on loopback, built from a $metadata document, until interrupted.

    Prints one line of JSON when it is ready: base_url, authority, ca_file, tenant_id, client_id, client_secret.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        rows = _rows(data)
        serving = running_emulator(
            metadata,
            choices=choices,
            data=rows,
            client_id=client_id,
            client_secret=client_secret,
            tenant_id=tenant_id,
            port=port,
            ca_file=ca_file,
        )
        running = serving.__enter__()
    except (CsdlError, OSError, ValueError, DataverseError, KeyError) as error:
        typer.echo(_one_line(error), err=True)
        raise typer.Exit(UNUSABLE_INPUT) from None
    try:
        sys.stdout.write(json.dumps(running.connection()) + "\n")
        sys.stdout.flush()
        stop.wait()
    finally:
        serving.__exit__(None, None, None)


def _rows(path: Path | None) -> dict[str, list[dict[str, Any]]]:
    """The rows of a data file. ValueError, in one line, where it is none."""
    if path is None:
        return {}
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict) or not all(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows) for rows in content.values()
    ):
        raise ValueError(f'{path}: expected an object of tables, {{"contacts": [{{…}}, …]}}')
    return content


def _one_line(error: Exception) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
    return "dynamics-portal emulator: " + " ".join(str(text).split())
