"""Writing rows at speed: straight-line code for many rows of a model, made once for each set of names they hold.

Rows that are written together have mostly the same names. What names alone decide (which columns they are, who may
write them) is then decided once; what is left to do for a row is to see that each value is of the very type that its
column takes as it is, and to convert those that are not by the column's own codec. It decides nothing by itself: a row
that it refuses, or does not know how to write, is left to `encode_write`, which writes the same or says what is wrong.

With msgspec (the extra `fast`) the values are encoded by it; without, their JSON is put into a template.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from importlib import import_module
from json.encoder import encode_basestring
from keyword import iskeyword
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from .edm import UNSET
from .encode import BIND, Write, encode_bind, is_writable, is_written
from .model import Column, package_of, resolve
from .reading import REFUSALS
from .table import Row

Written: TypeAlias = tuple[bytes, Any]
"""A row's JSON object, and the value of its key column; `None` where it holds none."""
Writer: TypeAlias = Callable[[Any], Written | None]
"""Code for rows with certain names; it gives `None`, or raises, for what is left to `encode_write`."""

_SIGHTS: Final = 8  # rows of the same names, before code for them is worth making
_SHAPES: Final = 64  # sets of names with code of their own
_PLAIN: Final = "-.0123456789"
_dump: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class _Kind(NamedTuple):
    """How a column is written. `type`: whose values are written as they are, unless `doubt` holds for one; `None` where
    each is converted. `text`: its JSON. Both are code, about a value `{v}`."""

    type: type | None = None
    doubt: str = ""
    text: str = ""


def _whole(bits: int, *, signed: bool = True) -> _Kind:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return _Kind(int, f"not {low} <= {{v}} <= {high}", "digits({v})")


_CONVERTED: Final = _Kind()
_KINDS: Final[dict[str, _Kind]] = {
    "Edm.String": _Kind(str, "", "quote({v})"),
    "Edm.Guid": _Kind(UUID, "", "f'\"{{{v}}}\"'"),
    "Edm.Boolean": _Kind(bool, "", '"true" if {v} else "false"'),
    "Edm.SByte": _whole(8),
    "Edm.Byte": _whole(8, signed=False),
    "Edm.Int16": _whole(16),
    "Edm.Int32": _whole(32),
    "Edm.Int64": _whole(64),
    "Edm.Decimal": _Kind(Decimal, f"str({{v}}).strip({_PLAIN!r})", "str({v})"),  # others are spelled otherwise
    "Edm.Double": _Kind(float, "{v} - {v} != 0", "repr({v})"),  # those that JSON lacks
    "Edm.Single": _Kind(float, "{v} - {v} != 0", "repr({v})"),
    "Edm.DateTimeOffset": _Kind(
        dt.datetime,
        "{v}.tzinfo is not utc",
        "'\"' + {v}.date().isoformat() + 'T' + {v}.time().isoformat() + 'Z\"'",  # in less time than its own isoformat
    ),
    "Edm.Date": _Kind(dt.date, "", "'\"' + {v}.isoformat() + '\"'"),
    "Edm.TimeOfDay": _CONVERTED,
    "Edm.Duration": _CONVERTED,
    "Edm.Binary": _CONVERTED,
}
"""The types whose values are written here. Lists, complex values and what is not typed are not."""


class RowEncoder:
    """Encodes rows for one kind of write.

    `key` is the key column, which a row may hold whatever it is written for. `check` is called with each new set of
    names, and raises `ValueError` or `TypeError` where rows that hold them are not to be written.
    """

    __slots__ = ("_allowed", "_check", "_key", "_model", "_of_mapping", "_of_row", "_write")

    def __init__(self, model: type[Row[Any, Any]], write: Write, key: str, check: Callable[[Sequence[str]], object]):
        self._model = model
        self._write: Write = write
        self._key = key
        self._check = check
        self._allowed: dict[_Shape, Writer | None] = {}
        self._of_mapping: Writer | None = None  # the one that has written the last row
        self._of_row: Writer | None = None

    def encode(self, values: Any) -> Written | None:
        """The row's JSON object and its key; `None` where it is left to `encode_write`."""
        kind = type(values)
        if kind is dict:
            writer = self._of_mapping
        elif kind is self._model:
            writer = self._of_row
        else:
            return None
        if writer is not None:
            try:
                written = writer(values)
            except REFUSALS:
                written = None
            if written is not None:
                return written
        return self._by_another(values, writer)

    def _by_another(self, values: Any, last: Writer | None) -> Written | None:
        """Encode a row which the last one's code does not fit, or has refused."""
        is_row = type(values) is not dict
        names = tuple(column.name for column, _ in values._set()) if is_row else tuple(values)
        writer = self._writer(_Shape(self._write, self._key, is_row, names))
        if writer is None or writer is last:
            return None
        if is_row:
            self._of_row = writer
        else:
            self._of_mapping = writer
        try:
            return writer(values)
        except REFUSALS:
            return None

    def _writer(self, shape: _Shape) -> Writer | None:
        if shape not in self._allowed:
            code = _code_for(self._model, shape)
            if code is None:
                return None
            writer, names = code
            try:
                self._check(names)
                self._allowed[shape] = writer
            except (TypeError, ValueError):
                self._allowed[shape] = None
        return self._allowed[shape]


