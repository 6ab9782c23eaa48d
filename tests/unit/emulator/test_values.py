"""Values: what is accepted and how it is stored."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.emulator.documents import NAMESPACE, SHOP

from dynamics_portal_emulator.schema import Schema
from dynamics_portal_emulator.values import Values, decode, encode, timestamp
from dynamics_portal_generator.csdl import TypeRef, read_metadata

VALUES = Values(Schema(read_metadata(SHOP)))


def stored(kind: str, value: Any) -> Any:
    return VALUES.of_type(TypeRef(kind), value)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("2024-06-12T10:00:00Z", "2024-06-12T10:00:00Z"),
        ("2024-06-12T10:00:00+02:00", "2024-06-12T08:00:00Z"),
        ("2024-06-12T10:00:00-02:30", "2024-06-12T12:30:00Z"),
        ("2024-06-12T10:00", "2024-06-12T10:00:00Z"),
        ("2024-06-12T10:00:00.1234567Z", "2024-06-12T10:00:00.1234567Z"),
        ("2024-06-12T10:00:00.500Z", "2024-06-12T10:00:00.5Z"),
        ("2024-06-12T10:00:00.000Z", "2024-06-12T10:00:00Z"),
        ("1753-01-01T00:00:00Z", "1753-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_timestamps_are_kept_in_utc(given_text: str, expected: str) -> None:
    assert timestamp(given_text) == expected


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2024-02-30T00:00:00Z", "2024-06-12", "", None, 5],
)
def test_what_is_no_timestamp_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"not a timestamp|out of range"):
        timestamp(text)


@given(
    st.datetimes(datetime(1753, 1, 2), datetime(9998, 12, 31)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_timestamp_names_the_same_moment_in_any_zone(moment: datetime, zone: timezone) -> None:
    there = moment.replace(tzinfo=zone)

    assert datetime.fromisoformat(timestamp(there.isoformat())) == there.astimezone(UTC)
    assert timestamp(timestamp(there.isoformat())) == timestamp(there.isoformat())


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**20), max_value=10**20))
def test_no_digit_of_a_decimal_is_lost(number: Decimal) -> None:
    kept = stored("Edm.Decimal", decode(encode(number)))

    assert Decimal(kept) == number
    assert json.loads(encode(Decimal(kept)), parse_float=Decimal, parse_int=Decimal) == number


@given(st.uuids())
def test_guids_are_kept_in_lower_case(value: uuid.UUID) -> None:
    for text in (str(value), str(value).upper(), f"{{{value}}}", value):
        assert stored("Edm.Guid", text) == str(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Edm.Int32", True),
        ("Edm.Int32", None),
        ("Edm.Byte", 256),
        ("Edm.SByte", -129),
        ("Edm.Decimal", True),
        ("Edm.Decimal", "NaN"),
        ("Edm.Double", "much"),
        ("Edm.String", b"x"),
        ("Edm.TimeOfDay", "25:00:00"),
        ("Edm.Duration", "P"),
        ("Edm.Boolean", "true"),
        (f"{NAMESPACE}.Kind", 4),
        (f"{NAMESPACE}.Kind", True),
        (f"{NAMESPACE}.Address", {"Street": "x"}),
        (f"{NAMESPACE}.Address", {"City": 5}),
    ],
)
def test_values_of_another_type_are_refused(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        stored(kind, value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("Edm.Int32", Decimal("5.0"), 5),
        ("Edm.Double", "INF", "INF"),
        ("Edm.Binary", "_-8", "/+8="),
        ("Edm.TimeOfDay", "12:30:00.5", "12:30:00.5"),
        ("Edm.Duration", "P1DT2H", "P1DT2H"),
        (f"{NAMESPACE}.Kind", 3, "Big,Old"),
        (f"{NAMESPACE}.Kind", 0, "None"),
        (f"{NAMESPACE}.Kind", "2", "Old"),
        (f"{NAMESPACE}.Address", {"City": "Oslo", "Rent": Decimal("1.10")}, {"City": "Oslo", "Rent": "1.10"}),
        ("Edm.Untyped", {"a": [Decimal("1.5")]}, {"a": [1.5]}),
    ],
)
def test_values_are_kept_in_one_form(kind: str, value: object, expected: object) -> None:
    assert stored(kind, value) == expected


def test_collections_are_checked_item_by_item() -> None:
    assert VALUES.of_type(TypeRef("Edm.Int32", collection=True), [1, 2]) == [1, 2]
    with pytest.raises(ValueError, match="not a collection"):
        VALUES.of_type(TypeRef("Edm.Int32", collection=True), 1)
    with pytest.raises(ValueError, match="not a whole number"):
        VALUES.of_type(TypeRef("Edm.Int32", collection=True), [1, "x"])
