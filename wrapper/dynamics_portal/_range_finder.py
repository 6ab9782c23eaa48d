"""Finding the ranges of a table: what is asked of the service, and the conditions that come of it. No I/O.

The lowest and the highest value are asked for by two queries of one row, since the service aggregates no more than
50,000 rows. They only decide where borders are, see `_ranges`.

Source: Dataverse Web API, "Query data using OData", "Aggregate data using OData".
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from ._aggregation import count
from ._call import Call
from ._checked import checking_input
from ._even_ranges import EvenRanges
from ._failures import decoded
from ._outcome import Answer
from ._pages import read_page
from ._query import positive
from ._ranges import KeyRange, borders, both, column_of, condition, split
from ._requests import TableRequests
from .errors import DynamicsPortalClientException

MAX_RANGES: Final = 10_000
_TOO_MANY: Final = "0x8004e023"  # the service counts no more than 50,000 rows
_COMPARED: Final = (dt.date, int, Decimal)  # what values are; a moment is a date, too


class RangeFinder:
    """The course of finding ranges: `next_call` says what to ask, `feed` and `fail` take what came of it.

    `by`: a column of the table's namespace or its name; `createdon` where it is `None`. `filter`: what all rows meet.
    `even`: whether rows are counted, so that ranges have about as many.
    Raises `InvalidRequestError` for a column that cannot be cut.
    """

    def __init__(self, requests: TableRequests, parts: int, by: Any, filter: Any, *, even: bool = False) -> None:
        self._requests = requests
        self._filter = filter
        self._parts, self._name, self._calls = self._prepared(parts, by)
        self._ends: list[Any] = []
        self._is_even = even and self._parts > 1
        self._pieces: EvenRanges | None = None

    @checking_input
    def _prepared(self, parts: Any, by: Any) -> tuple[int, str, list[Call]]:
        parts = positive("parts", parts)
        if parts is None or parts > MAX_RANGES:
            raise ValueError(f"parts: expected a whole number from 1 to {MAX_RANGES}")
        model = self._requests.model
        name = column_of(model, by)
        found = getattr(model._columns_(), model.__columns__[name].attribute)
        known = both(model, found.is_not_null(), self._filter)
        calls = []
        for direction in ("asc", "desc") if parts > 1 else ():
            listing = self._requests.find(filter=known, select=[name], order_by=f"{name} {direction}", top=1)
            call = listing.next_call()
            assert call is not None  # of a listing that has just begun
            calls.append(call)
        return parts, name, calls

    def next_call(self) -> Call | None:
        """What to ask next; `None` when enough is known."""
        if len(self._ends) < len(self._calls):
            return self._calls[len(self._ends)]
        if not self._is_even:
            return None
        if self._pieces is None:
            low, high = self._ends
            self._pieces = EvenRanges(low, high, self._parts)
        piece = self._pieces.next()
        if piece is None:
            return None
        return self._requests.aggregate(None, self._condition(piece), (), None, {"rows": count()}).next_call()

    def feed(self, answer: Answer, call: Call) -> None:
        """Take an answer."""
        rows = decoded(lambda: read_page(answer.content)[1], answer.status, call.correlation_id)
        if self._pieces is None:
            self._ends.append(decoded(lambda: self._value(rows), answer.status, call.correlation_id))
        else:
            self._pieces.counted(decoded(lambda: int(rows[0]["rows"]) if rows else 0, 200, call.correlation_id))

    def fail(self, error: DynamicsPortalClientException) -> None:
        """Take a failure. Raises it, unless it says that a piece has more rows than the service counts."""
        if self._pieces is None or (error.dynamics_code or "").lower() != _TOO_MANY:
            raise error
        self._pieces.counted(None)

    def _value(self, rows: list[Any]) -> Any:
        model = self._requests.model
        found = [getattr(model.from_dict(row), model.__columns__[self._name].attribute) for row in rows[:1]]
        return next((value for value in found if isinstance(value, _COMPARED)), None)

    def ranges(self) -> list[KeyRange]:
        """The ranges that were found: as many as were asked for, or fewer where there are fewer values."""
        if self._pieces is not None:
            return self._pieces.ranges()
        low, high = self._ends or (None, None)
        return split(borders(low, high, self._parts))

    def conditions(self) -> list[Any]:
        """The condition of each range, joined with the filter."""
        return [self._condition(found) for found in self.ranges()]

    def _condition(self, found: KeyRange) -> Any:
        return condition(self._requests.model, self._name, found, self._filter)
