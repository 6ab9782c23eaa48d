"""What is recorded and played: calls of the public client, each scenario a cassette, with what must be true of them.

A scenario runs against the emulator, a real organisation and a cassette alike, so it asserts what holds in all three:
types, what is equal to what, errors. `tools/record.py` records them; the tests beside this play them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import PROJECT
from tests.unit.wrapper.support import Shell

from dynamics_portal import (
    AuthFailureError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    ServerError,
)
from dynamics_portal.cassettes import KEPT
from dynamics_portal_api.models import Contact, ContactMentorStatus, DynamicsCertificationRecord
from dynamics_portal_emulator.emulator import Emulator

CASSETTES = PROJECT / "cassettes"
KEEP = KEPT | {"new_mentor_status", "new_type"}
"""Columns whose values stay: choices of the contract. A status without a person is nobody's."""

ACTIVE, PAUSED = ContactMentorStatus.ACTIVE, ContactMentorStatus.PAUSED
NOBODY = "99999999-9999-9999-9999-999999999999"


class NothingToReadError(Exception):
    """An organisation lacks the rows that a scenario reads."""


@dataclass(frozen=True)
class Scenario:
    """Calls of one client. `writes`: whether it makes rows, which it removes at its end. `emulated`: whether it is for
    the emulator alone, which `prepare` makes ready."""

    name: str
    run: Callable[[Shell], None]
    writes: bool
    emulated: bool
    prepare: Callable[[Emulator], None]


SCENARIOS: list[Scenario] = []


def seeded(emulator: Emulator) -> None:
    """Nine mentors, the first three with a certification that has expired."""
    keys = emulator.seed(
        "contacts",
        [
            {
                "firstname": f"Kari {number}",
                "lastname": "Nordmann",
                "emailaddress1": f"kari{number}@hlf.example",
                "new_mentor_status": int(ACTIVE),
                "new_certification_expiry": "2024-01-01" if number < 3 else "2034-01-01",
                "new_website_visible": True,
            }
            for number in range(9)
        ],
    )
    emulator.seed(
        "new_certifications",
        [{"new_type": 100000000, "new_name": "Likeperson", "_new_mentor_value": key} for key in keys[:3]],
    )
    emulator.on_action(
        "new_SetWebsiteVisibility",
        lambda _, given, row: {"MentorId": (row or {})["contactid"], "IsVisible": given["Visible"], "SyncStatus": "ok"},
    )


def scenario(
    *, writes: bool = False, emulated: bool = False, prepare: Callable[[Emulator], None] = seeded
) -> Callable[[Callable[[Shell], None]], Callable[[Shell], None]]:
    """Registers a function as a scenario of its name."""

    def register(run: Callable[[Shell], None]) -> Callable[[Shell], None]:
        SCENARIOS.append(Scenario(run.__name__, run, writes, emulated or prepare is not seeded, prepare))
        return run

    return register


def first(rows: list[Any]) -> Any:
    """The first row. Raises `NothingToReadError` where there is none."""
    if not rows:
        raise NothingToReadError
    return rows[0]


@scenario()
def who_am_i(shell: Shell) -> None:
    answer = shell(shell.portal.who_am_i())
    assert len({answer.user_id, answer.business_unit_id, answer.organization_id}) == 3
    assert isinstance(answer.user_id, UUID)


@scenario()
def list_over_pages(shell: Shell) -> None:
    listed = shell.portal.contacts.list(
        select=["firstname", "emailaddress1", "new_mentor_status"],
        filter="statecode eq 0 and new_mentor_status eq 100000000",
        order_by=["firstname"],
        page_size=4,
        top=9,
    )
    pages = shell(listed.pages())
    rows = [row for page in pages for row in page]
    assert first(rows)
    assert all(isinstance(row, Contact) and row.new_mentor_status is ACTIVE and row.etag for row in rows)
    assert len({row.contactid for row in rows}) == len(rows)
    assert [len(page) for page in pages][:-1] == [4] * (len(pages) - 1)


@scenario()
def get_with_expand_and_annotations(shell: Shell) -> None:
    table = shell.portal.new_certifications
    known = first(shell(table.list(select=["new_name"], top=1)))
    expand = ["new_Mentor($select=firstname,emailaddress1)"]
    row = shell(table.get(known.new_certificationid, expand=expand, annotations=True))
    assert isinstance(row, DynamicsCertificationRecord)
    assert row.new_name == known.new_name
    assert isinstance(row.new_mentor, Contact)
    assert row.new_mentor.contactid == row._new_mentor_value
    assert row.formatted("_new_mentor_value")
    assert row.formatted("new_type")


@scenario()
def count(shell: Shell) -> None:
    counted = shell(shell.portal.contacts.count(filter="new_mentor_status eq 100000000"))
    assert isinstance(counted, int)


@scenario()
def not_found(shell: Shell) -> None:
    with pytest.raises(NotFoundError) as caught:
        shell(shell.portal.contacts.get(NOBODY))
    assert (caught.value.status_code, caught.value.dynamics_code) == (404, "0x80040217")
    assert caught.value.request_id


@scenario()
def refused_filter(shell: Shell) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        shell(shell.portal.contacts.list(filter="new_nothing eq 'Kari Nordmann'"))
    assert caught.value.status_code == 400


