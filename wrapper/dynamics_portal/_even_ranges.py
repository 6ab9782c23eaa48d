"""Even ranges: where to cut a table so that its parts have about as many rows, by counting ever smaller pieces. No I/O.

Values that are spread unevenly (rows that were imported in one night) make ranges of even width uneven in rows. So
pieces are counted, and the heaviest are halved, until none has more than half of a part's share, or enough was asked.
Neighbouring pieces then make up a part. The service counts no piece of more than 50,000 rows: such a one is halved.

Source: Dataverse Web API, "Aggregate data using OData" (Limitations).
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from ._ranges import KeyRange, borders, split

UNCOUNTED: Final = 50_001  # rows that a piece is taken to have which the service does not count: one more than it does
_PIECES: Final = 8  # for each part, at the most
_ASKED: Final = 16  # counts for each part, at the most
_DEPTH: Final = 32  # more of both: as often as ten years are halved to a second, and then some


class EvenRanges:
    """The course of finding even ranges: `next` is a piece that is to be counted, `counted` takes how many rows it has.

    `low`, `high`: the lowest and the highest value.
    """

    def __init__(self, low: Any, high: Any, parts: int) -> None:
        self._low, self._high = low, high
        self._parts = parts
        self._asked = 0
        self._counts: dict[KeyRange, int | None] = {}
        pieces = split(borders(low, high, parts))
        self._todo: deque[tuple[KeyRange, tuple[KeyRange, int] | None]] = deque((piece, None) for piece in pieces)
        """Pieces to count, each with its other half and the rows of both, where they are known."""

    def next(self) -> KeyRange | None:
        """The piece that is to be counted; `None` when enough is known."""
        while not self._todo:
            heaviest = self._heaviest()
            if heaviest is None:
                return None
            first, second = self._halves(heaviest)
            rows = self._counts.pop(heaviest)
            self._todo.append((first, None if rows is None else (second, rows)))
            if rows is None:
                self._todo.append((second, None))
        return self._todo[0][0]

    def counted(self, rows: int | None) -> None:
        """Take how many rows the piece has; `None` where they are more than the service counts."""
        piece, other = self._todo.popleft()
        self._counts[piece] = rows
        self._asked += 1
        if other is not None:
            half, both = other
            self._counts[half] = max(both - (rows or 0), 0)

    def ranges(self) -> list[KeyRange]:
        """The parts: neighbouring pieces together, each in the part that its middle is in."""
        pieces = sorted(self._counts, key=lambda piece: (piece.low is not None, piece.low))
        share = sum(map(self._weight, pieces)) / self._parts
        before, parts = 0, dict[int, list[KeyRange]]()
        for piece in pieces:
            middle = before + self._weight(piece) / 2
            parts.setdefault(min(int(middle / share) if share else 0, self._parts - 1), []).append(piece)
            before += self._weight(piece)
        found = list(parts.values())
        return [KeyRange(group[0].low, group[-1].high, nulls=place == 0) for place, group in enumerate(found)]

    def _weight(self, piece: KeyRange) -> int:
        rows = self._counts[piece]
        return UNCOUNTED if rows is None else rows

    def _heaviest(self) -> KeyRange | None:
        """The piece that is to be halved next; `None` where no more are to be."""
        if len(self._counts) >= _PIECES * self._parts + _DEPTH or self._asked >= _ASKED * self._parts + _DEPTH:
            return None
        share = sum(map(self._weight, self._counts)) / self._parts
        heavy = [piece for piece in self._counts if self._weight(piece) > share / 2 and self._halves(piece)]
        return max(heavy, key=self._weight, default=None)

    def _halves(self, piece: KeyRange) -> list[KeyRange]:
        """The two halves of a piece; none where it is too narrow."""
        low = self._low if piece.low is None else piece.low
        for cut in borders(low, self._high if piece.high is None else piece.high, 2):
            if cut != piece.high:
                return [KeyRange(piece.low, cut, piece.nulls), KeyRange(cut, piece.high, nulls=False)]
        return []
