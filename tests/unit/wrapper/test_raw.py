"""Raw responses, in both clients: what the wire said, beside what it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import API, MENTOR, Clock, Service, Shell, made, problem, rows

from dynamics_portal import NotFoundError, RawResponse, ServerError
from dynamics_portal_api.models import Contact
from dynamics_portal_api.operations import NewSetWebsiteVisibility, WhoAmI

ROW = {"contactid": str(MENTOR), "firstname": "Kari", "@odata.etag": 'W/"8"'}


def test_a_read_has_status_headers_content_and_meaning(
    shell: Shell, portal: Any, service: Service, clock: Clock
) -> None:
    service.answer(problem(503), httpx2.Response(200, json=ROW, headers={"X-Own": "Kari", "REQ_ID": "r-1"}))
    response = shell(portal.with_raw_response.contacts.get(MENTOR, select=["firstname"]))
    assert (response.status_code, response.headers["x-own"], response.attempts) == (200, "Kari", 2)
    assert response.elapsed == sum(clock.slept) > 0
    assert response.request_id == "r-1"
    assert b'"firstname"' in response.content
    assert response.parse() == Contact.from_dict(ROW)
    assert "Kari" not in repr(response)


def test_each_verb_has_one(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={**ROW, "value": "Kari"}, headers={"x-own": "1"}))
    raw = portal.with_raw_response
    contacts = raw.contacts
    row = Contact.from_dict(ROW)
    other = portal.systemusers.reference(MENTOR)
    calls: list[Callable[[], Any]] = [
        lambda: contacts.get(MENTOR),
        lambda: contacts.get_if_changed(row),
        lambda: contacts.create({"firstname": "Kari"}, return_row=True),
        lambda: contacts.update(MENTOR, {}, return_row=True),
        lambda: contacts.update(MENTOR, {}),
        lambda: contacts.upsert(MENTOR, {}, return_row=True),
        lambda: contacts.upsert(MENTOR, {}),
        lambda: contacts.delete(MENTOR),
        lambda: contacts.get_value(MENTOR, portal.contacts.c.firstname),
        lambda: contacts.set_value(MENTOR, portal.contacts.c.firstname, "Kari"),
        lambda: contacts.clear_value(MENTOR, portal.contacts.c.firstname),
        lambda: contacts.associate(MENTOR, "ownerid", other),
        lambda: contacts.disassociate(MENTOR, "ownerid"),
        lambda: raw.execute(WhoAmI()),
        lambda: raw.execute(NewSetWebsiteVisibility(MENTOR, visible=True)),
        lambda: raw.table(Contact).get(MENTOR),
        lambda: raw.table("contact").get(MENTOR),
    ]
    for call in calls:
        response = shell(call())
        assert isinstance(response, RawResponse)
        assert response.headers["x-own"] == "1"
        response.parse()
    service.answers[:] = [httpx2.Response(200, content=b"7")]
    assert shell(contacts.count()).parse() == 7


def test_create_gives_the_key_that_it_gives_else(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(made)
    response = shell(portal.with_raw_response.contacts.create({}))
    assert response.headers["odata-entityid"] == f"{API}contacts({response.parse()})"


def test_a_row_that_has_not_changed_has_its_status(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(304))
    response = shell(portal.with_raw_response.contacts.get_if_changed(Contact.from_dict(ROW)))
    assert (response.status_code, response.parse()) == (304, None)


def test_a_list_has_a_response_for_each_page(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows(ROW, ROW, next_link=f"{API}contacts?$skiptoken=2"), rows(ROW))
    pages = shell(portal.with_raw_response.contacts.list(page_size=2))
    assert [len(page.parse()) for page in pages] == [2, 1]
    assert [b"nextLink" in page.content for page in pages] == [True, False]


def test_what_cannot_be_understood_is_there_all_the_same(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, content=b"<html>Kari"))
    response = shell(portal.with_raw_response.contacts.get(MENTOR))
    assert response.content == b"<html>Kari"
    for _ in range(2):
        with pytest.raises(ServerError, match="not what the contract says"):
            response.parse()


def test_a_failure_is_raised_as_ever(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(problem(404, "0x80040217"))
    raw = portal.with_raw_response
    with pytest.raises(NotFoundError):
        shell(raw.contacts.get(MENTOR))
    with pytest.raises(NotFoundError):
        shell(raw.execute(WhoAmI()))
    with pytest.raises(NotFoundError):
        shell(raw.contacts.list())


def test_options_are_kept(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json=ROW))
    shell(portal.with_options(correlation_id="c-1").with_raw_response.contacts.get(MENTOR))
    assert service.last.headers["x-correlation-id"] == "c-1"


def test_an_unknown_table_is_no_attribute(portal: Any) -> None:
    with pytest.raises(AttributeError, match="has no table 'nothing'"):
        portal.with_raw_response.nothing  # noqa: B018 # it is what fails
    assert "hlf.crm4" in repr(portal.with_raw_response)
    assert repr(portal.with_raw_response.contacts).endswith("RawTable: contacts>")
