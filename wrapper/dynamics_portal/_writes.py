"""Writes: the calls that the writing verbs of a table stand for, and what their answers hold.

It decides what makes a write conditional, what it returns, and which one may be sent twice. Checking and encoding of
rows are the generated package's; what it finds wrong is raised as an invalid request before anything is sent. No I/O.

Source: Dataverse Web API, "Create a table row", "Update and delete table rows", "Upsert a table row", "Associate and
disassociate table rows", "Perform conditional operations".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Generic, TypeAlias, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

from . import _json
from ._call import JSON_BODY, Call, Headers
from ._checked import checking_input
from ._entity_id import key_of
from ._failures import decoded
from ._outcome import Answer
from ._queries import Key, ReadRequests, prefer
from ._query import nearest, query
from ._seam import RowEncoder, RowModel
from ._settings import Settings

R_co = TypeVar("R_co", covariant=True)

Body: TypeAlias = Mapping[str, Any] | bytes
"""A request's JSON object, encoded or not yet."""

_BIND: Final = "@odata.bind"
REPRESENTATION: Final = "return=representation"


class Upserted(Generic[R_co]):
    """What an upsert has come to, where the row was asked for.

    `row`: as it is now. `created`: whether it is new; `None` where an attempt before may have made it.
    """

    __slots__ = ("created", "row")

    def __init__(self, row: R_co, created: bool | None) -> None:
        self.row = row
        self.created = created

    def __repr__(self) -> str:
        return f"<Upserted: {self.row!r}, created {self.created}>"


