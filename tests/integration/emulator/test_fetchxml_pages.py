"""Pages of FetchXML, and where else its text may come from."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree
from tests.integration.emulator.conftest import Browser, error_of
from tests.integration.emulator.fetches import COOKIE, EVERYTHING, MORE, A, B, ask, found, stock


@pytest.fixture(name="stocked")
def stocked_fixture(shop: Browser) -> Browser:
    return stock(shop)


def walk(browser: Browser, size: int, inner: str, *, cookies: bool = True) -> list[list[str]]:
    """The pages of a query, as its documentation says that they are followed."""
    pages: list[list[str]] = []
    page, cookie = 1, ""
    while True:
        given = f" paging-cookie={quoteattr(cookie)}" if cookie else ""
        xml = f"<fetch count='{size}' page='{page}'{given}><entity name='account'>{inner}</entity></fetch>"
        answer = ask(browser, xml, **EVERYTHING).json()
        pages.append([row["accountid"] for row in answer["value"]])
        if not answer.get(MORE):
            assert COOKIE not in answer
            return pages
        page += 1
        element = etree.fromstring(answer[COOKIE]) if cookies else None
        if element is not None:
            assert element.attrib["pagenumber"] == str(page)
            cookie = unquote(unquote(element.attrib["pagingcookie"]))
            assert cookie.startswith(f'<cookie page="{page - 1}">')


@pytest.mark.parametrize("cookies", [True, False])
@pytest.mark.parametrize("descending", ["true", "false"])
@pytest.mark.parametrize("column", ["name", "size", "revenue", "seen", "active", "parentaccountid", "founded"])
def test_pages_show_every_row_once(shop: Browser, column: str, descending: str, cookies: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "name": [None, "a<&'\"", "A", "b"][n % 4],
            "size": n % 3,
            "revenue": [None, "1.10", "1.1", "-2"][n % 4],
            "seen": [None, "2024-06-12T10:00:00.5Z", "2024-06-12T10:00:00Z"][n % 3],
            "active": [None, True, False][n % 3],
            "founded": [None, "2023-03-25", "2024-01-01"][n % 3],
        }
        for n in range(11)
    ]
    made = shop.emulator.seed("accounts", rows)
    made += shop.emulator.seed("accounts", [{"_parentaccountid_value": made[1]}, {"_parentaccountid_value": made[2]}])
    order = f"<order attribute='{column}' descending='{descending}'/>"
    (whole,) = walk(shop, 5000, order)

    paged = walk(shop, 3, order, cookies=cookies)
    assert [len(page) for page in paged] == [3, 3, 3, 3, 1]
    assert [key for page in paged for key in page] == whole
    assert sorted(whole) == sorted(made)


def test_a_query_that_is_sorted_by_a_link_has_no_cookie(stocked: Browser) -> None:
    link = "<link-entity name='account' from='parentaccountid' to='accountid' alias='c'>{}</link-entity>"
    by_link = link.format("<order attribute='name'/>")

    assert [len(page) for page in walk(stocked, 1, link.format(""))] == [1, 1]
    assert [len(page) for page in walk(stocked, 1, by_link, cookies=False)] == [1, 1]
    answer = ask(stocked, f"<fetch count='1'><entity name='account'>{by_link}</entity></fetch>", **EVERYTHING).json()
    assert (answer[MORE], COOKIE in answer) == (True, False)


def test_simple_paging_ends_where_the_documentation_says(stocked: Browser) -> None:
    stocked.emulator.settings.simple_paging_rows = 3

    assert [len(page) for page in walk(stocked, 2, "", cookies=False)] == [2, 1]
    assert [len(page) for page in walk(stocked, 2, "")] == [2, 2]
    assert found(stocked, "<fetch count='2' page='3'><entity name='account'/></fetch>") == []


def test_rows_are_counted_and_limited(stocked: Browser) -> None:
    xml = "<fetch returntotalrecordcount='true' count='2'><entity name='account'/></fetch>"
    answer = ask(stocked, xml, **EVERYTHING).json()

    assert (answer["@odata.count"], len(answer["value"])) == (4, 2)
    assert answer["@Microsoft.Dynamics.CRM.totalrecordcount"] == 4
    assert answer["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False
    xml = "<fetch top='3'><entity name='account'/></fetch>"
    answer = stocked.send("GET", "accounts", params={"fetchXml": xml, "$count": "true"}, headers=EVERYTHING).json()
    assert (answer["@odata.count"], len(answer["value"]), MORE in answer) == (4, 3, False)


def test_a_collection_of_a_row_can_be_asked_too(stocked: Browser) -> None:
    xml = "<fetch><entity name='account'><attribute name='name'/></entity></fetch>"

    assert len(found(stocked, xml, f"accounts({A})/children")) == 2
    assert found(stocked, xml, f"accounts({B})/children") == []


def test_a_saved_view_is_run_by_its_id(stocked: Browser) -> None:
    small = "<filter><condition attribute='size' operator='le' value='5'/></filter>"
    xml = f"<fetch><entity name='account'><attribute name='name'/>{small}</entity></fetch>"
    for option, collection in (("savedQuery", "savedqueries"), ("userQuery", "userqueries")):
        (view,) = stocked.emulator.seed(collection, [{"name": "Small", "returnedtypecode": "account", "fetchxml": xml}])

        assert [row["name"] for row in stocked.rows(f"accounts?{option}={view}")] == ["beta", "Beta"]
        assert len(stocked.rows(f"accounts({A})/children?{option}={view}")) == 2
        assert error_of(stocked.get(f"products?{option}={view}"))[0] == 400
        assert error_of(stocked.get(f"accounts?{option}={A}"))[:2] == (404, "0x80040217")
        assert error_of(stocked.get(f"accounts?{option}=small"))[0] == 400
    assert stocked.rows("savedqueries?$select=name&$filter=name eq 'small'")[0]["name"] == "Small"


def test_a_batch_holds_a_query_too_long_for_an_address(stocked: Browser) -> None:
    names = "".join(f"<value>{n:0>30}</value>" for n in range(900)) + "<value>beta</value>"
    xml = (
        "<fetch><entity name='account'><attribute name='name'/>"
        f"<filter><condition attribute='name' operator='in'>{names}</condition></filter></entity></fetch>"
    )
    request = f"GET accounts?fetchXml={quote(xml)} HTTP/1.1"
    head = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary"
    part = f"{head}\r\n\r\n{request}\r\n\r\n\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    answer = stocked.send("POST", "$batch", content=part.encode(), headers=headers)

    assert 32_768 < len(request) < 65_536
    assert answer.status_code == 200
    assert re.findall(r'"name":"(\w+)"', answer.text) == ["beta", "Beta"]
