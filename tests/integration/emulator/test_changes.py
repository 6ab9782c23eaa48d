"""Change tracking: delta links, pages, removed rows, counts, and tokens that have expired."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.emulator.conftest import Browser, error_of, fresh

from dynamics_portal_emulator import Emulator, running_emulator

TRACK = {"Prefer": "odata.track-changes"}
A, B, C = (f"aaaaaaaa-0000-0000-0000-00000000000{n}" for n in (1, 2, 3))
UNKNOWN = "dddddddd-0000-0000-0000-000000000000"
DAY = 24 * 3600


def seeded(browser: Browser) -> str:
    """The delta link after a first load of three rows."""
    rows = [{"dep_itemid": key, "dep_name": name} for key, name in ((A, "a"), (B, "b"), (C, "c"))]
    browser.emulator.seed("dep_items", rows)
    link: str = browser.get("dep_items?$select=dep_name", **TRACK).json()["@odata.deltaLink"]
    return link


def names(answer: dict[str, Any]) -> list[str]:
    return [row.get("dep_name", row.get("id")) for row in answer["value"]]


def test_a_first_load_has_every_row_and_a_link_to_what_comes_next(depot: Browser) -> None:
    depot.emulator.seed("dep_items", [{"dep_name": "a"}])

    answer = depot.get("dep_items?$select=dep_name", **TRACK)

    assert answer.headers["Preference-Applied"] == "odata.track-changes"
    content = answer.json()
    assert content["@odata.context"].endswith("/$metadata#dep_items(dep_name)")
    assert content["@odata.deltaLink"].startswith(
        f"{depot.emulator.base_url}/api/data/v9.2/dep_items?$select=dep_name&$deltatoken="
    )
    assert content["@odata.deltaLink"].endswith("%2106%2F12%2F2024%2013%3A46%3A40")
    assert names(content) == ["a"]


def test_a_delta_has_what_is_new_changed_and_gone(depot: Browser) -> None:
    link = seeded(depot)
    depot.patch(f"dep_items({A})", {"dep_name": "a2"})
    depot.delete(f"dep_items({B})")
    depot.post("dep_items", {"dep_name": "d"})

    content = depot.get(link).json()

    assert content["@odata.context"].endswith("/$metadata#dep_items(dep_name)/$delta")
    assert names(content) == ["a2", "d", B]
    assert content["value"][0]["dep_itemid"] == A
    context = f"{depot.emulator.base_url}/api/data/v9.2/$metadata#dep_items/$deletedEntity"
    assert content["value"][2] == {"@odata.context": context, "id": B, "reason": "deleted"}
    nothing = depot.get(content["@odata.deltaLink"]).json()
    assert nothing["value"] == []
    assert "$deltatoken=" in nothing["@odata.deltaLink"]


def test_a_row_that_came_and_went_is_told_as_gone_and_one_that_came_back_as_there(depot: Browser) -> None:
    link = seeded(depot)
    passing = depot.post("dep_items", {"dep_name": "passing"}, Prefer="return=representation").json()["dep_itemid"]
    depot.delete(f"dep_items({passing})")
    depot.delete(f"dep_items({A})")
    depot.post("dep_items", {"dep_itemid": A, "dep_name": "back"})

    assert names(depot.get(link).json()) == ["back", passing]


def test_what_fails_is_no_change(depot: Browser) -> None:
    link = seeded(depot)
    body = {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.dep_item", "dep_itemid": key} for key in (A, UNKNOWN)]}

    assert depot.post("dep_items/Microsoft.Dynamics.CRM.UpdateMultiple", body).status_code == 404
    assert depot.get(link).json()["value"] == []


def test_the_number_of_changes_is_counted(depot: Browser) -> None:
    link = seeded(depot)
    depot.patch(f"dep_items({A})", {"dep_name": "a2"})
    depot.delete(f"dep_items({B})")

    counted = depot.get(link.replace("dep_items?$select=dep_name&", "dep_items/$count?"))

    assert counted.headers["Content-Type"].startswith("text/plain")
    assert counted.text == "2"


def walk(browser: Browser, link: str, size: int, between: Any = None) -> tuple[list[str], str, int]:
    """Names on all pages, the last page's delta link, and how many pages there were."""
    found: list[str] = []
    pages = 0
    while True:
        content = browser.get(link, Prefer=f"odata.track-changes,odata.maxpagesize={size}").json()
        pages += 1
        found += names(content)
        if between is not None:
            between()
        if "@odata.nextLink" not in content:
            return found, content["@odata.deltaLink"], pages
        assert "@odata.deltaLink" not in content
        link = content["@odata.nextLink"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_a_load_and_of_a_delta_lose_and_repeat_nothing(depot: Browser, size: int) -> None:
    depot.emulator.seed("dep_items", [{"dep_name": str(n)} for n in range(5)])
    first, link, _ = walk(depot, "dep_items?$select=dep_name", size)
    assert first == ["0", "1", "2", "3", "4"]

    keys = [row["dep_itemid"] for row in depot.emulator.rows("dep_items")]
    for key in keys[:2]:
        depot.delete(f"dep_items({key})")
    depot.patch(f"dep_items({keys[3]})", {"dep_name": "3b"})
    depot.post("dep_items", {"dep_name": "5"})

    changed, _, pages = walk(depot, link, size)
    assert changed == ["3b", "5", keys[0], keys[1]]
    assert pages == -(-4 // size)


def test_what_changes_between_pages_comes_with_the_next_delta(depot: Browser) -> None:
    link = seeded(depot)
    for key in (A, B):
        depot.patch(f"dep_items({key})", {"dep_name": "changed"})

    def again() -> None:
        depot.patch(f"dep_items({B})", {"dep_name": "late"})

    found, following, _ = walk(depot, link, 1, again)
    assert found == ["changed"]
    assert names(depot.get(following).json()) == ["late"]


@pytest.mark.parametrize("option", ["$filter=dep_count eq 1", "$orderby=dep_name", "$expand=dep_shelf", "$top=3"])
def test_other_query_options_are_refused(depot: Browser, option: str) -> None:
    status, code, message = error_of(depot.get(f"dep_items?{option}", **TRACK))

    assert (status, code) == (400, "0x80060888")
    name = option.partition("=")[0]
    assert message == f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'


def test_a_token_expires_after_the_organisations_days(depot: Browser) -> None:
    link = seeded(depot)

    depot.emulator.clock.advance(7 * DAY)
    depot.token = depot.ask_token().json()["access_token"]
    assert depot.get(link).status_code == 200

    depot.emulator.clock.advance(1)
    assert error_of(depot.get(link)) == (
        400,
        "0x80044352",
        "Version stamp associated with the client has expired. Please perform a full sync.",
    )
    depot.emulator.settings.change_tracking_days = 90
    assert depot.get(link).status_code == 200


@pytest.mark.parametrize("token", ["x", "1", "1!13/45/2024 00:00:00", "1%2106%2F12%2F2024"])
def test_a_token_that_is_none_is_refused(depot: Browser, token: str) -> None:
    assert error_of(depot.get(f"dep_items?$deltatoken={token}"))[:2] == (400, "0x80060888")


def test_a_token_of_another_organisation_asks_for_a_full_load(depot: Browser) -> None:
    token = "999999999%2106%2F12%2F2024%2013%3A46%3A40"
    assert error_of(depot.get(f"dep_items?$deltatoken={token}"))[1] == "0x80044352"


def test_a_table_without_change_tracking_says_so(depot: Browser) -> None:
    depot.emulator.settings.untracked.add("dep_item")

    assert "not enabled for entity 'dep_item'" in error_of(depot.get("dep_items", **TRACK))[2]
    tracked = depot.rows("EntityDefinitions?$select=LogicalName&$filter=ChangeTrackingEnabled eq true")
    assert "dep_room" in (found := [row["LogicalName"] for row in tracked])
    assert "dep_item" not in found


@pytest.fixture(name="annotated")
def annotated_fixture(depot_emulator: Emulator) -> Iterator[Browser]:
    said = b"""<EntitySet Name="dep_rooms" EntityType="mscrm.dep_room">
        <Annotation Term="Org.OData.Capabilities.V1.ChangeTracking">
          <Record><PropertyValue Property="Supported" Bool="false"/></Record></Annotation></EntitySet>"""
    plain = b'<EntitySet Name="dep_rooms" EntityType="mscrm.dep_room"/>'
    assert plain in depot_emulator.metadata_document
    with running_emulator(depot_emulator.metadata_document.replace(plain, said)) as emulator:
        yield from fresh(emulator)


def test_the_documents_annotation_is_believed(annotated: Browser) -> None:
    assert error_of(annotated.get("dep_rooms", **TRACK))[0] == 400
    assert annotated.get("dep_items", **TRACK).status_code == 200


def test_a_load_counts_its_rows_if_asked(depot: Browser) -> None:
    link = seeded(depot)
    depot.patch(f"dep_items({A})", {"dep_name": "a2"})

    assert depot.get("dep_items?$count=true", **TRACK).json()["@odata.count"] == 3
    assert depot.get(f"{link}&$count=true").json()["@odata.count"] == 1
