"""Throttling: where the service has asked one request to wait, others of the same identity wait as well. No I/O.

A `Gate` remembers until when. Dataverse's limits count per user, so all clients of a process that speak as the same
application to the same service share one; where it is not known who they are, each token cache has its own. Whether a
call waits at a gate or fails there is decided by its `Course`.

Source: Dataverse, "Service protection API limits".
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Final
from weakref import WeakValueDictionary

from ._concurrency import async_sleep, sync_sleep
from .errors import DynamicsPortalClientException, ErrorCode

OPEN: Final = -math.inf
"""Since when a gate that was never closed has been open."""

LONGEST: Final = 3600.0  # seconds that a gate stays closed at the most: Dataverse has been seen to ask for 300


class Gate:
    """Until when requests are held back, by the client's clock. Reading takes no lock."""

    __slots__ = ("__weakref__", "_lock", "until")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.until = OPEN

    def hold(self, now: float, seconds: float) -> float:
        """Hold requests back for some seconds, or for longer where others have asked for it. When those seconds end."""
        until = now + min(seconds, LONGEST)
        with self._lock:
            self.until = max(self.until, until)
        return until

    def reopen(self, now: float) -> None:
        """Forget what has passed, so that the calls to come need not look at the clock."""
        with self._lock:
            if self.until <= now:
                self.until = OPEN

    def left(self, now: float) -> float:
        """Seconds until it opens; 0 or less where it is open."""
        return self.until - now


_gates: WeakValueDictionary[tuple[Hashable, ...], Gate] = WeakValueDictionary()
_gates_lock = threading.Lock()


def shared_gate(
    origin: str, tenant_id: str, client_id: str, clock: Callable[[], float], sleep: Callable[[float], Any] = sync_sleep
) -> Gate:
    """The gate of an application at a service, the same one for as long as somebody holds it.

    The clock belongs to it: what one clock shows means nothing to another. Where the clock is the real one and `sleep`
    is not, as with a test's stub, time passes as `sleep` says, and so that belongs to it.
    """
    stub = sleep if clock is time.monotonic and sleep not in (sync_sleep, async_sleep) else None
    key = (origin, tenant_id, client_id, clock, stub)
    try:
        hash(key)
    except TypeError:  # what cannot be looked up has a gate of its own
        return Gate()
    with _gates_lock:
        return _gates.setdefault(key, Gate())


def held_back(
    left: float, correlation_id: str, *, attempts: int = 0, of_token: bool = False
) -> DynamicsPortalClientException:
    """The exception for a request that was not sent, since it would have to wait for longer than it may."""
    return DynamicsPortalClientException(
        ErrorCode.RATE_LIMITED,
        explanation="no token: the token endpoint asked to wait" if of_token else "the service asked to wait",
        correlation_id=correlation_id,
        retry_after=left,
        attempts=attempts,
    )
