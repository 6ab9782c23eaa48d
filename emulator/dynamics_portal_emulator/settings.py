"""What an organisation is set up with and `$metadata` does not say.

It decides the defaults, which are Dataverse's own, and how a test changes them. What follows from a setting is decided
where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

MEGABYTE = 1024 * 1024
Behaviour: TypeAlias = Literal["Cascade", "RemoveLink", "Restrict"]


@dataclass
class Settings:
    """An organisation's settings; a test changes them at will, and `Emulator.reset` makes them the defaults again."""

    without_bulk: set[str] = field(default_factory=set)
    """Logical names of standard tables that lack CreateMultiple, UpdateMultiple and UpsertMultiple ("Use bulk operation
    messages", section Availability)."""
    duplicate_rules: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """Logical name of a table to its duplicate detection rules: columns which, all equal, make rows duplicates."""
    on_delete: dict[tuple[str, str], Behaviour] = field(default_factory=dict)
    """What happens to related rows when a row is removed, by the row's table (logical name) and the navigation property
    that leads to them."""
    message_size: int = int(116.85 * MEGABYTE)
    """Bytes that a bulk message may have ("Use bulk operation messages", section Message size limits)."""
    untracked: set[str] = field(default_factory=set)
    """Logical names of tables whose changes are not tracked."""
    change_tracking_days: float = 7
    """Days that a delta token is good: the organisation's ExpireChangeTrackingInDays, by its documented default."""
    aggregate_rows: int = 50_000
    """Rows that a query may aggregate ("Aggregate data using FetchXml", section Limitations)."""
    simple_paging_rows: int = 50_000
    """Rows that FetchXML reaches without a paging cookie ("Page results using FetchXml")."""
    cost: Callable[[int], float] = lambda work: 0.05 + 0.005 * work
    """Seconds of execution that a request takes which reads or writes so many rows."""
    bulk_seconds: float = 240.0
    """Seconds of execution beyond which a bulk message ends in the database's timeout."""

    def restore(self) -> None:
        """Makes every setting its default."""
        self.__dict__.update(Settings().__dict__)
