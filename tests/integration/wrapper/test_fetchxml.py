"""FetchXML and saved views through the whole client, over real TLS: pages by the service's cookie, joins, groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from tests.integration.wrapper.conftest import SPEC
from tests.unit.wrapper.support import Shell

from dynamics_portal import InvalidRequestError, NotFoundError
from dynamics_portal_api.models import Contact, ContactMentorStatus
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

VIEW = UUID("00000000-0000-0000-00aa-000010001002")
BY_NAME = """
<fetch><entity name="contact">
  <attribute name="lastname"/><attribute name="new_mentor_status"/><order attribute="lastname"/>
  <filter><condition attribute="lastname" operator="like" value="{like}"/></filter>
</entity></fetch>"""
NAMES = [f'Nordmann-{number:03} & søn\'s <"x">' for number in range(25)]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    view = BY_NAME.replace("{like}", "Nord%")
    data: dict[str, list[dict[str, Any]]] = {
        "contacts": [
            {"lastname": name, "new_mentor_status": 100000000 + place % 2} for place, name in enumerate(NAMES)
        ],
        "savedqueries": [{"savedqueryid": str(VIEW), "name": "Mentors", "fetchxml": view}],
        "userqueries": [{"userqueryid": str(VIEW), "name": "Mine", "fetchxml": view}],
    }
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json", data=data) as running:
        yield running


def test_all_pages_come_by_cookie_once_and_in_order(shell: Shell, portal: Any) -> None:
    rows = shell(portal.contacts.fetch_xml(BY_NAME, values={"like": "Nord%"}, page_size=4))
    assert [row.lastname for row in rows] == NAMES
    assert all(isinstance(row, Contact) and row.etag for row in rows)
    assert {row.new_mentor_status for row in rows} == {ContactMentorStatus.ACTIVE, ContactMentorStatus.PAUSED}


def test_a_value_finds_what_it_says_and_nothing_else(shell: Shell, portal: Any) -> None:
    exact = BY_NAME.replace('"like"', '"eq"')
    for name in (NAMES[3], NAMES[7]):
        assert [row.lastname for row in shell(portal.contacts.fetch_xml(exact, values={"like": name}))] == [name]
    assert shell(portal.contacts.fetch_xml(exact, values={"like": "' or 'a' = 'a"})) == []


def test_groups_are_counted(shell: Shell, portal: Any) -> None:
    query = """
    <fetch aggregate="true"><entity name="contact">
      <attribute name="new_mentor_status" alias="status" groupby="true"/>
      <attribute name="contactid" alias="number" aggregate="count"/><order alias="status"/>
    </entity></fetch>"""
    groups = shell(portal.contacts.fetch_xml_aggregate(query))
    assert sorted((group["status"], group["number"]) for group in groups) == [(100000000, 13), (100000001, 12)]


def test_columns_of_a_linked_table_come_along(shell: Shell, portal: Any) -> None:
    mentor = shell(portal.contacts.fetch_xml(BY_NAME, values={"like": "Nord%"}, page_size=1).page())[0]
    bind = {"new_Mentor@odata.bind": portal.contacts.reference(mentor.contactid), "new_name": "Visit"}
    shell(portal.new_assignments.create(bind))
    query = """
    <fetch><entity name="new_assignment"><attribute name="new_name"/>
      <link-entity name="contact" from="contactid" to="new_mentor" alias="mentor">
        <attribute name="lastname"/>
      </link-entity>
    </entity></fetch>"""
    (assignment,) = shell(portal.new_assignments.fetch_xml(query))
    assert assignment.new_name == "Visit"
    linked = {name: value for name, value in assignment.additional_properties.items() if "@" not in name}
    assert list(linked.values()) == [NAMES[0]]


@pytest.mark.parametrize("verb", ["saved_query", "user_query"])
def test_the_rows_of_a_view_come_in_pages(verb: str, shell: Shell, portal: Any) -> None:
    rows = getattr(portal.contacts, verb)(VIEW, page_size=10)
    assert [len(page) for page in shell(rows.pages())] == [10, 10, 5]


def test_a_view_that_is_not_there_is_not_found(shell: Shell, portal: Any) -> None:
    with pytest.raises(NotFoundError):
        shell(portal.contacts.saved_query(UUID(int=1)))


def test_what_the_service_refuses_is_told(shell: Shell, portal: Any) -> None:
    query = BY_NAME.replace('"like"', '"nonsense"')
    with pytest.raises(InvalidRequestError) as caught:
        shell(portal.contacts.fetch_xml(query, values={"like": "Nord%"}))
    assert caught.value.status_code == 400
