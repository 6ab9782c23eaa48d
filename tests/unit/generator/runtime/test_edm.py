"""Values of each Edm type: what is written reads back the same, in JSON and in a URL, and no message tells a value."""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
import pickle
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_generator.runtime.choices import Choice, Enumeration, Flags
from dynamics_portal_generator.runtime.edm import CODECS, UNSET, Codec, Unset, codec, member_codec

SECRET = "kari.nordmann@example.org"
FIRST_DAY = dt.datetime(1753, 1, 1)
"""The first day that Dataverse stores."""


class Status(Choice):
    ACTIVE = 1
    PAUSED = 2
    LOST = -1

    __labels__: ClassVar[dict[int, str]] = {1: "Active", 2: "Paused", -1: "Lost"}


class Color(Enumeration):
    RED = "Red"
    NONE_ = "None"


class Rights(Flags):
    DEFAULT = 1
    READ = 1
    WRITE = 2
    SHARE = 4
    ALL = 7

    __names__: ClassVar[dict[str, int]] = {"Default": 1, "Read": 1, "Write": 2, "Share": 4, "All": 7}


class Sides(Flags):
    NONE_ = 0
    LEFT = 1

    __names__: ClassVar[dict[str, int]] = {"None": 0, "Left": 1}


def timezones() -> st.SearchStrategy[dt.tzinfo]:
    minutes = st.integers(-14 * 60, 14 * 60)
    return st.one_of(st.just(dt.UTC), minutes.map(lambda value: dt.timezone(dt.timedelta(minutes=value))))


def moments() -> st.SearchStrategy[dt.datetime]:
    return st.datetimes(FIRST_DAY, timezones=timezones())


def integers(bits: int, signed: bool = True) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Edm.String": st.text(),
    "Edm.Guid": st.uuids(),
    "Edm.Boolean": st.booleans(),
    "Edm.SByte": integers(8),
    "Edm.Byte": integers(8, signed=False),
    "Edm.Int16": integers(16),
    "Edm.Int32": integers(32),
    "Edm.Int64": integers(64),
    "Edm.Decimal": st.decimals(allow_nan=False, allow_infinity=False),
    "Edm.Double": st.floats(allow_nan=False),
    "Edm.Single": st.floats(allow_nan=False, width=32),
    "Edm.DateTimeOffset": moments(),
    "Edm.Date": st.dates(),
    "Edm.TimeOfDay": st.times(),
    "Edm.Duration": st.timedeltas(),
    "Edm.Binary": st.binary(),
}


def decoded(codec_: Codec, value: Any) -> Any:
    return value if codec_.decode is None else codec_.decode(value)


def through_json(value: Any) -> Any:
    """As the other side of the wire sees it: numbers with a point as their exact text, as a careful reader has them."""
    return json.loads(json.dumps(value, default=str), parse_float=Decimal if isinstance(value, Decimal) else float)


def test_every_type_with_a_codec_of_its_own_is_tried_here() -> None:
    assert set(VALUES) == set(CODECS) - {"Edm.Stream"}


@pytest.mark.parametrize("edm_type", VALUES)
@given(data=st.data())
def test_what_is_written_reads_back_the_same(edm_type: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[edm_type])
    tested = CODECS[edm_type]
    assert decoded(tested, through_json(tested.encode(value))) == value


def read_literal(edm_type: str, text: str) -> Any:
    """A literal read by the rules of the ABNF, apart from the code under test."""
    quoted = re.fullmatch(r"(duration|binary)?'((?:[^']|'')*)'", text, re.DOTALL)
    inner = quoted[2].replace("''", "'") if quoted else text
    if edm_type == "Edm.String":
        assert quoted is not None
        assert quoted[1] is None
        return inner
    if edm_type in ("Edm.Duration", "Edm.Binary"):
        assert quoted is not None
        assert quoted[1] == edm_type.removeprefix("Edm.").lower()
    elif edm_type == "Edm.Boolean":
        return {"true": True, "false": False}[text]
    else:
        assert quoted is None
    if edm_type in ("Edm.SByte", "Edm.Byte", "Edm.Int16", "Edm.Int32", "Edm.Int64"):
        return int(text)
    if edm_type == "Edm.Decimal":
        assert re.fullmatch(r"-?\d+(\.\d+)?", text)
        return Decimal(text)
    return decoded(CODECS[edm_type], inner)


@pytest.mark.parametrize("edm_type", VALUES)
@given(data=st.data())
def test_a_literal_stands_for_its_value_alone(edm_type: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[edm_type])
    assert read_literal(edm_type, CODECS[edm_type].literal(value)) == value