class _Shape(NamedTuple):
    """What code is made for: rows, or mappings, that hold these names."""

    write: Write
    key: str
    is_row: bool
    names: tuple[str, ...]


class _Codes:
    """The code that has been made for a model, and how often other shapes have been seen."""

    __slots__ = ("made", "sights")

    def __init__(self) -> None:
        self.made: dict[_Shape, tuple[Writer, tuple[str, ...]] | None] = {}
        self.sights: dict[_Shape, int] = {}


def _code_for(model: type[Row[Any, Any]], shape: _Shape) -> tuple[Writer, tuple[str, ...]] | None:
    """The code for a shape, and the names that it writes; `None` where there is none, or not yet."""
    codes: _Codes = model._cached("_written_by", _Codes)
    if shape in codes.made:
        return codes.made[shape]
    seen = codes.sights.get(shape, 0) + 1
    if seen < _SIGHTS:
        if len(codes.sights) >= _SHAPES:
            codes.sights.clear()
        codes.sights[shape] = seen
        return None
    if len(codes.made) >= _SHAPES:
        return None
    code = codes.made[shape] = _make(model, shape)
    return code


class _Part(NamedTuple):
    """A name that is written, and how."""

    name: str
    kind: _Kind
    nullable: bool
    convert: Callable[[Any], Any]


def _make(model: type[Row[Any, Any]], shape: _Shape) -> tuple[Writer, tuple[str, ...]] | None:
    if shape.is_row and model.__absent__ is not UNSET:
        return None  # no row of a table
    names, held = shape.names, shape.names
    if shape.is_row and shape.write == "update":
        names = tuple(name for name in names if name == shape.key or is_writable(model, name, shape.write))
    parts = [_part(model, name, shape) for name in names]
    if not parts or None in parts:
        return None
    sources = {name: _attribute(model, name) if shape.is_row else f"[{name!r}]" for name in held}
    others = [_attribute(model, name) for name in model.__columns__ if shape.is_row and name not in held]
    return _compiled([part for part in parts if part is not None], sources, others, shape), names


def _part(model: type[Row[Any, Any]], name: Any, shape: _Shape) -> _Part | None:
    """How a name is written; `None` where that is left to `encode_write`, which may refuse it."""
    if type(name) is not str:
        return None
    column = model.__columns__.get(name)
    if column is None:
        navigation = model.navigation().get(name.removesuffix(BIND))
        if navigation is None or not name.endswith(BIND):
            return None
        return _Part(name, _CONVERTED, False, lambda value: encode_bind(model, navigation, value))
    kind = _kind_of(column, package_of(model))
    if kind is None or not (name == shape.key or is_writable(model, name, shape.write)):
        return None
    encode = model._codecs()[name].encode
    if kind.type is Decimal:
        return _Part(name, kind, column.nullable, lambda value: _plain_decimal(encode(value)))
    return _Part(name, kind, column.nullable and name != shape.key, encode)


def _kind_of(column: Column, package: str) -> _Kind | None:
    if not column.model:
        return None if column.file else _KINDS.get(column.type)
    cls = resolve(package, column.model)
    if column.collection or not issubclass(cls, Enum):
        return None
    number = issubclass(cls, int) and column.type in _KINDS and column.type != "Edm.String"
    return _Kind(cls, "", "digits({v})") if number else _CONVERTED


