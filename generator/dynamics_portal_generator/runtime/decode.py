"""Values as they are read: what the JSON of a primitive type stands for. No message holds the value that was refused.

Source: OData JSON Format 4.01, "Primitive Value".
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID, SafeUUID

_new: Final = object.__new__
_set_number: Final = UUID.__dict__["int"].__set__
_set_safety: Final = UUID.__dict__["is_safe"].__set__
_UNKNOWN: Final = SafeUUID.unknown
_DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SPECIAL_FLOATS = {"INF": math.inf, "-INF": -math.inf, "NaN": math.nan}


def expect(value: Any, *types: type) -> Any:
    """The value, if it is of one of the types (`bool` never passes for a number)."""
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        expected = " or ".join(item.__name__ for item in types)
        raise TypeError(f"expected {expected}, got {type(value).__name__}")
    return value


def decode_guid(text: str) -> UUID:
    """A `UUID` of its text, as the class makes it of the same text, without asking for its other forms first."""
    digits = text.replace("-", "")
    if len(digits) != 32:
        return UUID(text)
    guid = _new(UUID)
    _set_number(guid, int(digits, 16))
    _set_safety(guid, _UNKNOWN)
    return guid


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
    return int(value) if isinstance(value, str) else int(expect(value, int))


def decode_float(value: Any) -> float:
    """A double, also as the text that JSON needs for the numbers that it lacks."""
    if isinstance(value, str):
        return _SPECIAL_FLOATS[value] if value in _SPECIAL_FLOATS else float(value)
    return float(expect(value, float, int, Decimal))


class FineMoment(dt.datetime):
    """A moment with more digits than Python has, as the service gave it: it is written as it was read. What is computed
    from it is a moment of microseconds."""

    text = ""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return decode_datetime, (self.text or self.isoformat(),)


_FINE: Final = re.compile(r"\.\d{7}")
LONGEST_PLAIN: Final = len("2024-01-02T03:04:05.123456Z")
"""Characters; a longer moment may have more digits than Python."""


def decode_datetime(value: str) -> dt.datetime:
    """A moment with its time zone; one finer than a microsecond keeps its text, so that it survives a round trip."""
    if len(value) <= LONGEST_PLAIN or not _FINE.search(value):
        return dt.datetime.fromisoformat(value)
    moment = FineMoment.fromisoformat(value)
    moment.text = value
    return moment


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
