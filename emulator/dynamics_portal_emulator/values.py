"""Values of columns: what is accepted from a client, how it is stored, and how it goes back on the wire.

It decides each `Edm` type's check and its stored form: GUIDs in lower case, timestamps in UTC with `Z`, decimals as
text so that none of their digits is lost ("OData JSON Format", section Primitive Value; "Column data types" of
Dataverse).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from dynamics_portal_generator.csdl import EnumType, Property, TypeRef

from .schema import Schema

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?(Z|[+-]\d\d:\d\d)?", re.IGNORECASE)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,12})?)?")
_DURATION = re.compile(r"-?P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
_INTEGERS = {
    "Edm.Byte": (0, 255),
    "Edm.SByte": (-128, 127),
    "Edm.Int16": (-(2**15), 2**15 - 1),
    "Edm.Int32": (-(2**31), 2**31 - 1),
    "Edm.Int64": (-(2**63), 2**63 - 1),
}
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class TooLongError(ValueError):
    """Text longer than its column takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"longer than {limit} characters")
        self.limit = limit


def encode(content: object) -> bytes:
    """JSON with decimals as numbers, digit for digit."""
    return _encoder.encode(content)


def decode(content: bytes | str) -> Any:
    """Parsed JSON, fractions as Decimal. ValueError for anything else."""
    return _decoder.decode(content)


def _guid(value: Any) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, str):
        text = value.strip("{}")
        if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
            return text.lower()
    raise ValueError("not a GUID")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("not a string")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("not a Boolean")


