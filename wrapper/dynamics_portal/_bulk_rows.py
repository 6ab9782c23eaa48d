"""Rows of a bulk run: each checked and encoded as it is taken, with an id of its own where it is new. No I/O.

The ids of new rows are made of the run's own id and the row's place, before anything is sent. So a row that is sent
again, also by another process, is made once.

A row is encoded at once, since the caller may use the same object for the next one. What only its own request needs is
made when it comes to that.

Source: Dataverse, "Use bulk operation messages".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Final, Literal, TypeAlias, cast
from uuid import UUID, SafeUUID

from . import _json
from ._batch import Step
from ._call import Call
from ._checked import checking_input
from ._pending import Pending
from ._requests import TableRequests
from ._seam import RowEncoder
from .errors import DynamicsPortalClientException, InvalidRequestError

Verb: TypeAlias = Literal["create", "update", "upsert", "delete"]

_Plain: TypeAlias = "Callable[[int, Any], Entry | None]"
"""Makes the entry of a row, with nothing but what a bulk message takes; `None` for a row that is not plain."""

_new: Final = object.__new__
_set_number: Final = UUID.__dict__["int"].__set__
_set_safety: Final = UUID.__dict__["is_safe"].__set__
_UNKNOWN: Final = SafeUUID.unknown
_PLACE_BITS: Final = 48
MAX_PLACE: Final = (1 << _PLACE_BITS) - 1
"""The highest place of a row in a run that has an id: 281 million millions."""
_RANDOM: Final = ~(0xF000 << 64 | 0xC000 << 48 | MAX_PLACE)  # the bits of a run's id that go into those of its rows
_VERSION: Final = 0x8000 << 64 | 0x8000 << 48


class RunIds:
    """The ids of a run's new rows: UUIDs of version 8, of 74 random bits of the run's id and, last, the row's place.

    So they rise in the order in which SQL Server sorts ids, by their last part first, and a table's index grows at its
    end, as with the ids that Dataverse gives itself; ids that are all random cost it more.
    Source: RFC 9562, 5.8; Dataverse, "Create a table row using the Web API" (primary key values).
    """

    __slots__ = ("_fixed", "_text")

    def __init__(self, run_id: UUID) -> None:
        self._fixed = run_id.int & _RANDOM | _VERSION
        self._text = str(UUID(int=self._fixed))[:24].encode()

    def text(self, place: int) -> bytes:
        """The id of a place as text."""
        return b"%b%012x" % (self._text, place)

    def made(self, place: int) -> UUID:
        """The id of a place: `UUID(int=…)`, without asking for the other forms that the class takes."""
        made = _new(UUID)
        _set_number(made, self._fixed | place)
        _set_safety(made, _UNKNOWN)
        return made


MADE: Final = object()
"""The key of an entry that stands for the id of its place."""


class Entry:
    """A row of a run, and what has become of it.

    `error`: why it has failed; `None` where it has not, or nothing is known of it yet. `target`: its object in a bulk
    message. `made_key`: its key; `MADE` where that is the one of its place, and nobody has asked for it yet.
    """

    __slots__ = ("_rows", "_step", "error", "made_key", "place", "row", "target")

    def __init__(self, rows: BulkRows, place: int, row: Any, key: Any, target: bytes) -> None:
        self._rows = rows
        self.place = place
        self.row = row
        self.made_key = key
        self.target = target
        self._step: Step | None = None
        self.error: DynamicsPortalClientException | None = None

    @property
    def key(self) -> Any:
        """Its key: what the service has said, else its own, else the one that was made for it. `None` for none."""
        key = self.made_key
        if key is MADE:
            key = self.made_key = self._rows.ids.made(self.place)
        return key

    @property
    def step(self) -> Step:
        """The request for it alone, made when it is first asked for. What comes of that is what has become of it."""
        if self._step is None:
            self._step = self._rows.step(self)
        return self._step

    def stands_by(self, step: Step) -> Entry:
        """The entry, whose own request has been made."""
        self._step = step
        return self

    def settle(self, key: Any) -> None:
        """It is done. `key`: the one that the service has said, if it has."""
        if key is not None:
            self.made_key = key
        self.error = None

    def fail(self, error: DynamicsPortalClientException) -> None:
        """It has failed."""
        self.error = error


class _PendingRow(Pending[Any]):
    """The result of a row's own request, which is what becomes of the row."""

    __slots__ = ("_entry",)

    def __init__(self, entry: Entry, verb: Verb, table: str) -> None:
        super().__init__(verb, table, entry.place + 1)
        self._entry = entry

    def settle(self, value: Any) -> None:
        super().settle(value)
        self._entry.settle(value)

    def fail(self, error: DynamicsPortalClientException) -> None:
        super().fail(error)
        self._entry.fail(error)