@pytest.mark.parametrize(
    ("edm_type", "value", "literal"),
    [
        ("Edm.String", "O'Brien", "'O''Brien'"),
        ("Edm.String", "a+b & c=d #æ/?%", "'a+b & c=d #æ/?%'"),
        ("Edm.String", "", "''"),
        ("Edm.Guid", UUID(int=10), "00000000-0000-0000-0000-00000000000a"),
        ("Edm.Guid", "{00000000-0000-0000-0000-00000000000A}", "00000000-0000-0000-0000-00000000000a"),
        ("Edm.Boolean", True, "true"),
        ("Edm.Int64", -(2**63), "-9223372036854775808"),
        ("Edm.Decimal", Decimal("1E+3"), "1000"),
        ("Edm.Decimal", Decimal("0.10"), "0.10"),
        ("Edm.Decimal", 7, "7"),
        ("Edm.Double", 1.5, "1.5"),
        ("Edm.Double", math.inf, "INF"),
        ("Edm.Double", -math.inf, "-INF"),
        ("Edm.Double", math.nan, "NaN"),
        ("Edm.Date", dt.date(1753, 1, 1), "1753-01-01"),
        ("Edm.DateTimeOffset", dt.datetime(2024, 2, 29, 12, 0, tzinfo=dt.UTC), "2024-02-29T12:00:00Z"),
        (
            "Edm.DateTimeOffset",
            dt.datetime(2024, 2, 29, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "2024-02-29T12:00:00+02:00",
        ),
        ("Edm.TimeOfDay", dt.time(9, 5), "09:05:00"),
        ("Edm.Duration", dt.timedelta(days=-1, hours=-2), "duration'-P1DT7200S'"),
        ("Edm.Binary", b"\xff\xfe", "binary'//4='"),
    ],
)
def test_a_literal_is_spelled_as_the_service_reads_it(edm_type: str, value: Any, literal: str) -> None:
    assert CODECS[edm_type].literal(value) == literal


@pytest.mark.parametrize(
    ("edm_type", "json_value", "value"),
    [
        ("Edm.Int64", "9223372036854775807", 2**63 - 1),
        ("Edm.Decimal", "1234567890123456789.000000001", Decimal("1234567890123456789.000000001")),
        ("Edm.Decimal", 0.1, Decimal("0.1")),
        ("Edm.Decimal", 12, Decimal(12)),
        ("Edm.Double", "INF", math.inf),
        ("Edm.Double", "-INF", -math.inf),
        ("Edm.Double", 3, 3.0),
        ("Edm.DateTimeOffset", "2024-01-02T03:04:05.1234567Z", dt.datetime(2024, 1, 2, 3, 4, 5, 123456, dt.UTC)),
        ("Edm.DateTimeOffset", "1753-01-01T00:00:00Z", dt.datetime(1753, 1, 1, tzinfo=dt.UTC)),
        ("Edm.DateTimeOffset", "9999-12-31T23:59:59.9999999Z", dt.datetime.max.replace(tzinfo=dt.UTC)),
        ("Edm.TimeOfDay", "13:20:00.1234567", dt.time(13, 20, 0, 123456)),
        ("Edm.Duration", "PT36H", dt.timedelta(hours=36)),
        ("Edm.Duration", "-P1DT0.5S", -dt.timedelta(days=1, milliseconds=500)),
        ("Edm.Binary", "__4=", b"\xff\xfe"),
        ("Edm.Binary", "//4=", b"\xff\xfe"),
        ("Edm.Binary", "__4", b"\xff\xfe"),
    ],
)
def test_json_reads_in_every_spelling_that_services_use(edm_type: str, json_value: Any, value: Any) -> None:
    assert decoded(CODECS[edm_type], json_value) == value


def test_a_number_that_is_none_reads_as_one() -> None:
    assert math.isnan(decoded(CODECS["Edm.Double"], "NaN"))
    assert CODECS["Edm.Double"].encode(math.nan) == "NaN"


def test_an_offset_with_seconds_is_sent_in_utc_because_the_format_has_no_seconds() -> None:
    amsterdam_before_1937 = dt.timezone(dt.timedelta(minutes=19, seconds=32))
    moment = dt.datetime(1900, 1, 1, tzinfo=amsterdam_before_1937)
    text = CODECS["Edm.DateTimeOffset"].encode(moment)
    assert text.endswith("Z")
    assert dt.datetime.fromisoformat(text) == moment


def test_a_type_without_a_shape_of_its_own_passes_as_json() -> None:
    point = {"type": "Point", "coordinates": [10.7, 59.9]}
    passing = codec("Edm.GeographyPoint")
    assert passing.decode is None
    assert passing.encode(point) == point
    assert json.loads(passing.literal(point)) == point


@pytest.mark.parametrize(("value", "literal"), [("O'Brien", "'O''Brien'"), (True, "true"), (1, "1"), (None, "null")])
def test_a_literal_of_an_unknown_type_is_spelled_by_its_value(value: Any, literal: str) -> None:
    assert codec("Edm.Untyped").literal(value) == literal


@pytest.mark.parametrize(
    ("edm_type", "value"),
    [
        ("Edm.String", 5),
        ("Edm.Guid", SECRET),
        ("Edm.Guid", 5),
        ("Edm.Boolean", 1),
        ("Edm.Int32", True),
        ("Edm.Int32", 2**31),
        ("Edm.Byte", -1),
        ("Edm.SByte", 128),
        ("Edm.Int16", 1.5),
        ("Edm.Int64", "5"),
        ("Edm.Decimal", 0.1),
        ("Edm.Decimal", Decimal("NaN")),
        ("Edm.Decimal", Decimal("Infinity")),
        ("Edm.Double", SECRET),
        ("Edm.DateTimeOffset", dt.datetime(2024, 1, 1)),
        ("Edm.DateTimeOffset", "2024-01-01T00:00:00Z"),
        ("Edm.Date", dt.datetime(2024, 1, 1)),
        ("Edm.Date", SECRET),
        ("Edm.TimeOfDay", dt.time(1, tzinfo=dt.UTC)),
        ("Edm.Duration", 5),
        ("Edm.Binary", SECRET),
        ("Edm.Stream", b""),
    ],
)
def test_a_value_of_another_type_is_refused(edm_type: str, value: Any) -> None:
    for spell in (CODECS[edm_type].encode, CODECS[edm_type].literal):
        with pytest.raises((TypeError, ValueError)) as caught:
            spell(value)
        assert SECRET not in str(caught.value)


REFUSED = (TypeError, ValueError, KeyError, AttributeError)
"""What a codec may raise; whoever calls it puts another message in its place."""


@pytest.mark.parametrize("edm_type", [name for name in VALUES if CODECS[name].decode is not None])
@given(value=st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.text()), st.none()))
def test_whatever_a_service_sends_is_read_or_refused_and_never_crashes(edm_type: str, value: Any) -> None:
    with_codec = CODECS[edm_type]
    try:
        result = decoded(with_codec, value)
    except REFUSED:
        return
    assert result is not None


