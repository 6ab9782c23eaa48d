"""Spark writes rows: in bulk, with a result for each, and none twice."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.dataset  # type: ignore[import-untyped] # it has no type hints
import pytest

from dynamics_portal_emulator.emulator import Emulator

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


def names(emulator: Emulator) -> Counter[str]:
    return Counter(row["firstname"] for row in emulator.rows("contacts"))


def frame(spark: Any, schema: str, *rows: tuple[Any, ...]) -> Any:
    return spark.createDataFrame(list(rows), schema)


def people(spark: Any, count: int) -> Any:
    return spark.range(count).selectExpr("concat('Person ', id) as firstname")


def test_rows_are_created_with_their_types(spark: Any, writing: Callable[..., Any], emulator: Emulator) -> None:
    boss = emulator.seed("systemusers", [{"fullname": "Boss"}])[0]
    rows = spark.sql(
        f"""select 'Kari' as firstname, cast(null as string) as lastname, date'2026-05-17' as new_certification_expiry,
        100000001 as new_mentor_status, true as new_website_visible, '/systemusers({boss})' as `ownerid@odata.bind`"""
    )
    writing(rows).save()
    (row,) = emulator.rows("contacts")
    assert (row["firstname"], row["lastname"], row["new_certification_expiry"]) == ("Kari", None, "2026-05-17")
    assert (row["new_mentor_status"], row["new_website_visible"]) == (100000001, True)
    assert row["_ownerid_value"] == boss


def test_rows_are_changed_put_and_deleted(spark: Any, writing: Callable[..., Any], emulator: Emulator) -> None:
    keys = emulator.seed("contacts", [{"firstname": f"old {number}", "lastname": "kept"} for number in range(3)])
    changed = frame(
        spark, "contactid string, firstname string, lastname string", (keys[0], "new", None), (keys[1], None, None)
    )
    writing(changed, operation="update", nulls="skip").save()
    assert [(row["firstname"], row["lastname"]) for row in emulator.rows("contacts")] == [
        ("new", "kept"),
        ("old 1", "kept"),
        ("old 2", "kept"),
    ]
    put = frame(spark, "contactid string, firstname string", (keys[2], None), (str(UUID(int=5)), "put"))
    writing(put, operation="upsert").save()
    assert {row["contactid"]: row["firstname"] for row in emulator.rows("contacts")}[keys[2]] is None
    assert names(emulator)["put"] == 1
    gone = frame(spark, "contactid string", *((key,) for key in keys))
    writing(gone, operation="delete").save()
    assert names(emulator) == Counter(["put"])


def test_an_alternate_key_finds_rows(spark: Any, writing: Callable[..., Any], emulator: Emulator) -> None:
    mentors = emulator.seed("contacts", [{"firstname": str(number)} for number in range(3)])
    schema = "_new_mentor_value string, new_type int, new_expires_on date"
    rows = frame(spark, schema, *((key, 100000000, dt.date(2026, 1, 1)) for key in mentors))
    for _ in range(2):
        writing(rows, table="new_certifications", operation="upsert", key="_new_mentor_value,new_type").save()
    assert len(emulator.rows("new_certifications")) == 3


def test_the_same_run_makes_no_row_twice_whatever_the_order(
    spark: Any, writing: Callable[..., Any], emulator: Emulator
) -> None:
    rows = people(spark, 300).union(people(spark, 3)).coalesce(1)
    writing(rows, run_id="nightly-1").save()
    writing(rows.sortWithinPartitions("firstname", ascending=False), run_id="nightly-1").save()
    found = names(emulator)
    assert sum(found.values()) == 303
    assert [found[f"Person {number}"] for number in range(4)] == [2, 2, 2, 1]
    writing(people(spark, 3), run_id="nightly-2").save()
    assert sum(names(emulator).values()) == 306


def test_a_task_that_fails_is_repeated_and_makes_no_row_twice(
    spark: Any, writing: Callable[..., Any], emulator: Emulator, tmp_path: Path
) -> None:
    rows = people(spark, 40).coalesce(1)
    flag = tmp_path / "tried"

    def fails_once(batches: Any) -> Any:
        for number, batch in enumerate(batches):
            if number == 3 and not flag.exists():
                flag.touch()
                raise RuntimeError("the first attempt ends here")
            yield batch

    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "10")
    try:
        writing(rows.mapInArrow(fails_once, rows.schema), chunk_size="5", concurrency="1").save()
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert flag.exists()
    assert names(emulator) == Counter(f"Person {number}" for number in range(40))
    assert len(emulator.effects) == 40


def test_rows_that_fail_are_told_and_the_others_are_written(
    spark: Any, writing: Callable[..., Any], emulator: Emulator, tmp_path: Path
) -> None:
    good = people(spark, 20).selectExpr("firstname", "cast(null as string) as `ownerid@odata.bind`")
    bad = spark.sql(f"select 'Secret name' as firstname, '/systemusers({UUID(int=1)})' as `ownerid@odata.bind`")
    results = str(tmp_path / "results")
    with pytest.raises(Exception, match=r"1 of 21 rows could not be written \(1 x not_found 0x80040217\)") as caught:
        writing(good.union(bad).coalesce(1), results=results, run_id="run").save()
    assert "Secret name" not in str(caught.value)
    assert names(emulator) == Counter(f"Person {number}" for number in range(20))
    (row,) = pyarrow.dataset.dataset(results).to_table().to_pylist()
    assert (row["task"], row["index"], row["code"], row["dynamics_code"]) == (0, 20, "not_found", "0x80040217")
    assert UUID(row["key"])
    summary = json.loads((tmp_path / "results" / "_summary-run.json").read_text())
    assert summary == {"run_id": "run", "rows": 21, "failed": 1, "codes": {"not_found 0x80040217": 1}}
    writing(good.coalesce(1), results=results, run_id="run", on_error="report").save()
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["_summary-run.json"]
    assert sum(names(emulator).values()) == 20


def test_what_does_not_fit_is_told_before_anything_is_sent(
    spark: Any, writing: Callable[..., Any], emulator: Emulator
) -> None:
    for sql, options, words in [
        ("'x' as nosuch", {}, "contact has no column 'nosuch'"),
        ("'x' as fullname", {}, "cannot be written by create"),
        ("'x' as new_mentor_status", {}, "takes no string"),
        ("'x' as firstname", {"operation": "update"}, "need the columns of their key: contactid"),
        ("'x' as firstname", {"operation": "delete"}, "have their key alone"),
        ("'x' as firstname", {"on_error": "report"}, "by the option 'results'"),
        ("'x' as firstname", {"select": "firstname"}, "is for a read"),
    ]:
        with pytest.raises(Exception, match=words):
            writing(spark.sql(f"select {sql}"), **options).save()
    with pytest.raises(Exception, match="append"):
        writing(spark.sql("select 'x' as firstname")).mode("overwrite").save()
    assert emulator.requests == ()
