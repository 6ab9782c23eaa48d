"""Query options and preferences, parsed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_emulator import DataverseError
from dynamics_portal_emulator.filters import Path
from dynamics_portal_emulator.options import Order, Preferences, parse_options, split_query, split_top

FORMATTED = "OData.Community.Display.V1.FormattedValue"


def test_nested_expands_keep_their_own_options() -> None:
    text = "a($select=x,y;$expand=b($filter=n eq 'p;q)';$top=2),c),d/$ref"
    options = parse_options({"$expand": text})

    first, second = options.expand
    assert (first.name, first.options.select) == ("a", ("x", "y"))
    assert [(item.name, item.options.top) for item in first.options.expand] == [("b", 2), ("c", None)]
    assert (second.name, second.reference) == ("d", True)


def test_selecting_everything_selects_nothing_in_particular() -> None:
    assert parse_options({"$select": "*"}).select is None
    assert parse_options({"$select": " a , b "}).select == ("a", "b")
    assert parse_options({}).select is None


def test_order_is_ascending_unless_said_otherwise() -> None:
    assert parse_options({"$orderby": "a,b/c desc, d ASC"}).order == (
        Order(Path(("a",)), descending=False),
        Order(Path(("b", "c")), descending=True),
        Order(Path(("d",)), descending=False),
    )


@pytest.mark.parametrize("text", ["a(", "a($top=1", "a)b("])
def test_a_broken_expand_is_refused(text: str) -> None:
    with pytest.raises(DataverseError, match=r"Syntax error in \$expand"):
        parse_options({"$expand": text})


def test_the_query_string_is_decoded_once() -> None:
    assert split_query("$filter=name%20eq%20'a%26b%2Bc%2525'+or+x&$top=1&empty=") == {
        "$filter": "name eq 'a&b+c%25' or x",
        "$top": "1",
        "empty": "",
    }


@pytest.mark.parametrize(
    ("header", "size", "annotations", "representation"),
    [
        (None, None, None, None),
        ("odata.maxpagesize=50", 50, None, None),
        ("odata.maxpagesize=0", None, None, None),
        ("odata.maxpagesize=5001", None, None, None),
        ("odata.maxpagesize=x", None, None, None),
        ('return=representation, odata.include-annotations="*"', None, "*", True),
        ('odata.include-annotations="A.B,C.*",return=minimal', None, "A.B,C.*", False),
        ("RESPOND-ASYNC", None, None, None),
    ],
)
def test_preferences_are_read_from_the_header(
    header: str | None, size: int | None, annotations: str | None, representation: bool | None
) -> None:
    preferences = Preferences.parse(header)

    assert (preferences.page_size, preferences.annotations, preferences.representation) == (
        size,
        annotations,
        representation,
    )


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("*", True),
        (FORMATTED, True),
        ("OData.Community.*", True),
        ("Microsoft.*", False),
        ("*,-OData.Community.*", False),
        ("", False),
    ],
)
def test_annotations_are_named_by_patterns(asked: str, wanted: bool) -> None:
    assert Preferences(annotations=asked).wants(FORMATTED) is wanted


@given(st.lists(st.text(alphabet="ab()',;"), min_size=1))
def test_splitting_loses_no_character(parts: list[str]) -> None:
    text = ",".join(parts)

    assert ",".join(split_top(text, ",")) == text
