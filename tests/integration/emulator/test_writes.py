"""What a write does beside its own row: duplicates, cascades, callers, bypassed logic; and conditions of writes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.emulator.conftest import Browser, error_of
from tests.integration.emulator.test_batches import change_set, request, send, statuses

A, B = "aaaaaaaa-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000002"
USER, OBJECT = "cccccccc-0000-0000-0000-000000000003", "dddddddd-0000-0000-0000-000000000004"
NOBODY = "eeeeeeee-0000-0000-0000-000000000005"


def created(browser: Browser, table: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = browser.post(table, body, Prefer="return=representation", **headers)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


def counts(browser: Browser) -> list[int]:
    return [len(browser.emulator.rows(table)) for table in ("dep_rooms", "dep_shelfs", "dep_items", "dep_labels")]


def test_rows_are_created_through_several_levels_at_once(depot: Browser) -> None:
    shelf = {"dep_name": "shelf", "dep_shelf_items": [{"dep_name": "one"}, {"dep_name": "two"}]}
    shelf["dep_shelf_items"][0]["dep_item_labels"] = [{"dep_name": "red"}]  # type: ignore[index]

    room = created(depot, "dep_rooms", {"dep_name": "room", "dep_room_shelves": [shelf]})

    expand = "dep_room_shelves($expand=dep_shelf_items($expand=dep_item_labels($select=dep_name);$select=dep_name))"
    found = depot.get(f"dep_rooms({room['dep_roomid']})?$expand={expand}").json()["dep_room_shelves"][0]
    assert found["dep_name"] == "shelf"
    assert [item["dep_name"] for item in found["dep_shelf_items"]] == ["one", "two"]
    assert found["dep_shelf_items"][0]["dep_item_labels"][0]["dep_name"] == "red"


def test_a_deep_insert_that_fails_far_down_leaves_nothing(depot: Browser) -> None:
    items = [{"dep_name": "one"}, {"dep_name": "x" * 41}]
    body = {"dep_name": "room", "dep_room_shelves": [{"dep_shelf_items": items}]}

    assert error_of(depot.post("dep_rooms", body))[:2] == (400, "0x80044331")
    assert counts(depot) == [0, 0, 0, 0]
    assert depot.emulator.effects == ()


@pytest.mark.parametrize(
    ("there", "headers", "status", "code"),
    [
        (True, {}, 204, None),
        (False, {}, 204, None),
        (True, {"If-Match": "*"}, 204, None),
        (False, {"If-Match": "*"}, 404, "0x80040217"),
        (True, {"If-None-Match": "*"}, 412, "0x80040237"),
        (False, {"If-None-Match": "*"}, 204, None),
        (True, {"If-None-Match": "null"}, 204, None),
        (True, {"If-Match": 'W/"1"'}, 412, "0x80060882"),
        (False, {"If-Match": 'W/"1"'}, 404, "0x80040217"),
    ],
)
def test_conditions_of_an_upsert(
    depot: Browser, there: bool, headers: dict[str, str], status: int, code: str | None
) -> None:
    if there:
        depot.emulator.seed("dep_items", [{"dep_itemid": A, "dep_name": "old"}])

    answer = depot.patch(f"dep_items({A})", {"dep_name": "new"}, **headers)

    assert answer.status_code == status
    if code is None:
        assert [row["dep_name"] for row in depot.emulator.rows("dep_items")] == ["new"]
    else:
        assert error_of(answer)[1] == code
        assert [row["dep_name"] for row in depot.emulator.rows("dep_items")] == (["old"] if there else [])


def test_an_upsert_shows_the_row_if_asked(depot: Browser) -> None:
    prefer = {"Prefer": "return=representation"}

    first = depot.patch("dep_items(dep_code='x')?$select=dep_name", {"dep_name": "made"}, **prefer)
    second = depot.patch("dep_items(dep_code='x')?$select=dep_name", {"dep_name": "changed"}, **prefer)

    assert (first.status_code, first.json()["dep_name"]) == (201, "made")
    assert (second.status_code, second.json()["dep_name"]) == (200, "changed")
    assert first.json()["dep_itemid"] == second.json()["dep_itemid"]


def test_a_column_that_the_server_computes_is_passed_over(depot: Browser) -> None:
    row = created(depot, "dep_items", {"dep_name": "one", "dep_total": 5.5})
    assert row["dep_total"] is None


RULES = {"dep_item": [("dep_name", "dep_built"), ("dep_count",)]}
DETECT = {"MSCRM.SuppressDuplicateDetection": "false"}


@pytest.mark.parametrize(
    ("body", "duplicate"),
    [
        ({"dep_name": "ONE", "dep_built": "2024-01-01"}, True),
        ({"dep_name": "one", "dep_built": "2024-01-02"}, False),
        ({"dep_name": "one"}, False),
        ({"dep_count": 7}, True),
        ({"dep_count": None}, False),
    ],
)
def test_a_duplicate_is_refused_where_detection_is_asked_for(
    depot: Browser, body: dict[str, Any], duplicate: bool
) -> None:
    depot.emulator.settings.duplicate_rules.update(RULES)
    depot.emulator.seed("dep_items", [{"dep_name": "one", "dep_built": "2024-01-01", "dep_count": 7}])

    answer = depot.post("dep_items", body, **DETECT)

    if duplicate:
        status, code, message = error_of(answer)
        assert (status, code) == (412, "0x80040333")
        assert message.startswith("A record was not created or updated because a duplicate")
    assert len(depot.emulator.rows("dep_items")) == (1 if duplicate else 2)
    assert depot.post("dep_items", body).status_code == 204
    assert depot.post("dep_items", body, **{"MSCRM.SuppressDuplicateDetection": "true"}).status_code == 204


def test_a_change_that_makes_a_duplicate_is_refused_and_one_of_itself_is_not(depot: Browser) -> None:
    depot.emulator.settings.duplicate_rules.update(RULES)
    depot.emulator.seed("dep_items", [{"dep_itemid": A, "dep_count": 1}, {"dep_itemid": B, "dep_count": 2}])

    assert error_of(depot.patch(f"dep_items({B})", {"dep_count": 1}, **DETECT))[1] == "0x80040333"
    assert depot.patch(f"dep_items({A})", {"dep_count": 1, "dep_name": "same"}, **DETECT).status_code == 204
    assert [row["dep_count"] for row in depot.emulator.rows("dep_items")] == [1, 2]


USERS = [{"systemuserid": USER, "azureactivedirectoryobjectid": OBJECT, "fullname": "Kari"}]


@pytest.mark.parametrize("header", [{"CallerObjectId": OBJECT}, {"MSCRMCallerID": USER.upper()}])
def test_a_request_acts_in_another_users_name(depot: Browser, header: dict[str, str]) -> None:
    depot.emulator.seed("systemusers", USERS)
    me = depot.emulator.user_id

    row = created(depot, "dep_items", {"dep_name": "one"}, **header)

    assert depot.get("WhoAmI", **header).json()["UserId"] == USER
    assert depot.get("WhoAmI").json()["UserId"] == me
    assert [row[f"_{name}_value"] for name in ("createdby", "modifiedby", "ownerid")] == [USER] * 3
    assert [row[f"_{name}_value"] for name in ("createdonbehalfby", "modifiedonbehalfby")] == [me] * 2
    changed = depot.patch(f"dep_items({row['dep_itemid']})", {"dep_name": "two"}, Prefer="return=representation").json()
    assert (changed["_modifiedby_value"], changed["_modifiedonbehalfby_value"]) == (me, None)
    assert (changed["_createdby_value"], changed["_createdonbehalfby_value"]) == (USER, me)
    mine = "dep_items?$filter=Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"
    assert [len(depot.rows(mine, **header)), len(depot.rows(mine))] == [1, 0]


def test_a_user_may_be_known_to_the_emulator_alone(shop: Browser) -> None:
    made = shop.emulator.add_user(object_id=OBJECT)

    assert shop.get("WhoAmI", CallerObjectId=OBJECT).json()["UserId"] == made
    shop.emulator.reset()
    shop.token = shop.ask_token().json()["access_token"]
    assert error_of(shop.get("WhoAmI", CallerObjectId=OBJECT))[0] == 403


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"CallerObjectId": NOBODY}, (403, "0x80072560", "The user is not a member of the organization.")),
        ({"MSCRMCallerID": NOBODY}, (404, "0x80040217", f"systemuser With Id = {NOBODY} Does Not Exist")),
        ({"MSCRMCallerID": "kari"}, (400, "0x80060888", "The header MSCRMCallerID is no GUID.")),
    ],
)
def test_a_caller_that_nobody_knows_is_refused(
    depot: Browser, header: dict[str, str], expected: tuple[int, str, str]
) -> None:
    assert error_of(depot.post("dep_items", {}, **header)) == expected
    assert depot.emulator.rows("dep_items") == []


def test_acting_as_oneself_is_no_impersonation(depot: Browser) -> None:
    row = created(depot, "dep_items", {}, MSCRMCallerID=depot.emulator.user_id)
    assert row["_createdonbehalfby_value"] is None


def test_each_part_of_a_batch_has_its_own_caller(depot: Browser) -> None:
    depot.emulator.seed("systemusers", USERS)

    send(depot, request("POST dep_items", "{}", MSCRMCallerID=USER), request("POST dep_items", "{}"))

    owners = [row["_ownerid_value"] for row in depot.emulator.rows("dep_items")]
    assert owners == [USER, depot.emulator.user_id]


@pytest.mark.parametrize(
    ("headers", "bypassed"),
    [
        ({}, set()),
        ({"MSCRM.BypassCustomPluginExecution": "true"}, {"CustomSync"}),
        ({"MSCRM.BypassCustomPluginExecution": "false"}, set()),
        ({"MSCRM.SuppressCallbackRegistrationExpanderJob": "true"}, {"Flows"}),
        ({"MSCRM.BypassBusinessLogicExecution": "CustomSync,CustomAsync"}, {"CustomSync", "CustomAsync"}),
    ],
)
def test_what_a_write_bypasses_is_told_with_its_effect(
    depot: Browser, headers: dict[str, str], bypassed: set[str]
) -> None:
    key = created(depot, "dep_items", {"dep_name": "one"}, **headers)["dep_itemid"]

    (effect,) = depot.emulator.effects
    assert (effect.message, effect.table, effect.key) == ("Create", "dep_item", key)
    assert (effect.user_id, effect.actual_user_id) == (depot.emulator.user_id, None)
    assert effect.bypassed == bypassed


def test_logic_that_does_not_exist_cannot_be_bypassed(depot: Browser) -> None:
    answer = depot.post("dep_items", {}, **{"MSCRM.BypassBusinessLogicExecution": "All"})
    assert error_of(answer)[0] == 400


def test_effects_are_those_that_lasted(depot: Browser) -> None:
    depot.emulator.seed("dep_items", [{"dep_itemid": A}])
    created_twice = [request("POST dep_items", f'{{"dep_itemid": "{B}"}}', number) for number in (1, 2)]

    failed = send(depot, change_set(*created_twice))
    depot.patch(f"dep_items({A})", {"dep_name": "new"})
    depot.delete(f"dep_items({A})")

    assert statuses(failed) == [412]
    assert [(effect.message, effect.key) for effect in depot.emulator.effects] == [("Update", A), ("Delete", A)]


def room_with_items(browser: Browser) -> str:
    shelf = {"dep_shelf_items": [{"dep_name": "one"}, {"dep_name": "two"}]}
    key: str = created(browser, "dep_rooms", {"dep_room_shelves": [shelf]})["dep_roomid"]
    return key


def test_a_rows_removal_removes_links_unless_more_is_said(depot: Browser) -> None:
    key = room_with_items(depot)

    assert depot.delete(f"dep_rooms({key})").status_code == 204
    assert counts(depot) == [0, 1, 2, 0]
    assert depot.emulator.rows("dep_shelfs")[0]["_dep_room_value"] is None


def test_a_cascade_goes_as_far_as_relationships_say(depot: Browser) -> None:
    key = room_with_items(depot)
    depot.emulator.settings.on_delete["dep_room", "dep_room_shelves"] = "Cascade"
    depot.emulator.settings.on_delete["dep_shelf", "dep_shelf_items"] = "Cascade"

    assert depot.delete(f"dep_rooms({key})").status_code == 204
    assert counts(depot) == [0, 0, 0, 0]
    removed = [effect.table for effect in depot.emulator.effects if effect.message == "Delete"]
    assert removed == ["dep_item", "dep_item", "dep_shelf", "dep_room"]


def test_a_restriction_far_down_keeps_everything(depot: Browser) -> None:
    key = room_with_items(depot)
    depot.emulator.settings.on_delete["dep_room", "dep_room_shelves"] = "Cascade"
    depot.emulator.settings.on_delete["dep_shelf", "dep_shelf_items"] = "Restrict"

    status, code, message = error_of(depot.delete(f"dep_rooms({key})"))

    assert (status, code) == (405, "0x80040227")
    assert message == "The object you tried to delete is associated with another object and cannot be deleted."
    assert counts(depot) == [1, 1, 2, 0]


def test_a_ring_of_rows_that_cascade_goes_as_a_whole(shop: Browser) -> None:
    shop.emulator.settings.on_delete["account", "children"] = "Cascade"
    shop.emulator.seed("accounts", [{"accountid": A}, {"accountid": B, "parentaccountid@odata.bind": f"accounts({A})"}])
    shop.patch(f"accounts({A})", {"parentaccountid@odata.bind": f"accounts({B})"})

    assert shop.delete(f"accounts({A})").status_code == 204
    assert shop.emulator.rows("accounts") == []


def test_a_singleton_is_the_row_that_a_setting_names(depot: Browser) -> None:
    depot.emulator.seed("dep_rooms", [{"dep_roomid": A, "dep_name": "hall"}])
    assert "settings.singletons" in error_of(depot.get("dep_main"))[2]

    depot.emulator.settings.singletons["dep_main"] = A

    assert depot.get("dep_main?$select=dep_name").json()["dep_name"] == "hall"
    assert depot.get("dep_main/dep_name/$value").text == "hall"
    assert depot.patch("dep_main", {"dep_name": "new"}).status_code == 204
    assert depot.post("dep_main/dep_room_shelves", {"dep_name": "shelf"}).status_code == 204
    assert [row["dep_name"] for row in depot.rows("dep_main/dep_room_shelves")] == ["shelf"]
    assert depot.emulator.rows("dep_rooms")[0]["dep_name"] == "new"
