"""Rows: how they are addressed, what a write of them sends, and how relationships read."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packages import Package

ID = UUID("00000000-0000-0000-0000-00000000000a")


@pytest.fixture(scope="module")
def thing(kinds: Package) -> Any:
    return kinds.model("Thing")


@pytest.fixture(scope="module")
def seat(kinds: Package) -> Any:
    return kinds.model("Seat")


# Paths


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (ID, "things(00000000-0000-0000-0000-00000000000a)"),
        (str(ID).upper(), "things(00000000-0000-0000-0000-00000000000a)"),
        ({"thingid": ID}, "things(00000000-0000-0000-0000-00000000000a)"),
        ({"text": "O'Brien"}, "things(text=%27O%27%27Brien%27)"),
        ({"text": "a/b+c&d ?#%"}, "things(text=%27a%2Fb%2Bc%26d%20%3F%23%25%27)"),
        ({"text": "Bærum"}, "things(text=%27B%C3%A6rum%27)"),
        (
            {"status": 2, "_parent_value": ID},
            "things(_parent_value=00000000-0000-0000-0000-00000000000a,status=2)",
        ),
    ],
)
def test_a_row_is_found_by_its_key_or_an_alternate_key(thing: Any, key: Any, path: str) -> None:
    assert thing.path(key) == path


def test_a_composite_key_is_named_in_full_in_the_order_of_the_metadata(seat: Any) -> None:
    assert seat.path({"number": 4, "hall": "A"}) == "seats(hall=%27A%27,number=4)"


def test_a_choice_is_addressed_by_its_number(kinds: Package, thing: Any) -> None:
    key = {"_parent_value": ID, "status": kinds.model("ThingStatus").CLOSED}
    assert thing.path(key).endswith("status=2)")


@given(st.text())
def test_no_text_breaks_out_of_a_path(kinds: Package, text: str) -> None:
    try:
        path = kinds.model("Thing").path({"text": text})
    except UnicodeEncodeError:  # half a surrogate pair, which no URL can hold
        return
    assert set(path) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%=()")
    assert path.count("(") == path.count(")") == 1


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ({"name": "x"}, r"thing has no key \(name\); its keys are \(thingid\), \(text\), \(_parent_value, status\)"),
        ({"status": 1}, r"thing has no key \(status\)"),
        ({"text": None}, r"Thing.text: a key has no null"),
        (None, r"Thing.thingid: a key has no null"),
        ("not an id", r"Thing.thingid: expected a UUID"),
        (7, r"Thing.thingid: expected str, got int"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(thing: Any, key: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        thing.path(key)


def test_a_composite_key_needs_its_names(seat: Any) -> None:
    with pytest.raises(ValueError, match=r"seat has the key \(hall, number\): give a mapping"):
        seat.path("A")


def test_a_type_without_a_set_has_no_rows_to_address(kinds: Package) -> None:
    with pytest.raises(TypeError, match="Expando is a type without a table of its own"):
        kinds.model("Expando").path(ID)


# Writes


def test_a_write_sends_json_under_the_services_names(kinds: Package, thing: Any) -> None:
    models = kinds.module("models")
    values = {
        "text": "a",
        "day": dt.date(2024, 2, 29),
        "status": models.ThingStatus.CLOSED,
        "tags": {models.ThingTags.NEW, models.ThingTags.OLD},
        "rights": models.Rights.ALL,
        "home": models.Address(street="Storgata"),
        "number": None,
        "Parent@odata.bind": f"/things({ID})",
        "anything@odata.bind": None,
    }
    assert thing.encode_write(values, "update") == {
        "text": "a",
        "day": "2024-02-29",
        "status": 2,
        "tags": "10,20",
        "rights": "All",
        "home": {"Street": "Storgata"},
        "number": None,
        "Parent@odata.bind": f"/things({ID})",
        "anything@odata.bind": None,
    }


def test_a_complex_value_of_a_derived_type_says_so(kinds: Package, thing: Any) -> None:
    box = kinds.model("Postbox")(box=5)
    assert thing.encode_write({"home": box}, "update")["home"] == {"@odata.type": "#N.Postbox", "Box": 5}
    named = {"@odata.type": "#N.Postbox", "Box": 5}
    assert thing.encode_write({"home": named}, "update")["home"] == named


def test_a_row_is_written_with_what_is_set_under_the_services_names(thing: Any) -> None:
    assert thing.encode_write(thing(text="a", number=None), "create") == {"text": "a", "number": None}


def test_a_row_that_was_read_is_sent_back_without_what_the_service_alone_writes(thing: Any) -> None:
    read = thing.from_dict(
        {
            "@odata.etag": "W/1",
            "thingid": str(ID),
            "text": "a",
            "made": "2024-01-01T00:00:00Z",
            "once": "x",
            "_parent_value": str(ID),
            "status@OData.Community.Display.V1.FormattedValue": "Open",
            "children": [{"thingid": str(ID)}],
            "new_column": 1,
        }
    )
    assert thing.encode_write(read, "update") == {"text": "a", "new_column": 1}


@pytest.mark.parametrize(
    ("values", "write", "message"),
    [
        ({"made": None}, "create", "Thing.made is not writable on create"),
        ({"made": None}, "update", "Thing.made is not writable on update"),
        ({"thingid": ID}, "update", "Thing.thingid is not writable on update"),
        ({"once": "x"}, "update", "Thing.once is not writable on update"),
        ({"file": b"x"}, "create", "Thing.file is not writable on create"),
        ({"_parent_value": ID}, "create", "set the lookup as 'Parent@odata.bind'"),
        ({"txet": "x"}, "create", "Thing has no writable column 'txet'; did you mean 'text'?"),
        ({"parent@odata.bind": "x"}, "create", "did you mean 'Parent@odata.bind'?"),
        ({"nothing_like_it_at_all": 1}, "create", "has no writable column 'nothing_like_it_at_all'$"),
        ({"must": None}, "create", "Thing.must cannot be null"),
        ({"words": None}, "create", "Thing.words cannot be null"),
        ({"words": "a"}, "create", "Thing.words: expected a list, got str"),
        ({"Parent@odata.bind": ID}, "update", "expected a reference like '/contacts"),
        ({"Parent@odata.bind": "/"}, "update", "expected a reference like"),
        ({"children@odata.bind": f"things({ID})"}, "create", "expected a list of references"),
        ({"children": []}, "update", "children: related rows are written on create only; bind one with 'children@"),
        ({"children": {"text": "a"}}, "create", "Thing.children: expected a list, got dict"),
        ({"children": None}, "create", "Thing.children: expected a list, got NoneType"),
        ({"children": ["a"]}, "create", "expected Thing or a mapping, got str"),
        ("text", "create", "expected Thing or a mapping, got str"),
        ({"@odata.type": "#N.Postbox", "Box": 5}, "create", "Thing: @odata.type names Postbox, which is no row"),
    ],
)
def test_a_write_that_does_not_fit_is_refused_and_says_what_would(
    thing: Any, values: Any, write: str, message: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=message.replace("?", r"\?").replace("(", r"\(")):
        thing.encode_write(values, write)


def test_a_key_and_what_is_immutable_can_be_given_on_create(thing: Any) -> None:
    assert thing.encode_write({"thingid": str(ID), "once": "x"}, "create") == {"thingid": str(ID), "once": "x"}


def test_a_row_of_another_table_is_no_row_of_this_one(kinds: Package, thing: Any) -> None:
    with pytest.raises(TypeError, match="expected Thing or a mapping, got Seat"):
        thing.encode_write(kinds.model("Seat")(hall="A"), "create")


def test_several_rows_are_bound_at_once(thing: Any) -> None:
    assert thing.encode_write({"children@odata.bind": [f"/things({ID})"]}, "create") == {
        "children@odata.bind": [f"/things({ID})"]
    }


def test_related_rows_are_created_along(kinds: Package, thing: Any) -> None:
    values = {
        "text": "a",
        "Parent": {"text": "b"},
        "children": [thing(text="c"), {"text": "d", "seats": [{"hall": "A", "number": 1}]}],
    }
    assert thing.encode_write(values, "create") == {
        "text": "a",
        "Parent": {"text": "b"},
        "children": [{"text": "c"}, {"text": "d", "seats": [{"hall": "A", "number": 1}]}],
    }
    assert thing.encode_write({"Parent": None}, "create") == {"Parent": None}


def test_a_related_row_whose_type_is_left_open_says_its_type(kinds: Package, thing: Any) -> None:
    seat = kinds.model("Seat")(hall="A", number=1)
    expected = {"anything": {"@odata.type": "#N.seat", "hall": "A", "number": 1}}
    assert thing.encode_write({"anything": seat}, "create") == expected
    assert thing.encode_write(expected, "create") == expected


# Relationships


def test_relationships_read_as_rows_where_they_were_expanded(kinds: Package, thing: Any) -> None:
    row = thing.from_dict(
        {"Parent": {"text": "b"}, "children": [{"text": "c"}], "anything": {"@odata.type": "#N.seat", "number": 3}}
    )
    assert row.parent.text == "b"
    assert row.parent is row.parent
    assert [child.text for child in row.children] == ["c"]
    assert row.anything == kinds.model("Seat").from_dict({"@odata.type": "#N.seat", "number": 3})
    assert row.seats is kinds.module().UNSET
    assert thing.from_dict({"Parent": None}).parent is None
    assert thing.from_dict({"children": []}).children == []


def test_a_row_reads_the_same_whether_its_relationships_were_looked_at(thing: Any) -> None:
    data = {"Parent": {"text": "b", "x": 1}, "children": [{"text": "c"}]}
    row = thing.from_dict(data)
    assert (row.parent.text, row.children[0].text) == ("b", "c")
    assert row.to_dict() == data


def test_on_the_class_a_relationship_is_itself(thing: Any) -> None:
    assert repr(thing.parent) == "SingleNavigation('Parent', 'Thing')"
    assert thing.children.collection
    assert set(thing.navigation()) == {"Parent", "children", "seats", "anything"}


def test_the_table_tells_its_names_and_keys(thing: Any) -> None:
    table = thing.table()
    assert repr(table) == "Table('thing', 'things')"
    assert (table.key, table.alternate_keys) == (("thingid",), (("text",), ("_parent_value", "status")))
