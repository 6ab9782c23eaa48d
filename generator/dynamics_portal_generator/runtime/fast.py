"""Reading objects with msgspec (the extra `fast`): from the bytes of JSON to values of Python in one go.

For the names that the objects of a model hold a structure is made, typed where msgspec reads exactly what `from_dict`
would, and otherwise with the JSON value, which the straight-line code of `reading` decodes. A structure knows its names
and refuses every other, so that nothing is lost. What is refused is no error here: `from_dict` reads it, or says what
is wrong. msgspec's own messages are dropped, since they may hold values.

Numbers with a fraction come as `Decimal`, made of their text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum, Flag
from importlib import import_module
from typing import Any, Final, NamedTuple
from uuid import UUID

from .decode import decode_float, decode_guid
from .edm import UNSET
from .reading import REFUSALS, SPECIAL, TYPE, Decoders, make_builder

msgspec: Any = import_module("msgspec")  # so that who checks a generated package needs no types of it
_REFUSALS: Final = (*REFUSALS, msgspec.MsgspecError)
_SHAPES: Final = 4  # sets of names that are tried in turn
_NAMES: Final = 2_000  # in one set
_LEARN_FROM: Final = 16_384  # bytes that nothing fitted, before something is learned of them; doubled each time
_NATIVE: Final[Mapping[Any, Any]] = {
    decode_guid: UUID | None,
    decode_float: float | None,
    dt.date.fromisoformat: dt.date | None,
}
"""Types that msgspec reads as `from_dict` does, or refuses."""


class _Shape(NamedTuple):
    """Names that objects hold, and what reads them. `optional`: those that not every object has."""

    names: tuple[str, ...]
    optional: frozenset[str]
    one: Callable[[bytes], Any]
    many: Callable[[bytes], list[Any]]
    build: Callable[[Any], Any]


class FastReading:
    """How the objects of one model are read from bytes."""

    __slots__ = ("_lists", "_singles")

    def __init__(self, model: type, decoders: Decoders) -> None:
        self._singles = _Learned(model, decoders, frozenset({TYPE}))
        self._lists = _Learned(model, decoders, SPECIAL)

    def one(self, content: bytes) -> Any:
        """The object that the bytes hold; `None` where it is left to `from_dict`."""
        return self._singles.read(content, _read_one, _object)

    def many(self, content: bytes) -> list[Any] | None:
        """The objects of the list that the bytes hold; `None` where they are left to `from_dict`."""
        result: list[Any] | None = self._lists.read(content, _read_many, _objects)
        return result


class _Learned:
    """What has been learned of the names of objects. `special`: names that say what an object is, which is not for us
    to judge."""

    __slots__ = ("_decoders", "_learned", "_model", "_passed", "_shapes", "_special")

    def __init__(self, model: type, decoders: Decoders, special: frozenset[str]) -> None:
        self._model = model
        self._decoders = decoders
        self._special = special
        self._shapes: list[_Shape] = []
        self._passed = _LEARN_FROM  # bytes that nothing fitted
        self._learned = 0

    def read(
        self, content: bytes, read: Callable[[_Shape, bytes], Any], objects: Callable[[bytes], list[dict[str, Any]]]
    ) -> Any:
        """What the bytes hold, read by a shape that fits; `objects` reads them without one."""
        for shape in self._shapes:
            try:
                result = read(shape, content)
            except _REFUSALS:
                continue
            if shape is not self._shapes[0]:
                self._shapes = [shape, *(other for other in self._shapes if other is not shape)]
            return result
        self._passed += len(content)
        if self._passed < _LEARN_FROM << self._learned:
            return None
        try:
            self._learn(objects(content))
            return read(self._shapes[0], content)
        except _REFUSALS:
            return None

    def _learn(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Make a shape of the names of these objects, and of those of the last one where it is much the same."""
        self._learned, self._passed = self._learned + 1, 0
        names = dict.fromkeys(name for item in objects for name in item)
        if not names or len(names) > _NAMES or not names.keys().isdisjoint(self._special):
            raise ValueError("objects that are read one by one")
        required = {name for name in names if "@" not in name[1:] and all(name in item for item in objects)}
        names.update(dict.fromkeys(self._likely(names)))
        shapes = list(self._shapes)
        if shapes and 2 * len(names.keys() & set(shapes[0].names)) > len(names):
            last = shapes.pop(0)
            names = dict.fromkeys((*last.names, *names))
            required &= set(last.names) - last.optional
        self._shapes = [self._shape(tuple(names), frozenset(names.keys() - required)), *shapes][:_SHAPES]

    def _likely(self, names: Mapping[str, Any]) -> list[str]:
        """Annotations of columns that are likely to come, since other columns of the type have them."""
        parts = [name.partition("@") for name in names]
        seen = {(self._decode(column), term) for column, _, term in parts if column and term}
        columns = [column for column, _, term in parts if not term]
        return [f"{column}@{term}" for column in columns for decode, term in seen if decode == self._decode(column)]

    def _decode(self, name: str) -> Any:
        decode = self._decoders.get(name, ("", None))[1]
        return Enum if isinstance(decode, type) and issubclass(decode, Enum) else decode

    def _shape(self, names: tuple[str, ...], optional: frozenset[str]) -> _Shape:
        native = {name: self._native(name) for name in names}
        fields: list[Any] = []
        for index, name in enumerate(names):
            kind = Any if native[name] is None else native[name]
            fields.append((f"f{index}", kind, UNSET) if name in optional else (f"f{index}", kind))
        structure = msgspec.defstruct(
            self._model.__name__,
            fields,
            rename={f"f{index}": name for index, name in enumerate(names)},
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,  # what JSON stands for refers to nothing that refers back
        )
        return _Shape(
            names,
            optional,
            msgspec.json.Decoder(structure, float_hook=Decimal).decode,
            msgspec.json.Decoder(list.__class_getitem__(structure), float_hook=Decimal).decode,
            make_builder(
                self._model,
                self._decoders,
                names,
                optional=optional,
                decoded={name for name in names if native[name] is not None},
                attributes=True,
            ),
        )

    def _native(self, name: str) -> Any:
        decode = self._decoders.get(name, ("", None))[1]
        if isinstance(decode, type) and issubclass(decode, Enum):
            usable = len(decode) > 0 and not issubclass(decode, Flag)
            return decode | None if usable else None
        return _NATIVE.get(decode)


def _read_one(shape: _Shape, content: bytes) -> Any:
    return shape.build(shape.one(content))


def _read_many(shape: _Shape, content: bytes) -> list[Any]:
    build = shape.build
    return [build(item) for item in shape.many(content)]


def _object(content: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(content, type=dict[str, Any])]


def _objects(content: bytes) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = msgspec.json.decode(content, type=list[dict[str, Any]])
    return result
