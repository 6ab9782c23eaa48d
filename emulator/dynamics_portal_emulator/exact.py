"""Sums and averages of decimals, digit for digit: aggregates for SQLite, which would make floats of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


class ExactSum:
    """The sum of decimals that are kept as text."""

    def __init__(self) -> None:
        self._total: Decimal | None = None
        self._count = 0

    def step(self, text: Any) -> None:
        """Takes a value; null is left out."""
        if text is not None:
            self._total = (self._total or Decimal(0)) + Decimal(text)
            self._count += 1

    def finalize(self) -> Any:
        """The result, as text; None of no values."""
        return None if self._total is None else f"{self._total:f}"


class ExactAverage(ExactSum):
    """Their average."""

    def finalize(self) -> Any:
        """The result, as text; None of no values."""
        return None if self._total is None else f"{self._total / self._count:f}"