class WriteRequests(ReadRequests):
    """The calls that write to one table, beside those that read it.

    `returned`, where it is given, are the keywords of what is to be returned: `select`, `expand`, `annotations`.
    """

    __slots__ = ("_chosen_key",)

    def __init__(self, model: RowModel, settings: Settings) -> None:
        super().__init__(model, settings)
        key = model.table().key
        column = model.__columns__.get(key[0]) if len(key) == 1 else None
        chosen = column is not None and column.type == "Edm.Guid" and column.access != "read"
        self._chosen_key = key[0] if chosen else None

    @checking_input
    def create(self, row: Any, returned: Mapping[str, Any] | None = None) -> tuple[Call, Any]:
        """A new row, and its key where it is known beforehand.

        Only a row whose id is chosen here, before the first attempt, may be sent twice without becoming two.
        """
        body = self.model.encode_write(row, "create")
        self._check_required(body)
        self._settings.writable.check(self.model, body)
        key = self._given_key(row)
        if self._chosen_key is not None:
            if body.get(self._chosen_key) is None:
                body[self._chosen_key] = str(uuid4())
            key = UUID(body[self._chosen_key])
        return self.create_call(body, returned), key

    def create_call(self, body: Body, returned: Mapping[str, Any] | None = None) -> Call:
        """A new row that has been checked."""
        text, headers = self._returned(returned)
        repeatable = self._chosen_key is not None
        return self._call("POST", self._collection() + text, (JSON_BODY, *headers), body, repeatable=repeatable)

    def row_encoder(self, verb: str) -> RowEncoder | None:
        """What encodes many plain rows, each checked as the verb for one checks it; `None` where there is no such way.

        Rows are to hold their keys, or are new: the key is encoded along, for that is what bulk messages take.
        """
        make = getattr(self.model, "_row_encoder_", None)
        names = self.model.table().key
        column = self.model.__columns__.get(names[0]) if len(names) == 1 else None
        if make is None or column is None or column.type != "Edm.Guid":
            return None

        @cache
        def allows(name: str) -> bool:
            try:
                self._settings.writable.check(self.model, {name: ""})
            except ValueError:
                return False
            return True

        required = self._required() if verb == "create" else []
        encode: RowEncoder = make("update" if verb == "update" else "create", names[0], allows, required)
        return encode

    def _check_required(self, body: Mapping[str, Any]) -> None:
        """Raise `ValueError` that names what a new row lacks. Where it is bound to other rows, they may bring it."""
        if any(name.endswith(_BIND) or name in self.model.navigation() for name in body):
            return
        missing = [name for name in self._required() if body.get(name) is None]
        if missing:
            raise ValueError(f"{self.model.__name__}: a new row needs {', '.join(missing)}")

    def _required(self) -> list[str]:
        """What each new row needs."""
        return [
            name
            for name, column in self.model.__columns__.items()
            if column.required and not column.nullable and column.access != "read" and name != self._chosen_key
        ]

    @checking_input
    def update(self, key: Key, changes: Any, if_match: str | None, returned: Mapping[str, Any] | None = None) -> Call:
        """A change of a row that is there: without a version, any version will do, but there must be one."""
        body = self.model.encode_write(changes, "update")
        self._settings.writable.check(self.model, body)
        return self.update_call(key, body, if_match, returned)

    def update_call(
        self, key: Key, body: Body, if_match: str | None = None, returned: Mapping[str, Any] | None = None
    ) -> Call:
        """A change that has been checked."""
        text, headers = self._returned(returned)
        condition = ("If-Match", version(if_match))
        return self._call("PATCH", self._row(key) + text, (JSON_BODY, condition, *headers), body)

    @checking_input
    def upsert(
        self,
        key: Key,
        values: Any,
        returned: Mapping[str, Any] | None = None,
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
    ) -> Call:
        """A change of a row, or a new row where there is none. Where changes are prevented, the second of two attempts
        could not tell a row of the first from another's: it is sent again only where it provably did not run."""
        if prevent_create and prevent_update:
            raise ValueError("prevent_create and prevent_update together leave nothing to do: give one of them")
        body = self.model.encode_write(values, "create")
        self._settings.writable.check(self.model, body)
        names = self.model.table().key
        if not isinstance(key, Mapping) or set(key) == set(names):
            for name in names:
                body.pop(name, None)  # the address says which row
        return self.upsert_call(key, body, returned, prevent_create=prevent_create, prevent_update=prevent_update)

    def upsert_call(
        self,
        key: Key,
        body: Body,
        returned: Mapping[str, Any] | None = None,
        *,
        prevent_create: bool = False,
        prevent_update: bool = False,
    ) -> Call:
        """A change or a new row that has been checked."""
        text, headers = self._returned(returned)
        if prevent_create:
            headers = (("If-Match", "*"), *headers)
        elif prevent_update:
            headers = (("If-None-Match", "*"), *headers)
        url = self._row(key) + text
        return self._call("PATCH", url, (JSON_BODY, *headers), body, repeatable=not prevent_update)

    @checking_input
    def delete(self, key: Key, if_match: str | None) -> Call:
        """The end of a row."""
        self._settings.writable.check_delete(self.model)
        headers: Headers = () if if_match is None else (("If-Match", version(if_match)),)
        return self._call("DELETE", self._row(key), headers)

    @checking_input
    def get_value(self, key: Key, column: Any) -> tuple[Call, str]:
        """The value of one column, and the column's name."""
        name = self._column(column)
        return self._call("GET", f"{self._row(key)}/{name}", empty=b'{"value":null}'), name

    def value(self, answer: Answer, call: Call, name: str) -> Any:
        """The value that an answer holds. Without content, it is null."""

        def read() -> Any:
            value = _json.decode_object(answer.content)["value"]
            return getattr(self.model.from_dict({name: value}), self.model.__columns__[name].attribute)

        return decoded(read, answer.status, call.correlation_id) if answer.content else None

    @checking_input
    def set_value(self, key: Key, column: Any, value: Any) -> Call:
        """Another value of one column."""
        name = self._column(column)
        if value is None:
            raise ValueError(f"{self.model.__name__}.{name}: clear_value ends a value, None is none")
        body = self.model.encode_write({name: value}, "update")
        self._settings.writable.check(self.model, body)
        return self._call("PUT", f"{self._row(key)}/{name}", (JSON_BODY,), {"value": body[name]})

    @checking_input
    def clear_value(self, key: Key, column: Any) -> Call:
        """The end of the value of one column."""
        name = self._column(column)
        self._settings.writable.check(self.model, self.model.encode_write({name: None}, "update"))
        return self._call("DELETE", f"{self._row(key)}/{name}")

    @checking_input
    def associate(self, key: Key, navigation: Any, target: Any) -> Call:
        """Two rows related. The second of two attempts is refused, or changes nothing, so it may be repeated."""
        name, address = self._link(navigation, target)
        collection = self.model.navigation()[name].collection
        url = f"{self._row(key)}/{name}/$ref"
        return self._call("POST" if collection else "PUT", url, (JSON_BODY,), {"@odata.id": address})

    @checking_input
    def disassociate(self, key: Key, navigation: Any, target: Any) -> Call:
        """Two rows parted."""
        name, address = self._link(navigation, target)
        if self.model.navigation()[name].collection != (address is not None):
            what = "needs the row to part from" if address is None else "leads to one row alone: name no other"
            raise ValueError(f"{self.model.__name__}.{name} {what}")
        chosen = "" if address is None else f"?$id={quote(address, safe='')}"
        return self._call("DELETE", f"{self._row(key)}/{name}/$ref{chosen}")

    def _link(self, navigation: Any, target: Any) -> tuple[str, Any]:
        """The name of a navigation property, and the address of the row at its other end, where there is any."""
        if isinstance(navigation, str):
            name = navigation
        else:
            name = navigation._link_(self.model) if hasattr(navigation, "_link_") else getattr(navigation, "name", "")
        known = self.model.navigation()
        if name not in known:
            raise ValueError(f"{self.model.__name__} has no navigation property {name!r}{nearest(name, known)}")
        bound = name + _BIND
        value = [target] if known[name].collection and target is not None else target
        if target is None:
            self._settings.writable.check(self.model, {bound: None})
            return name, None
        body = self.model.encode_write({bound: value}, "update")
        self._settings.writable.check(self.model, body)
        text = body[bound][0] if known[name].collection else body[bound]
        return name, text if "://" in text else self._settings.root.url + text.lstrip("/")

    def _column(self, column: Any) -> str:
        """The name of a column, given by it or by the namespace. Raises `ValueError` for one that holds a file."""
        columns = self.model.__columns__
        name = column if isinstance(column, str) else column._select_(self.model)
        if name not in columns:
            raise ValueError(f"{self.model.__name__} has no column {name!r}{nearest(name, columns)}")
        if columns[name].file:
            raise ValueError(f"{self.model.__name__}.{name} holds a file: use the table's files")
        return str(name)

    def _returned(self, options: Mapping[str, Any] | None) -> tuple[str, Headers]:
        """The part of a URL and the headers that ask for the row as it is after the write."""
        if options is None:
            return "", ()
        preferences = [REPRESENTATION, *(value for _, value in prefer(annotations=bool(options.get("annotations"))))]
        text = query(self.model, select=options.get("select"), expand=options.get("expand"))
        return text, (("Prefer", ",".join(preferences)),)

    @checking_input
    def reference(self, key: Key) -> Any:
        """How another row refers to a row."""
        return self.model._reference_(key)

    def key(self, answer: Answer) -> Any:
        """The key of the row that an answer is about, where it says so."""
        return key_of(self.model, answer.headers)

    @checking_input
    def _call(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: Body | None = None,
        *,
        repeatable: bool = True,
        empty: bytes = b"{}",
    ) -> Call:
        return Call(
            method,
            url,
            self._settings.new_correlation_id(),
            headers=headers,
            content=body if body is None or isinstance(body, bytes) else _json.encode(body),
            repeatable=repeatable,
            empty=empty,
        )


@checking_input
def returned(return_row: bool, select: Any, expand: Any, annotations: bool) -> Mapping[str, Any] | None:
    """The keywords of what a write returns; `None` where it returns nothing. Raises `ValueError` for a mix of both."""
    if return_row:
        return {"select": select, "expand": expand, "annotations": annotations}
    if select is not None or expand is not None or annotations:
        raise ValueError("select, expand and annotations say what of the row is returned: give return_row=True, too")
    return None


def version(if_match: str | None) -> str:
    """The value of `If-Match`. Raises `ValueError` for what is no version."""
    if if_match is None:
        return "*"
    if not isinstance(if_match, str) or not if_match.isascii() or not if_match.isprintable() or not if_match:
        raise ValueError('if_match: expected a version like W/"123", as a row\'s etag has it')
    return if_match
