"""Elastic tables: partitions, sessions, lifetimes, and upserts that replace."""

from __future__ import annotations

import pytest
from tests.integration.emulator.conftest import Browser, error_of

A = "aaaaaaaa-0000-0000-0000-000000000001"
NORTH = f"dep_readings(dep_readingid={A},partitionid='north')"


def both(browser: Browser) -> None:
    """Two rows with one id, each in a partition of its own."""
    row = {"dep_readingid": A, "dep_unit": "C"}
    browser.emulator.seed(
        "dep_readings",
        [{**row, "partitionid": "north", "dep_value": 1}, {**row, "partitionid": "south", "dep_value": 2}],
    )


def test_a_row_without_a_partition_is_in_one_of_its_own(depot: Browser) -> None:
    answer = depot.post("dep_readings", {"dep_readingid": A, "dep_value": 5})

    assert answer.headers["OData-EntityId"].endswith(f"/dep_readings({A})")
    row = depot.get(f"dep_readings({A})").json()
    assert (row["partitionid"], row["dep_value"]) == (A, 5)
    assert depot.get(f"dep_readings(dep_readingid={A},partitionid='{A}')").json()["dep_value"] == 5


def test_a_rows_address_names_its_partition(depot: Browser) -> None:
    answer = depot.post("dep_readings", {"dep_readingid": A, "partitionid": "north", "dep_value": 5})

    assert answer.headers["OData-EntityId"].endswith(f"/{NORTH}")
    assert depot.get(answer.headers["OData-EntityId"]).json()["dep_value"] == 5
    assert depot.get(f"dep_readings({A})?partitionId=north").json()["dep_value"] == 5
    assert depot.get(f"dep_readings({A})?partitionId='north'").json()["dep_value"] == 5
    assert error_of(depot.get(f"dep_readings({A})"))[0] == 404
    assert error_of(depot.get(f"dep_readings({A})?partitionId=south"))[0] == 404


def test_a_query_is_narrowed_to_a_partition(depot: Browser) -> None:
    both(depot)

    def values(query: str) -> list[int]:
        return [row["dep_value"] for row in depot.rows(f"dep_readings?{query}")]

    assert values("partitionId=south") == [2]
    assert values("partitionId=south&$filter=dep_value eq 1") == []
    assert values("partitionId=it's&$filter=dep_value eq 1 or dep_value eq 2") == []
    assert values("$filter=partitionid eq 'north'") == [1]
    assert sorted(values("$select=dep_value")) == [1, 2]


def test_a_row_is_changed_and_removed_within_its_partition(depot: Browser) -> None:
    both(depot)

    assert depot.patch(NORTH, {"dep_value": 10}, **{"If-Match": "*"}).status_code == 204
    assert [row["dep_value"] for row in depot.emulator.rows("dep_readings")] == [10, 2]
    assert error_of(depot.patch(NORTH, {"partitionid": "south"}, **{"If-Match": "*"}))[0] == 400
    assert depot.delete(f"dep_readings({A})?partitionId=north").status_code == 204
    assert depot.delete(f"dep_readings(dep_readingid={A},partitionid='south')").status_code == 204
    assert depot.emulator.rows("dep_readings") == []


def test_one_id_is_taken_once_in_a_partition(depot: Browser) -> None:
    both(depot)
    body = {"dep_readingid": A, "partitionid": "north"}
    assert error_of(depot.post("dep_readings", body))[0] == 412


def test_an_upsert_replaces_the_row(depot: Browser) -> None:
    both(depot)

    assert depot.patch(NORTH, {"dep_value": 10}).status_code == 204
    row = depot.get(NORTH).json()
    assert (row["dep_value"], row["dep_unit"]) == (10, None)
    other = f"dep_readings(dep_readingid={A},partitionid='east')"
    assert depot.patch(other, {"dep_value": 3}).status_code == 204
    assert depot.get(other).json()["partitionid"] == "east"


@pytest.mark.parametrize("lifetime", [60, 3000])
def test_a_row_is_gone_after_its_time(depot: Browser, lifetime: int) -> None:
    depot.post("dep_readings", {"dep_readingid": A, "ttlinseconds": lifetime})

    depot.emulator.clock.advance(lifetime - 1)
    assert len(depot.rows("dep_readings")) == 1
    depot.emulator.clock.advance(1)
    assert error_of(depot.get(f"dep_readings({A})"))[0] == 404
    assert depot.emulator.rows("dep_readings") == []


def test_a_write_tells_its_session(depot: Browser) -> None:
    created = depot.post("dep_readings", {"dep_readingid": A})
    token = created.headers["x-ms-session-token"]
    changed = depot.patch(f"dep_readings({A})", {"dep_value": 1}, **{"If-Match": "*"})

    assert token.startswith("240:8#")
    assert changed.headers["x-ms-session-token"] != token
    assert depot.get(f"dep_readings({A})", **{"MSCRM.SessionToken": token}).status_code == 200
    assert "x-ms-session-token" not in depot.delete(f"dep_readings({A})").headers
    assert "x-ms-session-token" not in depot.post("dep_items", {}).headers
