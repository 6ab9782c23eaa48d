"""Joins of FetchXML."""

from __future__ import annotations

import pytest
from tests.integration.emulator.conftest import Browser
from tests.integration.emulator.fetches import A, B, C, found, keys, stock


@pytest.fixture(name="stocked")
def stocked_fixture(shop: Browser) -> Browser:
    return stock(shop)


def test_tables_are_joined(stocked: Browser) -> None:
    link = "<link-entity name='account' from='accountid' to='parentaccountid' {}><attribute name='{}'/></link-entity>"
    xml = "<fetch><entity name='account'><attribute name='size'/><order attribute='accountid'/>{}</entity></fetch>"

    assert found(stocked, xml.format(link.format("alias='up'", "name"))) == [
        {"size": 5, "accountid": B, "up.name": "Ærlig"},
        {"size": 5, "accountid": C, "up.name": "Ærlig"},
    ]
    outer = found(stocked, xml.format(link.format("link-type='outer'", "parentaccountid")))
    assert [row["accountid"][0] for row in outer] == ["a", "b", "c", "d"]
    assert "account1.name" in found(stocked, xml.format(link.format("", "name")))[0]

    children = "<link-entity name='account' from='parentaccountid' to='accountid' alias='c' {}>{}</link-entity>"
    named = children.format("", "<attribute name='name' alias='child'/><attribute name='parentaccountid'/>")
    assert found(stocked, xml.format(named)) == [
        {"size": 10, "accountid": A, "child": "beta", "c.parentaccountid": A},
        {"size": 10, "accountid": A, "child": "Beta", "c.parentaccountid": A},
    ]
    first = children.format("link-type='matchfirstrowusingcrossapply'", "<attribute name='name'/>")
    assert [row.get("c.name") for row in found(stocked, xml.format(first))] == ["beta", None, None, None]
    same = "<link-entity name='account' from='NAME' to='name' alias='s'/>"
    assert keys(stocked, same) == "bc"


def test_a_filter_of_an_outer_join_goes_with_it_or_after_it(stocked: Browser) -> None:
    link = (
        "<link-entity name='account' from='parentaccountid' to='accountid' link-type='outer' alias='c'>{}</link-entity>"
    )
    never = "<filter><condition attribute='size' operator='gt' value='99'/></filter>"
    missing = "<filter><condition entityname='c' attribute='accountid' operator='null'/></filter>"

    assert keys(stocked, link.format(never)) == "abcd"
    assert keys(stocked, link.format("") + missing) == "bcd"
    assert (
        keys(stocked, link.format("") + "<filter><condition attribute='size' operator='gt' valueof='c.size'/></filter>")
        == "aa"
    )


@pytest.mark.parametrize(
    ("kind", "condition", "expected"),
    [
        ("any", "attribute='name' operator='eq' value='beta'", "a"),
        ("not any", "attribute='name' operator='eq' value='beta'", "bcd"),
        ("any", "attribute='size' operator='gt' value='99'", ""),
        ("not all", "attribute='size' operator='eq' value='5'", "a"),
        ("all", "attribute='size' operator='gt' value='99'", "a"),
        ("all", "attribute='active' operator='eq' value='0'", ""),
    ],
)
def test_a_filter_asks_for_related_rows(stocked: Browser, kind: str, condition: str, expected: str) -> None:
    link = f"<link-entity name='account' from='parentaccountid' to='accountid' link-type='{kind}'>"
    inner = f"<filter>{link}<filter><condition {condition}/></filter></link-entity></filter>"

    assert keys(stocked, inner) == expected


@pytest.mark.parametrize("kind", ["exists", "in"])
def test_a_link_that_only_has_to_exist_brings_a_row_once(stocked: Browser, kind: str) -> None:
    deeper = "<link-entity name='account' from='accountid' to='parentaccountid' link-type='exists'/>"
    link = (
        f"<link-entity name='account' from='parentaccountid' to='accountid' link-type='{kind}'>{deeper}</link-entity>"
    )

    assert keys(stocked, link) == "a"


def test_a_many_to_many_relationship_is_joined_through_its_intersect_table(stocked: Browser) -> None:
    xml = (
        "<fetch><entity name='account'><attribute name='name'/>"
        "<link-entity name='account_product' from='accountid' to='accountid' intersect='true'>"
        "<link-entity name='product' from='productid' to='productid' alias='p'><attribute name='name'/>"
        "<order attribute='name'/></link-entity></link-entity></entity></fetch>"
    )

    assert [row["p.name"] for row in found(stocked, xml)] == ["Coffee", "Tea"]
    outer = xml.replace("intersect='true'", "intersect='true' link-type='outer'").replace(
        "alias='p'", "alias='p' link-type='outer'"
    )
    assert [row.get("p.name") for row in found(stocked, outer)] == [None, None, None, "Coffee", "Tea"]
