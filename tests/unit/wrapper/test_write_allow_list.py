"""The write allow-list: what it does not name is refused before any request leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import MENTOR, Service, Shell, made

from dynamics_portal import InvalidRequestError
from dynamics_portal_api.models import Contact

PORTAL_FIELDS = ["new_pause_reason", "new_website_visible", "new_mentor_status"]


def test_what_it_names_may_be_written(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(204))
    for name in ("contacts", "contact"):
        portal = (shell := make_shell(writable={name: [*PORTAL_FIELDS, "$delete"]})).portal
        shell(portal.contacts.update(MENTOR, {"new_pause_reason": "ferie"}))
        shell(portal.contacts.upsert(MENTOR, {"new_website_visible": True, "contactid": MENTOR}))
        shell(portal.contacts.delete(MENTOR))
    assert len(service.requests) == 6


def test_a_new_row_may_have_its_id(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(made)
    shell = make_shell(writable={"contacts": ["new_pause_reason"]})
    assert shell(shell.portal.contacts.create({"contactid": MENTOR, "new_pause_reason": "ferie"})) == MENTOR


@pytest.mark.parametrize(
    "verb",
    [
        lambda portal: portal.contacts.update(MENTOR, {"firstname": "Kari"}),
        lambda portal: portal.contacts.update(MENTOR, Contact(firstname="Kari")),
        lambda portal: portal.contacts.upsert(MENTOR, {"firstname": "Kari"}),
        lambda portal: portal.contacts.create({"new_pause_reason": "ferie", "firstname": "Kari"}),
        lambda portal: portal.new_certifications.create({}),
        lambda portal: portal.new_certifications.update(MENTOR, {}),
        lambda portal: portal.new_certifications.delete(MENTOR),
        lambda portal: portal.contacts.delete(MENTOR),
        lambda portal: portal.contacts.set_value(MENTOR, "firstname", "Kari"),
        lambda portal: portal.contacts.clear_value(MENTOR, "firstname"),
        lambda portal: portal.contacts.associate(MENTOR, "ownerid", portal.systemusers.reference(MENTOR)),
        lambda portal: portal.contacts.disassociate(MENTOR, "ownerid"),
        lambda portal: portal.new_set_website_visibility(MENTOR, visible=True),
    ],
)
def test_what_it_does_not_name_is_refused(verb: Any, make_shell: Callable[..., Shell], service: Service) -> None:
    shell = make_shell(writable={"contacts": PORTAL_FIELDS})
    with pytest.raises(InvalidRequestError, match="not in the client's list of writable"):
        shell(verb(shell.portal))
    assert service.requests == service.token_requests == []


@pytest.mark.parametrize(
    "name", ["new_SetWebsiteVisibility", "Microsoft.Dynamics.CRM.new_SetWebsiteVisibility", "new_setwebsitevisibility"]
)
def test_an_action_is_named_in_its_tables_list(name: str, make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(200, json={"IsVisible": True}))
    shell = make_shell(writable={"contacts": [name]})
    assert shell(shell.portal.new_set_website_visibility(MENTOR, visible=True)).is_visible is True
    assert shell(shell.portal.who_am_i()) is not None  # a function writes nothing


def test_rows_are_related_by_a_navigation_property_of_the_list(
    make_shell: Callable[..., Shell], service: Service
) -> None:
    service.answer(httpx2.Response(204))
    shell = make_shell(writable={"new_certifications": ["new_Mentor"]})
    certifications = shell.portal.new_certifications
    shell(certifications.associate(MENTOR, "new_Mentor", shell.portal.contacts.reference(MENTOR)))
    shell(certifications.disassociate(MENTOR, certifications.c.new_mentor))
    assert [request.method for request in service.requests] == ["PUT", "DELETE"]


@pytest.mark.parametrize("name", ["new_mentor", "new_Mentor", "_new_mentor_value", "new_Mentor@odata.bind"])
def test_a_lookup_has_four_names(name: str, make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(204))
    shell = make_shell(writable={"new_certifications": [name]})
    bind = {"new_Mentor@odata.bind": shell.portal.contacts.reference(MENTOR)}
    shell(shell.portal.new_certifications.update(MENTOR, bind))
    assert service.body() == {"new_Mentor@odata.bind": f"/contacts({MENTOR})"}


def related(row: dict[str, Any]) -> dict[str, Any]:
    """A certification with a mentor made along with it."""
    return {"new_Mentor": row}


def test_rows_within_a_row_are_held_to_it_as_well(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(204))
    shell = make_shell(writable={"new_certifications": ["new_mentor"], "contacts": ["new_pause_reason"]})
    shell(shell.portal.new_certifications.create(related({"new_pause_reason": "x"})))
    with pytest.raises(InvalidRequestError, match=r"contact\.firstname"):
        shell(shell.portal.new_certifications.create(related({"firstname": "Kari"})))
    name = next(name for name, item in Contact.navigation().items() if item.target == "DynamicsCertificationRecord")
    shell = make_shell(writable={"contacts": [name]})
    with pytest.raises(InvalidRequestError, match="new_certification is not in"):
        shell(shell.portal.contacts.create({name: [{"new_renewal_history": "x"}]}))
    assert len(service.requests) == 1


def test_an_empty_list_lets_nothing_be_written(make_shell: Callable[..., Shell]) -> None:
    shell = make_shell(writable={})
    with pytest.raises(InvalidRequestError, match="writable tables"):
        shell(shell.portal.contacts.update(MENTOR, {}))


@pytest.mark.parametrize("wrong", [["contacts"], {"contacts": "new_pause_reason"}])
def test_a_list_that_makes_no_sense_is_refused(wrong: Any, make_shell: Callable[..., Shell]) -> None:
    with pytest.raises(InvalidRequestError, match="writable: expected"):
        make_shell(writable=wrong)
