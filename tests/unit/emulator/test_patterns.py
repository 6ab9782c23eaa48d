"""Patterns with wildcards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_emulator.patterns import matches


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("Oslo", "oslo", True),
        ("Oslo", "%", True),
        ("", "%", True),
        ("Oslo", "O%o", True),
        ("Oslo", "_slo", True),
        ("Oslo", "__slo", False),
        ("Oslo\nsentrum", "oslo%sentrum", True),
        ("ÆRE", "ære", True),
        ("cat", "[b-d]at", True),
        ("cat", "[^b-d]at", False),
        ("-at", "[a-]at", True),
        ("at", "[a-c]at", False),
        ("100%", "100[%]", True),
        ("1000", "100[%]", False),
        ("a[b", "a[[]b", True),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
        ("x]", "x]", True),
        ("]x", "[]x", False),
        ("x", "[z-a]", False),
        ("x", "[^z-a]", True),
        ("x", "[^]", False),
        ("[x", "[x", False),
    ],
)
def test_a_text_fits_a_pattern(text: str, pattern: str, expected: bool) -> None:
    assert matches(text, pattern) is expected


def test_nothing_fits_null() -> None:
    assert matches(None, "%") is None
    assert matches("x", None) is None


@given(st.text(), st.text())
def test_a_text_whose_wildcards_are_in_brackets_matches_itself_alone(text: str, other: str) -> None:
    literal = "".join(f"[{character}]" if character in "%_[" else character for character in text)

    assert matches(text, literal) is True
    assert matches(f"{other}{text}", f"%{literal}") is True
    assert matches(other, literal) is (other.casefold() == text.casefold())


@given(st.text(alphabet="ab%_[]^-"), st.text(alphabet="ab%_[]^-"))
def test_no_pattern_is_an_error(text: str, pattern: str) -> None:
    assert matches(text, pattern) in (True, False)
