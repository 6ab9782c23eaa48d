"""What requests have done: the messages that Dataverse would run plug-ins and flows for.

It decides what counts: each row that was created, changed or removed, once it is committed, whichever way it was asked
for. Rows that a test seeds do not count.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .circumstances import Circumstances


@dataclass(frozen=True)
class Effect:
    """A message on a row: `Create`, `Update`, `Delete`, `Associate` or `Disassociate`. `user_id` is in whose name,
    `actual_user_id` by whom where that is another; `bypassed` is the custom logic that was left out."""

    message: str
    table: str
    key: str
    user_id: str
    actual_user_id: str | None = None
    bypassed: frozenset[str] = frozenset()


class Effects:
    """Effects in the order in which they were committed. Safe to use from several threads."""

    def __init__(self) -> None:
        self._effects: list[Effect] = []
        self._lock = threading.Lock()

    def add(self, message: str, table: str, key: str, circumstances: Circumstances) -> None:
        """Notes an effect."""
        told = circumstances
        effect = Effect(message, table, key, told.user_id, told.actual_user_id, told.bypassed)
        with self._lock:
            self._effects.append(effect)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._effects.clear()

    def snapshot(self) -> tuple[Effect, ...]:
        """What has been noted so far."""
        with self._lock:
            return tuple(self._effects)
