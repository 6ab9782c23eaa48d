"""Names: what the service's become in Python, and how two that would be the same end."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dynamics_portal_generator
from dynamics_portal_generator.names import ROW_API, assign, attribute_name, class_name, member_name, members
from dynamics_portal_generator.runtime import Operation, Row

NAMES = st.text(
    st.one_of(st.sampled_from("abcXYZ019_ .-@/"), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=12
)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("firstname", "firstname"),
        ("address1_line1", "address1_line1"),
        ("UserId", "user_id"),
        ("WhoAmI", "who_am_i"),
        ("BusinessUnitId", "business_unit_id"),
        ("HTTPServer2Name", "http_server2_name"),
        ("_ownerid_value", "_ownerid_value"),
        ("new_Mentor@odata.bind", "new_mentor_odata_bind"),
        ("class", "class_"),
        ("from", "from_"),
        ("str", "str_"),
        ("check", "check_"),
        ("etag", "etag_"),
        ("1st", "x1st"),
        ("_1st", "_x1st"),
        ("__type", "_type"),
        ("___", "value"),
        ("Ærlig", "_rlig"),
    ],
)
def test_an_attribute_reads_as_python_does(name: str, attribute: str) -> None:
    assert attribute_name(name) == attribute


@pytest.mark.parametrize(
    ("name", "class_"),
    [
        ("contact", "Contact"),
        ("new_certification", "NewCertification"),
        ("new_SetWebsiteVisibility", "NewSetWebsiteVisibility"),
        ("WhoAmIResponse", "WhoAmIResponse"),
        ("365group", "X365group"),
        ("row", "Row_"),
        ("None", "None_"),
        ("true", "True_"),
        ("---", "X"),
    ],
)
def test_a_class_reads_as_python_does(name: str, class_: str) -> None:
    assert class_name(name) == class_


@pytest.mark.parametrize(
    ("label", "member"),
    [
        ("Active", "ACTIVE"),
        ("Certification expired", "CERTIFICATION_EXPIRED"),
        ("1 - High", "X1_HIGH"),
        ("Utløpt på tid", "UTLOPT_PA_TID"),
        ("Ærøskøbing", "AEROSKOBING"),
        ("Straße", "STRASSE"),
        ("Café", "CAFE"),
        ("None", "NONE_"),
        ("mro", "MRO_"),
        ("", "VALUE"),
        ("日本", "VALUE"),
        ("!?", "VALUE"),
    ],
)
def test_a_member_is_named_after_its_label(label: str, member: str) -> None:
    assert member_name(label) == member


@given(NAMES)
def test_every_name_becomes_an_identifier(name: str) -> None:
    for converted in (attribute_name(name), class_name(name), member_name(name)):
        assert converted.isidentifier()
        assert converted.isascii()
        assert not keyword.iskeyword(converted)
        assert not converted.startswith("__")


@given(st.lists(NAMES, max_size=8), st.randoms(), st.booleans())
def test_names_are_unique_and_do_not_depend_on_the_order_of_the_document(
    names: list[str], random: object, fold: bool
) -> None:
    result, _ = assign(names, attribute_name, fold_case=fold)
    assert set(result) == set(names)
    unique = {name.lower() for name in result.values()} if fold else set(result.values())
    assert len(unique) == len(set(names))
    assert all(name.isidentifier() for name in result.values())
    shuffled = sorted(names, reverse=True)
    assert assign(shuffled, attribute_name, fold_case=fold)[0] == result


def test_the_name_that_needs_no_change_keeps_it_and_the_other_is_told() -> None:
    names, notes = assign(["FeedbackId", "feedback_id"], attribute_name)
    assert names == {"feedback_id": "feedback_id", "FeedbackId": "feedback_id_2"}
    assert notes == ["FeedbackId is called feedback_id_2 in Python, because feedback_id takes feedback_id"]


def test_a_number_goes_on_where_the_numbered_name_is_taken_too() -> None:
    names, _ = assign(["a", "A", "a_2"], attribute_name)
    assert names == {"a": "a", "A": "a_3", "a_2": "a_2"}


def test_names_that_differ_by_case_only_are_kept_apart_for_file_systems() -> None:
    names, _ = assign(["RelationshipAttribute", "relationshipattribute"], class_name, fold_case=True)
    assert sorted(name.lower() for name in names.values()) == ["relationshipattribute", "relationshipattribute_2"]


@given(st.dictionaries(st.integers(-(2**31), 2**31 - 1), st.text(max_size=8), max_size=12))
def test_as_many_members_come_out_as_values_went_in(labels: dict[int, str]) -> None:
    names = members(labels)
    assert set(names) == set(labels)
    assert len(set(names.values())) == len(labels)
    assert all(name.isidentifier() for name in names.values())


def test_equal_labels_are_told_apart_by_their_values() -> None:
    assert members({1: "Open", -2: "open", 3: "Closed"}) == {1: "OPEN_1", -2: "OPEN_MINUS_2", 3: "CLOSED"}


def test_no_attribute_hides_what_the_runtime_calls_itself() -> None:
    own = {name for name in {*dir(Row), *dir(Operation)} if not name.startswith("__")} - {"_is_protocol"}
    assert own <= ROW_API
    assert all(attribute_name(name) not in own for name in own)


@pytest.mark.parametrize("template", ["model", "operation"])
def test_no_class_hides_what_its_module_imports(template: str) -> None:
    text = (Path(dynamics_portal_generator.__file__).parent / "templates" / f"{template}.py.jinja").read_text("utf-8")
    lines = re.findall(r"^from (?:collections\.abc|decimal|typing|uuid|\.\._runtime) import (.+)$", text, re.MULTILINE)
    imported = {name.strip() for line in lines for name in line.strip("()").split(",")}
    assert len(imported) > 5
    assert [name for name in imported if name[0].isupper() and class_name(name) == name] == []
