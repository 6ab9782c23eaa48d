"""Writers: values, ids of new rows, and what is told of rows that fail."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pyarrow.dataset  # type: ignore[import-untyped] # as above
import pytest
from tests.packages import Package
from tests.unit.generator.kinds import KINDS

from dynamics_portal import InvalidRequestError, NetworkError
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

pytest.importorskip("pyspark", reason="needs the extra spark")

from pyspark.sql.types import StructType
from tests.unit.spark.support import Sources, names_of, read_all, shape, written

from dynamics_portal.spark import RowsFailedError
from dynamics_portal.spark._columns import arrow_schema_of


def test_values_are_written_as_they_are(source: Sources, emulator: Emulator) -> None:
    names = ["new_name", "new_expires_on", "new_type", "new_Mentor@odata.bind"]
    mentor = emulator.seed("contacts", [{"firstname": "M"}])[0]
    message = written(
        source(table="new_certifications"),
        pa.array(["C"]),
        pa.array([dt.date(2026, 1, 2)]),
        pa.array([100000000], pa.int64()),
        pa.array([f"/contacts({mentor})"]),
        names=names,
        schema="new_name string, new_expires_on date, new_type long, new_Mentor@odata.bind string",
    )
    assert (message.rows, message.failed) == (1, Counter())
    (row,) = emulator.rows("new_certifications")
    assert (row["new_expires_on"], row["new_type"], row["_new_mentor_value"]) == ("2026-01-02", 100000000, mentor)


VALUES: dict[str, Any] = {
    "text": "Åse",
    "guid": str(UUID(int=5)),
    "yes": True,
    "tiny": -3,
    "octet": 200,
    "short": -300,
    "number": 70000,
    "long": 2**60,
    "money": Decimal("1234567890123.4567"),
    "real": 0.1,
    "single": 0.5,
    "moment": dt.datetime(2026, 5, 17, 1, 2, 3, tzinfo=dt.UTC),
    "day": dt.date(2026, 5, 17),
    "hour": dt.time(12, 34, 56),
    "span": dt.timedelta(hours=5, seconds=1),
    "blob": b"\x00\xff",
    "status": -1,
    "tags": [10, 20],
    "must": "there",
}


def test_each_kind_of_column_comes_back_as_it_was_written(
    source: Sources, kinds: Package, give: Callable[[Emulator], str]
) -> None:
    with running_emulator(KINDS) as emulator:
        there = {
            "url": emulator.base_url,
            "authority": emulator.authority,
            "ca_file": str(emulator.ca_file),
            "credentials": give(emulator),
        }
        options = {"package": kinds.name, "table": "thing", **there}
        whole = source(**options).schema()
        shape = StructType([whole[name] for name in VALUES])
        schema = arrow_schema_of(shape)
        arrays = [
            pa.array([value, "" if name == "must" else None], schema.field(name).type) for name, value in VALUES.items()
        ]
        writer = source(operation="create", nulls="write", **options).writer(shape, overwrite=False)
        writer.commit([writer.write(iter([pa.RecordBatch.from_arrays(arrays, names=list(VALUES))]))])
        first, second = sorted(read_all(source(select=",".join(VALUES), **options)), key=lambda row: row["must"] == "")
        assert first == VALUES
        assert {name for name, value in second.items() if value is not None} <= {"must"}


def test_equal_rows_have_ids_of_their_own_which_are_the_same_again(source: Sources, emulator: Emulator) -> None:
    for attempt in (["a", "b"], ["b", "c", "a", "a"]):  # one that ended early, and one in another order
        written(source(run_id="r"), pa.array(attempt), names=["firstname"], schema="firstname string")
    assert names_of(emulator) == Counter({"a": 2, "b": 1, "c": 1})
    written(source(run_id="s"), pa.array(["a"]), names=["firstname"], schema="firstname string")
    assert names_of(emulator) == Counter({"a": 3, "b": 1, "c": 1})


def test_a_request_that_fails_for_no_rows_sake_fails_the_task(
    source: Sources, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    emulator.faults.drop_before(times=50)
    with pytest.raises(NetworkError) as caught:
        written(source(run_id="r7"), pa.array(["a"]), names=["firstname"], schema="firstname string")
    assert "run_id=r7" in str(caught.value.__notes__)


def test_failed_rows_are_counted_and_told(source: Sources, emulator: Emulator, tmp_path: Path) -> None:
    rows = pa.array(["Secret", "fine"]), pa.array([f"/systemusers({UUID(int=1)})", None])
    names = ["firstname", "ownerid@odata.bind"]
    schema = "firstname string, ownerid@odata.bind string"
    with pytest.raises(RowsFailedError, match=r"1 of 2 rows could not be written \(1 x not_found") as caught:
        written(source(run_id="r"), *rows, names=names, schema=schema)
    assert "Secret" not in str(caught.value)
    assert "run_id=r" in str(caught.value)
    folder = str(tmp_path / "told")
    written(source(on_error="report", results=folder, run_id="r"), *rows, names=names, schema=schema)
    (told,) = pyarrow.dataset.dataset(folder).to_table().to_pylist()
    assert (told["index"], told["code"]) == (0, "not_found")
    assert names_of(emulator) == Counter(["fine"])
    fixed = rows[0], pa.array([None, None], pa.string())
    written(source(on_error="report", results=f"file://{folder}", run_id="r"), *fixed, names=names, schema=schema)
    assert pyarrow.dataset.dataset(folder).count_rows() == 0


def test_nothing_is_overwritten(source: Sources) -> None:
    with pytest.raises(InvalidRequestError, match="mode 'overwrite'"):
        source().writer(shape("firstname string"), overwrite=True)


def test_new_rows_without_ids_of_the_clients_choosing_have_their_key(source: Sources, kinds: Package) -> None:
    seats = source(package=kinds.name, table="seat")
    with pytest.raises(InvalidRequestError, match="the service chooses the keys of new rows"):
        seats.writer(shape("taken boolean"), overwrite=False)
    seats.writer(shape("hall string, number integer, taken boolean"), overwrite=False)


@pytest.mark.parametrize(
    ("schema", "options", "words"),
    [
        ("nosuch string", {}, "contact has no column 'nosuch'"),
        ("fullname string", {}, "fullname"),
        ("_ownerid_value string", {}, "set the lookup as 'ownerid@odata.bind'"),
        ("nobody@odata.bind string", {}, "contact has no column 'nobody@odata.bind'"),
        ("ownerid@odata.bind integer", {}, "ownerid@odata.bind is a reference, and cannot be written from int32"),
        ("new_mentor_status date", {}, "new_mentor_status is a choice, and cannot be written from date32"),
        ("new_certification_expiry timestamp", {}, "new_certification_expiry is Edm.Date, and cannot be written from"),
        ("firstname string", {"operation": "upsert"}, "need the columns of their key: contactid"),
        ("contactid string, firstname string", {"operation": "delete"}, "without 'firstname'"),
    ],
)
def test_what_does_not_fit_the_table_is_found_on_the_driver(
    source: Sources, emulator: Emulator, schema: str, options: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        source(**options).writer(shape(schema), overwrite=False)
    assert emulator.requests == ()
