"""Lookups and collections: binding, nesting, `$ref`."""

from __future__ import annotations

import pytest
from tests.integration.emulator.conftest import Browser, error_of

A, B, P, T = (f"{letter * 8}-0000-0000-0000-000000000001" for letter in "abcd")


@pytest.fixture(name="stocked")
def stocked_fixture(shop: Browser) -> Browser:
    shop.emulator.seed("accounts", [{"accountid": A, "name": "A"}, {"accountid": B, "name": "B"}])
    shop.emulator.seed("products", [{"productid": P, "name": "Tea"}])
    shop.emulator.seed("tasks", [{"activityid": T, "subject": "Call"}])
    return shop


def parent_of(browser: Browser, key: str) -> object:
    return browser.get(f"accounts({key})?$select=_parentaccountid_value").json()["_parentaccountid_value"]


@pytest.mark.parametrize("form", ["/accounts({})", "accounts({})", "{}/api/data/v9.2/accounts({})"])
def test_a_lookup_is_bound_by_address(stocked: Browser, form: str) -> None:
    address = form.format(A) if form.count("{}") == 1 else form.format(stocked.emulator.base_url, A)

    assert stocked.patch(f"accounts({B})", {"parentaccountid@odata.bind": address}).status_code == 204
    assert parent_of(stocked, B) == A
    assert [row["name"] for row in stocked.rows(f"accounts({A})/children")] == ["B"]
    assert stocked.get(f"accounts({A})/children({B})").json()["name"] == "B"
    assert stocked.get(f"accounts({A})/children({A})").status_code == 404


@pytest.mark.parametrize("body", [{"parentaccountid@odata.bind": None}, {"parentaccountid": None}])
def test_a_lookup_is_emptied(stocked: Browser, body: dict[str, None]) -> None:
    stocked.patch(f"accounts({B})", {"parentaccountid@odata.bind": f"/accounts({A})"})

    assert stocked.patch(f"accounts({B})", body).status_code == 204
    assert parent_of(stocked, B) is None


def test_a_lookups_column_cannot_be_written_itself(stocked: Browser) -> None:
    status, _, message = error_of(stocked.patch(f"accounts({B})", {"_parentaccountid_value": A}))

    assert status == 400
    assert "Use Navigation properties instead" in message


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"parentaccountid@odata.bind": "/accounts(eeeeeeee-0000-0000-0000-000000000001)"}, 404, "Does Not Exist"),
        ({"parentaccountid@odata.bind": f"/products({P})"}, 400, "takes rows of"),
        ({"parentaccountid@odata.bind": "/accounts"}, 400, "address of a row"),
        ({"parentaccountid@odata.bind": 5}, 400, "address of a row"),
        ({"parent@odata.bind": f"/accounts({A})"}, 400, "An undeclared property 'parent'"),
        ({"parentaccountid": {"name": "new"}}, 400, "Deep update"),
        ({"children": 5}, 400, "'children'"),
    ],
)
def test_a_wrong_reference_is_refused(stocked: Browser, body: dict[str, object], status: int, words: str) -> None:
    refused = error_of(stocked.patch(f"accounts({B})", body))

    assert refused[0] == status
    assert words in refused[2]
    assert parent_of(stocked, B) is None


def test_nested_rows_are_created_with_their_parent(stocked: Browser) -> None:
    body = {
        "name": "Root",
        "parentaccountid": {"name": "Above"},
        "children": [{"name": "Below", "children": [{"name": "Deeper"}]}],
        "products": [{"name": "Coffee"}],
        "products@odata.bind": [f"/products({P})"],
    }
    key = stocked.post("accounts", body, Prefer="return=representation").json()["accountid"]

    row = stocked.get(f"accounts({key})?$expand=parentaccountid,children($expand=children),products").json()
    assert row["parentaccountid"]["name"] == "Above"
    assert row["children"][0]["children"][0]["name"] == "Deeper"
    assert [product["name"] for product in row["products"]] == ["Tea", "Coffee"]


def test_nothing_is_left_of_a_nested_create_that_fails(stocked: Browser) -> None:
    assert (
        stocked.post("accounts", {"name": "Root", "products": [{"name": "Fine"}, {"nonsense": 1}]}).status_code == 400
    )

    assert len(stocked.emulator.rows("accounts")) == 2
    assert len(stocked.emulator.rows("products")) == 1