@pytest.mark.parametrize(
    ("edm_type", "text"),
    [
        ("Edm.Duration", "P9999999999D"),
        ("Edm.Duration", "PT" + "9" * 40 + "S"),
        ("Edm.Duration", "P"),
        ("Edm.Duration", "P1DT"),
        ("Edm.Duration", "-PT"),
        ("Edm.Decimal", "NaN"),
        ("Edm.Decimal", "sNaN"),
        ("Edm.Decimal", "Infinity"),
        ("Edm.Decimal", True),
        ("Edm.Int64", 1.5),
        ("Edm.Int64", True),
        ("Edm.Double", True),
        ("Edm.Double", "nan%"),
        ("Edm.DateTimeOffset", "0000-01-01T00:00:00Z"),
        ("Edm.Binary", "é"),
        ("Edm.Binary", "a"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused_when_it_is_read(edm_type: str, text: Any) -> None:
    with pytest.raises(REFUSED):
        decoded(CODECS[edm_type], text)


def test_the_type_of_what_is_missing_is_falsy_and_one() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET  # noqa: S301 # our own bytes
    assert copy.deepcopy(UNSET) is UNSET
    assert isinstance(UNSET, Unset)


# Choices


def choice(multi: bool = False) -> Codec:
    return member_codec(Status, "Edm.String" if multi else "Edm.Int32")


def test_a_choice_has_a_label() -> None:
    assert Status.ACTIVE.label == "Active"


@given(integers(32))
def test_a_choice_value_keeps_its_number_also_where_the_package_does_not_know_it(number: int) -> None:
    member = decoded(choice(), number)
    assert isinstance(member, Status)
    assert member == number
    assert choice().encode(member) == number
    assert choice().literal(member) == str(number)
    assert (member.label is None) == (number not in (1, 2, -1))
    assert pickle.loads(pickle.dumps(member)) == member  # noqa: S301 # our own bytes
    assert copy.deepcopy(member) == member
    assert repr(member).startswith("<Status.")


@given(st.frozensets(integers(32)))
def test_a_multi_select_choice_keeps_its_numbers(numbers: frozenset[int]) -> None:
    members = frozenset(Status(number) for number in numbers)
    text = choice(multi=True).encode(members)
    assert text == ",".join(str(number) for number in sorted(numbers))
    assert decoded(choice(multi=True), text) == members


def test_a_multi_select_choice_takes_numbers_and_names_each_once() -> None:
    assert choice(multi=True).encode([2, Status.ACTIVE, 1]) == "1,2"
    assert choice(multi=True).literal({Status.LOST}) == "'-1'"


@pytest.mark.parametrize("value", ["1", Color.RED, Rights.READ, 1.0, True, SECRET])
def test_a_choice_takes_no_value_of_another_kind(value: Any) -> None:
    for refuses in (choice().encode, choice(multi=True).encode):
        with pytest.raises(TypeError) as caught:
            refuses(value)
        assert SECRET not in str(caught.value)


# Enumerations


def test_a_member_is_sent_by_its_name() -> None:
    tested = member_codec(Color, "NS.Color")
    assert tested.encode(Color.NONE_) == "None"
    assert tested.literal(Color.RED) == "NS.Color'Red'"
    assert tested.encode("Red") == "Red"


@given(st.text())
def test_a_name_that_the_package_does_not_know_is_kept(name: str) -> None:
    tested = member_codec(Color, "NS.Color")
    member = decoded(tested, name)
    assert isinstance(member, Color)
    assert member == name
    assert tested.encode(member) == name
    assert tested.literal(member) == "NS.Color'" + name.replace("'", "''") + "'"
    assert pickle.loads(pickle.dumps(member)) == member  # noqa: S301 # our own bytes


# Flags

rights = member_codec(Rights, "NS.Rights")


@given(st.integers(0, 255).map(Rights))
def test_flags_read_back_as_the_same_combination_also_with_bits_that_have_no_name(value: Rights) -> None:
    assert decoded(rights, rights.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Rights.READ, "Default"),
        (Rights.READ | Rights.WRITE, "Default,Write"),
        (Rights.ALL, "All"),
        (Rights(0), "0"),
        (Rights(9), "9"),
        (Sides(0), "None"),
        (1, "Default"),
    ],
)
def test_flags_are_sent_by_name_or_by_number_where_a_bit_has_none(value: Any, text: str) -> None:
    assert member_codec(type(value) if isinstance(value, Flags) else Rights, "NS.Rights").encode(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("Read, Write", Rights.READ | Rights.WRITE), ("7", Rights.ALL), (3, Rights.READ | Rights.WRITE)],
)
def test_flags_read_in_every_spelling(text: Any, value: Rights) -> None:
    assert decoded(rights, text) == value


