"""Conditions that refer to the calling user, with teams and reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx2
import pytest
from tests.integration.emulator.conftest import Browser
from tests.unit.emulator.documents import PEOPLE

from dynamics_portal_emulator import running_emulator


@pytest.fixture(name="office")
def office_fixture() -> Iterator[Browser]:
    """Tickets of the caller, a report, the report's report, a stranger, and of a team of each of the first two."""
    with running_emulator(PEOPLE) as emulator:
        me = emulator.user_id
        with closing(httpx2.Client(base_url=emulator.base_url, verify=emulator.ssl_context())) as http:
            browser = Browser(emulator, http)
            assert browser.patch(f"systemusers({me})", {"fullname": "Me"}).status_code == 204
            (report,) = emulator.seed("systemusers", [{"fullname": "Report", "_parentsystemuserid_value": me}])
            (deeper,) = emulator.seed("systemusers", [{"fullname": "Deeper", "_parentsystemuserid_value": report}])
            (stranger,) = emulator.seed("systemusers", [{"fullname": "Stranger"}])
            mine, theirs = emulator.seed("teams", [{"name": "Mine"}, {"name": "Theirs"}])
            for user, team in ((me, mine), (report, theirs)):
                reference = {"@odata.id": f"{emulator.base_url}/api/data/v9.2/teams({team})"}
                path = f"systemusers({user})/teammembership_association/$ref"
                assert browser.post(path, reference).status_code == 204
            owners = {
                "me": me,
                "report": report,
                "deeper": deeper,
                "stranger": stranger,
                "mine": mine,
                "theirs": theirs,
            }
            tickets = [{"name": name, "_ownerid_value": owner} for name, owner in owners.items()]
            unit = {"name": "unit", "_ownerid_value": stranger, "_unit_value": emulator.business_unit_id}
            emulator.seed("tickets", [*tickets, unit])
            yield browser


def test_owners_are_found_by_the_calling_user(office: Browser) -> None:
    def found(function: str, column: str = "ownerid") -> list[str]:
        condition = f"Microsoft.Dynamics.CRM.{function}(PropertyName='{column}')"
        return [row["name"] for row in office.rows(f"tickets?$filter={condition}")]

    assert found("EqualUserId") == ["me"]
    assert found("NotEqualUserId") == ["report", "deeper", "stranger", "mine", "theirs", "unit"]
    assert found("EqualUserTeams") == ["mine"]
    assert found("EqualUserOrUserTeams") == ["me", "mine"]
    assert found("EqualUserOrUserHierarchy") == ["me", "report", "deeper"]
    assert found("EqualUserOrUserHierarchyAndTeams") == ["me", "report", "deeper", "mine", "theirs"]
    assert found("EqualBusinessId", "unit") == ["unit"]
    assert found("EqualRoleBusinessId", "unit") == ["unit"]
    assert len(found("NotEqualBusinessId", "unit")) == 6


def test_users_are_found_by_their_place_in_the_hierarchy(office: Browser) -> None:
    def found(function: str, user: str) -> list[str]:
        condition = f"Microsoft.Dynamics.CRM.{function}(PropertyName='systemuserid',PropertyValue='{user}')"
        return [row["fullname"] for row in office.rows(f"systemusers?$filter={condition}")]

    keys = {row["fullname"]: row["systemuserid"] for row in office.rows("systemusers")}
    assert found("Under", keys["Me"]) == ["Report", "Deeper"]
    assert found("Above", keys["Deeper"]) == ["Me", "Report"]
    assert found("NotUnder", keys["Me"]) == ["Me", "Stranger"]


def test_a_lookup_to_several_tables_sorts_by_the_names_that_it_shows(office: Browser) -> None:
    shown = [row["name"] for row in office.rows("tickets?$orderby=_ownerid_value")]

    assert shown == ["deeper", "me", "mine", "report", "stranger", "unit", "theirs"]


@pytest.mark.parametrize("flag", ["intersect='true'", ""])
def test_an_intersect_table_that_the_document_declares_is_joined_through_too(office: Browser, flag: str) -> None:
    team = "<link-entity name='team' from='teamid' to='teamid' alias='t'><attribute name='name'/></link-entity>"
    through = f"<link-entity name='teammembership' from='systemuserid' to='systemuserid' {flag}>{team}</link-entity>"
    xml = f"<fetch><entity name='systemuser'><attribute name='fullname'/>{through}</entity></fetch>"
    found = office.send("GET", "systemusers", params={"fetchXml": xml}).json()["value"]

    assert [(row["fullname"], row["t.name"]) for row in found] == [("Me", "Mine"), ("Report", "Theirs")]
    assert all(row["systemuserid"] == row["ownerid"] for row in found)
    assert set(office.rows("systemusers?$select=fullname")[0]) == {"@odata.etag", "fullname", "systemuserid", "ownerid"}


def test_a_hierarchy_that_is_a_circle_ends(office: Browser) -> None:
    keys = {row["fullname"]: row["systemuserid"] for row in office.rows("systemusers")}
    bind = {"parentsystemuserid@odata.bind": f"/systemusers({keys['Deeper']})"}
    assert office.patch(f"systemusers({keys['Me']})", bind).status_code == 204

    condition = f"Microsoft.Dynamics.CRM.Above(PropertyName='systemuserid',PropertyValue='{keys['Me']}')"
    assert len(office.rows(f"systemusers?$filter={condition}")) == 3
