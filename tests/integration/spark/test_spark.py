"""Spark reads, follows and writes tables, over TLS, in processes of its own. What needs no Spark is in unit tests.

One file, so that one process runs it all, with one session.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pyarrow.dataset  # type: ignore[import-untyped] # it has no type hints
import pytest

from dynamics_portal_emulator.emulator import Emulator

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")

NAMES = ["Anna", "anna", "Åse", "Bo", "bo ", "Haakon", None]


def seeded(emulator: Emulator, count: int) -> list[str]:
    """Contacts, made a day apart."""
    return emulator.seed(
        "contacts",
        [
            {
                "firstname": NAMES[number % len(NAMES)],
                "lastname": f"Person {number}",
                "createdon": (dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + number * dt.timedelta(hours=7)).isoformat(),
                "new_certification_expiry": f"2026-{number % 12 + 1:02}-15" if number % 5 else None,
                "new_mentor_status": 100000000 + number % 4,
                "new_website_visible": [True, False, None][number % 3],
            }
            for number in range(count)
        ],
    )


def queries(emulator: Emulator) -> list[dict[str, str]]:
    """The options of each query for contacts."""
    return [
        {name: values[0] for name, values in parse_qs(request.query).items()}
        for request in emulator.requests
        if request.method == "GET" and request.path.endswith("/contacts")
    ]


def test_a_table_is_read_with_its_types(reading: Callable[..., Any], emulator: Emulator) -> None:
    keys = seeded(emulator, 3)
    rows = {row.contactid: row for row in reading().load().collect()}
    assert sorted(rows) == sorted(keys)
    first = rows[keys[1]]
    assert (first.firstname, first.lastname) == ("anna", "Person 1")
    assert first.new_certification_expiry == dt.date(2026, 2, 15)
    assert (first.new_mentor_status, first.new_website_visible) == (100000001, False)
    assert first.createdon == dt.datetime(2026, 1, 1, 7)
    assert type(first.versionnumber) is int
    assert rows[keys[0]].new_certification_expiry is None


def test_only_the_columns_that_are_asked_for_are_read(reading: Callable[..., Any], emulator: Emulator) -> None:
    seeded(emulator, 2)
    assert reading(select="lastname, contactid").load().columns == ["lastname", "contactid"]
    found = reading(select="lastname").load().collect()
    assert sorted(row.asDict()["lastname"] for row in found) == ["Person 0", "Person 1"]
    reading().schema("firstname string, createdon timestamp").load().collect()
    assert [query["$select"] for query in queries(emulator)] == ["lastname", "firstname,createdon"]


def test_a_table_is_read_in_parts_and_each_row_once(reading: Callable[..., Any], emulator: Emulator) -> None:
    keys = seeded(emulator, 500)
    found = reading(partitions="4", page_size="50").load()
    assert found.rdd.getNumPartitions() == 4
    assert sorted(row.contactid for row in found.collect()) == sorted(keys)
    parts = {query["$filter"] for query in queries(emulator) if "$orderby" not in query and "$skiptoken" not in query}
    assert len(parts) == 4
    assert all("createdon" in part for part in parts)


CONDITIONS = {
    "firstname = 'anna'": "firstname eq 'anna'",
    "firstname like 'Ha%'": "firstname ne null",
    "new_mentor_status <> 100000002 and lastname >= 'Person 3'": "not (new_mentor_status eq 100000002)",
    "not (new_website_visible <=> true)": "new_website_visible eq null",
    "createdon > timestamp'2026-01-03 00:00:00.5'": "createdon ge 2026-01-03T00:00:00Z",
    "new_certification_expiry <= date'2026-05-15'": "new_certification_expiry le 2026-05-15",
}
"""A condition of Spark's, and what the service must have been asked."""


def test_conditions_that_are_sent_find_what_spark_finds_alone(reading: Callable[..., Any], emulator: Emulator) -> None:
    seeded(emulator, 60)
    everything = reading(pushdown="false").load().cache()
    every = everything.count()
    for condition, expected in CONDITIONS.items():
        emulator.log.clear()
        found = {row.contactid for row in reading().load().where(condition).collect()}
        asked = [query["$filter"] for query in queries(emulator)]
        assert found == {row.contactid for row in everything.where(condition).collect()}, condition
        assert 0 < len(found) < every, condition
        assert asked, condition
        assert all(expected in text for text in asked), (condition, asked)


def test_conditions_are_sent_with_the_parts(reading: Callable[..., Any], emulator: Emulator) -> None:
    seeded(emulator, 60)
    found = reading(partitions="2").load().where("new_mentor_status = 100000001").collect()
    assert len(found) == 15
    assert all("new_mentor_status eq 100000001" in query["$filter"] for query in queries(emulator))


def test_a_mistake_is_told_without_its_value(reading: Callable[..., Any], emulator: Emulator) -> None:
    with pytest.raises(Exception, match="option 'client_secret': Spark shows options") as caught:
        reading(client_secret="hunter2").load()
    assert "hunter2" not in str(caught.value)
    assert queries(emulator) == []


def test_no_secret_is_in_a_plan(reading: Callable[..., Any], emulator: Emulator, capsys: Any) -> None:
    reading(credentials="credentials_for_tests:provider").load().explain(True)
    assert emulator.client_secret not in capsys.readouterr().out


def test_credentials_come_from_a_function_where_one_is_named(reading: Callable[..., Any], emulator: Emulator) -> None:
    seeded(emulator, 1)
    assert reading(credentials="credentials_for_tests:provider").load().count() == 1
    with pytest.raises(Exception, match="auth"):
        reading(credentials="credentials_for_tests:wrong").load().count()


def test_workers_keep_their_token(reading: Callable[..., Any], emulator: Emulator) -> None:
    seeded(emulator, 40)
    for _ in range(3):
        reading(partitions="4").load().collect()
    assert emulator.token_requests <= 6  # of 12 tasks and 3 plans


# Writing


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
    writing(rows.limit(200), run_id="nightly-1").save()  # as far as an attempt came
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
    with pytest.raises(Exception, match="need the columns of their key: contactid"):
        writing(spark.sql("select 'x' as firstname"), operation="update").save()
    with pytest.raises(Exception, match="append"):
        writing(spark.sql("select 'x' as firstname")).mode("overwrite").save()
    assert emulator.requests == ()


# Streams


@pytest.fixture
def follow(spark: Any, options: dict[str, str], tmp_path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Runs the stream to the end of what there is. Gives the rows of all steps of the run."""

    def run(**more: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        stream = spark.readStream.format("dataverse").options(**options, changes="true", select="firstname", **more)
        query = (
            stream.load()
            .writeStream.foreachBatch(lambda frame, number: rows.extend((number, *row) for row in frame.collect()))
            .option("checkpointLocation", str(tmp_path / "checkpoint"))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination(300)
        return rows

    return run


def test_a_stream_gives_what_has_changed_since_its_checkpoint(
    follow: Callable[..., list[tuple[Any, ...]]], emulator: Emulator
) -> None:
    keys = emulator.seed("contacts", [{"firstname": f"Person {number}"} for number in range(15)])
    first = follow(page_size="10", pages="1")
    everybody = [(key, f"Person {number}", "upsert") for number, key in enumerate(keys)]
    assert sorted(row[1:] for row in first) == sorted(everybody)
    assert len({row[0] for row in first}) == 2
    more = emulator.seed("contacts", [{"firstname": "New"}])
    assert [row[1:] for row in follow(page_size="10", pages="1")] == [(more[0], "New", "upsert")]
