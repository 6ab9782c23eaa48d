"""The data source as Spark drives it, without Spark: readers, streams and writers on an emulator, in this process."""

from __future__ import annotations

import datetime as dt
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pyarrow.dataset  # type: ignore[import-untyped] # as above
import pytest
from tests.packages import Package, Packages, packages
from tests.unit.generator.kinds import KIND_CHOICES, KINDS

from dynamics_portal import (
    ChangeTokenExpiredError,
    InvalidRequestError,
    NetworkError,
    PortalClient,
    StaticCredentialProvider,
)
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

pytest.importorskip("pyspark", reason="needs the extra spark")

from pyspark.sql.datasource import EqualTo
from pyspark.sql.types import StructType

from dynamics_portal.spark import DataverseSource, RowsFailedError, register
from dynamics_portal.spark import _connection as connections
from dynamics_portal.spark._columns import arrow_schema_of

__all__ = ["packages"]

SPEC = Path(__file__).resolve().parents[3] / "spec" / "hlf"
Sources = Callable[..., DataverseSource]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json") as running:
        yield running


@pytest.fixture(scope="module")
def kinds(packages: Packages) -> Package:
    """A package with a table that has a column of each kind."""
    return packages.of_csdl("spark_kinds_api", KINDS, KIND_CHOICES)


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Callable[[Emulator], str]:
    """Makes an option `credentials` of an emulator's."""

    def make(emulator: Emulator) -> str:
        provider = StaticCredentialProvider(
            tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
        )
        monkeypatch.setattr("dynamics_portal.credentials.given_for_a_test", lambda: provider, raising=False)
        return "dynamics_portal.credentials:given_for_a_test"

    return make


