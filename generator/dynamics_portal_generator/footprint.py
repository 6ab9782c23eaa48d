"""How much memory the process has used at the most."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_megabytes() -> float | None:
    """Megabytes of this process, or of the largest that it started, at the most. `None` where no one tells."""
    try:
        import resource  # here, because Windows lacks it
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    try:
        # Linux counts what the starting process held before this one took its place; its own high-water mark does not
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text("ascii"))
    except OSError:
        found = None
    return max(int(found[1]) * 1024 if found else own, children) / 1e6
