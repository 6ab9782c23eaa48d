"""The nearest name to one that does not exist, for messages that suggest it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """` (nearest: 'x')`, ready to end a message with, or the empty text where nothing is near. Case does not count."""
    folded = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), folded, n=1)
    return f" (nearest: {folded[found[0]]!r})" if found else ""
