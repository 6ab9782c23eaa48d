"""Rows in SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from dynamics_portal_emulator.store import KeyTakenError, Store


def test_families_whose_names_differ_by_case_only_are_two() -> None:
    store = Store()
    store.insert("N.solution", "1", "N.solution", 1, {"a": "entity"})
    store.insert("N.Solution", "1", "N.Solution", 2, {"a": "complex"})

    assert [row.document["a"] for name in ("N.solution", "N.Solution") for row in [store.get(name, "1")] if row] == [
        "entity",
        "complex",
    ]
    store.close()


def test_a_key_is_taken_once() -> None:
    store = Store()
    row = store.insert("N.a", "1", "N.a", 7, {})

    assert row.etag == 'W/"7"'
    with pytest.raises(KeyTakenError):
        store.insert("N.a", "1", "N.a", 8, {})
    store.close()


def test_what_a_transaction_made_goes_with_it() -> None:
    store = Store()

    def fail() -> None:
        with store.transaction():
            store.insert("N.a", "1", "N.a", 1, {})
            store.index("N.a", "b")
            store.link("r", "1", "2")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.get("N.a", "1") is None
    store.index("N.a", "b")
    assert store.linked("r", ["1"], forward=True) == []
    store.close()


def test_an_index_on_a_column_is_used() -> None:
    store = Store()
    rows = store.family("N.a")
    store.index("N.a", "_b_value")
    statement = sa.select(rows.c.number).where(
        sa.func.json_extract(rows.c.document, sa.literal('$."_b_value"', literal_execute=True)) == "x"
    )
    with store.transaction() as connection:
        compiled = str(statement.compile(store.engine, compile_kwargs={"literal_binds": True}))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").fetchall()

    assert "USING INDEX" in str(plan)
    store.close()


def test_rows_in_a_file_are_there_when_it_is_opened_again(tmp_path: Path) -> None:
    first = Store(tmp_path / "rows.db")
    first.insert("N.a", "1", "N.a", first.next_version(), {"a": "Ærlig"})
    last = first.next_version()
    first.close()

    second = Store(tmp_path / "rows.db")
    found = second.get("N.a", "1")
    assert found is not None
    assert found.document == {"a": "Ærlig"}
    assert second.next_version() >= last
    second.close()
