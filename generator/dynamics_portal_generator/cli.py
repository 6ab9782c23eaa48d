"""The command `dynamics-portal`: `openapi`, `generate` and `diff`, and what other packages add.

It turns options into calls and results into lines and exit codes: 0 done, 1 `diff` found a breaking change, 2 unusable
input. The result goes to standard output, everything else to standard error. Commands that need the wrapper or the
emulator are loaded by the entry point group `dynamics_portal.commands`, so that the generator knows neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .errors import InputError
from .footprint import peak_megabytes
from .openapi import OpenApi, dump, load
from .overlay import apply_overlay, load_overlay
from .pipeline import derive

BREAKING = 1
UNUSABLE_INPUT = 2
COMMANDS = "dynamics_portal.commands"

app = typer.Typer(
    name="dynamics-portal",
    help="A typed client for a Dynamics 365 organisation, generated from its own $metadata.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # a traceback shows no credentials
)

Metadata = Annotated[Path | None, typer.Option(help="The organisation's $metadata document (CSDL XML).")]
SelectionFile = Annotated[Path | None, typer.Option(help="YAML: tables, columns and operations to keep.")]
OverlayFile = Annotated[Path | None, typer.Option(help="OpenAPI Overlay 1.0: what metadata does not know.")]
ChoicesFile = Annotated[Path | None, typer.Option(help="Values and labels; default: choices.json beside the metadata.")]


class Format(StrEnum):
    """How `diff` prints."""

    TEXT = "text"
    JSON = "json"


@app.command("openapi")
def openapi(
    metadata: Annotated[Path, typer.Option(help="The organisation's $metadata document (CSDL XML).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write; .json writes JSON, all else YAML.")],
    selection: SelectionFile = None,
    overlay: OverlayFile = None,
    choices: ChoicesFile = None,
) -> None:
    """Map a $metadata document to OpenAPI 3.1."""
    try:
        result = derive(metadata, selection=selection, overlay=overlay, choices=choices)
        text = dump(result.document, output)
        changed = _write(output, text)
    except (InputError, OSError) as error:
        _unusable(error)
    _tell(result.notes)
    _say(f"{output}: {len(result.document['paths'])} paths, {'written' if changed else 'unchanged'}")


@app.command("generate")
def generate(
    package: Annotated[str, typer.Option(help="Name of the import package.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The source root: files go to its folder PACKAGE.")],
    metadata: Metadata = None,
    spec: Annotated[Path | None, typer.Option(help="An OpenAPI document written by `openapi`, instead.")] = None,
    selection: SelectionFile = None,
    overlay: OverlayFile = None,
    choices: ChoicesFile = None,
) -> None:
    """Generate a typed package from a $metadata document, or from the OpenAPI document made of one."""
    start = time.perf_counter()
    from .client import generate as generate_package  # here, because it takes half a second to load

    try:
        contract = _contract(metadata, spec, selection, overlay, choices)
        written, notes = generate_package(contract.document, package, output)
    except (InputError, OSError) as error:
        _unusable(error)
    _tell([*contract.notes, *notes])
    _say(
        f"{output / package}: {len(written.written)} files written, {len(written.removed)} removed, "
        f"{written.unchanged} unchanged, in {time.perf_counter() - start:.1f} s{_memory()}"
    )


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="A contract: $metadata or OpenAPI.")],
    new: Annotated[Path, typer.Argument(help="The contract that is to replace it.")],
    format_: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """Compare two contracts: what breaks callers, what does not, what is documentation only."""
    from . import drift

    try:
        found = drift.diff(old, new)
    except (InputError, OSError) as error:
        _unusable(error)
    typer.echo((found.to_json() if format_ is Format.JSON else found.to_text()).rstrip("\n"))
    raise typer.Exit(BREAKING if found.breaking else 0)


def _contract(
    metadata: Path | None, spec: Path | None, selection: Path | None, overlay: Path | None, choices: Path | None
) -> OpenApi:
    if (metadata is None) == (spec is None):
        raise InputError("give either --metadata or --spec")
    if metadata is not None:
        return derive(metadata, selection=selection, overlay=overlay, choices=choices)
    if selection is not None or choices is not None:
        raise InputError("--selection and --choices go with --metadata: an OpenAPI document has them in it already")
    document = load(spec) if spec is not None else {}
    return OpenApi(apply_overlay(document, load_overlay(overlay)) if overlay else document, ())


def _write(path: Path, text: str) -> bool:
    """Write a file if its content changed; through a neighbour, so that it is never half written."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(f".{path.name}.new")
    neighbour.write_bytes(content)
    neighbour.replace(path)
    return True


def _memory() -> str:
    peak = peak_megabytes()
    return "" if peak is None else f", {peak:.0f} MB at the most"


def _tell(notes: Iterable[str]) -> None:
    for note in notes:
        _say(f"note: {note}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _unusable(error: Exception) -> NoReturn:
    text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
    _say(f"error: {' '.join(text.split())}")
    raise typer.Exit(UNUSABLE_INPUT)


def main() -> None:
    """Run the command line."""
    for entry in sorted(entry_points(group=COMMANDS), key=lambda item: item.name):
        _add(entry.name, entry)
    app()


def _add(name: str, entry: EntryPoint) -> None:
    """Add another package's command. One whose extra is not installed says so when it is called, not before."""
    try:
        app.command(name)(entry.load())
    except ImportError as error:
        missing = error.name

        @app.command(name, help=f"Not available: the module {missing} is not installed.")
        def unavailable() -> None:
            _say(f"error: `{name}` needs the module {missing}; install the extra that brings it")
            raise typer.Exit(UNUSABLE_INPUT)
