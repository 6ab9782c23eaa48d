"""JSON: money keeps its cents both ways."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal import _json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


def exact(value: Any) -> Any:
    """Decimals without a fraction read as whole numbers; their value is the same."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return Decimal(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert exact(_json.decode(_json.encode(value))) == exact(value)


@pytest.mark.parametrize("text", ["0.10", "12345678901234567890.123456789", "-0.0000000001", "1E+2"])
def test_a_decimal_is_a_number_with_all_of_its_digits(text: str) -> None:
    encoded = _json.encode({"amount": Decimal(text), "rows": [(Decimal(text), 1, "å")]})
    assert json.loads(encoded, parse_float=Decimal, parse_int=Decimal)["amount"] == Decimal(text)
    assert b'"' not in encoded.split(b":")[1].split(b",")[0]


def test_a_decimal_of_absurd_size_stays_short() -> None:
    assert len(_json.encode(Decimal("1E+999999"))) < 20


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), [Decimal("NaN")]])
def test_what_json_lacks_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"finite|compliant"):
        _json.encode(value)


def test_what_is_no_json_value_is_refused() -> None:
    with pytest.raises(TypeError):
        _json.encode([Decimal(1), object()])


@pytest.mark.parametrize("content", [b"", b"{", b"NaN", b"[" * 100_000])
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        _json.decode(content)


def test_an_object_is_asked_for() -> None:
    with pytest.raises(ValueError, match="object"):
        _json.decode_object(b"[]")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert _json.decode_object(b'\xef\xbb\xbf{"a": 1.10}') == {"a": Decimal("1.10")}