@scenario(writes=True)
def create_read_and_delete(shell: Shell) -> None:
    contacts = shell.portal.contacts
    new_id = shell(contacts.create(Contact(firstname="Åse", new_mentor_status=PAUSED)))
    row = shell(contacts.get(new_id, select=["firstname", "new_mentor_status"]))
    assert row.new_mentor_status is PAUSED
    shell(contacts.delete(new_id))
    with pytest.raises(NotFoundError):
        shell(contacts.get(new_id, select=["firstname"]))


@scenario(writes=True)
def update_with_a_conflict(shell: Shell) -> None:
    contacts = shell.portal.contacts
    new_id = shell(contacts.create({"firstname": "Åse"}))
    old = shell(contacts.get(new_id, select=["firstname"]))
    shell(contacts.update(new_id, {"firstname": "Ola"}, if_match=old.etag))
    with pytest.raises(ConflictError) as caught:
        shell(contacts.update(new_id, {"firstname": "Kari"}, if_match=old.etag))
    assert (caught.value.status_code, caught.value.dynamics_code) == (412, "0x80060882")
    new = shell(contacts.get(new_id, select=["firstname"]))
    assert new.etag != old.etag
    assert new.firstname != old.firstname
    shell(contacts.delete(new_id))


@scenario(writes=True)
def upsert_by_alternate_key(shell: Shell) -> None:
    contacts, certifications = shell.portal.contacts, shell.portal.new_certifications
    mentor = shell(contacts.create({"firstname": "Åse"}))
    key = {"_new_mentor_value": mentor, "new_type": 100000000}
    bind = {"new_Mentor@odata.bind": contacts.reference(mentor)}
    made = shell(certifications.upsert(key, {**bind, "new_expires_on": date(2026, 1, 1)}))
    assert made == shell(certifications.upsert(key, {"new_expires_on": date(2027, 1, 1)}))
    assert shell(certifications.get(key, select=["new_expires_on"])).new_certificationid == made
    shell(certifications.delete(made))
    shell(contacts.delete(mentor))


@scenario(writes=True)
def bound_action(shell: Shell) -> None:
    mentor = shell(shell.portal.contacts.create({"firstname": "Åse"}))
    result = shell(shell.portal.new_set_website_visibility(mentor, visible=False, reason="Kari er i ferie"))
    assert isinstance(result.mentor_id, UUID)
    assert result.is_visible is False
    shell(shell.portal.contacts.delete(mentor))


@scenario(writes=True, emulated=True)
def mentors_with_expired_certifications_vanish(shell: Shell) -> None:
    """The main job. It would pause a real organisation's mentors, so it is for the emulator alone."""
    portal = shell.portal
    filter = f"new_certification_expiry lt {date(2025, 1, 1)} and new_mentor_status eq {int(ACTIVE)}"
    expired = shell(portal.contacts.list(filter=filter, select=["new_mentor_status"], page_size=2))
    assert len(expired) == 3
    for mentor in expired:
        paused = Contact(new_mentor_status=PAUSED, new_pause_reason="Certification expired")
        shell(portal.contacts.update(mentor.contactid, paused, if_match=mentor.etag))
        result = shell(portal.new_set_website_visibility(mentor.contactid, visible=False))
        assert (result.mentor_id, result.is_visible) == (mentor.contactid, False)
        assert shell(portal.contacts.get(mentor.contactid, select=["new_mentor_status"])).new_mentor_status is PAUSED


def _throttled(emulator: Emulator) -> None:
    emulator.faults.throttle(retry_after="7")


@scenario(prepare=_throttled)
def throttled_then_fine(shell: Shell) -> None:
    assert isinstance(shell(shell.portal.who_am_i()).user_id, UUID)


def _throttled_throughout(emulator: Emulator) -> None:
    emulator.faults.throttle(retry_after="7", times=3)


@scenario(prepare=_throttled_throughout)
def throttled_throughout(shell: Shell) -> None:
    with pytest.raises(RateLimitedError) as caught:
        shell(shell.portal.who_am_i())
    assert (caught.value.dynamics_code, caught.value.retry_after, caught.value.attempts) == ("0x80072322", 7, 3)


def _down(emulator: Emulator) -> None:
    page = "<html><title>Kari Nordmann</title></html>"
    emulator.faults.add(status=503, times=3, headers={"Content-Type": "text/html"}, body=page)


@scenario(prepare=_down)
def service_unavailable(shell: Shell) -> None:
    with pytest.raises(ServerError) as caught:
        shell(shell.portal.who_am_i())
    assert (caught.value.status_code, caught.value.attempts) == (503, 3)


def _forgets_tokens(emulator: Emulator) -> None:
    emulator.faults.add(status=401)


@scenario(prepare=_forgets_tokens)
def token_no_longer_accepted(shell: Shell) -> None:
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.status_code == 401
    assert shell(shell.portal.who_am_i()).user_id  # with a new token


def _refuses_the_secret(emulator: Emulator) -> None:
    emulator.faults.add(
        status=401,
        path="/oauth2/v2.0/token",
        times=3,
        body={
            "error": "invalid_client",
            "error_description": f"AADSTS7000215: Invalid client secret provided for app '{emulator.client_id}'.",
            "error_codes": [7000215],
        },
    )


@scenario(prepare=_refuses_the_secret)
def token_refused(shell: Shell) -> None:
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.status_code == 401
    assert "AADSTS7000215" in str(caught.value)
