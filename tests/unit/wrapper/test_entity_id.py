"""Entity ids: the key of a row from its address, for keys of every kind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from tests.unit.wrapper.support import API, MENTOR

from dynamics_portal._entity_id import key_of


def model(**columns: str) -> Any:
    """A row class with these key columns."""
    table = SimpleNamespace(name="t", entity_set="ts", key=tuple(columns))
    types = {name: SimpleNamespace(type=edm_type, access="create") for name, edm_type in columns.items()}
    return SimpleNamespace(table=lambda: table, __columns__=types)


@pytest.mark.parametrize(
    ("row", "address", "key"),
    [
        (model(id="Edm.Guid"), f"{API}ts({MENTOR})", MENTOR),
        (model(id="Edm.Guid"), f"ts(id={MENTOR})", MENTOR),
        (model(id="Edm.Guid"), "ts(nonsense)", "nonsense"),
        (model(id="Edm.Int32"), "ts(-7)", -7),
        (model(id="Edm.Int64"), "ts(x)", "x"),
        (model(id="Edm.String"), "https://h/a(1)/ts('O''Brien,%20K')", "O'Brien, K"),
        (model(a="Edm.Int32", b="Edm.String"), "ts(a=1,b='x=(1)')", {"a": 1, "b": "x=(1)"}),
        (model(a="Edm.Int32", b="Edm.String"), "ts(b='x',a=2)", {"a": 2, "b": "x"}),
        (model(a="Edm.Int32", b="Edm.String"), "ts(a=1)", None),
        (model(a="Edm.Int32"), "ts(1,2)", None),
        (model(a="Edm.Int32"), "ts(c=2)", None),
        (model(a="Edm.Int32"), "ts", None),
        (model(a="Edm.Int32"), "", None),
    ],
)
def test_the_key_is_read_from_the_address(row: Any, address: str, key: Any) -> None:
    assert key_of(row, {"odata-entityid": address}) == key
    assert key_of(row, {"location": address}) == key


def test_an_id_is_a_uuid() -> None:
    assert isinstance(key_of(model(id="Edm.Guid"), {"location": f"ts({MENTOR})"}), UUID)
