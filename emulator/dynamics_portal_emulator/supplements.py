"""Tables that every organisation has, for documents that leave them out.

It decides nothing but this: what a document declares itself is never replaced.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files

from dynamics_portal_generator.csdl import Metadata, read_metadata


@cache
def _own(file: str) -> Metadata:
    return read_metadata(files(__package__).joinpath(file).read_bytes())


def supplemented(metadata: Metadata, file: str, entity_set: str) -> Metadata:
    """The document, with the types and sets of one of this package's where it has no such entity set."""
    if entity_set in metadata.container.entity_sets:
        return metadata
    own = _own(file)
    sets = {**metadata.container.entity_sets, **own.container.entity_sets}
    return replace(
        metadata,
        entity_types={**own.entity_types, **metadata.entity_types},
        complex_types={**own.complex_types, **metadata.complex_types},
        enum_types={**own.enum_types, **metadata.enum_types},
        container=replace(metadata.container, entity_sets=sets),
    )
