"""The emulator's time: real time, shifted by whatever a test adds.

It decides what "now" is for token expiry, `createdon` and relative dates in filters. Nothing here ever sleeps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch that a test can move forward.

    `source` gives the underlying seconds; the default is the machine's clock, and `lambda: 1_700_000_000.0` stands
    still.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._shift = 0.0
        self._lock = threading.Lock()

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        with self._lock:
            self._shift += seconds

    def reset(self) -> None:
        """Go back to the underlying time."""
        with self._lock:
            self._shift = 0.0

    def time(self) -> float:
        """Seconds since the epoch."""
        with self._lock:
            return self._source() + self._shift

    def now(self) -> datetime:
        """The same as a UTC timestamp."""
        return datetime.fromtimestamp(self.time(), UTC)
