"""Models: what they keep of an answer, what they print, and what comes back after a round trip."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import pickle
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packages import Package
from tests.unit.generator.kinds import PRIMITIVES

SECRET = "kari.nordmann@example.org"
ID = UUID(int=7)
ROW: dict[str, Any] = {
    "@odata.etag": 'W/"12"',
    "thingid": str(ID),
    "text": "O'Brien",
    "yes": False,
    "long": "9223372036854775807",
    "money": Decimal("12.30"),
    "moment": "1753-01-01T00:00:00Z",
    "day": "2024-02-29",
    "status": 1,
    "status@OData.Community.Display.V1.FormattedValue": "Open",
    "tags": "10,20,30",
    "color": "Red",
    "rights": "Read,Write",
    "home": {"Street": "Storgata", "Zip": 182, "Floor": 3},
    "homes": [{"@odata.type": "#N.Postbox", "Street": None, "Box": 5}, None],
    "words": ["a", None],
    "days": ["2024-02-29"],
    "colors": ["Blue", "Green"],
    "_parent_value": None,
    "new_column": {"kept": [1]},
}


@pytest.fixture(scope="module")
def row(kinds: Package) -> Any:
    return kinds.model("Thing").from_dict(ROW)


def test_a_row_reads_as_python_values(kinds: Package, row: Any) -> None:
    models = kinds.module("models")
    assert row.thingid == ID
    assert row.long == 2**63 - 1
    assert row.money == Decimal("12.30")
    assert row.moment == dt.datetime(1753, 1, 1, tzinfo=dt.UTC)
    assert row.status is models.ThingStatus.OPEN
    assert row.tags == {models.ThingTags.OLD, models.ThingTags.NEW, 30}
    assert row.color is models.Color.RED
    assert row.rights == models.Rights.READ | models.Rights.WRITE
    assert row.home.street == "Storgata"
    assert type(row.homes[0]) is models.Postbox
    assert row.colors == [models.Color.BLUE, "Green"]


def test_what_an_answer_did_not_hold_is_unset_and_null_is_none(kinds: Package, row: Any) -> None:
    unset = kinds.module().UNSET
    assert row.number is unset
    assert row._parent_value is None
    assert row.parent_value is None
    assert kinds.model("Thing")().text is unset
    assert kinds.model("Thing")(text=None).text is None


def test_an_attribute_that_no_column_has_does_not_exist(row: Any) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = row.nothing


def test_a_round_trip_keeps_everything_unknown_columns_included(row: Any) -> None:
    expected = {**ROW, "long": 2**63 - 1, "rights": "Default,Write"}
    expected["homes"] = [{"@odata.type": "#N.Postbox", "Street": None, "Box": 5}, None]
    assert row.to_dict() == expected


def test_annotations_are_at_hand(row: Any) -> None:
    assert row.etag == 'W/"12"'
    assert row.formatted("status") == "Open"
    assert row.formatted("text") is None
    assert row.additional_properties["new_column"] == {"kept": [1]}


def test_a_representation_shows_columns_and_no_values(kinds: Package, row: Any) -> None:
    assert repr(kinds.model("Thing")(text=SECRET, home=kinds.model("Address")(street=SECRET))) == "<Thing: text, home>"
    assert "O'Brien" not in repr(row)
    assert "Storgata" not in repr(row.homes) + repr(row.home) + str(row)


def test_the_parameters_of_an_operation_are_not_printed_either(kinds: Package) -> None:
    assert SECRET not in repr(kinds.operation("Find")(text=SECRET))


@pytest.mark.parametrize(
    "twin",
    [
        lambda item: pickle.loads(pickle.dumps(item)),  # noqa: S301 # our own bytes
        copy.copy,
        copy.deepcopy,
    ],
)
def test_a_copy_equals_the_original_annotations_and_all(kinds: Package, row: Any, twin: Any) -> None:
    report = kinds.model("Report").from_dict({"Total": 5})
    for item in (row, report, row.home, kinds.operation("Find")(text="x"), kinds.model("Thing")()):
        other = twin(item)
        assert other == item
        assert other is not item
        assert other.to_dict() == item.to_dict()


def test_a_deep_copy_shares_nothing(row: Any) -> None:
    other = copy.deepcopy(row)
    other.additional_properties["new_column"]["kept"].append(2)
    other.home.street = "Lillegata"
    assert row.additional_properties["new_column"] == {"kept": [1]}
    assert row.home.street == "Storgata"


def test_rows_are_equal_by_what_is_set(kinds: Package) -> None:
    thing = kinds.model("Thing")
    unset = kinds.module().UNSET
    assert thing(text="a") == thing(text="a", number=unset)
    assert thing(text="a") != thing(text="a", number=None)
    assert thing.from_dict({"x": 1}) != thing()
    assert thing() != kinds.model("Address")()
    with pytest.raises(TypeError, match="unhashable"):
        hash(thing())


def test_a_row_can_be_changed_with_the_tools_of_attrs(kinds: Package) -> None:
    thing = kinds.model("Thing")
    assert [item.name for item in attrs.fields(thing)] == [column.attribute for column in thing.__columns__.values()]
    assert attrs.evolve(thing(text="a", parent_value=ID), text="b") == thing(text="b", parent_value=ID)


def test_a_result_reads_none_where_the_answer_left_something_out(kinds: Package) -> None:
    report = kinds.model("Report").from_dict({"Total": 5})
    assert report.at is None
    assert report.total == Decimal(5)


@pytest.mark.parametrize("keyword", ["txt", "Text", "_parent_value"])
def test_a_keyword_that_no_column_has_is_refused_by_name(kinds: Package, keyword: str) -> None:
    with pytest.raises(TypeError) as caught:
        kinds.model("Thing")(**{keyword: SECRET})
    assert keyword in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_answer_may_name_a_derived_type_or_one_that_nobody_knows(kinds: Package) -> None:
    address = kinds.model("Address")
    assert address.from_dict({"@odata.type": "#N.Postbox", "Box": 1}).box == 1
    known = address.from_dict({"@odata.type": "#N.Address", "Zip": 1})
    unknown = address.from_dict({"@odata.type": "#N.Castle", "Zip": 1, "Towers": 2})
    assert type(known) is type(unknown) is address
    assert unknown.to_dict() == {"@odata.type": "#N.Castle", "Zip": 1, "Towers": 2}


# Nothing that raises tells a value

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.just(SECRET), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.just("Street"), inner, max_size=1)),
    max_leaves=4,
)
WRONG = st.one_of(JSON, st.just(SECRET.encode()), st.sets(st.just(SECRET), min_size=1), st.just(object))


def refusal(call: Callable[[], object]) -> str:
    """All that a log may show of the error that a call raises, chain and all; nothing where it raises none."""
    try:
        call()
    except (ValueError, TypeError) as error:
        return "".join(traceback.format_exception(error, limit=0))
    return ""


COLUMNS = st.sampled_from(
    [*PRIMITIVES, "status", "tags", "color", "rights", "home", "homes", "words", "days", "colors", "_parent_value"]
)


@given(name=COLUMNS, value=JSON)
def test_a_bad_answer_is_refused_without_its_values(kinds: Package, name: str, value: Any) -> None:
    text = refusal(lambda: kinds.model("Thing").from_dict({name: value}))
    assert SECRET not in text
    assert not text or name in text


@pytest.mark.parametrize("write", ["create", "update"])
@given(name=st.one_of(COLUMNS, st.sampled_from(["Parent", "children", "Parent@odata.bind", "made"])), value=WRONG)
def test_a_bad_write_is_refused_without_its_values(kinds: Package, write: str, name: str, value: Any) -> None:
    text = refusal(lambda: kinds.model("Thing").encode_write({name: value}, write))
    assert SECRET not in text
    assert not text or name in text


@given(name=st.sampled_from(["text", "at", "limit", "colors", "home", "target_", "rights"]), value=WRONG)
def test_a_bad_parameter_is_refused_without_its_value(kinds: Package, name: str, value: Any) -> None:
    operation = kinds.operation("Find")(**{"text": "x", name: value})
    assert SECRET not in refusal(operation.request)


@given(value=WRONG)
def test_a_bad_key_is_refused_without_its_value(kinds: Package, value: Any) -> None:
    keys = [("Thing", value), ("Thing", {"text": value}), ("Seat", {"hall": "A", "number": value})]
    for name, key in keys:
        path = functools.partial(kinds.model(name).path, key)
        assert SECRET not in refusal(path)


@given(value=JSON)
def test_a_bad_result_is_refused_without_its_values(kinds: Package, value: Any) -> None:
    for name in ("Find", "Newest", "Total", "Dates", "Favourite", "Home", "Size"):
        for answer in ({"value": value}, value):
            assert SECRET not in refusal(functools.partial(kinds.operation(name).result, answer))
