"""`$apply`: groups and aggregates."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.emulator.conftest import Browser, error_of
from tests.integration.emulator.fetches import EVERYTHING, A, stock


@pytest.fixture(name="stocked")
def stocked_fixture(shop: Browser) -> Browser:
    return stock(shop)


@pytest.mark.parametrize(
    ("apply", "rows"),
    [
        ("groupby((size))", [{}, {"size": 5}, {"size": 10}]),
        ("groupby((size),aggregate($count as n))", [{"n": 1}, {"size": 5, "n": 2}, {"size": 10, "n": 1}]),
        ("groupby((size,active))", [{}, {"size": 5}, {"size": 5, "active": False}, {"size": 10, "active": True}]),
        ("groupby((name))", [{}, {"name": "beta"}, {"name": "Ærlig"}]),
        (
            "groupby((founded),aggregate($count as n))",
            [{"n": 2}, {"founded": "2023-03-25", "n": 1}, {"founded": "2023-08-27", "n": 1}],
        ),
        (
            "groupby((_parentaccountid_value),aggregate(size with sum as s))",
            [{"s": 10}, {"_parentaccountid_value": A, "s": 10}],
        ),
        ("groupby((parentaccountid/name),aggregate($count as n))", [{"n": 2}, {"account_name": "Ærlig", "n": 2}]),
        ("aggregate(size with sum as s,size with average as a)", [{"s": 20, "a": 6}]),
        ("aggregate(size with countdistinct as n,$count as all)", [{"n": 2, "all": 4}]),
        (
            "aggregate(seen with max as last,seen with min as first)",
            [{"last": "2024-06-12T10:00:00.5Z", "first": "2024-06-12T10:00:00Z"}],
        ),
        ("filter(size eq 5)/aggregate($count as n)", [{"n": 2}]),
        ("filter(size eq 5)/filter(startswith(name,'b'))/groupby((active))", [{}, {"active": False}]),
        ("filter(contains(name,')/(,'))/aggregate($count as n)", [{"n": 0}]),
        ("filter(size gt 99)/groupby((size),aggregate($count as n))", []),
    ],
)
def test_rows_are_grouped_and_aggregated(stocked: Browser, apply: str, rows: list[dict[str, Any]]) -> None:
    response = stocked.send("GET", "accounts", params={"$apply": apply})

    assert response.status_code == 200, response.text
    assert response.json()["@odata.context"].endswith("/$metadata#accounts")
    assert response.json()["value"] == rows


def test_sums_of_decimals_are_exact(stocked: Browser) -> None:
    response = stocked.send("GET", "accounts", params={"$apply": "aggregate(revenue with sum as total)"})

    assert '"total":100.30' in response.text


def test_groups_are_sorted_by_what_they_are_grouped_by(stocked: Browser) -> None:
    query = "accounts?$apply=groupby((size),aggregate($count as n))&$orderby=size desc&$top=2"

    assert stocked.rows(query) == [{"size": 10, "n": 1}, {"size": 5, "n": 2}]


def test_values_are_formatted_where_it_is_asked_for(stocked: Browser) -> None:
    query = "accounts?$apply=groupby((active,_parentaccountid_value),aggregate(size with max as m))&$orderby=active"

    shown = "OData.Community.Display.V1.FormattedValue"
    assert stocked.rows(query, **EVERYTHING)[2] == {
        f"active@{shown}": "No",
        "active": False,
        f"_parentaccountid_value@{shown}": "Ærlig",
        "_parentaccountid_value": A,
        f"m@{shown}": "5",
        "m": 5,
    }


def test_a_collection_of_a_row_is_aggregated_alone(stocked: Browser) -> None:
    assert stocked.rows(f"accounts({A})/children?$apply=aggregate($count as n)") == [{"n": 2}]


def test_no_more_rows_are_aggregated_than_the_limit(stocked: Browser) -> None:
    stocked.emulator.settings.aggregate_rows = 3

    refused = error_of(stocked.get("accounts?$apply=aggregate($count as n)"))
    assert refused == (400, "0x8004e023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation.")
    assert stocked.rows("accounts?$apply=filter(size eq 5)/aggregate($count as n)") == [{"n": 2}]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("$apply=groupby((seen))", 400, "groupby with datetime values is not supported"),
        ("$apply=groupby((nothing))", 400, "'nothing'"),
        ("$apply=groupby(size)", 400, "groupby(size)"),
        ("$apply=groupby(())", 400, "groupby(())"),
        ("$apply=aggregate(size with median as m)", 400, "size with median as m"),
        ("$apply=aggregate(name with sum as m)", 400, "numbers"),
        ("$apply=aggregate(size)", 400, "'size'"),
        ("$apply=filter(size eq 5)", 400, "filter(size eq 5)"),
        ("$apply=aggregate($count as n)/filter(n gt 1)", 400, "filter(n gt 1)"),
        ("$apply=compute(size as s)", 400, "compute(size as s)"),
        ("$apply=", 400, "$apply"),
        ("$apply=groupby((size),aggregate($count as n))&$orderby=n", 501, "SingleValueOpenPropertyAccess"),
        ("$apply=aggregate($count as n)&$filter=size eq 5", 400, "$filter is not supported with $apply"),
    ],
)
def test_what_dataverse_does_not_aggregate_is_refused(stocked: Browser, query: str, status: int, words: str) -> None:
    given, _, message = error_of(stocked.get(f"accounts?{query}"))

    assert given == status
    assert words in message