def _whole(kind: str) -> Callable[[Any], int]:
    low, high = _INTEGERS[kind]

    def check(value: Any) -> int:
        if isinstance(value, (Decimal, float)) and value == value and not math.isinf(value) and value == int(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("not a whole number")
        if not low <= value <= high:
            raise ValueError("out of range")
        return value

    return check


def _decimal(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise ValueError("not a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite():
        raise ValueError("not a finite number")
    return f"{number:f}"


def _floating(value: Any) -> float | str:
    if value in ("INF", "-INF", "NaN"):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("not a number")
    return float(value)


def _date(value: Any) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value) and _exists(value):
        return value
    raise ValueError("not a date (YYYY-MM-DD)")


def _exists(moment: str) -> bool:
    """Whether a date or a time of a day in the right notation is one: the 30th of February is none."""
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return False
    return True


def timestamp(value: Any) -> str:
    """A timestamp in UTC as `YYYY-MM-DDTHH:MM:SS[.fraction]Z`; text without an offset is taken as UTC."""
    if isinstance(value, datetime):
        value = value.isoformat()
    match = _STAMP.fullmatch(value) if isinstance(value, str) else None
    day, minute, second, fraction, offset = match.groups() if match else (None,) * 5
    local = f"{day}T{minute}:{second or '00'}"
    if match is None or not _exists(local):
        raise ValueError("not a timestamp")
    moment = datetime.fromisoformat(local).replace(tzinfo=UTC)
    if offset and offset not in ("Z", "z"):
        hours, minutes = offset[1:].split(":")
        shift = timedelta(hours=int(hours), minutes=int(minutes))
        try:
            moment = moment - shift if offset[0] == "+" else moment + shift
        except OverflowError:
            raise ValueError("out of range") from None
    digits = f".{fraction.rstrip('0')}" if fraction and fraction.strip("0") else ""
    return f"{moment.replace(tzinfo=None).isoformat()}{digits}Z"


def _binary(value: Any) -> str:
    try:
        text = _text(value).replace("-", "+").replace("_", "/")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        return base64.b64encode(raw).decode()
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None


def _pattern(pattern: re.Pattern[str], what: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        raise ValueError(f"not {what}")

    return check


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "Edm.Guid": _guid,
    "Edm.String": _text,
    "Edm.Boolean": _boolean,
    "Edm.Decimal": _decimal,
    "Edm.Double": _floating,
    "Edm.Single": _floating,
    "Edm.Date": _date,
    "Edm.DateTimeOffset": timestamp,
    "Edm.TimeOfDay": _pattern(_TIME, "a time of day"),
    "Edm.Duration": _pattern(_DURATION, "a duration"),
    "Edm.Binary": _binary,
    **{kind: _whole(kind) for kind in _INTEGERS},
}


class Values:
    """Checks and conversions that need the document's own types."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._decimals: dict[str, tuple[Property, ...]] = {}

    def stored(self, declared: Property, value: Any) -> Any:
        """The stored form of a value for a column. ValueError, saying what is wrong without repeating the value."""
        if value is None:
            return None
        checked = self.of_type(declared.type, value)
        limit = declared.max_length
        if limit is not None and isinstance(checked, str) and len(checked) > limit:
            raise TooLongError(limit)
        return checked

    def of_type(self, reference: TypeRef, value: Any) -> Any:
        """The stored form of a value of a type. ValueError as for `stored`."""
        if reference.collection:
            if not isinstance(value, (list, tuple)):
                raise ValueError("not a collection")
            return [self.of_type(TypeRef(reference.name), item) for item in value]
        name = self._schema.primitive(reference)
        check = _CHECKS.get(name)
        if check is not None:
            return check(value)
        metadata = self._schema.metadata
        if name in metadata.enum_types:
            return _member(metadata.enum_types[name], value)
        if metadata.structured_type(name) is not None:
            return self._structured(name, value)
        return _free(value)

    def _structured(self, name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError("not an object")
        metadata = self._schema.metadata
        kind = str(value.get("@odata.type", "")).lstrip("#") or name
        properties = metadata.all_properties(kind if metadata.structured_type(kind) else name)
        navigation = metadata.all_navigation(name)
        stored: dict[str, Any] = {}
        for key, item in value.items():
            if key in properties:
                try:
                    stored[key] = self.stored(properties[key], item)
                except ValueError as error:
                    raise ValueError(f"{key}: {error}") from None
            elif "@" in key or key in navigation or metadata.is_open(name):
                stored[key] = _free(item)
            else:
                raise ValueError(f"no property '{key}' on type '{name}'")
        return stored

    def wire(self, type_name: str, document: dict[str, Any]) -> dict[str, Any]:
        """A stored document as it goes on the wire: decimals are numbers again. Changes and returns the document."""
        for declared in self._with_decimals(type_name):
            value = document.get(declared.name)
            if value is not None:
                document[declared.name] = self._wire_value(declared.type, value)
        return document

    def _wire_value(self, reference: TypeRef, value: Any) -> Any:
        if isinstance(value, list):
            return [self._wire_value(TypeRef(reference.name), item) for item in value]
        if isinstance(value, dict):
            return self.wire(reference.name, value)
        return Decimal(value)

    def _with_decimals(self, type_name: str) -> tuple[Property, ...]:
        """The properties of a type that are decimals, or hold some further down."""
        if type_name not in self._decimals:
            self._decimals[type_name] = ()  # ends the recursion of types that hold themselves
            properties = self._schema.metadata.all_properties(type_name).values()
            self._decimals[type_name] = tuple(
                declared
                for declared in properties
                if self._schema.primitive(declared.type) == "Edm.Decimal"
                or (
                    declared.type.name in self._schema.metadata.complex_types
                    and self._with_decimals(declared.type.name)
                )
            )
        return self._decimals[type_name]


def _free(value: Any) -> Any:
    """A value of no declared type, with decimals as plain numbers for storing."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _free(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_free(item) for item in value]
    return value


def _member(kind: EnumType, value: Any) -> str:
    """The name of an enumeration's member, given by name or number; several of a flags type, joined by commas."""
    names = {member.name: member.value for member in kind.members}
    if isinstance(value, int) and not isinstance(value, bool):
        exact = next((name for name, number in names.items() if number == value), None)
        if exact is not None:
            return exact
        parts = [name for name, number in names.items() if kind.is_flags and number and number & value == number]
        if parts and sum(names[part] for part in parts) == value:
            return ",".join(parts)
    elif isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        if all(part in names for part in parts) and (len(parts) == 1 or kind.is_flags):
            return ",".join(parts)
        if value.lstrip("-").isdigit():
            return _member(kind, int(value))
    raise ValueError(f"not a member of '{kind.name}'")
