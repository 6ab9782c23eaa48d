"""Singletons: rows that have a name at the root of the service.

It decides which row a singleton is: the one that a setting names. From there on it is addressed, read and changed as
any row of its table ("OData URL Conventions", section Addressing the Model for a Service).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import Kind
from .resources import Key, KeySegment, Segment, SetSegment
from .settings import Settings
from .values import Values


@dataclass(frozen=True)
class Singletons:
    """Leads addresses that begin with a singleton to its row."""

    values: Values
    settings: Settings

    def led(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """The address with the row in the singleton's place. DataverseError 501 where no row is named for it."""
        first = segments[0]
        if not isinstance(first, SetSegment) or not first.singleton:
            return segments
        table, given = first.table, self.settings.singletons.get(first.name)
        if given is None or len(table.key) != 1:
            what = f"the singleton {first.name} before settings.singletons names its row"
            raise Kind.UNSUPPORTED.error(what=what)
        path = table.key[0].path
        key = Key({path: self.values.stored(table.properties[path], given)}, primary=True)
        return (replace(first, singleton=False), KeySegment(key), *segments[1:])
