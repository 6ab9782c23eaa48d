"""Code that writes the rows of a model: for one set of names straight through, and for each column by itself.

It looks whether each value is of the very type that its column takes as it is, and converts those that are not by the
column's own codec. With msgspec (the extra `fast`) the values are encoded by it; without, their JSON is put into a
template. What it refuses, or has no code for, is left to `encode_write`.

Names become code only where they are the package's own.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib import import_module
from json.encoder import encode_basestring
from keyword import iskeyword
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from .column import Column, package_of, resolve
from .edm import UNSET
from .encode import BIND, Write, encode_bind, is_writable, is_written
from .table import Row

Written: TypeAlias = tuple[bytes, Any]
"""A row's JSON object, and the value of its key column; `None` where it holds none."""
Writer: TypeAlias = Callable[[Any], Written | None]
"""Code for rows with certain names; it gives `None`, or raises, for what is left to `encode_write`."""

_PLAIN: Final = "-.0123456789"
_dump: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_KNOWN: Final[dict[str, Any]] = {
    "digits": int.__repr__,
    "dump": _dump,
    "quote": encode_basestring,
    "unset": UNSET,
    "utc": dt.UTC,
}
"""What code of any kind may use."""


class Shape(NamedTuple):
    """What code is made for: rows, or mappings, that hold these names. `key`: the key column, which they may hold
    whatever they are written for."""

    write: Write
    key: str
    is_row: bool
    names: tuple[str, ...]


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


class Part(NamedTuple):
    """A name that is written, and how."""

    name: str
    kind: _Kind
    nullable: bool
    convert: Callable[[Any], Any]


def written_names(model: type[Row[Any, Any]], shape: Shape) -> tuple[str, ...]:
    """The names that are written: of a row that is changed, not those of what the service alone writes."""
    if not shape.is_row or shape.write != "update":
        return shape.names
    return tuple(name for name in shape.names if name == shape.key or is_writable(model, name, shape.write))


def make_writer(model: type[Row[Any, Any]], shape: Shape) -> Writer | None:
    """The code for a shape; `None` where rows that hold these names are left to `encode_write`."""
    parts = [part_of(model, name, shape.write, shape.key) for name in written_names(model, shape)]
    if not parts or None in parts:
        return None
    sources = {name: _attribute(model, name) if shape.is_row else f"[{name!r}]" for name in shape.names}
    others = [_attribute(model, name) for name in model.__columns__ if shape.is_row and name not in shape.names]
    return _compiled([part for part in parts if part is not None], sources, others, shape)


def make_column_writer(part: Part) -> Callable[[Any], Any]:
    """The code for one value of a column: it gives what `join` takes."""
    known: dict[str, Any] = {**_KNOWN, "c": part.convert}
    fits = _fitting(part, "v", "t", known)
    if encoder() is None:
        code = _text(part, "v", "c", fits)
    else:
        code = " or ".join([f"({fits})"] * bool(fits) + ["v is None"] * part.nullable)
        code = f"v if {code} else c(v)" if code else "c(v)"
    exec(f"write = lambda v: {code}", known)  # noqa: S102 # it holds no name
    write: Callable[[Any], Any] = known["write"]
    return write


def join(values: Mapping[str, Any]) -> bytes:
    """The JSON object of what the code for columns has given."""
    encode = encoder()
    if encode is not None:
        return encode(values)
    return ("{" + ",".join([f"{encode_basestring(name)}:{text}" for name, text in values.items()]) + "}").encode()


def part_of(model: type[Row[Any, Any]], name: Any, write: Write, key: str) -> Part | None:
    """How a name is written; `None` where that is left to `encode_write`, which may refuse it."""
    if type(name) is not str:
        return None
    column = model.__columns__.get(name)
    if column is None:
        navigation = model.navigation().get(name.removesuffix(BIND))
        if navigation is None or not name.endswith(BIND):
            return None
        return Part(name, _CONVERTED, False, lambda value: encode_bind(model, navigation, value))
    kind = _kind_of(column, package_of(model))
    if kind is None or not (name == key or is_writable(model, name, write)):
        return None
    encode = model._codecs()[name].encode
    if kind.type is Decimal:
        return Part(name, kind, column.nullable, lambda value: _plain_decimal(encode(value)))
    return Part(name, kind, column.nullable and name != key, encode)


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


def _compiled(parts: Sequence[Part], sources: dict[str, str], others: Sequence[str], shape: Shape) -> Writer:
    """The function that writes rows whose values come from these sources."""
    encode = encoder()
    known: dict[str, Any] = dict(_KNOWN)
    if shape.is_row:
        known.update(getattr=getattr, more=holds_more)
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


def _text(part: Part, value: str, convert: str, fits: str) -> str:
    """Code for the JSON of a value."""
    text = f"{'str' if part.kind.type is Decimal else 'dump'}({convert}({value}))"
    if fits:
        text = f"({part.kind.text.format(v=value)}) if {fits} else {text}"
    return f"'null' if {value} is None else {text}" if part.nullable else text


def holds_more(extra: Mapping[str, Any]) -> bool:
    """Whether what a row holds beside its columns is written."""
    return any(is_written(name) for name in extra)


def _fitting(part: Part, value: str, name: str, known: dict[str, Any]) -> str:
    """Code that tells whether a value is written as it is; empty where none is."""
    if part.kind.type is None:
        return ""
    known[name] = part.kind.type
    fits = f"type({value}) is {name}"
    if issubclass(part.kind.type, Enum):
        return f"({fits} or type({value}) is int)"
    return f"{fits} and not ({part.kind.doubt.format(v=value)})" if part.kind.doubt else fits


@cache
def encoder() -> Callable[[Any], bytes] | None:
    """What encodes a mapping of values; `None` where msgspec is not installed."""
    try:
        msgspec: Any = import_module("msgspec")
    except ImportError:
        return None
    encode: Callable[[Any], bytes] = msgspec.json.Encoder(decimal_format="number").encode
    return encode
