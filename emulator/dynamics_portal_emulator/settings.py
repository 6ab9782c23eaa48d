"""What an organisation is set up with and `$metadata` does not say.

It decides the defaults, which are Dataverse's own, and how a test changes them. What follows from a setting is decided
where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

MEGABYTE = 1024 * 1024


@dataclass
class Settings:
    """An organisation's settings; a test changes them at will, and `Emulator.reset` makes them the defaults again."""

    without_bulk: set[str] = field(default_factory=set)
    """Logical names of standard tables that lack CreateMultiple, UpdateMultiple and UpsertMultiple ("Use bulk operation
    messages", section Availability)."""
    message_size: int = int(116.85 * MEGABYTE)
    """Bytes that a bulk message may have ("Use bulk operation messages", section Message size limits)."""
    untracked: set[str] = field(default_factory=set)
    """Logical names of tables whose changes are not tracked."""
    change_tracking_days: float = 7
    """Days that a delta token is good: the organisation's ExpireChangeTrackingInDays, by its documented default."""
    cost: Callable[[int], float] = lambda work: 0.05 + 0.005 * work
    """Seconds of execution that a request takes which reads or writes so many rows."""
    bulk_seconds: float = 240.0
    """Seconds of execution beyond which a bulk message ends in the database's timeout."""

    def restore(self) -> None:
        """Makes every setting its default."""
        self.__dict__.update(Settings().__dict__)
