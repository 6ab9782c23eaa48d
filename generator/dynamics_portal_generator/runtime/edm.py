"""Edm values: how each primitive type of OData reads from JSON, writes to JSON and is spelled in a URL.

Decides formats and ranges only. Which column has which type is the business of `model`. No message ever contains the
value that was refused: it may be personal data.

Source: OData JSON Format 4.01, "Primitive Value"; OData ABNF 4.01, "Literal Data Values".
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID


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


class Choice(IntEnum):
    """Base of the choices (option sets) of a package: a number with a label.

    A number that the package does not know, because the organisation added it later, is kept as a member of its own
    without a name of the package's, so that one row never fails a page and the value survives a round trip.
    """

    @classmethod
    def _missing_(cls, value: object) -> Choice | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}".replace("-", "MINUS_")
        member._value_ = value
        return member

    @property
    def label(self) -> str | None:
        """The label in the organisation's base language. `None` for a value that the package does not know."""
        return getattr(type(self), "__labels__", {}).get(int(self))

    def label_in(self, language: int) -> str | None:
        """The label in a language by its code (LCID): 1044 is Norwegian Bokmål. `None` where the package has none."""
        labels: dict[int, dict[int, str]] = getattr(type(self), "__translations__", {})
        return labels.get(language, {}).get(int(self))


class Enumeration(StrEnum):
    """Base of the metadata's own enumerations: members by the name that the service sends.

    A name that the package does not know is kept as a member of its own.
    """

    @classmethod
    def _missing_(cls, value: object) -> Enumeration | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member


class Flags(IntFlag):
    """Base of the metadata's enumerations whose members combine: `EntityFilters.ENTITY | EntityFilters.ATTRIBUTES`."""

    @classmethod
    def parse(cls, text: str | int) -> Flags | str:
        """The combination that a comma-separated list of names, or a number, stands for; the text itself where a name
        is new."""
        if not isinstance(text, str):
            return cls(_expect(text, int))
        names: dict[str, int] = getattr(cls, "__names__", {})
        parts = [part.strip() for part in text.split(",")]
        if not all(part in names for part in parts):
            return cls(int(text)) if text.isascii() and text.isdigit() else text
        result = cls(0)
        for part in parts:
            result |= cls(names[part])
        return result

    def format(self) -> str:
        """The fewest names that combine to it, divided by commas, or its number where a bit has no name."""
        names: dict[str, int] = getattr(type(self), "__names__", {})
        left = int(self)
        chosen: set[str] = set()
        for name, value in sorted(names.items(), key=lambda item: -item[1].bit_count()):
            if value == left or (value and value & left == value):
                chosen.add(name)
                left &= ~value
                if not left:
                    return ",".join(name for name in names if name in chosen)
        return str(int(self))


class Codec(NamedTuple):
    """The three spellings of a type. `decode` is `None` where the JSON value is the Python value already."""

    decode: Callable[[Any], Any] | None
    encode: Callable[[Any], Any]
    literal: Callable[[Any], str]


_DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SPECIAL_FLOATS = {"INF": math.inf, "-INF": -math.inf, "NaN": math.nan}


def _expect(value: Any, *types: type) -> Any:
    """The value, if it is of one of the types (`bool` never passes for a number)."""
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        expected = " or ".join(item.__name__ for item in types)
        raise TypeError(f"expected {expected}, got {type(value).__name__}")
    return value


def _string(value: Any) -> str:
    text = _expect(value, str)
    return str(text.value) if isinstance(text, Enum) else str(text)


