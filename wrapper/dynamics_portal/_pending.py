"""Pending: the result of an operation that is in a batch, before and after the batch has run. No I/O.

It decides what may be asked of it when, and how a later request of the same change set refers to the row that it makes.

Source: Dataverse Web API, "Execute batch operations using the Web API" (Reference URIs in request body).
"""

from __future__ import annotations

from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

from ._frames import reticent_class
from .errors import DynamicsPortalClientException, NotRunError, invalid

T_co = TypeVar("T_co", covariant=True)

PendingState: TypeAlias = Literal["waiting", "done", "failed", "not_run", "abandoned"]
"""Where an operation of a batch stands. `not_run`: another one failed; `abandoned`: its block was left by an exception.
"""

_NONE: Final = object()


@reticent_class
class Pending(Generic[T_co]):
    """What an operation of a batch gives, once the batch has run.

    `number` is its place in the batch, from 1; `verb` and `table` (the logical name; of an operation, its own name) say
    what it is. In its own change set, what a `create` gives stands for the new row: as a key, and, by `reference`, in
    `@odata.bind`.
    """

    __slots__ = ("_error", "_value", "change_set", "number", "table", "verb")

    def __init__(self, verb: str, table: str, number: int, change_set: object = None) -> None:
        self.verb = verb
        self.table = table
        self.number = number
        self.change_set = change_set
        self._value: Any = _NONE
        self._error: DynamicsPortalClientException | None = None

    @property
    def state(self) -> PendingState:
        """Where the operation stands."""
        if self._error is None:
            return "waiting" if self._value is _NONE else "done"
        if isinstance(self._error, NotRunError):
            return "not_run"
        return "failed" if self._value is _NONE else "abandoned"

    def result(self) -> T_co:
        """What the operation gives, or raises what it has failed with, as the same verb of a table does.

        Raises `NotRunError` where another operation has kept it from running, and `InvalidRequestError` while the
        batch has not run.
        """
        if self._error is not None:
            raise self._error
        if self._value is _NONE:
            raise invalid(f"{self.label} has not run yet: the batch runs when its block ends")
        return cast("T_co", self._value)

    @property
    def error(self) -> DynamicsPortalClientException | None:
        """What `result` raises once the batch has run; `None` where it does not."""
        return self._error

    @property
    def reference(self) -> str:
        """How a later request of the same change set refers to the row: `{"parent@odata.bind": pending.reference}`."""
        if self.change_set is None or self.verb != "create":
            raise invalid(
                f"{self.label}: only a row that is created in a change set can be referred to, and only there"
            )
        return f"${self.number}"

    @property
    def label(self) -> str:
        """Which operation it is, in words without values."""
        return f"operation {self.number} ({self.verb} of {self.table})"

    def settle(self, value: Any) -> None:
        """Take note of what it gave."""
        self._value, self._error = value, None

    def fail(self, error: DynamicsPortalClientException) -> None:
        """Take note of why it gave nothing."""
        self._error = error

    def abandon(self) -> None:
        """Take note that nobody will send it."""
        self._value = None
        self._error = invalid(f"{self.label} was not sent: its block was left by an exception")

    def __repr__(self) -> str:
        return f"<Pending: {self.label}, {self.state}>"
