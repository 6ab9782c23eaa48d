"""Aggregates and groups of FetchXML."""

from __future__ import annotations

import pytest
from tests.integration.emulator.conftest import Browser, error_of
from tests.integration.emulator.fetches import A, B, ask, found, stock


@pytest.fixture(name="stocked")
def stocked_fixture(shop: Browser) -> Browser:
    return stock(shop)


def test_the_same_values_come_once_where_they_are_asked_to(stocked: Browser) -> None:
    inner = "<attribute name='size'/><order attribute='size'/>"
    xml = f"<fetch distinct='true'><entity name='account'>{inner}</entity></fetch>"

    assert found(stocked, xml) == [{}, {"size": 5}, {"size": 10}]


def test_columns_are_aggregated(stocked: Browser) -> None:
    columns = "".join(
        f"<attribute name='{column}' alias='{column}_{function}' aggregate='{function}'/>"
        for column, functions in (("size", "avg count countcolumn max min sum"), ("revenue", "avg max min sum"))
        for function in functions.split()
    )
    extra = (
        "<attribute name='size' alias='different' aggregate='countcolumn' distinct='true'/>"
        "<attribute name='seen' alias='latest' aggregate='max'/><attribute name='score' alias='none' aggregate='avg'/>"
    )
    response = ask(stocked, f"<fetch aggregate='true'><entity name='account'>{columns}{extra}</entity></fetch>")

    (row,) = response.json()["value"]
    assert {name: value for name, value in row.items() if name.startswith("size")} == {
        "size_avg": 6,
        "size_count": 4,
        "size_countcolumn": 3,
        "size_max": 10,
        "size_min": 5,
        "size_sum": 20,
    }
    assert '"revenue_avg":50.15,"revenue_max":100.10,"revenue_min":0.20,"revenue_sum":100.30' in response.text
    assert (row["different"], row["latest"], "none" in row) == (2, "2024-06-12T10:00:00.5Z", False)


def test_rows_are_grouped_also_by_parts_of_dates(stocked: Browser) -> None:
    counted = "<attribute name='accountid' alias='n' aggregate='count'/>"
    by_size = f"<attribute name='size' alias='s' groupby='true'/>{counted}<order alias='s' descending='true'/>"
    xml = "<fetch aggregate='true'><entity name='account'>{}</entity></fetch>"
    assert found(stocked, xml.format(by_size)) == [{"s": 10, "n": 1}, {"s": 5, "n": 2}, {"n": 1}]

    parts = ["day", "week", "month", "quarter", "year", "fiscal-period", "fiscal-year"]
    grouped = "".join(
        f"<attribute name='founded' alias='{part.replace('-', '')}' groupby='true' dategrouping='{part}'/>"
        for part in parts
    )
    filtered = "<filter><condition attribute='founded' operator='not-null'/></filter>"
    assert found(stocked, xml.format(f"{grouped}{counted}<order alias='month'/>{filtered}")) == [
        {
            "day": 25,
            "week": 12,
            "month": 3,
            "quarter": 1,
            "year": 2023,
            "fiscalperiod": "Quarter 1 FY2023",
            "fiscalyear": "FY2023",
            "n": 1,
        },
        {
            "day": 27,
            "week": 35,
            "month": 8,
            "quarter": 3,
            "year": 2023,
            "fiscalperiod": "Quarter 3 FY2023",
            "fiscalyear": "FY2023",
            "n": 1,
        },
    ]
    link = (
        "<link-entity name='account' from='accountid' to='parentaccountid' alias='up'>"
        "<attribute name='name' alias='parent' groupby='true'/></link-entity>"
    )
    assert found(stocked, xml.format(f"{counted}{link}")) == [{"n": 2, "parent": "Ærlig"}]


def test_no_more_rows_are_aggregated_than_the_limit(stocked: Browser) -> None:
    column = "<attribute name='size' alias='s' aggregate='sum'/>"
    xml = f"<fetch aggregate='true' {{}}><entity name='account'>{column}</entity></fetch>"

    assert ask(stocked, xml.format("aggregatelimit='4'")).status_code == 200
    refused = error_of(ask(stocked, xml.format("aggregatelimit='3'")))
    assert refused == (400, "0x8004e023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation.")
    stocked.emulator.settings.aggregate_rows = 3
    assert error_of(ask(stocked, xml.format("")))[:2] == (400, "0x8004e023")


def test_children_are_counted(stocked: Browser) -> None:
    xml = (
        "<fetch top='2'><entity name='account'><attribute name='accountid' alias='below' rowaggregate='CountChildren'/>"
        "<order attribute='accountid'/></entity></fetch>"
    )

    assert found(stocked, xml) == [{"below": 2, "accountid": A}, {"below": 0, "accountid": B}]
    column = "<attribute name='productid' alias='n' rowaggregate='CountChildren'/>"
    refused = ask(stocked, f"<fetch><entity name='product'>{column}</entity></fetch>", "products")
    assert (refused.status_code, "hierarchical" in refused.text) == (400, True)
