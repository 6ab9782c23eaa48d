"""Writes in full, in both clients: rows that come back, conditions, single values, relations, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx2
import pytest
from tests.unit.wrapper.support import API, MENTOR, Service, Shell, problem

from dynamics_portal import (
    ConflictError,
    DuplicateError,
    DynamicsPortalClientException,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    ServerError,
)
from dynamics_portal_api.models import Contact, ContactMentorStatus, DynamicsCertificationRecord, NewAssignment

OTHER = UUID("99999999-2222-3333-4444-555555555555")
PAUSED = {"contactid": str(MENTOR), "firstname": "Kari", "new_mentor_status": 100000001, "@odata.etag": 'W/"8"'}


def shown(status: int, **values: Any) -> httpx2.Response:
    return httpx2.Response(status, json={**PAUSED, **values})


def queried(service: Service) -> str:
    return unquote(service.last.url.query.decode())


def test_create_returns_the_row_where_it_is_asked_to(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(shown(201))
    row = shell(portal.contacts.create({"firstname": "Kari"}, return_row=True, select=["firstname"], annotations=True))
    assert (type(row), row.firstname, row.etag) == (Contact, "Kari", 'W/"8"')
    assert row.new_mentor_status is ContactMentorStatus.PAUSED
    assert service.last.headers["prefer"] == 'return=representation,odata.include-annotations="*"'
    assert queried(service) == "$select=firstname"


def test_update_returns_the_row_where_it_is_asked_to(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(shown(200))
    row = shell(portal.contacts.update(MENTOR, {"firstname": "Kari"}, if_match='W/"7"', return_row=True))
    assert row.firstname == "Kari"
    assert service.last.headers["if-match"] == 'W/"7"'
    assert service.last.headers["prefer"] == "return=representation"


@pytest.mark.parametrize(("status", "created"), [(201, True), (200, False)])
def test_upsert_tells_whether_it_created_the_row_that_it_returns(
    status: int, created: bool, shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(shown(status))
    done = shell(portal.contacts.upsert(MENTOR, {"firstname": "Kari"}, return_row=True))
    assert (done.row.contactid, done.created) == (MENTOR, created)
    assert "Kari" not in repr(done)


def test_upsert_does_not_know_what_an_attempt_before_has_created(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), shown(200))
    assert shell(portal.contacts.upsert(MENTOR, {}, return_row=True)).created is None
    service.answers[:] = [httpx2.ReadTimeout("x"), shown(200)]
    assert shell(portal.contacts.upsert(MENTOR, {}, return_row=True, prevent_create=True)).created is False


def test_what_upsert_prevents_stands_in_a_condition(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    shell(portal.contacts.upsert(MENTOR, {}, prevent_create=True))
    assert (service.last.headers["if-match"], "if-none-match" in service.last.headers) == ("*", False)
    shell(portal.contacts.upsert(MENTOR, {}, prevent_update=True))
    assert (service.last.headers["if-none-match"], "if-match" in service.last.headers) == ("*", False)


def test_an_upsert_that_only_creates_is_not_repeated_where_it_may_have_run(
    shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(httpx2.ReadTimeout("x"), httpx2.Response(204))
    with pytest.raises(NetworkError, match="may have run"):
        shell(portal.contacts.upsert(MENTOR, {}, prevent_update=True))
    assert len(service.requests) == 1


def test_a_row_that_an_attempt_before_has_made_is_read_back(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.ReadTimeout("x"), problem(412, "0x80040237"), shown(200))
    row = shell(portal.contacts.create({"firstname": "Kari"}, return_row=True, select=["firstname"]))
    made = service.requests[0]
    assert (row.firstname, [request.method for request in service.requests]) == ("Kari", ["POST", "POST", "GET"])
    assert made.content == service.requests[1].content  # the same id: one row
    assert queried(service) == "$select=firstname"


def test_a_row_without_content_is_no_row(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    with pytest.raises(ServerError, match="not what the contract says"):
        shell(portal.contacts.update(MENTOR, {}, return_row=True))


def test_a_row_that_has_not_changed_is_not_read_again(shell: Shell, portal: Any, service: Service) -> None:
    row = Contact.from_dict(PAUSED)
    service.answer(httpx2.Response(304), shown(200, firstname="Ola", **{"@odata.etag": 'W/"9"'}))
    assert shell(portal.contacts.get_if_changed(row, select=["firstname"])) is None
    assert service.last.headers["if-none-match"] == 'W/"8"'
    changed = shell(portal.contacts.get_if_changed(row, select=["firstname"]))
    assert (changed.firstname, changed.etag) == ("Ola", 'W/"9"')


@pytest.mark.parametrize("verb", [lambda table: table.get(MENTOR), lambda table: table.update(MENTOR, {})])
def test_an_answer_of_304_to_anything_else_is_a_failure(verb: Any, shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(304))
    with pytest.raises(DynamicsPortalClientException, match="304"):
        shell(verb(portal.contacts))


def test_a_single_value_is_read_set_and_cleared(shell: Shell, portal: Any, service: Service) -> None:
    c = portal.contacts.c
    service.answer(httpx2.Response(200, json={"value": 100000001}), httpx2.Response(204))
    assert shell(portal.contacts.get_value(MENTOR, c.new_mentor_status)) is ContactMentorStatus.PAUSED
    assert str(service.last.url) == f"{API}contacts({MENTOR})/new_mentor_status"
    assert shell(portal.contacts.get_value(MENTOR, "firstname")) is None  # 204: it has none
    shell(portal.contacts.set_value(MENTOR, c.new_mentor_status, ContactMentorStatus.ACTIVE))
    assert (service.last.method, service.body()) == ("PUT", {"value": 100000000})
    shell(portal.contacts.clear_value(MENTOR, c.firstname))
    assert (service.last.method, str(service.last.url)) == ("DELETE", f"{API}contacts({MENTOR})/firstname")


def test_a_row_is_related_by_a_lookup(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    certifications = portal.new_certifications
    shell(certifications.associate(OTHER, certifications.c.new_mentor, portal.contacts.reference(MENTOR)))
    assert (service.last.method, service.body()) == ("PUT", {"@odata.id": f"{API}contacts({MENTOR})"})
    assert str(service.last.url) == f"{API}new_certifications({OTHER})/new_Mentor/$ref"
    shell(certifications.disassociate(OTHER, certifications.c.new_mentor))
    assert (service.last.method, str(service.last.url)) == (
        "DELETE",
        f"{API}new_certifications({OTHER})/new_Mentor/$ref",
    )


def test_rows_are_related_by_a_collection(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    assignment = NewAssignment(new_assignmentid=OTHER)
    name = "new_assignment_Mentor_contact"
    shell(portal.contacts.associate(MENTOR, name, assignment))
    assert (service.last.method, service.body()) == ("POST", {"@odata.id": f"{API}new_assignments({OTHER})"})
    shell(portal.contacts.disassociate(MENTOR, portal.contacts.c.new_assignment_mentor_contact, assignment))
    assert service.last.method == "DELETE"
    assert unquote(str(service.last.url)) == f"{API}contacts({MENTOR})/{name}/$ref?$id={API}new_assignments({OTHER})"


def test_a_lookup_of_any_table_takes_any_tables_rows(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    shell(portal.contacts.associate(MENTOR, portal.contacts.c.ownerid, portal.systemusers.reference(OTHER)))
    assert service.body() == {"@odata.id": f"{API}systemusers({OTHER})"}


def test_relating_rows_again_after_an_attempt_that_may_have_run_is_done(
    shell: Shell, portal: Any, service: Service
) -> None:
    link = ("new_assignment_Mentor_contact", portal.new_assignments.reference(OTHER))
    service.answer(httpx2.ReadTimeout("x"), problem(412, "0x80040237"))
    assert shell(portal.contacts.associate(MENTOR, *link)) is None
    service.answers[:] = [problem(412, "0x80040237")]
    with pytest.raises(DuplicateError):
        shell(portal.contacts.associate(MENTOR, *link))
    service.answers[:] = [httpx2.ReadTimeout("x"), problem(412, "0x80060882")]
    with pytest.raises(ConflictError):
        shell(portal.contacts.associate(MENTOR, *link))


def test_parting_rows_again_after_an_attempt_that_may_have_run_is_done(
    shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(httpx2.ReadTimeout("x"), problem(404, "0x80040217"))
    assert shell(portal.contacts.disassociate(MENTOR, "ownerid")) is None
    service.answers[:] = [problem(404, "0x80040217")]
    with pytest.raises(NotFoundError):
        shell(portal.contacts.disassociate(MENTOR, "ownerid"))


def test_a_write_takes_references_and_rows_in_place_of_addresses(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    for mentor in (portal.contacts.reference(MENTOR), Contact(contactid=MENTOR), f"/contacts({MENTOR})"):
        shell(portal.new_certifications.update(OTHER, {"new_Mentor@odata.bind": mentor}))
        assert service.body() == {"new_Mentor@odata.bind": f"/contacts({MENTOR})"}


def test_rows_are_made_along_with_a_row(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    related = [DynamicsCertificationRecord(new_name="A"), {"new_name": "B"}]
    shell(portal.contacts.create({"contactid": MENTOR, "new_certification_Mentor_contact": related}))
    assert service.body()["new_certification_Mentor_contact"] == [{"new_name": "A"}, {"new_name": "B"}]


def test_references_are_equal_where_their_addresses_are(portal: Any) -> None:
    contacts = portal.contacts
    assert contacts.reference(MENTOR) == contacts.reference(str(MENTOR))
    assert len({contacts.reference(MENTOR), contacts.reference(str(MENTOR)), contacts.reference(OTHER)}) == 2
    assert contacts.reference(MENTOR) != str(contacts.reference(MENTOR))
    assert str(MENTOR) not in repr(contacts.reference(MENTOR))
    assert contacts.reference(MENTOR).entity_set == "contacts"


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        (lambda p: p.contacts.create({}, select=["firstname"]), "return_row=True"),
        (lambda p: p.contacts.update(MENTOR, {}, annotations=True), "return_row=True"),
        (lambda p: p.contacts.create({}, return_row=True, select=["nothing"]), "nothing"),
        (lambda p: p.contacts.upsert(MENTOR, {}, prevent_create=True, prevent_update=True), "leave nothing to do"),
        (lambda p: p.contacts.get_if_changed(Contact(contactid=MENTOR)), "with its etag"),
        (lambda p: p.contacts.get_if_changed({"contactid": MENTOR}), "with its etag"),
        (lambda p: p.contacts.get_if_changed(Contact.from_dict({"@odata.etag": 'W/"1"'})), "has no key"),
        (lambda p: p.contacts.get_value(MENTOR, "firstnam"), "did you mean 'firstname'"),
        (lambda p: p.contacts.get_value(MENTOR, p.new_chapters.c.new_name), "where one on Contact is expected"),
        (lambda p: p.contacts.set_value(MENTOR, "firstname", None), "clear_value"),
        (lambda p: p.contacts.set_value(MENTOR, "firstname", 1), "Contact.firstname"),
        (lambda p: p.contacts.set_value(MENTOR, "_ownerid_value", OTHER), "ownerid@odata.bind"),
        (lambda p: p.contacts.clear_value(MENTOR, "fullname"), "not writable"),
        (lambda p: p.contacts.associate(MENTOR, "owner", "/systemusers(1)"), "did you mean 'ownerid'"),
        (lambda p: p.contacts.associate(MENTOR, p.new_certifications.c.new_mentor, "/contacts(1)"), "new_Mentor"),
        (
            lambda p: p.new_certifications.associate(MENTOR, "new_Mentor", p.new_chapters.reference(OTHER)),
            "new_chapter",
        ),
        (lambda p: p.new_certifications.associate(MENTOR, "new_Mentor", Contact()), "has no key"),
        (lambda p: p.new_certifications.associate(MENTOR, "new_Mentor", OTHER), "expected a reference"),
        (lambda p: p.new_certifications.disassociate(MENTOR, "new_Mentor", p.contacts.reference(OTHER)), "no other"),
        (lambda p: p.contacts.disassociate(MENTOR, "new_assignment_Mentor_contact"), "needs the row"),
        (
            lambda p: p.new_certifications.update(MENTOR, {"new_Mentor@odata.bind": p.new_chapters.reference(OTHER)}),
            "expected a reference to contact, got one to new_chapter",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_it_is_sent(
    verb: Callable[[Any], Any], told: str, shell: Shell, portal: Any, service: Service
) -> None:
    with pytest.raises(InvalidRequestError, match=told) as caught:
        shell(verb(portal))
    assert str(OTHER) not in str(caught.value)
    assert service.requests == service.token_requests == []
