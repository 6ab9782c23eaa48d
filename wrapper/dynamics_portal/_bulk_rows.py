"""Rows of a bulk run: each checked and encoded as it is taken, with an id of its own where it is new. No I/O.

The ids of new rows are made of the run's own id and the row's place, before anything is sent. So a row that is sent
again, also by another process, is made once.

Source: Dataverse, "Use bulk operation messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Literal, NamedTuple, TypeAlias, cast
from uuid import UUID, uuid5

from . import _json
from ._batch import Step
from ._checked import checking_input
from ._outcome import Answer
from ._pending import Pending
from ._requests import TableRequests
from .errors import InvalidRequestError

Verb: TypeAlias = Literal["create", "update", "upsert", "delete"]


class Entry(NamedTuple):
    """A row of a round. `target`: what stands before its columns in a bulk message."""

    place: int
    row: Any
    pending: Pending[Any]
    step: Step | None = None
    key: Any = None
    target: bytes = b""


class BulkRows:
    """Makes entries of rows. `run_id`: what the ids of new rows are made of, beside their places."""

    __slots__ = ("_requests", "_run_id", "_verb")

    def __init__(self, requests: TableRequests, verb: Verb, run_id: UUID) -> None:
        self._requests = requests
        self._verb = verb
        self._run_id = run_id

    def entry(self, place: int, row: Any) -> Entry:
        """The entry of a row. One that cannot be sent has failed by itself."""
        pending: Pending[Any] = Pending(self._verb, self._requests.model.table().name, place + 1)
        try:
            return self._entry(place, row, pending)
        except InvalidRequestError as error:
            pending.fail(error)
            return Entry(place, row, pending)

    def _entry(self, place: int, row: Any, pending: Pending[Any]) -> Entry:
        requests = self._requests
        if self._verb == "create":
            call, key = requests.create(self._with_id(place, row))

            def made(answer: Answer) -> Any:
                return requests.key(answer) if key is None else key

            exists = (lambda: requests.exists(key)) if call.repeatable else None
            return self._made(place, row, Step(pending, call, made, exists), key, {})
        if self._verb == "delete":
            call = requests.delete(row, None)
            return self._made(
                place, row, Step(pending, call, lambda answer: None, lambda: requests.exists(row)), row, {}
            )
        key, values = self._divided(row)
        call = requests.update(key, values, None) if self._verb == "update" else requests.upsert(key, values)

        def put(answer: Answer) -> Any:
            return requests.key(answer)

        return self._made(place, row, Step(pending, call, put), key, self._named(key))

    def _made(self, place: int, row: Any, step: Step, key: Any, target: Mapping[str, Any]) -> Entry:
        says = isinstance(row, Mapping) and "@odata.type" in row
        kind = {} if says else {"@odata.type": self._requests.model.__type__}
        return Entry(place, row, step.pending, step, key, _json.encode({**kind, **target})[:-1])

    def _with_id(self, place: int, row: Any) -> Any:
        """The row with an id that is the same whenever the run is repeated, where it has none of its own."""
        model, name = self._requests.model, self._requests.chosen_key
        if name is None or self._requests.given_key(row) is not None:
            return row
        key = uuid5(self._run_id, str(place))
        if isinstance(row, Mapping):
            return {**row, name: key}
        if not isinstance(row, cast("type", model)):
            return row  # which is none, as `create` will say
        placed = copy(row)
        setattr(placed, model.__columns__[name].attribute, key)
        return placed

    @checking_input
    def _divided(self, row: Any) -> tuple[Any, Any]:
        """The key of a row that is given with it, and what is to be written."""
        if isinstance(row, tuple):
            if len(row) != 2:
                raise TypeError("expected a row that has its key, or a pair of a key and what is to be written")
            return row[0], row[1]
        key = self._requests.given_key(row)
        if key is None:
            names = ", ".join(self._requests.model.table().key)
            raise ValueError(
                f"a row without its key ({names}) is not to be found: give it, or a pair of a key and the row"
            )
        if isinstance(row, Mapping):
            return key, {name: value for name, value in row.items() if name not in self._requests.model.table().key}
        return key, row

    def _named(self, key: Any) -> dict[str, Any]:
        """How a target of a bulk message says which row it is."""
        names = self._requests.model.table().key
        if len(names) == 1 and not isinstance(key, Mapping):
            return {names[0]: str(key) if isinstance(key, UUID) else key}
        return {"@odata.id": self._requests.model.path(key)}


def target_of(entry: Entry) -> bytes:
    """A row in a bulk message: what says which it is, and the columns that its own request holds."""
    content = entry.step.call.content if entry.step is not None else None
    inner = (content or b"{}")[1:]
    comma = b"" if inner == b"}" or entry.target == b"{" else b","
    return entry.target + comma + inner
