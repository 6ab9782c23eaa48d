"""Rows written at speed: the same bytes as the usual way writes, or nothing."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packages import Package
from tests.unit.generator.kinds import PRIMITIVES
from tests.unit.generator.runtime.test_edm import VALUES

from dynamics_portal import _json

ID = UUID(int=10)
PLAIN = {name: VALUES[kind] for name, kind in PRIMITIVES.items() if kind in VALUES}


class Text(str):
    """A text of a kind of one's own."""


class Number(int):
    """A number of a kind of one's own."""


ODD: Sequence[Any] = (
    None, True, 0, 7, -1, 2**31, 2**70, 1.5, math.nan, math.inf, "", "x", "\ud800", '"\\\x00\x1f\x7f\u2028', "Blue",
    b"x", Text("x"), Number(3), Decimal("1E+2"), Decimal("1E-9"), Decimal("NaN"), Decimal("-0.00"),
    Decimal("-Infinity"), str(ID).upper(), ID, dt.date(2026, 1, 1), dt.datetime(2026, 1, 1),
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=30))), dt.time(1, tzinfo=dt.UTC),
    ["x"], {"x": 1}, {7}, object(),
)  # fmt: skip


@pytest.fixture(scope="module", params=["by msgspec", "without it", "by column and msgspec", "by column without it"])
def writing(request: pytest.FixtureRequest, kinds: Package) -> Iterator[ModuleType]:
    """The module under test, which makes code for whatever it sees, or for columns alone, by msgspec or without."""
    module, code = kinds.module("_runtime.writing"), kinds.module("_runtime.row_code")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SIGHTS", 10**9 if "column" in request.param else 1)
        patch.setattr(module, "_SHAPES", 10**9)
        if "without" in request.param:
            patch.setitem(sys.modules, "msgspec", None)
        else:
            pytest.importorskip("msgspec")
        code.encoder.cache_clear()
        for model in (kinds.model("Thing"), kinds.model("Seat")):
            patch.setattr(model, "_written_by", module._Codes(), raising=False)
        yield module
    code.encoder.cache_clear()


def encoder(
    kinds: Package,
    write: str = "create",
    allows: Callable[[str], bool] = lambda name: True,
    required: Sequence[str] = (),
) -> Any:
    return kinds.model("Thing")._row_encoder_(write, "thingid", allows, required)


def usual(kinds: Package, values: Any, write: str) -> bytes:
    """What the usual way writes."""
    return _json.encode(kinds.model("Thing").encode_write(values, write))


def draw_values(data: st.DataObject, kinds: Package) -> dict[str, Any]:
    models = kinds.module("models")
    members = {
        "status": st.sampled_from([*models.ThingStatus, models.ThingStatus(99), 5, models.Color.RED]),
        "tags": st.sets(st.sampled_from([*models.ThingTags, 10, 77])),
        "color": st.sampled_from([*models.Color, "Red", "Purple", models.ThingStatus.OPEN]),
        "rights": st.sampled_from([*models.Rights, models.Rights.READ | models.Rights.SHARE, "Read,Write", 3]),
        "thingid": st.uuids() | st.just(str(ID)),
        "once": st.text(),
        "must": st.text(),
    }
    strategies = {**PLAIN, **members}
    names = data.draw(st.lists(st.sampled_from(sorted(strategies)), unique=True, max_size=len(strategies)))
    odd = data.draw(st.integers(-2, len(names) - 1))
    return {
        name: data.draw(
            st.sampled_from(ODD)
            if index == odd
            else strategies[name]
            if name in ("must", "thingid")
            else strategies[name] | st.none()
        )
        for index, name in enumerate(names)
    }


@pytest.mark.parametrize("write", ["create", "update"])
@given(data=st.data())
def test_a_mapping_is_written_as_usual_or_not_at_all(
    kinds: Package, writing: ModuleType, write: str, data: st.DataObject
) -> None:
    values = draw_values(data, kinds)
    if write == "update":
        values.pop("thingid", None)
    written = encoder(kinds, write)(dict(values))
    if written is None:
        return
    content, key = written
    assert key == values.get("thingid")
    assert_same(content, usual(kinds, values, write), values)


@pytest.mark.parametrize("write", ["create", "update"])
@given(data=st.data())
def test_a_row_is_written_as_usual_or_not_at_all(
    kinds: Package, writing: ModuleType, write: str, data: st.DataObject
) -> None:
    thing = kinds.model("Thing")
    row = thing(**draw_values(data, kinds))
    if write == "update":
        row.thingid = thing().thingid
    if data.draw(st.booleans()):
        row.made = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # what the service alone writes
    row.additional_properties.update(data.draw(st.sampled_from([{}, {"@odata.etag": "W/1"}, {"new_column": 1}])))
    before = row.to_dict() if all_valid(row) else None
    written = encoder(kinds, write)(row)
    if written is not None:
        assert_same(written[0], usual(kinds, row, write), {"real": 0.5})
        assert before is None or row.to_dict() == before


def all_valid(row: Any) -> bool:
    try:
        row.to_dict()
    except (TypeError, ValueError):
        return False
    return True


def assert_same(content: bytes, expected: bytes, values: dict[str, Any]) -> None:
    """Byte by byte, but for doubles, of which msgspec writes `1e16` for `1e+16`."""
    if values.keys() & {"real", "single"}:
        assert _json.decode(content) == _json.decode(expected)
    else:
        assert content == expected


