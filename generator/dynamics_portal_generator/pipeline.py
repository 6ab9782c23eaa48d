"""From a `$metadata` document to an OpenAPI document: read, select, map, overlay.

The steps are the modules of the same names; this one decides their order and what each is told.
"""

from __future__ import annotations

from pathlib import Path

from .choices import ChoiceColumn, load_choices
from .csdl import Metadata, local_name, read_metadata
from .openapi import OpenApi, file_columns, to_openapi
from .overlay import apply_overlay, load_overlay
from .select import select
from .selection import load_selection

CHOICES = "choices.json"
"""Name of the file beside a `$metadata` document that holds the choices."""


def derive(
    metadata: Path, *, selection: Path | None = None, overlay: Path | None = None, choices: Path | None = None
) -> OpenApi:
    """The OpenAPI document of a spec folder. `choices` is by default the `choices.json` beside the metadata.

    Raises `InputError` (one line, file and line where known) for whatever cannot be used.
    """
    document = read_metadata(metadata)
    beside = metadata.with_name(CHOICES)
    source = choices or (beside if beside.is_file() else None)
    known = load_choices(source, document) if source else {}
    files = file_columns(document)  # a selection may leave out the companions that show them
    notes: list[str] = list(document.warnings)
    changes = load_overlay(overlay) if overlay else None
    if selection is not None:
        selected = select(document, load_selection(selection))
        document = selected.metadata
        notes.extend(_short(line) for line in selected.report.to_text().splitlines())
        known = _kept(known, document)
    result = to_openapi(document, known, files=files)
    final = apply_overlay(result.document, changes) if changes else result.document
    return OpenApi(final, (*notes, *result.notes))


def _short(line: str, width: int = 500) -> str:
    """A line of a report, cut where it lists hundreds of names; the count stands at its beginning."""
    return line if len(line) <= width else line[:width].rpartition(", ")[0] + ", …)"


def _kept(choices: dict[tuple[str, str], ChoiceColumn], metadata: Metadata) -> dict[tuple[str, str], ChoiceColumn]:
    """The choices of the columns that a selection kept."""
    columns = {local_name(name): metadata.all_properties(name) for name in metadata.entity_types}
    return {key: choice for key, choice in choices.items() if key[1] in columns.get(key[0], ())}
