"""CreateMultiple, UpdateMultiple, UpsertMultiple, DeleteMultiple and BulkDelete."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from tests.integration.emulator.conftest import NOW, Browser, error_of

CRM = "Microsoft.Dynamics.CRM"
A, B = "aaaaaaaa-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000002"


def items(*rows: dict[str, Any], kind: str = "dep_item") -> dict[str, Any]:
    return {"Targets": [{"@odata.type": f"{CRM}.{kind}", **row} for row in rows]}


def bulk(browser: Browser, message: str, body: Any, table: str = "dep_items", **headers: str) -> httpx2.Response:
    return browser.post(f"{table}/{CRM}.{message}", body, **headers)


def names(browser: Browser) -> list[str]:
    return [row["dep_name"] for row in browser.emulator.rows("dep_items")]


def test_rows_are_created_and_their_ids_come_in_order(depot: Browser) -> None:
    answer = bulk(depot, "CreateMultiple", items({"dep_name": "one"}, {"dep_itemid": A, "dep_name": "two"}))

    assert answer.status_code == 200, answer.text
    assert answer.json()["@odata.context"].endswith(f"$metadata#{CRM}.CreateMultipleResponse")
    assert answer.json()["Ids"] == [row["dep_itemid"] for row in depot.emulator.rows("dep_items")]
    assert answer.json()["Ids"][1] == A
    assert names(depot) == ["one", "two"]


def test_rows_are_changed_by_id_and_by_alternate_key(depot: Browser) -> None:
    depot.emulator.seed("dep_items", [{"dep_itemid": A, "dep_name": "old"}, {"dep_code": "x", "dep_name": "old"}])
    by_key = {"@odata.id": "dep_items(dep_code='x')", "dep_name": "by key"}

    answer = bulk(depot, "UpdateMultiple", items({"dep_itemid": A, "dep_name": "by id"}, by_key))

    assert (answer.status_code, answer.content) == (204, b"")
    assert names(depot) == ["by id", "by key"]


def test_an_upsert_changes_what_is_there_and_creates_the_rest(depot: Browser) -> None:
    depot.emulator.seed("dep_items", [{"dep_itemid": A, "dep_code": "x", "dep_name": "old", "dep_count": 3}])
    targets = [
        {"@odata.id": "dep_items(dep_code='x')", "dep_name": "changed"},
        {"@odata.id": "dep_items(dep_code='y')", "dep_name": "made"},
        {"dep_itemid": B, "dep_name": "with id"},
    ]

    answer = bulk(depot, "UpsertMultiple", items(*targets))

    assert (answer.status_code, answer.content) == (204, b"")
    rows = {row["dep_name"]: row for row in depot.emulator.rows("dep_items")}
    assert (rows["changed"]["dep_itemid"], rows["changed"]["dep_count"]) == (A, 3)
    assert rows["made"]["dep_code"] == "y"
    assert rows["with id"]["dep_itemid"] == B


@pytest.mark.parametrize(
    ("message", "wrong", "expected"),
    [
        ("CreateMultiple", {"dep_name": "x" * 41}, (400, "0x80044331")),
        ("CreateMultiple", {"dep_itemid": A}, (412, "0x80040237")),
        ("UpdateMultiple", {"dep_itemid": B}, (404, "0x80040217")),
        ("UpdateMultiple", {"@odata.id": "dep_items(dep_code='nobody')"}, (404, "0x80060891")),
        ("UpdateMultiple", {"dep_name": "which?"}, (400, "0x80048d19")),
        ("UpsertMultiple", {"dep_itemid": B, "dep_nmae": "?"}, (400, "0x80048d19")),
    ],
)
def test_one_wrong_row_leaves_nothing_done(
    depot: Browser, message: str, wrong: dict[str, Any], expected: tuple[int, str]
) -> None:
    depot.emulator.seed("dep_items", [{"dep_itemid": A, "dep_name": "old"}])
    right = {"dep_name": "new"} if message == "CreateMultiple" else {"dep_itemid": A, "dep_name": "new"}

    assert error_of(bulk(depot, message, items(right, wrong)))[:2] == expected
    assert names(depot) == ["old"]


def test_each_target_must_say_its_type(depot: Browser) -> None:
    status, code, message = error_of(bulk(depot, "CreateMultiple", {"Targets": [{"dep_name": "one"}]}))

    assert (status, code) == (400, "0x80048d19")
    assert "@odata.type" in message
    other = error_of(bulk(depot, "CreateMultiple", items({"dep_name": "one"}, kind="dep_room")))
    assert "not assignable" in other[2]
    assert error_of(bulk(depot, "CreateMultiple", {}))[2].endswith(
        "Required parameter 'Targets' is missing or empty for the operation 'CreateMultiple'."
    )


def test_a_table_that_lacks_the_message_says_so_in_both_ways(depot: Browser) -> None:
    def available(message: str, table: str) -> bool:
        query = "$filter=sdkmessageid/name eq @message and primaryobjecttypecode eq @table"
        parameters = f"@message='{message}'&@table='{table}'"
        return len(depot.rows(f"sdkmessagefilters?$select=sdkmessagefilterid&{query}&{parameters}")) == 1

    assert available("CreateMultiple", "dep_item")
    assert available("CreateMultiple", "dep_reading")
    assert available("Delete", "dep_item")
    assert not available("DeleteMultiple", "dep_item")
    assert available("DeleteMultiple", "dep_reading")

    depot.emulator.settings.without_bulk.add("dep_item")

    assert not available("CreateMultiple", "dep_item")
    status, code, message = error_of(bulk(depot, "CreateMultiple", items({"dep_name": "one"})))
    assert (status, code) == (405, "0x80040800")
    assert "does not support entities of type 'dep_item'" in message


def test_a_document_without_message_tables_answers_about_its_tables(portal: Browser) -> None:
    query = "$filter=sdkmessageid/name eq 'UpsertMultiple' and primaryobjecttypecode eq 'contact'"
    assert len(portal.rows(f"sdkmessagefilters?{query}")) == 1


def test_a_message_of_too_many_rows_runs_into_the_timeout(depot: Browser) -> None:
    depot.emulator.settings.bulk_seconds = depot.emulator.settings.cost(2)

    assert bulk(depot, "CreateMultiple", items({}, {})).status_code == 200
    assert error_of(bulk(depot, "CreateMultiple", items({}, {}, {})))[:2] == (500, "0x80044151")
    assert len(depot.emulator.rows("dep_items")) == 2


def test_a_message_of_too_many_bytes_is_refused(depot: Browser) -> None:
    depot.emulator.settings.message_size = 1000

    status, code, message = error_of(bulk(depot, "CreateMultiple", items({"dep_name": "x" * 1000})))

    assert (status, code) == (400, "0x80040216")
    assert message.startswith("Message size exceeded when sending context to Sandbox.")


def test_rows_of_a_standard_table_are_not_deleted_by_a_message(depot: Browser) -> None:
    answer = bulk(depot, "DeleteMultiple", items({"dep_itemid": A}))
    assert error_of(answer)[2] == "DeleteMultiple has not yet been implemented."


def test_rows_of_an_elastic_table_are_deleted_within_their_partitions(depot: Browser) -> None:
    row = {"dep_readingid": A, "dep_value": 1}
    depot.emulator.seed("dep_readings", [{**row, "partitionid": "north"}, {**row, "partitionid": "south"}])

    target = items({"dep_readingid": A, "partitionid": "south"}, kind="dep_reading")
    assert bulk(depot, "DeleteMultiple", target, "dep_readings").status_code == 204

    assert [row["partitionid"] for row in depot.emulator.rows("dep_readings")] == ["north"]


def test_an_elastic_table_keeps_the_rows_that_were_right(depot: Browser) -> None:
    body = items({"dep_value": 1}, {"dep_unit": "too long"}, {"dep_value": 3}, kind="dep_reading")
    details = "@Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails"

    asked = bulk(depot, "CreateMultiple", body, "dep_readings", Prefer='odata.include-annotations="*"')

    assert error_of(asked)[:2] == (400, "0x80044331")
    told = json.loads(asked.json()["error"][details])
    assert [(item["RequestIndex"], item["StatusCode"]) for item in told] == [(0, 200), (1, 400), (2, 200)]
    rows = depot.emulator.rows("dep_readings")
    assert [row["dep_value"] for row in rows] == [1, 3]
    assert [item["Id"] for item in told] == [rows[0]["dep_readingid"], "", rows[1]["dep_readingid"]]
    assert details not in bulk(depot, "CreateMultiple", body, "dep_readings").json()["error"]


ITEMS: dict[str, Any] = {"EntityName": "dep_item"}


def job(*queries: dict[str, Any], start: str = "2024-01-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
    return {
        "QuerySet": [{"@odata.type": f"{CRM}.QueryExpression", **query} for query in queries],
        "JobName": "Tidy up",
        "SendEmailNotification": False,
        "ToRecipients": [],
        "CCRecipients": [],
        "RecurrencePattern": "",
        "StartDateTime": start,
        **changes,
    }


def condition(name: str, operator: str, *values: Any) -> dict[str, Any]:
    return {
        "AttributeName": name,
        "Operator": operator,
        "Values": [{"Value": value, "Type": "System.String"} for value in values],
    }


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        (None, []),
        ({"Conditions": [condition("dep_count", "GreaterThan", "1")]}, ["a"]),
        ({"Conditions": [condition("dep_name", "In", "A", "c")]}, ["b"]),
        ({"Conditions": [condition("dep_name", "NotEqual", "b")]}, ["b"]),
        (
            {"Conditions": [condition("dep_name", "BeginsWith", "b"), condition("dep_count", "Equal", 1)]},
            ["a", "b", "c"],
        ),
        ({"FilterOperator": "Or", "Filters": [{"Conditions": [condition("dep_shelf", "Null")]}]}, []),
    ],
)
def test_a_job_deletes_what_its_query_finds(depot: Browser, criteria: Any, left: list[str]) -> None:
    depot.emulator.seed("dep_items", [{"dep_name": name, "dep_count": n} for n, name in enumerate("abc", 1)])

    answer = depot.post("BulkDelete", job(ITEMS | {"Criteria": criteria}))

    assert answer.status_code == 200, answer.text
    assert names(depot) == left
    told = depot.get(f"asyncoperations({answer.json()['JobId']})").json()
    assert (told["name"], told["operationtype"], told["statecode"], told["statuscode"]) == ("Tidy up", 13, 3, 30)
    (counted,) = depot.emulator.rows("bulkdeleteoperations")
    assert (counted["successcount"], counted["failurecount"]) == (3 - len(left), 0)
    assert counted["_asyncoperationid_value"] == answer.json()["JobId"]


def test_a_job_waits_for_its_start(depot: Browser) -> None:
    depot.emulator.seed("dep_items", [{"dep_name": "old"}])
    body = job(ITEMS, start="2024-06-12T14:00:00Z")  # the clock stands at 13:46:40

    key = depot.post("BulkDelete", body).json()["JobId"]

    assert depot.get(f"asyncoperations({key})").json()["statecode"] == 0
    assert names(depot) == ["old"]
    depot.emulator.clock.advance(900)
    assert depot.rows("dep_items") == []
    assert depot.get(f"asyncoperations({key})").json()["completedon"] == "2024-06-12T14:01:40Z"
    assert depot.emulator.clock.time() == NOW + 900


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (job({"EntityName": "nothing"}), "nothing"),
        (job({"EntityName": "dep_item", "Criteria": {"Conditions": [condition("nmae", "Equal", "x")]}}), "'nmae'"),
        (
            job({"EntityName": "dep_item", "Criteria": {"Conditions": [condition("dep_count", "Equal", "x")]}}),
            "Edm.Int32",
        ),
        (job(ITEMS, JobName=None), "'JobName' is missing"),
        (job(ITEMS, start="soon"), "StartDateTime"),
    ],
)
def test_a_job_that_is_wrong_is_refused_and_deletes_nothing(depot: Browser, body: Any, told: str) -> None:
    depot.emulator.seed("dep_items", [{"dep_name": "old"}])

    status, _, message = error_of(depot.post("BulkDelete", body))

    assert status == 400
    assert told in message
    assert names(depot) == ["old"]


def test_what_is_not_emulated_is_told(depot: Browser) -> None:
    recurring = depot.post("BulkDelete", job(ITEMS, RecurrencePattern="FREQ=DAILY"))
    joined = depot.post("BulkDelete", job(ITEMS | {"LinkEntities": [{"LinkToEntityName": "x"}]}))

    assert error_of(recurring)[0] == error_of(joined)[0] == 501
    assert "LinkEntities" in error_of(joined)[2]
