"""JSON: bytes of an answer to Python, and a request's body to bytes. Numbers with a fraction stay exact both ways.

Source: RFC 8259; OData JSON Format 4.01, "Primitive Value" (a decimal is a JSON number of any precision).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final, NoReturn

_PLAIN_EXPONENT = 40  # digits before or after the point that are still written out; beyond it an exponent is used


def decode(content: bytes) -> Any:
    """The value that the bytes stand for; numbers with a fraction as `Decimal`. Raises `ValueError` for no JSON."""
    try:
        return _DECODER.decode(str(content, json.detect_encoding(content), "surrogatepass"))
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    except ArithmeticError:
        raise ValueError("a number beyond what a decimal holds") from None


def decode_object(content: bytes) -> dict[str, Any]:
    """The same for a JSON object. Raises `ValueError` for anything else."""
    value = decode(content)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


def encode(value: Any) -> bytes:
    """The bytes of a request's body, UTF-8. Raises `ValueError` or `TypeError` for what JSON cannot hold."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except TypeError:
        parts: list[str] = []
        _write(value, parts)
        text = "".join(parts)
    return text.encode("utf-8")


def _write(value: Any, parts: list[str]) -> None:
    """Write what `json` cannot: it has no way to write a `Decimal` as a number with all of its digits."""
    if isinstance(value, Decimal):
        parts.append(_number(value))
    elif isinstance(value, dict):
        parts.append("{")
        for index, (key, item) in enumerate(value.items()):
            parts.append(f"{',' if index else ''}{json.dumps(key, ensure_ascii=False)}:")
            _write(item, parts)
        parts.append("}")
    elif isinstance(value, (list, tuple)):
        parts.append("[")
        for index, item in enumerate(value):
            parts.append("," if index else "")
            _write(item, parts)
        parts.append("]")
    else:
        parts.append(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("expected a finite decimal number")
    return format(value, "f") if -_PLAIN_EXPONENT < value.adjusted() < _PLAIN_EXPONENT else str(value)