@pytest.fixture
def source(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    """Makes a data source on the emulator's contacts, whose credentials are in the environment."""
    for name, value in {
        "DYNAMICS_BASE_URL": emulator.base_url,
        "DYNAMICS_AUTHORITY": emulator.authority,
        "DYNAMICS_TENANT_ID": emulator.tenant_id,
        "DYNAMICS_CLIENT_ID": emulator.client_id,
        "DYNAMICS_CLIENT_SECRET": emulator.client_secret,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DYNAMICS_PORTAL_ENABLED", raising=False)
    made: dict[Any, PortalClient] = {}
    monkeypatch.setattr(connections, "_clients", made)
    yield lambda **options: DataverseSource({"table": "contacts", "ca_file": str(emulator.ca_file), **options})
    for portal in made.values():
        portal.close()


def shape(text: str) -> StructType:
    """A schema of names and types, as firstname string, new_type integer."""
    schema = StructType()
    for part in text.split(", "):
        name, kind, *rest = part.split(" ")
        schema.add(name, kind, nullable=not rest)
    return schema


def rows_of(batches: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def read_all(source: DataverseSource, *filters: Any) -> list[dict[str, Any]]:
    """What all tasks of a read give, each of which gets its reader and its part by pickle."""
    schema = source.schema()
    reader = source.reader(schema)
    if filters:
        assert list(reader.pushFilters(list(filters))) == []
    rows: list[dict[str, Any]] = []
    for part in reader.partitions():
        task, there = pickle.loads(pickle.dumps((reader, part)))  # noqa: S301 # of this test's own making
        for batch in task.read(there):
            assert batch.schema.equals(arrow_schema_of(schema))
            rows += batch.to_pylist()
    return rows


def written(source: DataverseSource, *columns: pa.Array, names: list[str], schema: str) -> Any:
    """Writes one task's rows, and commits. The writer travels by pickle, as Spark sends it."""
    writer = source.writer(shape(schema), overwrite=False)
    writer = pickle.loads(pickle.dumps(writer))  # noqa: S301 # as above
    message = writer.write(iter([pa.RecordBatch.from_arrays(list(columns), names=names)]))
    writer.commit([message, None])
    return message


def names_of(emulator: Emulator) -> Counter[str]:
    return Counter(row["firstname"] for row in emulator.rows("contacts"))


def test_each_part_gives_its_rows(source: Sources, emulator: Emulator) -> None:
    keys = emulator.seed("contacts", [{"createdon": f"2026-01-{day:02}T00:00:00Z"} for day in range(1, 21)])
    assert sorted(row["contactid"] for row in read_all(source(partitions="3", select="contactid"))) == sorted(keys)
    found = read_all(source(partitions="3"), EqualTo(("contactid",), keys[4]))
    assert [(row["contactid"], row["createdon"].day) for row in found] == [(keys[4], 5)]
    assert read_all(source(partitions="2", partition_by="versionnumber", pushdown="false", select="firstname"))
    assert read_all(source(table="new_chapters", partitions="4")) == []


def test_parts_are_even_where_that_is_asked_for(source: Sources, emulator: Emulator) -> None:
    days = ["2000-01-01", *(f"2026-01-{day:02}" for day in range(1, 20))]
    emulator.seed("contacts", [{"createdon": f"{day}T00:00:00Z"} for day in days])

    def sizes(**options: str) -> list[int]:
        reader = source(partitions="2", select="contactid", **options).reader(shape("contactid string"))
        return [sum(batch.num_rows for batch in reader.read(part)) for part in reader.partitions()]

    assert sizes() == [1, 19]
    assert max(sizes(even="true")) < 15


def test_a_process_has_one_client_for_a_place(source: Sources, emulator: Emulator) -> None:
    for _ in range(3):
        read_all(source())
    assert emulator.token_requests == 1


def test_a_credential_function_is_asked(
    source: Sources, emulator: Emulator, give: Callable[[Emulator], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DYNAMICS_CLIENT_SECRET")
    with pytest.raises(InvalidRequestError, match="DYNAMICS_CLIENT_SECRET"):
        read_all(source())
    assert read_all(source(credentials=give(emulator))) == []
    for missing in ("dynamics_portal.credentials:nothing", "no_such_module:nothing"):
        with pytest.raises(InvalidRequestError, match="there is no such function") as caught:
            read_all(source(credentials=missing))
        assert missing not in str(caught.value)


def test_what_cannot_be_read_is_told_at_once(source: Sources) -> None:
    for options, words in [
        ({"table": "nosuch"}, "has no table 'nosuch'"),
        ({"package": "json.nosuch"}, "cannot be imported"),
        ({"select": "nosuch"}, "contact has no column 'nosuch'"),
        ({"ca_file": "/nowhere/ca.pem"}, "'ca_file': it cannot be read here"),
        ({"partitions": "2", "partition_by": "firstname"}, "by: firstname is Edm.String"),
    ]:
        with pytest.raises(InvalidRequestError, match=words):
            read_all(source(**options))
    for given, words in [
        ("contactid integer", "contactid is string, not int"),
        ("contactid string not null", "may be null"),
        ("nosuch string", "no column 'nosuch'"),
    ]:
        with pytest.raises(InvalidRequestError, match=words):
            source().reader(shape(given))
    with pytest.raises(InvalidRequestError, match="changes are a stream"):
        source(changes="true").reader(StructType())
    with pytest.raises(InvalidRequestError, match="a stream is of changes"):
        source().simpleStreamReader(StructType())
    with pytest.raises(InvalidRequestError, match="a stream has the columns contactid, _change_type, too"):
        source(changes="true").simpleStreamReader(shape("firstname string"))


class Session:
    """As much of a session as register needs."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.conf = self.dataSource = self

    def set(self, *setting: str) -> None:
        self.said.append(setting)

    def register(self, kind: type) -> None:
        self.said.append(kind)


def test_a_session_is_told_to_send_conditions_along() -> None:
    session: Any = Session()
    register(session)
    assert session.said == [("spark.sql.python.filterPushdown.enabled", "true"), DataverseSource]
    assert DataverseSource.name() == "dataverse"


# Streams


def step(stream: Any, start: dict[str, str]) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """The rows of a step, and its end."""
    batches, end = stream.read(start)
    return rows_of(batches), end


@pytest.fixture
def follow(source: Sources) -> Callable[..., Any]:
    def make(**options: str) -> Any:
        followed = source(changes="true", select="firstname", **options)
        return followed.simpleStreamReader(followed.schema())

    return make


def test_a_step_has_some_pages_of_changes(follow: Callable[..., Any], emulator: Emulator) -> None:
    emulator.seed("contacts", [{"firstname": str(number)} for number in range(25)])
    stream = follow(page_size="10", pages="2")
    first, middle = step(stream, stream.initialOffset())
    rest, end = step(stream, middle)
    assert (len(first), len(rest)) == (20, 5)
    assert {row[2] for row in first} == {"upsert"}
    assert step(stream, end) == ([], end)
    assert rows_of(stream.readBetweenOffsets(stream.initialOffset(), middle)) == first


def test_a_step_that_is_repeated_loses_no_row_whatever_has_changed(
    follow: Callable[..., Any], emulator: Emulator, source: Sources
) -> None:
    keys = emulator.seed("contacts", [{"firstname": str(number)} for number in range(30)])
    stream = follow(page_size="10", pages="1")
    start = stream.initialOffset()
    _, middle = step(stream, start)
    portal = connections.client_of(stream._connection)
    portal.table("contacts").delete(keys[0])
    portal.table("contacts").update(keys[1], {"firstname": "new"})
    again = {row[0] for row in rows_of(stream.readBetweenOffsets(start, middle))}
    later: set[str] = set()
    while True:
        rows, end = step(stream, middle)
        later |= {row[0] for row in rows}
        if end == middle:
            break
        middle = end
    assert again | later >= set(keys[1:])


def test_rows_that_are_gone_are_told_by_their_key(follow: Callable[..., Any], emulator: Emulator) -> None:
    key, other = emulator.seed("contacts", [{"firstname": "gone"}, {"firstname": "kept"}])
    stream = follow()
    _, token = step(stream, stream.initialOffset())
    portal = connections.client_of(stream._connection)
    portal.table("contacts").delete(key)
    portal.table("contacts").update(other, {"firstname": "changed"})
    rows, _ = step(stream, token)
    assert sorted(rows, key=str) == sorted([(key, None, "delete"), (other, "changed", "upsert")], key=str)


def test_with_available_now_a_stream_ends_at_the_first_token(follow: Callable[..., Any], emulator: Emulator) -> None:
    emulator.seed("contacts", [{"firstname": str(number)} for number in range(25)])
    stream = follow(page_size="10", pages="1")
    stream.prepareForTriggerAvailableNow()
    found, place = [], stream.initialOffset()
    for _ in range(3):
        rows, place = step(stream, place)
        found += rows
    assert len(found) == 25
    emulator.seed("contacts", [{"firstname": "late"}])
    assert step(stream, place) == ([], place)


def test_a_token_without_changes_is_exchanged_once_a_day(
    follow: Callable[..., Any], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = follow()
    _, place = step(stream, stream.initialOffset())
    assert step(stream, place) == ([], place)
    monkeypatch.setattr("dynamics_portal.spark._stream._today", lambda: "2099-01-01")
    emulator.clock.advance(1)
    rows, later = step(stream, place)
    assert rows == []
    assert later["since"] != place["since"]


def test_a_stream_whose_token_is_forgotten_says_so(follow: Callable[..., Any], emulator: Emulator) -> None:
    stream = follow()
    _, place = step(stream, stream.initialOffset())
    emulator.clock.advance(60 * 60 * 24 * 8)
    emulator.expire_tokens()
    with pytest.raises(ChangeTokenExpiredError):
        step(follow(url=emulator.base_url), place)


def test_a_stream_begins_at_a_token_that_it_is_given(follow: Callable[..., Any], emulator: Emulator) -> None:
    emulator.seed("contacts", [{"firstname": "old"}])
    stream = follow()
    _, place = step(stream, stream.initialOffset())
    emulator.seed("contacts", [{"firstname": "new"}])
    since = follow(changes_since=place["since"])
    assert [row[1] for row in step(since, since.initialOffset())[0]] == ["new"]


# Writers


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
