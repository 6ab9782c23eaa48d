"""Arrow on an emulated organisation: whole tables out and in, in parts at a time, and by way of data frames."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import duckdb
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pytest
from tests.unit.wrapper.support import Shell

from dynamics_portal import AsyncDynamicsPortalClient, ConflictError, StaticCredentialProvider, arrow_schema
from dynamics_portal_api.models import Contact
from dynamics_portal_emulator.emulator import Emulator

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STATUSES = (100000000, 100000001, None)


@pytest.fixture
def mentors(emulator: Emulator) -> list[dict[str, Any]]:
    """Mentors that came over some days, most of them on one, and some whose certification ends on no day."""
    rows = [
        {
            "firstname": f"Kari {number}",
            "createdon": (START + dt.timedelta(hours=number if number % 5 else 0)).isoformat(),
            "new_mentor_status": STATUSES[number % 3],
            "new_certification_expiry": None if number % 7 == 0 else f"2026-{number % 12 + 1:02}-15",
        }
        for number in range(100)
    ]
    keys = emulator.seed("contacts", rows)
    return [{**row, "contactid": str(key)} for row, key in zip(rows, keys, strict=True)]


def read(shell: Shell, found: Any) -> Any:
    return pa.Table.from_batches(shell(found), found.schema)


def test_a_table_is_read_as_list_reads_it(shell: Shell, portal: Any, mentors: list[dict[str, Any]]) -> None:
    found = read(shell, portal.contacts.read_arrow(page_size=30))
    assert found.schema == arrow_schema(Contact)
    listed = {str(row.contactid): row for row in shell(portal.contacts.list())}
    assert found.num_rows == len(listed) == len(mentors)
    for item in found.to_pylist():
        row = listed[item["contactid"]]
        assert (item["firstname"], item["createdon"], item["versionnumber"], item["new_certification_expiry"]) == (
            row.firstname,
            row.createdon,
            row.versionnumber,
            row.new_certification_expiry,
        )
        assert item["new_mentor_status"] == row.new_mentor_status
        assert item["_ownerid_value"] == (str(row.ownerid_value) if row.ownerid_value else None)


@pytest.mark.parametrize("by", ["createdon", "versionnumber", "new_certification_expiry"])
@pytest.mark.parametrize("parts", [1, 3, 8])
def test_parts_of_a_table_hold_each_row_once(
    shell: Shell, portal: Any, mentors: list[dict[str, Any]], by: str, parts: int
) -> None:
    ranges = shell(portal.contacts.ranges(parts, by=by, filter="statecode eq 0"))
    found = read(shell, portal.contacts.read_arrow(select=["contactid"], ranges=ranges, page_size=7))
    assert sorted(found["contactid"].to_pylist()) == sorted(row["contactid"] for row in mentors)
    one_by_one = [shell(portal.contacts.list(filter=part, select=["contactid"])) for part in ranges]
    assert sum(map(len, one_by_one)) == len(mentors)
    assert len(ranges) == parts


def test_even_parts_hold_each_row_once_and_about_as_many(
    shell: Shell, portal: Any, emulator: Emulator, mentors: list[dict[str, Any]]
) -> None:
    emulator.settings.aggregate_rows = 30
    ranges = shell(portal.contacts.ranges(4, even=True))
    parts = [shell(portal.contacts.list(filter=part, select=["contactid"])) for part in ranges]
    assert sorted(str(row.contactid) for part in parts for row in part) == sorted(row["contactid"] for row in mentors)
    assert [len(part) for part in parts if not 15 <= len(part) <= 40] == []


@pytest.mark.parametrize("seed", range(4))
def test_rows_at_the_borders_are_in_one_part_each(shell: Shell, portal: Any, emulator: Emulator, seed: int) -> None:
    """Moments within a few seconds, many on a whole one or a fraction beside it, and days that are often missing."""
    chance = random.Random(seed)
    moments = [START + dt.timedelta(seconds=chance.choice((0, 1, 2, 3, 1.000001, 1.999999))) for _ in range(60)]
    days = [chance.choice((None, *(f"2026-01-0{day}" for day in range(1, 7)))) for _ in moments]
    keys = emulator.seed(
        "contacts",
        [
            {"createdon": moment.isoformat(), "new_certification_expiry": day}
            for moment, day in zip(moments, days, strict=True)
        ],
    )
    for by in ("createdon", "new_certification_expiry", "versionnumber"):
        for even in (False, True):
            ranges = shell(portal.contacts.ranges(chance.randint(2, 6), by=by, even=even))
            found = read(shell, portal.contacts.read_arrow(select=["contactid"], ranges=ranges))
            assert sorted(found["contactid"].to_pylist()) == sorted(map(str, keys)), (by, even)


def test_reading_in_parts_needs_only_their_number(shell: Shell, portal: Any, mentors: list[dict[str, Any]]) -> None:
    found = read(shell, portal.contacts.read_arrow(select=["contactid"], ranges=4, page_size=9))
    assert sorted(found["contactid"].to_pylist()) == sorted(row["contactid"] for row in mentors)


def test_polars_and_duckdb_take_batches_as_they_are(shell: Shell, portal: Any, mentors: list[dict[str, Any]]) -> None:
    found = read(shell, portal.contacts.read_arrow(labels=True, page_size=30))
    counts = {"Active": 34, "Paused": 33, None: 33}
    frame = pl.from_arrow(found)
    assert isinstance(frame, pl.DataFrame)
    assert dict(frame.group_by(pl.col("new_mentor_status").cast(pl.String)).len().iter_rows()) == counts
    assert found.num_rows == len(mentors)
    with duckdb.connect() as base:
        base.register("found", found)
        query = "select new_mentor_status, count(*) from found group by new_mentor_status"
        assert dict(base.execute(query).fetchall()) == counts
        latest = base.execute("select max(createdon) from found").fetchall()
    assert latest == [(START + dt.timedelta(hours=99),)]


def test_what_was_read_is_changed_in_a_data_frame_and_written_back(
    shell: Shell, portal: Any, emulator: Emulator, mentors: list[dict[str, Any]]
) -> None:
    select = ["contactid", "new_mentor_status", "new_certification_expiry"]
    frame = pl.from_arrow(read(shell, portal.contacts.read_arrow(select=select, labels=True)))
    assert isinstance(frame, pl.DataFrame)
    today = dt.date(2026, 7, 1)
    expired = frame.filter(pl.col("new_certification_expiry") < today).with_columns(
        new_mentor_status=pl.lit("Expired cert"), new_pause_start_date=pl.lit(today)
    )
    results = shell(portal.contacts.write_arrow(expired, "update"))
    assert [result.ok for result in results] == [True] * len(expired)
    changed = {row["contactid"]: row for row in emulator.rows("contacts") if row["new_pause_start_date"]}
    assert changed.keys() == set(expired["contactid"])
    assert {row["new_mentor_status"] for row in changed.values()} == {100000002}


def test_a_copy_that_follows_changes_in_arrow_is_the_table(
    shell: Shell, portal: Any, emulator: Emulator, mentors: list[dict[str, Any]]
) -> None:
    copy: dict[str, Any] = {}
    select = ["contactid", "firstname"]

    def follow(since: str | None) -> str:
        found = portal.contacts.changes_arrow(since, select=select, page_size=30)
        for page in shell(found):
            copy.update((row["contactid"], row["firstname"]) for row in page.changed.to_pylist())
            for key in page.removed.to_pylist():
                copy.pop(key, None)
        return str(found.token)

    token = follow(None)
    assert copy == {row["contactid"]: row["firstname"] for row in mentors}
    shell(portal.contacts.update(mentors[0]["contactid"], {"firstname": "Åse"}))
    shell(portal.contacts.delete(mentors[1]["contactid"]))
    follow(token)
    assert copy == {row["contactid"]: row["firstname"] for row in emulator.rows("contacts")}


def test_each_row_that_the_service_refuses_is_told_apart(shell: Shell, portal: Any, emulator: Emulator) -> None:
    (taken,) = emulator.seed("contacts", [{"firstname": "Ola"}])
    ids = [str(UUID(int=1)), str(taken), str(UUID(int=2))]
    results = shell(portal.contacts.write_arrow(pa.table({"contactid": ids, "firstname": ["Kari", "Per", "Liv"]})))
    assert [(result.index, str(result.key), result.ok) for result in results] == [
        (0, ids[0], True),
        (1, ids[1], False),
        (2, ids[2], True),
    ]
    assert isinstance(results[1].error, ConflictError)
    assert sorted(row["firstname"] for row in emulator.rows("contacts")) == ["Kari", "Liv", "Ola"]


def test_lookups_are_written_as_references(shell: Shell, portal: Any, emulator: Emulator) -> None:
    (chapter,) = emulator.seed("new_chapters", [{"new_name": "Oslo"}])
    (mentor,) = emulator.seed("contacts", [{"firstname": "Kari"}])
    names = ("new_Mentor@odata.bind", "new_Chapter@odata.bind")
    table = pa.table([[f"contacts({mentor})"], [f"new_chapters({chapter})"]], names)
    assert [result.error for result in shell(portal.new_assignments.write_arrow(table))] == [None]
    (assignment,) = emulator.rows("new_assignments")
    assert (assignment["_new_mentor_value"], assignment["_new_chapter_value"]) == (str(mentor), str(chapter))


def test_one_organisations_rows_stream_into_another_table(emulator: Emulator, mentors: list[dict[str, Any]]) -> None:
    """Asynchronous batches are written as they are read."""

    async def copy() -> list[Any]:
        credentials = StaticCredentialProvider(
            tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
        )
        async with AsyncDynamicsPortalClient(
            emulator.base_url, credentials, authority=emulator.authority, ssl_context=emulator.ssl_context()
        ) as portal:
            batches = portal.contacts.read_arrow(select=["firstname", "new_mentor_status"], page_size=40, top=100)
            return [result async for result in portal.contacts.write_arrow(batches)]

    results = asyncio.run(copy())
    assert [result.ok for result in results] == [True] * 100
    assert len(emulator.rows("contacts")) == 200


def test_a_file_of_parquet_is_the_way_of_a_table_elsewhere(
    connect: Callable[..., Shell], mentors: list[dict[str, Any]], tmp_path: Any
) -> None:
    import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no type hints

    shell = connect()
    found = read(shell, shell.portal.contacts.read_arrow())
    pq.write_table(found, tmp_path / "contacts.parquet")
    kept = pq.read_table(tmp_path / "contacts.parquet")
    assert kept.equals(found)
    assert kept.schema.equals(arrow_schema(Contact), check_metadata=True)
