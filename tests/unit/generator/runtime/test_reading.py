"""Reading at speed: by straight-line code and from bytes, a row is what reading it column by column makes of it."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packages import SOURCES, Package
from tests.unit.generator.kinds import PRIMITIVES

ID = "0a5d2f34-6baa-4455-a3e7-0682c2094cac"
SECRET = "kari.nordmann@example.org"

PLAIN: dict[str, list[str]] = {
    "thingid": [f'"{ID}"'],
    "text": ['"Ås"', '""', '"\\u00e6\\n\\"},{\\""', '"a\\/b"'],
    "guid": [f'"{ID}"', f'"{ID.upper()}"', f'"{ID.replace("-", "")}"'],
    "yes": ["true", "false"],
    "tiny": ["0", "-128"],
    "number": ["0", "-0", "2147483647"],
    "long": ["0", "9223372036854775807", "-5"],
    "money": ["0", "12.30", "-0.000000001", "1e5", "1E-7", "79228162514264337593543950335.5"],
    "real": ["0", "1.5", "-0.0", "1e300", "9007199254740993", "0.1"],
    "moment": ['"2024-01-02T03:04:05Z"', '"2024-01-02T03:04:05.123Z"', '"0001-01-01T00:00:00+05:00"'],
    "day": ['"2024-02-29"', '"0001-01-01"', '"9999-12-31"'],
    "hour": ['"03:04:05"', '"03:04:05.1234567"'],
    "span": ['"P1DT2H"'],
    "blob": ['"aGVp"'],
    "place": ['{"type":"Point","coordinates":[1.50,2]}'],
    "any": ["1.50", '[{"a":1.50}]'],
    "status": ["1", "0", "-7", "123456"],
    "tags": ['"10,20,99"', '""'],
    "color": ['"Red"', '"Puce"'],
    "rights": ['"Read,Write"', '"Read,New"', '"3"'],
    "home": ['{"Street":"Storgata","Zip":182,"Floor":3}', '{"@odata.type":"#N.Postbox","Box":5}'],
    "homes": ['[{"Street":null},null]'],
    "words": ['["a",null]'],
    "days": ['["2024-02-29"]'],
    "colors": ['["Blue","Green"]'],
    "_parent_value": [f'"{ID}"'],
    "Parent": ['{"thingid":"' + ID + '","money":1.50}'],
    "children": ["[]", '[{"text":"a"},{"text":"b"}]'],
    "new_column": ["1.50", '{"kept":[1]}', '"x"'],
    "@odata.etag": ['W/"1"'.join('""').replace('W/"1"', 'W/\\"1\\"')],
    "status@OData.Community.Display.V1.FormattedValue": ['"Open"'],
    "number@OData.Community.Display.V1.FormattedValue": ['"5"'],
}
"""JSON of values as a service sends them."""
ODD = [
    "true", "false", "0", "-0", "1.0", "1e2", "12.30", "-1", "123456789012345678901234567890", "1E400", "1e-400",
    '"a"', '""', '"1"', '" 1 "', '"1_0"', '"NaN"', '"-INF"', '"Infinity"', '"1e5"', "[]", "{}", "[1]", "[null]",
    '{"a":1.50}', '"2024-01-01"', '"20240101"', '"2024-01-01T00:00:00"', '"2024-01-01t00:00:00z"', '"2024-W01-1"',
    '"2024-01-01T00:00:00.0000000Z"', '"2024-01-01T00:00:00.0000001Z"', '"2024-01-01T00:00:00.9999999+02:00"',
    '"2024-01-01T24:00:00Z"', '"2024-01-01 10:00:00+0200"', f'"{{{ID}}}"', f'"urn:uuid:{ID}"', f'"{ID}0"',
    '"\\ud800"', '"\\u0000"', '"10:11"', '"Red"', '"P"', '"====" ',
]  # fmt: skip
"""JSON of values that are wrong for some columns, and right for others in a form that is rare."""
ALL = [*PLAIN, *(name for name in PRIMITIVES if name not in PLAIN)]


def plain_value(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*PLAIN.get(name, ["null"]), "null"])


def joined(items: dict[str, str]) -> bytes:
    return ("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in items.items()) + "}").encode()


NAMES = st.lists(st.sampled_from(ALL), unique=True)
PLAIN_ROWS = NAMES.flatmap(lambda names: st.fixed_dictionaries({name: plain_value(name) for name in names}))
ODD_ROWS = NAMES.flatmap(
    lambda names: st.fixed_dictionaries({name: st.one_of(plain_value(name), st.sampled_from(ODD)) for name in names})
)


def spelled(value: Any) -> Any:
    """Everything about a value that a user could see."""
    if hasattr(type(value), "__columns__"):
        slots = {item.slot: spelled(getattr(value, item.slot)) for item in type(value).__fields__.values()}
        return type(value).__name__, slots, spelled(value.additional_properties), outcome(value.to_dict)
    if isinstance(value, dict):
        return {name: spelled(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [spelled(item) for item in value]
    if isinstance(value, frozenset):
        return sorted((spelled(item) for item in value), key=repr)
    return type(value).__name__, repr(value), getattr(value, "text", "")


def outcome(read: Callable[[], Any]) -> Any:
    try:
        return spelled(read())
    except (ValueError, TypeError) as error:
        return str(error)


def from_bytes(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal)


@pytest.fixture
def thing(kinds: Package) -> Iterator[Any]:
    model = kinds.model("Thing")
    yield model
    if "_reading_of_it" in model.__dict__:
        del model._reading_of_it  # what other tests have taught it


def one_by_one(model: Any, data: dict[str, Any]) -> Any:
    return model._from_items(data)


@given(items=ODD_ROWS)
def test_straight_line_code_reads_what_a_loop_reads_and_refuses_what_it_refuses(
    kinds: Package, items: dict[str, str]
) -> None:
    model = kinds.model("Thing")
    data = from_bytes(joined(items))
    expected = outcome(lambda: one_by_one(model, data))
    reading = kinds.module("_runtime.reading")
    build = reading.make_builder(model, model._decoders(), tuple(data))
    try:
        row = build(data.values())
    except reading.REFUSALS:
        assert isinstance(expected, str)
    else:
        assert spelled(row) == expected
    for _ in range(10):  # the first ones are read by the loop
        assert outcome(lambda: model.from_dict(data)) == expected


@given(rows=st.lists(ODD_ROWS, min_size=1, max_size=4))
def test_bytes_are_read_as_dictionaries_are_or_left_to_them(kinds: Package, rows: list[dict[str, str]]) -> None:
    model = kinds.model("Thing")
    fast = kinds.module("_runtime.fast").FastReading(model, model._decoders())
    for items in [*rows, *rows]:
        content = joined(items)
        row = fast.one(content)
        if row is not None:
            assert spelled(row) == outcome(partial(one_by_one, model, from_bytes(content)))
        fast._singles._passed = 1 << 40  # let it learn of every row
    contents = [joined(items) for items in rows]
    objects = fast.many(b"[" + b",".join(contents) + b"]")
    if objects is not None:
        assert [spelled(row) for row in objects] == [
            outcome(partial(one_by_one, model, from_bytes(content))) for content in contents
        ]


@given(rows=st.lists(ODD_ROWS, max_size=4))
def test_a_list_is_read_as_its_objects_are_or_left_to_them(kinds: Package, rows: list[dict[str, str]]) -> None:
    model = kinds.model("Thing")
    reading = kinds.module("_runtime.reading").Reading(model, model._decoders())
    items = [from_bytes(joined(row)) for row in rows]
    expected = [outcome(partial(one_by_one, model, item)) for item in items]
    for _ in range(8):  # which is when it has seen enough of them
        objects = reading.read_list(items)
    assert (objects is None) == any(isinstance(told, str) for told in expected)
    assert objects is None or [spelled(row) for row in objects] == expected


def test_objects_of_a_list_that_say_what_they_are_are_left_alone(kinds: Package) -> None:
    reading = kinds.module("_runtime.reading").Reading(kinds.model("Address"), kinds.model("Address")._decoders())
    for name in ("@odata.type", "@odata.context"):
        assert all(reading.read_list([{"Zip": 1}, {name: "#N.Postbox"}]) is None for _ in range(10))
    assert reading.read_list([{"Zip": 1}]) == [kinds.model("Address")(zip=1)]


@given(rows=st.lists(PLAIN_ROWS.filter(bool), min_size=1, max_size=5))
def test_what_a_service_sends_is_read_from_bytes(kinds: Package, rows: list[dict[str, str]]) -> None:
    model = kinds.model("Thing")
    fast = kinds.module("_runtime.fast").FastReading(model, model._decoders())
    contents = [joined(items) for items in rows]
    objects = fast.many(b"[" + b",".join(contents) + b"]")
    assert objects is not None
    assert [spelled(row) for row in objects] == [
        spelled(one_by_one(model, from_bytes(content))) for content in contents
    ]


@pytest.mark.parametrize("name", ["@odata.type", "@odata.context"])
def test_objects_of_a_list_that_say_what_they_are_are_not_read_from_bytes(kinds: Package, name: str) -> None:
    model = kinds.model("Address")
    fast = kinds.module("_runtime.fast").FastReading(model, model._decoders())
    special, usual = joined({name: '"#N.Postbox"', "Zip": "5"}), joined({"Zip": "5"})
    assert fast.many(b"[" + special + b"]") is None
    assert fast.many(b"[" + usual + b"]" + b" " * 40_000) == [model(zip=5)]
    assert fast.many(b"[" + usual + b"," + special + b"]") is None


def test_a_single_object_is_read_with_its_context_and_left_with_its_type(kinds: Package) -> None:
    model = kinds.model("Address")
    fast = kinds.module("_runtime.fast").FastReading(model, model._decoders())
    content = joined({"@odata.context": '"$metadata#x"', "Zip": "5"})
    assert spelled(fast.one(content)) == spelled(one_by_one(model, from_bytes(content)))
    assert fast.one(joined({"@odata.type": '"#N.Postbox"', "Zip": "5"}) + b" " * 40_000) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"1", b'{"text":"a",}', b'{"text":"\xff"}', b'{"text":NaN}', b'\xef\xbb\xbf{"x":1}']
)
def test_what_is_no_object_is_left_to_the_usual_way(thing: Any, kinds: Package, content: bytes) -> None:
    fast = kinds.module("_runtime.fast").FastReading(thing, thing._decoders())
    assert fast.one(b'{"text":"a"}') == thing(text="a")
    assert fast.one(content) is None
    assert fast.many(content) is None
    assert fast.many(b'[{"text":"a"},' + content + b"]") is None


def test_little_is_read_the_usual_way_and_much_from_bytes(thing: Any) -> None:
    content = joined({"text": '"a"', "number": "5"})
    while (row := thing.from_json(content)) is None:
        assert thing.from_dict(from_bytes(content)) == thing(text="a", number=5)
    assert row == thing(text="a", number=5)
    assert thing.list_from_json(b"[" + content + b"]") == [row]


def test_rows_that_lack_columns_now_and_then_are_read_from_bytes(thing: Any, kinds: Package) -> None:
    fast = kinds.module("_runtime.fast").FastReading(thing, thing._decoders())
    whole, part = {"text": '"a"', "number": "5", "yes": "true"}, {"number": "5", "yes": "true"}
    assert fast.one(joined(whole)) == thing(text="a", number=5, yes=True)
    found = [fast.one(joined(part)) for _ in range(2_000)]
    assert found[0] is None
    assert found[-1] == thing(number=5, yes=True)
    assert fast.one(joined(whole)) == thing(text="a", number=5, yes=True)


def test_annotations_of_columns_that_are_null_in_the_first_rows_are_expected(thing: Any, kinds: Package) -> None:
    fast = kinds.module("_runtime.fast").FastReading(thing, thing._decoders())
    term = "OData.Community.Display.V1.FormattedValue"
    first = {"yes": "true", f"yes@{term}": '"Ja"', "number": "null"}
    later = {"yes": "true", f"yes@{term}": '"Ja"', "number": "5", f"number@{term}": '"5"'}
    assert fast.one(joined(first)) is not None
    row = fast.one(joined(later))
    assert row.formatted("number") == "5"


@pytest.mark.parametrize("twin", [lambda item: pickle.loads(pickle.dumps(item)), copy.copy, copy.deepcopy])  # noqa: S301 # our own bytes
def test_a_row_of_bytes_is_copied_like_any_other(thing: Any, kinds: Package, twin: Callable[[Any], Any]) -> None:
    fast = kinds.module("_runtime.fast").FastReading(thing, thing._decoders())
    row = fast.one(joined({name: values[0] for name, values in PLAIN.items()}))
    assert type(row) is thing
    assert spelled(twin(row)) == spelled(row)


def test_a_value_of_the_wrong_type_is_told_by_column_and_without_itself(thing: Any) -> None:
    content = joined({"text": f'"{SECRET}"', "guid": f'"{SECRET}"'})
    while thing.list_from_json(b"[" + b",".join([joined({"text": '"a"', "guid": "null"})] * 999) + b"]") is None:
        pass
    assert thing.from_json(content) is None
    for _ in range(10):
        with pytest.raises(ValueError, match=r"Thing\.guid") as caught:
            thing.from_dict(from_bytes(content))
        assert SECRET not in str(caught.value)
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_names_of_an_answer_are_no_code(thing: Any) -> None:
    name = 'x"]; raise SystemExit #\n'
    data = {name: 1, "text": "a"}
    for _ in range(10):
        assert thing.from_dict(data).additional_properties == {name: 1}
    assert thing.from_dict({name: 1}).additional_properties == {name: 1}


def test_names_without_end_are_forgotten(thing: Any) -> None:
    for number in range(2_000):
        for _ in range(2):
            assert thing.from_dict({f"x{number}": 1}).additional_properties == {f"x{number}": 1}
    reading = thing._reading()
    assert len(reading._sights) + len(reading._builders) < 200


def test_msgspec_is_not_imported_before_much_was_read(kinds: Package) -> None:
    code = f"""
import sys
from {kinds.name}.models import Thing
assert Thing.from_json(b'{{"text":"a"}}') is None
assert Thing.from_dict({{"text": "a"}}).text == "a"
assert "msgspec" not in sys.modules
while Thing.from_json(b'{{"text":"a"}}') is None: pass
assert "msgspec" in sys.modules
"""
    path = f"{kinds.folder}:{SOURCES}"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})


def test_without_msgspec_nothing_is_read_from_bytes_and_it_is_looked_for_once(kinds: Package) -> None:
    code = f"""
import sys
sys.modules["msgspec"] = None
from {kinds.name}.models import Thing
content = b'{{"text":"' + b"a" * 80_000 + b'"}}'
assert Thing.from_json(content) is None
sys.modules["msgspec"] = type(sys)("not to be looked for again")
assert Thing.from_json(content) is None
assert Thing.list_from_json(b"[" + content + b"]") is None
"""
    path = f"{kinds.folder}:{SOURCES}"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})
