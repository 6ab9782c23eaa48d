"""OpenAPI to a Python package: the plan, openapi-python-client, the templates, and the writing."""

from __future__ import annotations

import keyword
from pathlib import Path

from .output import Written, write_package
from .plan import GenerationError, Json, make_plan
from .render import Renderer

__all__ = ["GenerationError", "Written", "generate"]


def generate(document: Json, package: str, folder: Path) -> tuple[Written, tuple[str, ...]]:
    """Generate the package of a document below `folder`, a source root: the files go to `folder/package`.

    Returns what was written and what the reader should be told (names that had to change). Raises `GenerationError`,
    with the output as it was.
    """
    if not package.isidentifier() or keyword.iskeyword(package):
        raise GenerationError(f"{package!r} is no name for a Python package")
    plan = make_plan(document)
    return write_package(Renderer(plan).files(), folder / package), tuple(plan.notes)
