"""Server-driven paging."""

from __future__ import annotations

import pytest
from tests.integration.emulator.conftest import Browser

from dynamics_portal_emulator.options import MAX_PAGE


def pages(browser: Browser, path: str, size: int) -> list[list[int]]:
    """The sizes that the rows of each page show."""
    found: list[list[int]] = []
    following: str | None = path
    while following:
        answer = browser.get(following, Prefer=f"odata.maxpagesize={size}").json()
        found.append([row["size"] for row in answer["value"]])
        following = answer.get("@odata.nextLink")
    return found


def test_pages_hold_what_was_asked_and_end(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"size": n} for n in range(7)])

    assert pages(shop, "accounts?$select=size", 3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert pages(shop, "accounts?$select=size", 7) == [list(range(7))]
    response = shop.get("accounts", Prefer="odata.maxpagesize=3")
    assert response.headers["Preference-Applied"] == "odata.maxpagesize=3"
    assert "$skiptoken=%3Ccookie%20pagenumber=%222%22" in response.json()["@odata.nextLink"]


@pytest.mark.parametrize("order", ["name", "name desc", "revenue desc,name", "parentaccountid/name,size desc", "seen"])
def test_pages_in_any_order_show_every_row_once(shop: Browser, order: str) -> None:
    rows = [
        {"size": n, "name": [None, "a", "A", "b"][n % 4], "revenue": [None, "1.10", "1.1", "-2"][n % 4]}
        for n in range(23)
    ]
    keys = shop.emulator.seed("accounts", rows)
    shop.emulator.seed("accounts", [{"size": 99, "_parentaccountid_value": keys[1], "seen": "2024-01-01T00:00:00Z"}])
    whole = [row["size"] for row in shop.rows(f"accounts?$select=size&$orderby={order}")]

    paged = [size for page in pages(shop, f"accounts?$select=size&$orderby={order}", 4) for size in page]
    assert paged == whole
    assert sorted(paged) == [*range(23), 99]


def test_rows_that_come_and_go_between_pages_neither_shift_nor_repeat_others(shop: Browser) -> None:
    keys = shop.emulator.seed("accounts", [{"size": n} for n in range(10)])
    first = shop.get("accounts?$select=size&$orderby=size", Prefer="odata.maxpagesize=4").json()
    assert [row["size"] for row in first["value"]] == [0, 1, 2, 3]

    for key in (keys[0], keys[3], keys[5]):
        assert shop.delete(f"accounts({key})").status_code == 204
    shop.emulator.seed("accounts", [{"size": -1}, {"size": 6}])

    assert pages(shop, first["@odata.nextLink"], 4) == [[4, 6, 6, 7], [8, 9]]


def test_the_next_link_keeps_the_query(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"size": n, "name": "a&b=c 100%"} for n in range(5)])
    query = "accounts?$select=size&$filter=name eq 'a%26b%3Dc 100%25'&$count=true"

    assert pages(shop, query, 2) == [[0, 1], [2, 3], [4]]


def test_top_ends_the_rows_and_is_ignored_beside_a_page_size(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"size": n} for n in range(5)])

    answer = shop.get("accounts?$select=size&$top=2").json()
    assert ([row["size"] for row in answer["value"]], "@odata.nextLink" in answer) == ([0, 1], False)
    assert shop.rows("accounts?$top=0") == []
    assert pages(shop, "accounts?$select=size&$top=2", 3) == [[0, 1, 2], [3, 4]]


@pytest.fixture(name="family")
def family_fixture(shop: Browser) -> tuple[Browser, str]:
    """A client, and the key of an account with five children."""
    (parent,) = shop.emulator.seed("accounts", [{"size": 0}])
    shop.emulator.seed("accounts", [{"size": n, "_parentaccountid_value": parent} for n in range(1, 6)])
    return shop, parent


def test_an_expanded_collection_is_whole_and_its_link_leads_to_the_same_rows(family: tuple[Browser, str]) -> None:
    shop, parent = family
    row = shop.get(
        f"accounts({parent})?$expand=children($select=size;$orderby=size desc)", Prefer="odata.maxpagesize=2"
    ).json()

    assert [child["size"] for child in row["children"]] == [5, 4, 3, 2, 1]
    assert row["children@odata.nextLink"].endswith(f"/accounts({parent})/children?$select=size&$orderby=size%20desc")
    assert pages(shop, row["children@odata.nextLink"], 3) == [[5, 4, 3], [2, 1]]
    assert shop.get(f"accounts({parent})?$expand=products").json()["products@odata.nextLink"].endswith("/products")


def test_collections_are_paged_where_an_expansion_is_nested(family: tuple[Browser, str]) -> None:
    shop, parent = family
    nested = "children($select=size;$filter=size gt 1;$expand=parentaccountid($select=size;$filter=size eq 0))"
    row = shop.get(f"accounts({parent})?$expand={nested}", Prefer="odata.maxpagesize=3").json()

    assert [child["size"] for child in row["children"]] == [2, 3, 4]
    assert pages(shop, row["children@odata.nextLink"], 3) == [[5]]
    following = shop.rows(row["children@odata.nextLink"])
    assert following[0]["parentaccountid"]["size"] == 0
    assert "children@odata.nextLink" not in shop.get(f"accounts({parent})?$expand={nested}").json()


def test_no_page_and_no_count_goes_beyond_the_ceiling(shop: Browser) -> None:
    shop.emulator.seed("counters", [{"Number": n} for n in range(MAX_PAGE + 2)])
    answer = shop.get("counters?$select=Number&$count=true", Prefer="odata.maxpagesize=9999").json()

    assert len(answer["value"]) == answer["@odata.count"] == MAX_PAGE
    exceeded = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
    told = shop.get("counters?$count=true&$top=1", Prefer=f'odata.include-annotations="{exceeded}"').json()
    assert told[f"@{exceeded}"] is True
    assert len(shop.rows(answer["@odata.nextLink"])) == 2
    assert len(shop.emulator.rows("counters")) == MAX_PAGE + 2
