"""The verbs of a table, in both clients: what is sent, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx2
import pytest
from tests.unit.wrapper.support import API, BASE_URL, MENTOR, Service, Shell, made, problem, rows

from dynamics_portal import InvalidRequestError, NotFoundError, ServerError


def query_of(request: httpx2.Request) -> str:
    return unquote(request.url.query.decode())


def test_get_reads_one_typed_row(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"@odata.etag": 'W/"7"', "contactid": str(MENTOR), "firstname": "Kari"}))
    mentor = shell(portal.contacts.get(MENTOR, select=["contactid", "firstname"]))
    assert (mentor.contactid, mentor.firstname, mentor.etag) == (MENTOR, "Kari", 'W/"7"')
    assert service.last.method == "GET"
    assert str(service.last.url) == f"{API}contacts({MENTOR})?$select=contactid,firstname"


def test_a_key_is_a_uuid_its_text_or_the_columns_of_a_key(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={}))
    shell(portal.contacts.get(str(MENTOR)))
    assert service.last.url.path.endswith(f"/contacts({MENTOR})")
    shell(portal.new_certifications.get({"_new_mentor_value": MENTOR, "new_type": 100000000}))
    assert service.last.url.path.endswith(f"/new_certifications(_new_mentor_value={MENTOR},new_type=100000000)")


def test_list_pages_as_it_goes(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(
        rows({"firstname": "Kari"}, {"firstname": "Ola"}, next_link=f"{API}contacts?$skiptoken=2"),
        rows(next_link=f"{API}contacts?$skiptoken=3"),
        rows({"firstname": "Åse"}),
    )
    listing = portal.contacts.list(
        filter="statecode eq 0", select=["firstname"], order_by=["firstname desc"], page_size=2
    )
    assert service.requests == []  # nothing is sent before a row is taken
    assert shell.next(listing).firstname == "Kari"
    assert len(service.requests) == 1
    assert [row.firstname for row in shell(listing)] == ["Ola", "Åse"]
    assert query_of(service.requests[0]) == "$select=firstname&$filter=statecode eq 0&$orderby=firstname desc"
    assert [request.headers["prefer"] for request in service.requests] == ["odata.maxpagesize=2"] * 3


def test_list_gives_pages_too(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(
        rows({"firstname": "Kari"}, {"firstname": "Ola"}, next_link=f"{API}contacts?$skiptoken=2"),
        rows({"firstname": "Åse"}),
    )
    listing = portal.contacts.list()
    shell.next(listing)
    pages = shell(listing.pages())
    assert [[row.firstname for row in page] for page in pages] == [["Ola"], ["Åse"]]
    assert "Ola" not in repr(pages[0])


def test_create_sends_the_row_and_returns_its_id(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(made)
    new_id = shell(portal.contacts.create({"firstname": "Kari", "new_certification_expiry": date(2026, 1, 31)}))
    assert isinstance(new_id, UUID)
    assert service.body() == {
        "firstname": "Kari",
        "new_certification_expiry": "2026-01-31",
        "contactid": str(new_id),
    }
    assert (service.last.method, str(service.last.url)) == ("POST", f"{API}contacts")


def test_update_changes_a_row_that_is_there(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    shell(portal.contacts.update(MENTOR, {"new_pause_reason": "ferie"}))
    assert (service.last.method, service.last.headers["if-match"]) == ("PATCH", "*")
    shell(portal.contacts.update(MENTOR, {"new_pause_reason": None}, if_match='W/"7"'))
    assert service.last.headers["if-match"] == 'W/"7"'
    assert service.body() == {"new_pause_reason": None}


def test_upsert_may_create(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204, headers={"OData-EntityId": f"{API}new_certifications({MENTOR})"}))
    key = {"_new_mentor_value": MENTOR, "new_type": 1}
    assert shell(portal.new_certifications.upsert(key, {"new_expires_on": date(2027, 1, 1)})) == MENTOR
    assert "if-match" not in service.last.headers
    assert service.last.method == "PATCH"


def test_delete_ends_a_row(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    assert shell(portal.contacts.delete(MENTOR, if_match='W/"7"')) is None
    assert (service.last.method, service.last.headers["if-match"]) == ("DELETE", 'W/"7"')


def test_a_row_that_is_not_there_is_not_deleted(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(problem(404, "0x80040217"))
    with pytest.raises(NotFoundError):
        shell(portal.contacts.delete(MENTOR))


def test_who_am_i_is_an_operation_of_the_package(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"UserId": str(MENTOR), "BusinessUnitId": str(MENTOR)}))
    assert shell(portal.who_am_i()).user_id == MENTOR
    assert str(service.last.url) == f"{API}WhoAmI()"


def test_an_operation_whose_result_is_missing_has_not_succeeded(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200))
    with pytest.raises(ServerError, match="not what the contract says"):
        shell(portal.who_am_i())
    service.answers[:] = [httpx2.Response(204)]  # which is how OData says null
    assert shell(portal.who_am_i()) is None


def test_a_bound_action_is_called_on_its_row(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"MentorId": str(MENTOR), "IsVisible": False}))
    result = shell(portal.new_set_website_visibility(MENTOR, visible=False, reason="pause"))
    assert result.is_visible is False
    assert str(service.last.url) == f"{API}contacts({MENTOR})/Microsoft.Dynamics.CRM.new_SetWebsiteVisibility"
    assert service.body() == {"Visible": False, "Reason": "pause"}
    assert json.loads(service.last.content) == service.body()


@pytest.mark.parametrize(
    ("verb", "problem_named"),
    [
        (lambda table: table.get("no id"), "contactid"),
        (lambda table: table.get(MENTOR, select=["firstnam"]), "did you mean 'firstname'"),
        (lambda table: table.get(MENTOR, select="firstname"), "expected a list of names"),
        (lambda table: table.get(MENTOR, select=[]), "at least one name"),
        (lambda table: table.get(MENTOR, expand=["new_certification_mento"]), "navigation property"),
        (lambda table: table.create({"firstnam": "Kari"}), "did you mean 'firstname'"),
        (lambda table: table.create({"firstname": 1}), "Contact.firstname"),
        (lambda table: table.create("Kari"), "expected Contact or a mapping"),
        (lambda table: table.update(MENTOR, {"fullname": "x"}), "not writable"),
        (lambda table: table.update(MENTOR, {}, if_match="Kåre"), "if_match"),
        (lambda table: table.list(top=0), "top must be at least 1"),
        (lambda table: table.list(page_size=True), "page_size"),
        (lambda table: table.list(filter=""), "filter"),
        (lambda table: table.list(order_by=["firstname up"]), "asc or desc"),
        (lambda table: table.list(order_by="firstnam desc"), "did you mean 'firstname'"),
    ],
)
def test_what_is_wrong_is_found_before_any_request_leaves(
    verb: Callable[[Any], Any], problem_named: str, shell: Shell, portal: Any, service: Service
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        shell(verb(portal.contacts))
    assert problem_named in str(caught.value)
    assert caught.value.attempts == 0
    assert service.requests == service.token_requests == []


def test_top_beside_a_page_size_is_counted_by_the_client(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(
        rows({"firstname": "a"}, {"firstname": "b"}, next_link=f"{API}contacts?$skiptoken=2"),
        rows({"firstname": "c"}, {"firstname": "d"}, next_link=f"{API}contacts?$skiptoken=3"),
    )
    assert len(shell(portal.contacts.list(top=3, page_size=2))) == 3
    assert len(service.requests) == 2
    assert "$top" not in query_of(service.requests[0])


def test_top_alone_is_the_services_business(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows({"firstname": "a"}))
    assert len(shell(portal.contacts.list(top=3))) == 1
    assert query_of(service.last) == "$top=3"
    assert "prefer" not in service.last.headers


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example/api/data/v9.2/contacts?x", "http://hlf.crm4.dynamics.com/", 7]
)
def test_a_link_to_another_origin_is_not_followed(link: Any, shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows({"firstname": "a"}, next_link=link))
    with pytest.raises(ServerError, match="link"):
        shell(portal.contacts.list())
    assert len(service.requests) == 1


def test_a_link_that_leads_nowhere_ends(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows(next_link=f"{API}contacts"))
    with pytest.raises(ServerError, match="leads nowhere"):
        shell(portal.contacts.list())


def test_a_page_that_failed_can_be_tried_again(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(
        rows({"firstname": "a"}, next_link=f"{API}contacts?$skiptoken=2"), problem(400), rows({"firstname": "b"})
    )
    listing = portal.contacts.list()
    shell.next(listing)
    with pytest.raises(InvalidRequestError):
        shell.next(listing)
    assert shell.next(listing).firstname == "b"


def test_count_counts(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, content="\ufeff42".encode()))
    assert shell(portal.contacts.count(filter="firstname eq 'Kari & Åse'")) == 42
    assert str(service.last.url) == f"{API}contacts/$count?$filter=firstname%20eq%20'Kari%20%26%20%C3%85se'"


@pytest.mark.parametrize(
    "content", [b"", b"<html>sign in</html>", b"[]", b'{"contactid": "no id"}', b'{"firstname"', b'{"firstname": NaN}']
)
def test_a_success_that_makes_no_sense_is_a_server_error(
    content: bytes, shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(httpx2.Response(200, content=content))
    with pytest.raises(ServerError) as caught:
        shell(portal.contacts.get(MENTOR))
    assert caught.value.status_code == 200
    assert caught.value.__context__ is None


def test_a_reference_names_a_row_for_a_binding(portal: Any) -> None:
    assert str(portal.contacts.reference(MENTOR)) == f"/contacts({MENTOR})"


def test_a_table_says_what_it_is(portal: Any) -> None:
    assert (portal.contacts.entity_set, portal.contacts.name) == ("contacts", "contact")
    assert repr(portal) == f"{type(portal).__name__}('{BASE_URL}')"
    assert "contacts" in repr(portal.contacts)