def test_a_many_to_many_relation_is_made_seen_from_both_sides_and_removed(stocked: Browser) -> None:
    reference = {"@odata.id": f"{stocked.emulator.base_url}/api/data/v9.2/products({P})"}
    for _ in range(2):
        assert stocked.post(f"accounts({A})/products/$ref", reference).status_code == 204

    assert [row["name"] for row in stocked.rows(f"accounts({A})/products")] == ["Tea"]
    assert [row["name"] for row in stocked.rows(f"products({P})/accounts")] == ["A"]
    assert stocked.rows(f"accounts({A})/products/$ref") == [reference]
    assert [row["name"] for row in stocked.rows("accounts?$filter=products/any(p:p/name eq 'tea')")] == ["A"]
    assert stocked.get(f"accounts({A})/products/$count").text == "1"

    assert stocked.delete(f"products({P})/accounts({A})/$ref").status_code == 204
    assert stocked.rows(f"accounts({A})/products") == []


def test_a_relation_is_removed_by_id(stocked: Browser) -> None:
    stocked.post(f"accounts({A})/products/$ref", {"@odata.id": f"products({P})"})

    assert stocked.delete(f"accounts({A})/products/$ref").status_code == 400
    assert stocked.delete(f"accounts({A})/products/$ref?$id=products({P})").status_code == 204
    assert stocked.rows(f"accounts({A})/products") == []


def test_a_one_to_many_relation_is_made_from_either_side(stocked: Browser) -> None:
    assert stocked.post(f"accounts({A})/children/$ref", {"@odata.id": f"accounts({B})"}).status_code == 204
    assert parent_of(stocked, B) == A
    assert stocked.get(f"accounts({B})/parentaccountid/$ref").json()["@odata.id"].endswith(f"accounts({A})")

    assert stocked.delete(f"accounts({B})/parentaccountid/$ref").status_code == 204
    assert parent_of(stocked, B) is None

    assert (
        stocked.send("PUT", f"accounts({B})/parentaccountid/$ref", json={"@odata.id": f"accounts({A})"}).status_code
        == 204
    )
    assert stocked.delete(f"accounts({A})/children({B})/$ref").status_code == 204
    assert parent_of(stocked, B) is None


def test_a_row_posted_to_a_collection_belongs_to_it(stocked: Browser) -> None:
    assert stocked.post(f"accounts({A})/children", {"name": "New"}).status_code == 204
    assert stocked.post(f"accounts({A})/products", {"name": "Milk"}).status_code == 204

    assert [row["name"] for row in stocked.rows(f"accounts({A})/children")] == ["New"]
    assert [row["name"] for row in stocked.rows(f"accounts({A})/products")] == ["Milk"]


def test_a_lookup_to_several_tables_tells_which_it_leads_to(stocked: Browser) -> None:
    stocked.patch(f"tasks({T})", {"regardingobjectid_product@odata.bind": f"/products({P})"})

    row = stocked.get(
        f"tasks({T})?$select=_regardingobjectid_value&$expand=regardingobjectid_account,regardingobjectid_product",
        Prefer='odata.include-annotations="*"',
    ).json()
    assert row["_regardingobjectid_value"] == P
    assert row["_regardingobjectid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "product"
    assert (
        row["_regardingobjectid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"]
        == "regardingobjectid_product"
    )
    assert row["regardingobjectid_account"] is None
    assert row["regardingobjectid_product"]["name"] == "Tea"
    assert [item["subject"] for item in stocked.rows(f"products({P})/Product_Activities")] == ["Call"]


def test_what_referred_to_a_deleted_row_refers_to_nothing(stocked: Browser) -> None:
    stocked.patch(f"accounts({B})", {"parentaccountid@odata.bind": f"/accounts({A})"})
    stocked.post(f"accounts({A})/products/$ref", {"@odata.id": f"products({P})"})
    stocked.delete(f"accounts({A})")

    assert parent_of(stocked, B) is None
    assert stocked.rows(f"products({P})/accounts") == []


def test_coordinators_of_chapters_are_many_to_many(portal: Browser) -> None:
    (chapter,) = portal.emulator.seed("new_chapters", [{"new_name": "Oslo"}])
    (user,) = portal.emulator.seed("systemusers", [{"fullname": "Ola Leder"}])
    portal.post(f"new_chapters({chapter})/new_chapter_coordinators/$ref", {"@odata.id": f"systemusers({user})"})

    (row,) = portal.rows("new_chapters?$expand=new_chapter_coordinators($select=fullname)")
    assert [item["fullname"] for item in row["new_chapter_coordinators"]] == ["Ola Leder"]
