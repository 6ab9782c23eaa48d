"""What a selection left out of a document, and what it kept unasked, as counts and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SelectionReport:
    """The account of one selection. Members of a type are named `type/member`, types by their qualified names."""

    dropped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kind (`entity types`, `columns`, …) to the names that are gone."""
    added: tuple[str, ...] = ()
    """Columns that were not asked for and are kept, because a key or a kept relationship needs them."""
    key_only: tuple[str, ...] = ()
    """Entity types that a kept operation needs and nobody selected: they are kept with their key only."""

    @property
    def is_empty(self) -> bool:
        """Whether the document is as it was."""
        return not any(self.dropped.values()) and not self.added and not self.key_only

    def to_text(self, *, names: bool = True) -> str:
        """A line a kind: how many, and with `names` which ones."""
        if self.is_empty:
            return "nothing was dropped"
        lines = [_line(f"dropped {kind}", found, names) for kind, found in self.dropped.items() if found]
        if self.added:
            lines.append(_line("kept though not asked for, columns", self.added, names))
        if self.key_only:
            lines.append(_line("kept with their key only, entity types", self.key_only, names))
        return "\n".join(lines)


def _line(what: str, found: tuple[str, ...], names: bool) -> str:
    return f"{what}: {len(found)} ({', '.join(found)})" if names else f"{what}: {len(found)}"