def quoted(text: str) -> str:
    """A string literal: in single quotes, each quote inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def _guid(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    try:
        return str(UUID(_expect(value, str)))
    except ValueError:
        raise ValueError("expected a UUID, got text that is none") from None


def _integer(bits: int, *, signed: bool = True) -> Callable[[Any], int]:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)

    def encode(value: Any) -> int:
        number = int(_expect(value, int))
        if not low <= number <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return number

    return encode


def _decimal(value: Any) -> Decimal:
    number = _expect(value, Decimal, int)
    result = Decimal(number)
    if not result.is_finite():
        raise ValueError("expected a finite decimal number")
    return result


def decode_decimal(value: Any) -> Decimal:
    """A decimal from the text of its number, so that money keeps its cents."""
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise ValueError("not a decimal number") from None
    if not number.is_finite():
        raise ValueError("not a finite decimal number")
    return number


def decode_integer(value: Any) -> int:
    """A whole number, also as the text of one, which a service sends where it was asked for IEEE754Compatible=true."""
    return int(value) if isinstance(value, str) else int(_expect(value, int))


def _float(value: Any) -> float | str:
    number = float(_expect(value, float, int))
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "INF" if number > 0 else "-INF"


def decode_float(value: Any) -> float:
    """A double, also as the text that JSON needs for the numbers that it lacks."""
    if isinstance(value, str):
        return _SPECIAL_FLOATS[value] if value in _SPECIAL_FLOATS else float(value)
    return float(_expect(value, float, int, Decimal))


class FineMoment(dt.datetime):
    """A moment with more digits than Python has, as the service gave it: it is written as it was read. What is computed
    from it is a moment of microseconds."""

    text = ""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return decode_datetime, (self.text or self.isoformat(),)


_FINE: Final = re.compile(r"\.\d{7}")
_LONGEST_PLAIN: Final = len("2024-01-02T03:04:05.123456Z")


def decode_datetime(value: str) -> dt.datetime:
    """A moment with its time zone; one finer than a microsecond keeps its text, so that it survives a round trip."""
    if len(value) <= _LONGEST_PLAIN or not _FINE.search(value):
        return dt.datetime.fromisoformat(value)
    moment = FineMoment.fromisoformat(value)
    moment.text = value
    return moment


def _datetime(value: Any) -> str:
    moment: dt.datetime = _expect(value, dt.datetime)
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
    day: dt.date = _expect(value, dt.date)
    return day.isoformat()


def _time(value: Any) -> str:
    moment: dt.time = _expect(value, dt.time)
    if moment.tzinfo is not None:
        raise ValueError("expected a time without a time zone")
    return moment.isoformat()


def _duration(value: Any) -> str:
    span: dt.timedelta = _expect(value, dt.timedelta)
    sign, span = ("-", -span) if span < dt.timedelta(0) else ("", span)
    fraction = f".{span.microseconds:06}" if span.microseconds else ""
    return f"{sign}P{span.days}DT{span.seconds}{fraction}S"


def decode_duration(value: str) -> dt.timedelta:
    """`P1DT2H3.5S` and its like. Source: XML Schema, "dayTimeDuration"."""
    match = _DURATION.fullmatch(value)
    if match is None or value.endswith(("P", "T")):
        raise ValueError("not a duration")
    part = match.groupdict(default="0")
    whole, _, fraction = part["seconds"].partition(".")
    try:
        span = dt.timedelta(
            days=int(part["days"]),
            hours=int(part["hours"]),
            minutes=int(part["minutes"]),
            seconds=int(whole),
            microseconds=int(f"{fraction:0<6.6}"),  # finer ones are cut off
        )
    except OverflowError:
        raise ValueError("a duration too long for Python") from None
    return -span if match["sign"] else span


def decode_binary(value: str) -> bytes:
    """Base64, in the standard alphabet as Dataverse sends it or in the one for URLs as OData has it."""
    try:
        padded = value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4)
        return base64.b64decode(padded, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _binary(value: Any) -> str:
    return base64.b64encode(_expect(value, bytes, bytearray)).decode("ascii")


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
    return bool(_expect(value, bool))


_ANY = Codec(None, _any, _any_literal)

CODECS: Final[dict[str, Codec]] = {
    "Edm.String": Codec(None, _string, lambda value: quoted(_string(value))),
    "Edm.Guid": _codec(_guid, UUID),
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
        return cls(_expect(value, plain))

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
            numbers = {int(member(value)) for value in _expect(values, frozenset, set, list, tuple)}
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