class BulkRows:
    """Makes entries of rows. `run_id`: what the ids of new rows are made of, beside their places."""

    __slots__ = ("_head", "_key_head", "_plain", "_requests", "_verb", "ids")

    def __init__(self, requests: TableRequests, verb: Verb, run_id: UUID) -> None:
        self._requests = requests
        self._verb = verb
        self.ids = RunIds(run_id)
        self._head = _json.encode({"@odata.type": requests.model.__type__})[:-1] + b","
        encode = None if verb == "delete" else requests.row_encoder(verb)
        self._key_head = b""
        self._plain: _Plain | None = None
        if encode is not None:
            self._key_head = self._head + _json.encode(requests.model.table().key[0]) + b':"'
            self._plain = self._plain_new(encode) if verb == "create" else self._plain_put(encode)

    def entry(self, place: int, row: Any) -> Entry:
        """The entry of a row. One that cannot be sent has failed by itself."""
        if self._plain is not None and (entry := self._plain(place, row)) is not None:
            return entry
        try:
            return self._entry(place, row)
        except InvalidRequestError as error:
            failed = Entry(self, place, row, None, b"")
            failed.fail(error.with_traceback(None))  # it is told, not raised: its frames hold the row
            return failed

    def _plain_new(self, encode: RowEncoder) -> _Plain:
        """How the entry of a new row is made at speed; with local names alone, for that takes a tenth less time."""
        head, key_head, text = self._head, self._key_head, self.ids.text
        chooses = self._requests.chosen_key is not None

        def plain(place: int, row: Any) -> Entry | None:
            encoded = encode(row)
            if encoded is None:
                return None
            body, key = encoded
            if key is None and chooses:
                return Entry(self, place, row, MADE, b'%b%b",%b' % (key_head, text(place), body[1:]))
            return Entry(self, place, row, UUID(key) if type(key) is str else key, head + body[1:])

        return plain

    def _plain_put(self, encode: RowEncoder) -> _Plain:
        """How the entry of a change is made at speed: of a row that holds its key, or of a pair of an id and a row."""

        def plain(place: int, row: Any) -> Entry | None:
            is_pair = type(row) is tuple
            if is_pair and (len(row) != 2 or type(row[0]) is not UUID):
                return None
            encoded = encode(row[1] if is_pair else row)
            if encoded is None:
                return None
            body, key = encoded
            if is_pair == (key is not None):  # it has none, or two
                return None
            if is_pair:
                text = str(row[0]).encode()
                return Entry(self, place, row, row[0], b'%b%b",%b' % (self._key_head, text, body[1:]))
            return Entry(self, place, row, key, self._head + body[1:])

        return plain

    def _entry(self, place: int, row: Any) -> Entry:
        """The entry of any row. Raises an invalid request for one that cannot be sent."""
        requests = self._requests
        if self._verb == "create":
            call, key = requests.create(self._with_id(place, row))
            return self._made(place, row, call, key, {})
        if self._verb == "delete":
            return self._made(place, row, requests.delete(row, None), row, {})
        key, values = self._divided(row)
        call = requests.update(key, values, None) if self._verb == "update" else requests.upsert(key, values)
        return self._made(place, row, call, key, self._named(key))

    @checking_input
    def step(self, entry: Entry) -> Step:
        """The request for a row alone of which only the target has been made."""
        key = entry.key
        if self._verb == "create":
            return self._step(entry, self._requests.create_call(b"{" + entry.target[len(self._head) :]), key)
        body = _json.decode_object(entry.target)
        for name in ("@odata.type", *self._requests.model.table().key):
            body.pop(name, None)  # the address says which row
        put = self._requests.upsert_call(key, body) if self._verb == "upsert" else self._requests.update_call(key, body)
        return self._step(entry, put, key)

    def _step(self, entry: Entry, call: Call, key: Any) -> Step:
        """A request for a row alone, what its answer gives, and how to find out whether it has been there before."""
        requests = self._requests
        pending = _PendingRow(entry, self._verb, requests.model.table().name)
        if self._verb == "delete":
            return Step(pending, call, lambda answer: None, lambda: requests.exists(key))
        if self._verb != "create" or key is None:
            return Step(pending, call, requests.key)
        return Step(pending, call, lambda answer: key, (lambda: requests.exists(key)) if call.repeatable else None)

    def _made(self, place: int, row: Any, call: Call, key: Any, target: Mapping[str, Any]) -> Entry:
        says = isinstance(row, Mapping) and "@odata.type" in row
        kind = {} if says else {"@odata.type": self._requests.model.__type__}
        head = _json.encode({**kind, **target})[:-1]
        inner = (call.content or b"{}")[1:]
        comma = b"" if inner == b"}" or head == b"{" else b","
        entry = Entry(self, place, row, key, head + comma + inner)
        return entry.stands_by(self._step(entry, call, key))

    def _with_id(self, place: int, row: Any) -> Any:
        """The row with an id that is the same whenever the run is repeated, where it has none of its own."""
        model, name = self._requests.model, self._requests.chosen_key
        if name is None or self._requests.given_key(row) is not None:
            return row
        key = self.ids.made(place)
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
