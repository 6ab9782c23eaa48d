"""Spark reads tables: whole, in parts, with conditions sent along, and what has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

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
    "firstname <> 'Anna'": "firstname ne null",
    "firstname in ('bo', 'Åse')": "Microsoft.Dynamics.CRM.In",
    "firstname like 'Ha%'": "firstname ne null",
    "new_certification_expiry <= date'2026-05-15'": "new_certification_expiry le 2026-05-15",
    "new_mentor_status <> 100000002": "not (new_mentor_status eq 100000002)",
    "new_mentor_status not in (100000000, 100000003)": "NotIn",
    "not (new_website_visible <=> true)": "new_website_visible eq null",
    "createdon > timestamp'2026-01-03 00:00:00.5'": "createdon ge 2026-01-03T00:00:00Z",
    "createdon = timestamp'2026-01-01 07:00:00'": "createdon lt 2026-01-01T07:00:01Z",
    "new_website_visible is null and lastname >= 'Person 3'": "new_website_visible eq null",
}
"""A condition of Spark's, and what the service must have been asked."""


def test_conditions_that_are_sent_find_what_spark_finds_alone(reading: Callable[..., Any], emulator: Emulator) -> None:
    seeded(emulator, 60)
    whole = reading(pushdown="false", select="contactid,firstname,lastname").load
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
    assert whole().count() == every


def test_conditions_are_sent_with_the_parts(reading: Callable[..., Any], emulator: Emulator) -> None:
    seeded(emulator, 60)
    found = reading(partitions="2").load().where("new_mentor_status = 100000001").collect()
    assert len(found) == 15
    assert all("new_mentor_status eq 100000001" in query["$filter"] for query in queries(emulator))


def test_mistakes_are_told_before_any_task(reading: Callable[..., Any], emulator: Emulator) -> None:
    for options, words in [
        ({"client_secret": "hunter2"}, "option 'client_secret': Spark shows options"),
        ({"selekt": "x"}, "did you mean 'select'"),
        ({"select": "nosuch"}, "contact has no column 'nosuch'"),
        ({"package": "nowhere"}, "cannot be imported"),
        ({"partitions": "0"}, "expected a whole number"),
    ]:
        with pytest.raises(Exception, match=words) as caught:
            reading(**options).load().collect()
        assert "hunter2" not in str(caught.value)
    with pytest.raises(Exception, match="contactid is string, not int"):
        reading().schema("contactid int").load().collect()
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
