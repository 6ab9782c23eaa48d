"""Edm values: how each primitive type of OData reads from JSON, writes to JSON and is spelled in a URL.

Decides formats and ranges only. Which column has which type is the business of `model`. No message ever contains the
value that was refused: it may be personal data.

Source: OData JSON Format 4.01, "Primitive Value"; OData ABNF 4.01, "Literal Data Values".
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from .choices import Enumeration, Flags
from .decode import (
    FineMoment,
    decode_binary,
    decode_datetime,
    decode_decimal,
    decode_duration,
    decode_float,
    decode_guid,
    decode_integer,
    expect,
)


class Unset:
    """The type of `UNSET`: a column that an answer did not hold, or that a write leaves alone. It is falsy."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"  # pickled by reference, so that `is UNSET` holds in another process


UNSET: Final = Unset()

UNSAVED: Final[Any] = UNSET
"""`UNSET` as the key of a row that has none yet. A row that the service returned always has its key, so a checker is
told that it is there; on a row that was built without one it reads `UNSET` and is falsy."""


class Codec(NamedTuple):
    """The three spellings of a type. `decode` is `None` where the JSON value is the Python value already."""

    decode: Callable[[Any], Any] | None
    encode: Callable[[Any], Any]
    literal: Callable[[Any], str]


def _string(value: Any) -> str:
    text = expect(value, str)
    return str(text.value) if isinstance(text, Enum) else str(text)


def quoted(text: str) -> str:
    """A string literal: in single quotes, each quote inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def _guid(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    try:
        return str(UUID(expect(value, str)))
    except ValueError:
        raise ValueError("expected a UUID, got text that is none") from None


def _integer(bits: int, *, signed: bool = True) -> Callable[[Any], int]:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)

    def encode(value: Any) -> int:
        number = int(expect(value, int))
        if not low <= number <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return number

    return encode


def _decimal(value: Any) -> Decimal:
    number = expect(value, Decimal, int)
    result = Decimal(number)
    if not result.is_finite():
        raise ValueError("expected a finite decimal number")
    return result


def _float(value: Any) -> float | str:
    number = float(expect(value, float, int))
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "INF" if number > 0 else "-INF"


def _datetime(value: Any) -> str:
    moment: dt.datetime = expect(value, dt.datetime)
    if isinstance(moment, FineMoment) and moment.text:
        return moment.text
    if moment.tzinfo is None:
        raise ValueError("expected a datetime with a time zone, got a naive one")
    offset = moment.utcoffset()
    if offset is not None and offset.total_seconds() % 60:  # local mean time, before there were time zones
        try:
            moment = moment.astimezone(dt.UTC)
        except OverflowError:
            raise ValueError("expected a datetime whose UTC is within Python's range") from None
    text = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _date(value: Any) -> str:
    if isinstance(value, dt.datetime):
        raise TypeError("expected date, got datetime")
    day: dt.date = expect(value, dt.date)
    return day.isoformat()


def _time(value: Any) -> str:
    moment: dt.time = expect(value, dt.time)
    if moment.tzinfo is not None:
        raise ValueError("expected a time without a time zone")
    return moment.isoformat()


def _duration(value: Any) -> str:
    span: dt.timedelta = expect(value, dt.timedelta)
    sign, span = ("-", -span) if span < dt.timedelta(0) else ("", span)
    fraction = f".{span.microseconds:06}" if span.microseconds else ""
    return f"{sign}P{span.days}DT{span.seconds}{fraction}S"


def _binary(value: Any) -> str:
    return base64.b64encode(expect(value, bytes, bytearray)).decode("ascii")


def _any(value: Any) -> Any:
    return value


def _any_literal(value: Any) -> str:
    """A value of a type that is not known, spelled by what it is: text in quotes, a list or an object as JSON."""
    if isinstance(value, str):
        return quoted(str(value))
    return str(value) if isinstance(value, (Decimal, UUID)) else json.dumps(value, separators=(",", ":"), default=str)


def _no_write(value: Any) -> Any:
    raise TypeError("a stream is not written as a value")


def _bare(encode: Callable[[Any], Any]) -> Callable[[Any], str]:
    return lambda value: str(encode(value))


def _codec(encode: Callable[[Any], Any], decode: Callable[[Any], Any] | None = None) -> Codec:
    return Codec(decode, encode, _bare(encode))


def _as_boolean(value: Any) -> bool:
    return bool(expect(value, bool))


_ANY = Codec(None, _any, _any_literal)

CODECS: Final[dict[str, Codec]] = {
    "Edm.String": Codec(None, _string, lambda value: quoted(_string(value))),
    "Edm.Guid": _codec(_guid, decode_guid),
    "Edm.Boolean": Codec(None, _as_boolean, lambda value: "true" if _as_boolean(value) else "false"),
    "Edm.SByte": _codec(_integer(8)),
    "Edm.Byte": _codec(_integer(8, signed=False)),
    "Edm.Int16": _codec(_integer(16)),
    "Edm.Int32": _codec(_integer(32)),
    "Edm.Int64": _codec(_integer(64), decode_integer),
    "Edm.Decimal": Codec(decode_decimal, _decimal, lambda value: format(_decimal(value), "f")),
    "Edm.Double": _codec(_float, decode_float),
    "Edm.Single": _codec(_float, decode_float),
    "Edm.DateTimeOffset": _codec(_datetime, decode_datetime),
    "Edm.Date": _codec(_date, dt.date.fromisoformat),
    "Edm.TimeOfDay": _codec(_time, dt.time.fromisoformat),
    "Edm.Duration": Codec(decode_duration, _duration, lambda value: f"duration'{_duration(value)}'"),
    "Edm.Binary": Codec(decode_binary, _binary, lambda value: f"binary'{_binary(value)}'"),
    "Edm.Stream": Codec(None, _no_write, _no_write),
}
"""Qualified name of a primitive type to its codec. Every other type is passed through as its JSON value."""


def member_codec(cls: type[Enum], edm_type: str) -> Codec:
    """The codec of a column whose values are members of a choice or an enumeration."""

    def member(value: Any) -> Any:
        plain = int if issubclass(cls, int) else str
        if isinstance(value, Enum) and not isinstance(value, cls):
            raise TypeError(f"expected {cls.__name__}, got {type(value).__name__}")
        return cls(expect(value, plain))

    if issubclass(cls, Flags):

        def names(value: Any) -> str:
            return value if type(value) is str else str(member(value).format())

        return Codec(cls.parse, names, lambda value: f"{edm_type}{quoted(names(value))}")
    if issubclass(cls, Enumeration):
        return Codec(
            cls,
            lambda value: str(member(value)),
            lambda value: f"{edm_type}{quoted(str(member(value)))}",
        )
    if edm_type == "Edm.String":  # a multi-select choice: numbers in a text, divided by commas

        def join(values: Any) -> str:
            numbers = {int(member(value)) for value in expect(values, frozenset, set, list, tuple)}
            return ",".join(map(str, sorted(numbers)))

        return Codec(
            lambda text: frozenset(cls(int(part)) for part in text.split(",") if part),
            join,
            lambda values: quoted(join(values)),
        )
    return _codec(lambda value: int(member(value)), cls)


def codec(edm_type: str) -> Codec:
    """The codec of a primitive type; JSON as it is for `Edm.Untyped`, the spatial types and whatever comes later."""
    return CODECS.get(edm_type, _ANY)
