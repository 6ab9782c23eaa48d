"""The entry point of `dynamics-portal`: it says which extra is missing, instead of failing with a traceback."""

from __future__ import annotations

import sys

EXTRAS = "dynamics-portal[generator,cli]"


def main() -> None:
    """Run the command line. Exits with 2 where an extra that it needs is not installed."""
    try:
        from .cli import main as run  # here, because it needs the extras
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dynamics_portal"):
            raise
        sys.stderr.write(f"error: the command needs the module {error.name}; install {EXTRAS}\n")
        raise SystemExit(2) from None
    run()
