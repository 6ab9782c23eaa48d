"""Creating, reading, changing and deleting rows."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from tests.integration.emulator.conftest import Browser, error_of

ID = "11111111-2222-3333-4444-555555555555"


def decimals(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def test_a_row_is_created_and_its_address_returned(shop: Browser) -> None:
    created = shop.post("accounts", {"name": "Acme"})

    assert created.status_code == 204
    address = created.headers["OData-EntityId"]
    assert address.startswith(f"{shop.emulator.base_url}/api/data/v9.2/accounts(")
    row = shop.get(address).json()
    assert row["name"] == "Acme"
    assert row["createdon"] == "2024-06-12T13:46:40Z"
    assert row["@odata.context"].endswith("/$metadata#accounts/$entity")


def test_the_key_that_a_client_gives_is_kept_and_taken_once(shop: Browser) -> None:
    assert shop.post("accounts", {"accountid": ID.upper(), "name": "Acme"}).status_code == 204
    assert shop.get(f"accounts({ID})?$select=name").json()["accountid"] == ID

    assert error_of(shop.post("accounts", {"accountid": ID})) == (
        412,
        "0x80040237",
        "A record with matching key values already exists.",
    )


def test_the_representation_is_returned_when_preferred(shop: Browser) -> None:
    created = shop.post("accounts?$select=name", {"name": "Acme", "size": 3}, Prefer="return=representation")

    assert created.status_code == 201
    assert created.headers["Preference-Applied"] == "return=representation"
    assert created.json().keys() == {"@odata.context", "@odata.etag", "name", "accountid"}

    key = created.json()["accountid"]
    changed = shop.patch(f"accounts({key})", {"size": 4}, Prefer="return=representation")
    assert changed.status_code == 200
    assert changed.json()["size"] == 4


def test_every_kind_of_value_survives_the_way_there_and_back(shop: Browser) -> None:
    given = {
        "name": "Ærlig & Sønn 'AS' \U0001f600",
        "NAME": "another column",
        "score": 1.5e300,
        "visits": 2**62 + 1,
        "size": -(2**31),
        "active": False,
        "founded": "1753-01-01",
        "seen": "2024-02-29T23:59:59.1234567+01:00",
        "logo": "aGVp",
        "address": {"City": "Bodø"},
        "kind": "Big,Old",
    }
    body = json.dumps(given)[:-1] + ', "revenue": 12345678901234567890.1200}'
    headers = {"Content-Type": "application/json", "Prefer": "return=representation"}
    created = shop.send("POST", "accounts", content=body.encode(), headers=headers)

    assert created.status_code == 201, created.text
    row = decimals(created.text)
    expected = {**given, "seen": "2024-02-29T22:59:59.1234567Z", "score": Decimal("1.5e300")}
    assert {name: row[name] for name in given} == expected
    assert str(row["revenue"]) == "12345678901234567890.1200"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", 5),
        ("size", 2**31),
        ("size", "5"),
        ("size", 1.5),
        ("visits", 2**63),
        ("active", 1),
        ("founded", "2024-02-30"),
        ("founded", "12.06.2024"),
        ("seen", "yesterday"),
        ("revenue", "much"),
        ("logo", "%%%"),
        ("kind", "Small"),
        ("address", "Bodø"),
        ("accountid", "42"),
    ],
)
def test_a_value_of_another_type_is_refused(shop: Browser, column: str, value: object) -> None:
    status, code, message = error_of(shop.post("accounts", {column: value}))

    assert (status, code) == (400, "0x80048d19")
    assert f"'{column}'" in message
    assert shop.emulator.rows("accounts") == []


def test_text_beyond_its_length_is_refused(shop: Browser) -> None:
    status, code, message = error_of(shop.post("tasks", {"subject": "x" * 21}))

    assert (status, code) == (400, "0x80044331")
    assert "The length of the 'subject' attribute of the 'task' entity" in message


def test_an_unknown_column_is_refused(shop: Browser) -> None:
    status, code, message = error_of(shop.post("accounts", {"nmae": "Acme"}))

    assert (status, code) == (400, "0x80048d19")
    assert "'nmae' does not exist on type 'Microsoft.Dynamics.CRM.account'" in message


def test_a_required_column_must_be_given_and_stay(shop: Browser) -> None:
    assert "'name'" in error_of(shop.post("products", {}))[2]
    assert shop.post("products", {"productid": ID, "name": "Tea"}).status_code == 204
    assert error_of(shop.patch(f"products({ID})", {"name": None}))[0] == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(shop: Browser, body: bytes) -> None:
    refused = shop.send("POST", "accounts", content=body, headers={"Content-Type": "application/json"})

    assert error_of(refused)[:2] == (400, "0x80048d19")


def test_a_body_that_is_no_json_is_refused(shop: Browser) -> None:
    refused = shop.send("POST", "accounts", content=b"<a/>", headers={"Content-Type": "text/xml"})

    assert refused.status_code == 415


def test_a_row_that_is_not_there_is_not_found(shop: Browser) -> None:
    for method in ("GET", "DELETE"):
        assert error_of(shop.send(method, f"accounts({ID})")) == (
            404,
            "0x80040217",
            f"Entity 'account' With Id = {ID} Does Not Exist",
        )


@pytest.mark.parametrize("path", ["nothing", "Accounts", f"accounts({ID})/nothing", "accounts/nothing", "a b"])
def test_an_unknown_segment_is_not_found(shop: Browser, path: str) -> None:
    shop.emulator.seed("accounts", [{"accountid": ID}])
    status, code, message = error_of(shop.get(path))

    assert (status, code) == (404, "0x8006088a")
    assert message.startswith("Resource not found for the segment '")


@pytest.mark.parametrize("key", ["42", "name='x'", "'", "", "accountid=1,name='x'"])
def test_a_key_that_is_none_is_refused(shop: Browser, key: str) -> None:
    assert error_of(shop.get(f"accounts({key})"))[:2] == (400, "0x80060888")


def test_a_change_touches_what_it_names(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": ID, "name": "Acme", "size": 3}])
    changed = shop.patch(f"accounts({ID})", {"size": None})

    assert changed.status_code == 204
    assert changed.headers["OData-EntityId"].endswith(f"accounts({ID})")
    (row,) = shop.emulator.rows("accounts")
    assert (row["name"], row["size"]) == ("Acme", None)


def test_a_change_of_a_missing_row_creates_it(shop: Browser) -> None:
    assert shop.patch(f"accounts({ID})", {"name": "Acme"}).status_code == 204
    assert [row["accountid"] for row in shop.emulator.rows("accounts")] == [ID]


def test_if_match_star_forbids_creating(shop: Browser) -> None:
    assert shop.patch(f"accounts({ID})", {"name": "Acme"}, **{"If-Match": "*"}).status_code == 404
    assert shop.emulator.rows("accounts") == []


def test_if_none_match_star_forbids_changing(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": ID, "name": "Acme"}])

    assert shop.patch(f"accounts({ID})", {"name": "B"}, **{"If-None-Match": "*"}).status_code == 412
    assert shop.emulator.rows("accounts")[0]["name"] == "Acme"


def test_an_etag_guards_against_lost_updates(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": ID, "name": "Acme"}])
    etag = shop.get(f"accounts({ID})").json()["@odata.etag"]
    assert shop.patch(f"accounts({ID})", {"name": "B"}, **{"If-Match": etag}).status_code == 204

    for refused in (
        shop.patch(f"accounts({ID})", {"name": "C"}, **{"If-Match": etag}),
        shop.delete(f"accounts({ID})", **{"If-Match": etag}),
    ):
        assert error_of(refused) == (
            412,
            "0x80060882",
            "The version of the existing record doesn't match the RowVersion property provided.",
        )


def test_an_unchanged_row_is_not_sent_again(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": ID}])
    etag = shop.get(f"accounts({ID})").headers["ETag"]

    assert shop.get(f"accounts({ID})", **{"If-None-Match": etag}).status_code == 304


def test_a_row_is_deleted_once(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": ID}])

    assert shop.delete(f"accounts({ID})").status_code == 204
    assert shop.delete(f"accounts({ID})").status_code == 404


def test_one_column_is_read_set_and_emptied(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": ID, "name": "Acme", "revenue": "1.50"}])

    assert shop.get(f"accounts({ID})/name").json()["value"] == "Acme"
    assert shop.get(f"accounts({ID})/name/$value").text == "Acme"
    assert shop.get(f"accounts({ID})/revenue/$value").text == "1.50"
    assert shop.send("PUT", f"accounts({ID})/name", json={"value": "B"}).status_code == 204
    assert shop.emulator.rows("accounts")[0]["name"] == "B"
    assert shop.delete(f"accounts({ID})/name").status_code == 204
    assert shop.get(f"accounts({ID})/name").status_code == 204


def test_composite_keys_address_a_row(shop: Browser) -> None:
    created = shop.post("lines", {"Order": "O'1|a", "Position": 2, "Text": "Tea"})
    address = created.headers["OData-EntityId"]

    assert address.endswith("lines(Order='O''1%7Ca',Position=2)")
    assert shop.get(address).json()["Text"] == "Tea"
    assert shop.get("lines(Position=2,Order='O''1%7Ca')").status_code == 200
    assert error_of(shop.get("lines(Position=3,Order='x')"))[:2] == (404, "0x80060891")
    assert "'Order'" in error_of(shop.post("lines", {"Position": 1}))[2]


def test_whole_number_keys_are_counted_on(shop: Browser) -> None:
    shop.emulator.seed("counters", [{"Number": 41}])

    assert shop.post("counters", {"Text": "next"}).headers["OData-EntityId"].endswith("counters(42)")


def test_open_types_take_columns_nobody_declared(shop: Browser) -> None:
    created = shop.post("notes", {"mood": "good", "n": 1}, Prefer="return=representation").json()

    assert (created["mood"], created["n"]) == ("good", 1)
    assert len(shop.rows("notes?$filter=mood eq 'good'")) == 1


def test_no_row_can_be_of_an_abstract_type(shop: Browser) -> None:
    assert error_of(shop.post("activitypointers", {"subject": "x"}))[0] == 400
    named = {"@odata.type": "#Microsoft.Dynamics.CRM.email", "subject": "x"}
    assert shop.post("activitypointers", named).status_code == 204
    assert shop.emulator.rows("emails")[0]["subject"] == "x"
    assert shop.emulator.rows("tasks") == []


def test_a_base_types_set_lists_the_rows_of_all_its_types(shop: Browser) -> None:
    shop.emulator.seed("tasks", [{"subject": "a"}])
    shop.emulator.seed("emails", [{"subject": "b"}])

    rows = shop.rows("activitypointers?$select=subject")
    assert [(row["@odata.type"], row["subject"]) for row in rows] == [
        ("#Microsoft.Dynamics.CRM.task", "a"),
        ("#Microsoft.Dynamics.CRM.email", "b"),
    ]
    key = rows[0]["activityid"]
    assert shop.get(f"tasks({key})").status_code == 200
    assert shop.get(f"emails({key})").status_code == 404


def test_an_alternate_key_reads_creates_and_stays_unique(portal: Browser) -> None:
    (mentor,) = portal.emulator.seed("contacts", [{"lastname": "Nordmann"}])
    address = f"new_certifications(_new_mentor_value={mentor},new_type=100000000)"
    assert error_of(portal.get(address))[:2] == (404, "0x80060891")

    assert portal.patch(address, {"new_name": "A"}).status_code == 204
    assert portal.get(address).json()["new_name"] == "A"
    assert portal.patch(address, {"new_name": "B"}).status_code == 204
    (row,) = portal.emulator.rows("new_certifications")
    assert (row["new_name"], row["_new_mentor_value"]) == ("B", mentor)

    second = {"new_Mentor@odata.bind": f"/contacts({mentor})", "new_type": 100000000}
    assert error_of(portal.post("new_certifications", second))[:2] == (412, "0x80060892")


def test_the_server_fills_what_is_its_own(portal: Browser) -> None:
    body = {"firstname": "Kari", "lastname": "Nordmann", "fullname": "Somebody", "createdon": "2000-01-01T00:00:00Z"}
    row = portal.post("contacts", body, Prefer="return=representation").json()

    assert row["fullname"] == "Kari Nordmann"
    assert row["createdon"] == row["modifiedon"] == "2024-06-12T13:46:40Z"
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert row["_ownerid_value"] == portal.emulator.user_id
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'


def test_seeding_is_all_or_nothing_and_may_set_server_columns(portal: Browser) -> None:
    rows: list[dict[str, Any]] = [{"lastname": "A", "createdon": "2020-01-01T00:00:00Z"}, {"nonsense": 1}]
    with pytest.raises(Exception, match="nonsense"):
        portal.emulator.seed("contacts", rows)
    assert portal.emulator.rows("contacts") == []

    portal.emulator.seed("contact", rows[:1])
    assert portal.emulator.rows("contacts")[0]["createdon"] == "2020-01-01T00:00:00Z"
    with pytest.raises(KeyError, match="nothing"):
        portal.emulator.seed("nothing", [])


def test_methods_that_a_resource_lacks_are_refused(shop: Browser) -> None:
    for method, path in (
        ("DELETE", "accounts"),
        ("PATCH", "accounts"),
        ("HEAD", "accounts"),
        ("POST", f"accounts({uuid.uuid4()})"),
    ):
        assert shop.send(method, path, json={}).status_code in (404, 405), (method, path)


def test_the_document_and_the_list_of_sets_are_served(shop: Browser) -> None:
    assert shop.get("$metadata").content == shop.emulator.metadata_document
    assert {"name": "lines", "kind": "EntitySet", "url": "lines"} in shop.get("").json()["value"]


def test_every_answer_carries_the_headers_of_dataverse(shop: Browser) -> None:
    for response in (shop.get("accounts"), shop.get("nothing")):
        assert response.headers["OData-Version"] == "4.0"
        assert response.headers["REQ_ID"] == response.headers["x-ms-service-request-id"]


def test_any_minor_version_of_the_web_api_is_served(shop: Browser) -> None:
    token = {"Authorization": f"Bearer {shop.token}"}

    assert "/api/data/v9.0/$metadata#" in shop.http.get("/api/data/v9.0/accounts", headers=token).text
    assert shop.http.get("/api/data/v8.2/accounts", headers=token).status_code == 404
    assert shop.http.get("/somewhere").status_code == 404
