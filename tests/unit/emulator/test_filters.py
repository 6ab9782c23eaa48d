"""The language of filters."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_emulator import DataverseError
from dynamics_portal_emulator.filters import (
    Call,
    Compared,
    Items,
    Joined,
    Literal,
    Negated,
    Node,
    Path,
    Quantified,
    parse,
)

NAME = Path(("name",))


def one(number: int) -> Compared:
    return Compared("eq", Path(("a",)), Literal(number, "Edm.Int64"))


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("'O''Brien'", "O'Brien", "Edm.String"),
        ("''", "", "Edm.String"),
        ("''''", "'", "Edm.String"),
        ("5", 5, "Edm.Int64"),
        ("-5", -5, "Edm.Int64"),
        ("5.00", Decimal("5.00"), "Edm.Decimal"),
        ("1e5", Decimal("1e5"), "Edm.Decimal"),
        ("true", True, "Edm.Boolean"),
        ("false", False, "Edm.Boolean"),
        ("null", None, "Edm.Null"),
        ("8d716234-9628-ed11-9db1-000d3a320482", "8d716234-9628-ed11-9db1-000d3a320482", "Edm.Guid"),
        ("2024-06-12", "2024-06-12", "Edm.Date"),
        ("2024-06-12T10:00:00.1234567+02:00", "2024-06-12T10:00:00.1234567+02:00", "Edm.DateTimeOffset"),
        ("10:30:00", "10:30:00", "Edm.TimeOfDay"),
        ("duration'PT5M'", "PT5M", "Edm.Duration"),
        ("Microsoft.Dynamics.CRM.Kind'Big'", "Big", "Microsoft.Dynamics.CRM.Kind"),
    ],
)
def test_constants_are_told_by_their_notation(text: str, value: object, kind: str) -> None:
    assert parse(f"name eq {text}") == Compared("eq", NAME, Literal(value, kind))


@pytest.mark.parametrize(
    "name", ["allowance", "anything", "nullable", "truename", "notes", "order", "android", "index", "equal", "gender"]
)
def test_a_column_may_begin_like_a_keyword(name: str) -> None:
    assert parse(f"{name} eq 1 and {name} gt 0 or not ({name} eq {name})") == Joined(
        True,
        (
            Joined(
                False,
                (
                    Compared("eq", Path((name,)), Literal(1, "Edm.Int64")),
                    Compared("gt", Path((name,)), Literal(0, "Edm.Int64")),
                ),
            ),
            Negated(Compared("eq", Path((name,)), Path((name,)))),
        ),
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a eq 1 or a eq 2 and a eq 3", Joined(True, (one(1), Joined(False, (one(2), one(3)))))),
        ("(a eq 1 or a eq 2) and a eq 3", Joined(False, (Joined(True, (one(1), one(2))), one(3)))),
        ("(a eq 1)or(a eq 2)", Joined(True, (one(1), one(2)))),
        ("not(a eq 1)", Negated(one(1))),
        ("not a eq 1", Negated(one(1))),
        ("a/b/c eq null", Compared("eq", Path(("a", "b", "c")), Literal(None, "Edm.Null"))),
        ("a/$count gt 1", Compared("gt", Path(("a",), count=True), Literal(1, "Edm.Int64"))),
        ("a/any()", Quantified(("a",), False, None, None)),
        ("b/a/all(x:a eq 1)", Quantified(("b", "a"), True, "x", one(1))),
        ("contains(name,'x')", Call("contains", (NAME, Literal("x", "Edm.String")), {})),
        ("f()", Call("f", (), {})),
        (
            "N.In(PropertyName='a',PropertyValues=['b','c'])",
            Call(
                "N.In",
                (),
                {
                    "PropertyName": Literal("a", "Edm.String"),
                    "PropertyValues": Items((Literal("b", "Edm.String"), Literal("c", "Edm.String"))),
                },
            ),
        ),
    ],
)
def test_operators_bind_as_the_standard_says(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text", ["", "name eq", "eq 1", "name eq 'x", "(a eq 1", "a eq 1)", "a = 1", "a eq 1 b", "a//b eq 1"]
)
def test_text_that_is_no_filter_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(DataverseError, match=r"Syntax error at position \d+"):
        parse(text)


def test_aliases_stand_for_values_and_columns_and_without_a_value_for_null() -> None:
    assert parse("@c eq @p", {"@p": "'x'", "@c": "name"}) == Compared("eq", NAME, Literal("x", "Edm.String"))
    assert parse("name eq @q", {"@p": "'x'"}) == Compared("eq", NAME, Literal(None, "Edm.Null"))


def test_a_list_is_read_as_json_is() -> None:
    assert parse("""f(P=["O'Brien","a\\"b",'c'])""") == Call(
        "f", (), {"P": Items(tuple(Literal(text, "Edm.String") for text in ("O'Brien", 'a"b', "c")))}
    )
    with pytest.raises(DataverseError, match="Invalid JSON"):
        parse("f(P=['O''Brien'])")
    with pytest.raises(DataverseError, match="Invalid JSON"):
        parse(r'f(P=["\x"])')


def test_a_query_function_may_be_about_the_row_that_steps_lead_to() -> None:
    found = parse("x/owner/Microsoft.Dynamics.CRM.Today(PropertyName='seen')")
    assert found == Call(
        "Microsoft.Dynamics.CRM.Today", (), {"PropertyName": Literal("seen", "Edm.String")}, ("x", "owner")
    )


def test_in_is_refused_in_dataverses_words() -> None:
    with pytest.raises(DataverseError, match="The query node In is not supported") as refused:
        parse("name in ('a','b')")
    assert (refused.value.status, refused.value.code) == (501, "0x8006088a")


@given(st.text())
def test_any_text_survives_quoting(text: str) -> None:
    quoted = text.replace("'", "''")

    assert parse(f"name eq '{quoted}'") == Compared("eq", NAME, Literal(text, "Edm.String"))


@given(st.text(alphabet="ab '(),/=:$@eqandornt15.-[]"))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(DataverseError):
        assert parse(text) == parse(text)