def _plain_decimal(number: Decimal) -> Decimal:
    if str(number).strip(_PLAIN):
        raise ValueError("a number with an exponent")
    return number


def _attribute(model: type[Row[Any, Any]], name: str) -> str:
    attribute = model.__columns__[name].attribute
    if not attribute.isidentifier() or iskeyword(attribute):
        raise ValueError(f"{model.__name__}: a column's attribute is no name")
    return f".{attribute}"


def _compiled(parts: Sequence[_Part], sources: dict[str, str], others: Sequence[str], shape: _Shape) -> Writer:
    """The function that writes rows whose values come from these sources."""
    encode = _encoder()
    known: dict[str, Any] = {
        "utc": dt.UTC,
        "unset": UNSET,
        "dump": _dump,
        "quote": encode_basestring,
        "digits": int.__repr__,
    }
    if shape.is_row:
        known.update(getattr=getattr, more=_holds_more)
        lines = ["extra = getattr(row, '_extra', None)", "if extra and more(extra): return None"]
        if others:
            lines.append(f"if not (unset{''.join(f' is row{other}' for other in others)}): return None")
        written = {part.name for part in parts}
        lines += [f"if row{source} is unset: return None" for name, source in sources.items() if name not in written]
    else:
        lines = [f"if len(row) != {len(sources)}: return None"]
    if len(parts) > 1 and not shape.is_row:
        known["values"] = itemgetter(*shape.names)
        lines.append(f"{', '.join(f'v{index}' for index in range(len(parts)))} = values(row)")
    else:
        lines += [f"v{index} = row{sources[part.name]}" for index, part in enumerate(parts)]
    key = next((f"v{index}" for index, part in enumerate(parts) if part.name == shape.key), "None")
    lines.append(f"key = {key}")
    known.update({f"c{index}": part.convert for index, part in enumerate(parts)})
    fits = [_fitting(part, f"v{index}", f"t{index}", known) for index, part in enumerate(parts)]
    if encode is None:
        texts = "".join(f"{_text(part, f'v{index}', f'c{index}', fits[index])}, " for index, part in enumerate(parts))
        known["template"] = "{" + ",".join(_dump(part.name).replace("%", "%%") + ":%s" for part in parts) + "}"
        lines.append(f"return (template % ({texts})).encode(), key")
    else:
        known["encode"] = encode
        lines.append("same = True")
        for index, part in enumerate(parts):
            doubts = ([f"not ({fits[index]})"] if fits[index] else []) + ([f"v{index} is not None"] * part.nullable)
            lines.append(f"if {' and '.join(doubts) or 'True'}: v{index} = c{index}(v{index}); same = False")
        result = "{" + ", ".join(f"{part.name!r}: v{index}" for index, part in enumerate(parts)) + "}"
        lines.append(f"return encode({result if shape.is_row else f'row if same else {result}'}), key")
    exec("\n    ".join(["def write(row):", *lines]), known)  # noqa: S102 # of the package's own names alone
    write: Writer = known["write"]
    return write


def _text(part: _Part, value: str, convert: str, fits: str) -> str:
    """Code for the JSON of a value."""
    text = f"{'str' if part.kind.type is Decimal else 'dump'}({convert}({value}))"
    if fits:
        text = f"({part.kind.text.format(v=value)}) if {fits} else {text}"
    return f"'null' if {value} is None else {text}" if part.nullable else text


def _holds_more(extra: Mapping[str, Any]) -> bool:
    """Whether what a row holds beside its columns is written."""
    return any(is_written(name) for name in extra)


def _fitting(part: _Part, value: str, name: str, known: dict[str, Any]) -> str:
    """Code that tells whether a value is written as it is; empty where none is."""
    if part.kind.type is None:
        return ""
    known[name] = part.kind.type
    fits = f"type({value}) is {name}"
    if issubclass(part.kind.type, Enum):
        return f"({fits} or type({value}) is int)"
    return f"{fits} and not ({part.kind.doubt.format(v=value)})" if part.kind.doubt else fits


def _encoder() -> Callable[[Any], bytes] | None:
    """What encodes a mapping of values; `None` where msgspec is not installed."""
    try:
        msgspec: Any = import_module("msgspec")
    except ImportError:
        return None
    encode: Callable[[Any], bytes] = msgspec.json.Encoder(decimal_format="number").encode
    return encode