def test_what_is_plain_is_written_at_speed(kinds: Package, writing: ModuleType) -> None:
    models = kinds.module("models")
    values = {
        "text": 'Kari "Ås" \\ \n\x01',
        "guid": ID,
        "yes": True,
        "tiny": -128,
        "long": 2**63 - 1,
        "money": Decimal("12345678901234567890.10"),
        "real": 0.1,
        "moment": dt.datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=dt.UTC),
        "day": dt.date(2026, 1, 2),
        "hour": dt.time(1, 2),
        "span": dt.timedelta(days=1),
        "blob": b"\x00",
        "number": None,
        "status": models.ThingStatus(99),
        "tags": {models.ThingTags.OLD, 10},
        "color": models.Color.RED,
        "must": "x",
    }
    expected = (usual(kinds, values, "create"), None)
    encode = encoder(kinds)
    assert encode(values) == expected
    other = {**values, "text": Text("x"), "yes": False}
    assert encode(other) == (usual(kinds, other, "create"), None)
    assert _json.decode(encode(models.Thing(**values))[0]) == _json.decode(expected[0])
    away = {**values, "moment": dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))), "money": 5}
    assert encode(away) == (usual(kinds, away, "create"), None)
    bound = {"text": "x", "Parent@odata.bind": models.Thing(thingid=ID), "anything@odata.bind": None}
    assert encode(bound) == (usual(kinds, bound, "create"), None)


def test_the_key_is_given_as_it_was(kinds: Package, writing: ModuleType) -> None:
    for key in (ID, str(ID).upper()):
        for values in ({"text": "a", "thingid": key}, kinds.model("Thing")(text="a", thingid=key)):
            content, given = encoder(kinds, "update")(values)
            assert (_json.decode(content), given) == ({"text": "a", "thingid": str(ID)}, key)


def test_a_row_that_was_read_is_changed_without_what_the_service_alone_writes(
    kinds: Package, writing: ModuleType
) -> None:
    data = {"@odata.etag": "W/1", "thingid": str(ID), "text": "a", "made": "2024-01-01T00:00:00Z", "once": "x"}
    row = kinds.model("Thing").from_dict(data)
    assert encoder(kinds, "update")(row) == (b'{"thingid":"%s","text":"a"}' % str(ID).encode(), ID)


def test_what_is_not_plain_is_left(kinds: Package, writing: ModuleType) -> None:
    thing, seat = kinds.model("Thing"), kinds.model("Seat")
    reads = thing(text="a")
    reads.additional_properties["Parent@odata.bind"] = f"/things({ID})"
    rows = [
        {}, {"@odata.type": "#A.thing", "text": "a"}, {"txet": "a"}, {"made": None}, {"thingid": None},
        {"thingid": "x"}, {"children": []}, {"home": {"Street": "x"}}, {"words": []}, {"any": 1}, {1: "a"}, "text",
        None, [("text", "a")], {"must": None}, {"text": 1}, thing(), thing(made=dt.datetime.now(dt.UTC)),
        seat(hall="A"), reads,
    ]  # fmt: skip
    encode = encoder(kinds)
    assert [encode(row) for row in rows] == [None] * len(rows)


def test_rows_whose_names_change_are_each_written(kinds: Package, writing: ModuleType) -> None:
    thing, encode = kinds.model("Thing"), encoder(kinds)
    mappings: list[dict[str, Any]] = [
        {"text": "a"},
        {"text": "b", "day": None},
        {"day": None, "text": "c"},
        {"yes": True},
    ]
    for values in mappings * 2:
        for row in (values, thing(**values)):
            content, key = encode(row)
            assert (_json.decode(content), key) == (values, None)


def test_names_that_are_not_allowed_or_lacking_are_left(kinds: Package, writing: ModuleType) -> None:
    encode = encoder(kinds, allows=lambda name: name != "day", required=["must"])
    whole = {"text": "a", "must": "b"}
    bound = {"text": "a", "Parent@odata.bind": f"/things({ID})"}  # who may bring it
    for _ in range(3):
        assert [encode(row) for row in ({**whole, "day": None}, {"text": "a"})] == [None, None]
        for row in (whole, bound):
            assert encode(row) == (usual(kinds, row, "create"), None)


def test_code_is_made_for_names_that_come_again_and_for_so_many(
    kinds: Package, writing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds.model("Thing"), "_written_by", writing._Codes(), raising=False)
    monkeypatch.setattr(writing, "_SIGHTS", 3)
    monkeypatch.setattr(writing, "_SHAPES", 2)
    made: list[tuple[str, ...]] = []
    make = writing.make_writer

    def noted(model: Any, shape: Any) -> Any:
        made.append(shape.names)
        return make(model, shape)

    monkeypatch.setattr(writing, "make_writer", noted)
    encode = encoder(kinds)
    for names in (["text"], ["text", "yes"], ["yes"]):
        for _ in range(4):
            assert encode(dict.fromkeys(names)) == (usual(kinds, dict.fromkeys(names), "create"), None)
    assert made == [("text",), ("text", "yes")]


def test_a_class_of_ones_own_is_left(kinds: Package, writing: ModuleType) -> None:
    class Mine(kinds.model("Thing")):  # type: ignore[misc] # its class is known at run time alone
        pass

    class Row(dict[str, Any]):
        pass

    assert encoder(kinds)(Mine(text="a")) is None
    assert encoder(kinds)(Row(text="a")) is None