def test_a_flag_that_the_package_does_not_know_is_kept_as_its_text() -> None:
    assert decoded(rights, "Read,Fly") == "Read,Fly"
    assert rights.encode("Read,Fly") == "Read,Fly"
    assert rights.literal("Read,Fly") == "NS.Rights'Read,Fly'"


@pytest.mark.parametrize("spell", [rights.encode, rights.literal])
def test_flags_take_no_value_of_another_kind(spell: Callable[[Any], Any]) -> None:
    for value in (Status.ACTIVE, 1.5, None, Color.RED):
        with pytest.raises(TypeError):
            spell(value)


@pytest.mark.parametrize("text", ["2023-10-17T12:56:40.6426445Z", "1753-01-01T00:00:00.0000001+01:00"])
def test_a_moment_finer_than_python_knows_is_written_as_it_was_read(text: str) -> None:
    decode, encode, literal = CODECS["Edm.DateTimeOffset"]
    assert decode is not None
    moment = decode(text)
    assert isinstance(moment, dt.datetime)
    assert moment == dt.datetime.fromisoformat(text)
    assert hash(moment) == hash(dt.datetime.fromisoformat(text))
    assert (encode(moment), literal(moment)) == (text, text)
    for copied in (copy.deepcopy(moment), pickle.loads(pickle.dumps(moment))):  # noqa: S301 # our own bytes
        assert encode(copied) == text
    later = moment + dt.timedelta(seconds=1)
    assert encode(later) == encode(dt.datetime.fromisoformat(text) + dt.timedelta(seconds=1))
    assert encode(moment.replace(hour=3)) == encode(dt.datetime.fromisoformat(text).replace(hour=3))


def test_a_moment_of_microseconds_is_a_plain_datetime() -> None:
    decode = CODECS["Edm.DateTimeOffset"].decode
    assert decode is not None
    for text in ("2023-10-17T12:56:40Z", "2023-10-17T12:56:40.123456Z", "2023-10-17T12:56:40.123456+01:00"):
        assert type(decode(text)) is dt.datetime
