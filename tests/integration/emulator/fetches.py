"""Rows that FetchXML is asked about in these tests, and how it is asked."""

from __future__ import annotations

from typing import Any

import httpx2
from tests.integration.emulator.conftest import Browser

A, B, C, D = (f"{letter * 8}-0000-0000-0000-000000000001" for letter in "abcd")
COOKIE = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "@Microsoft.Dynamics.CRM.morerecords"
EVERYTHING = {"Prefer": 'odata.include-annotations="*"'}


def stock(shop: Browser) -> Browser:
    """Four accounts, the second and third below the first; the third has two products, the fourth is nearly empty."""
    rows: list[dict[str, Any]] = [
        {"accountid": A, "name": "Ærlig", "size": 10, "revenue": "100.10", "active": True, "founded": "2023-03-25"},
        {
            "accountid": B,
            "name": "beta",
            "size": 5,
            "revenue": "0.20",
            "active": False,
            "seen": "2024-06-12T10:00:00.5Z",
        },
        {"accountid": C, "name": "Beta", "size": 5, "founded": "2023-08-27", "colours": "1,12", "NAME": "beta"},
        {"accountid": D, "allowance": 3, "seen": "2024-06-12T10:00:00Z"},
    ]
    for key in (B, C):
        next(row for row in rows if row["accountid"] == key)["_parentaccountid_value"] = A
    shop.emulator.seed("accounts", rows)
    for product in shop.emulator.seed("products", [{"name": "Tea"}, {"name": "Coffee"}]):
        reference = {"@odata.id": f"{shop.emulator.base_url}/api/data/v9.2/products({product})"}
        assert shop.post(f"accounts({C})/products/$ref", reference).status_code == 204
    return shop


def ask(browser: Browser, xml: str, collection: str = "accounts", **headers: str) -> httpx2.Response:
    return browser.send("GET", collection, params={"fetchXml": xml}, headers=headers)


def found(browser: Browser, xml: str, collection: str = "accounts", **headers: str) -> list[dict[str, Any]]:
    response = ask(browser, xml, collection, **headers)
    assert response.status_code == 200, response.text
    return [{name: value for name, value in row.items() if name != "@odata.etag"} for row in response.json()["value"]]


def keys(browser: Browser, inner: str) -> str:
    """The first letters of the accounts that an entity's content finds."""
    rows = found(browser, f"<fetch><entity name='account'><attribute name='accountid'/>{inner}</entity></fetch>")
    return "".join(row["accountid"][0] for row in rows)
