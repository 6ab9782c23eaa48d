"""Writes in full against the emulator, over TLS: rows that come back, conditions, values, relations, circumstances."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.unit.wrapper.support import Shell

from dynamics_portal import ConflictError, DuplicateError, ForbiddenError, NotFoundError
from dynamics_portal_api.models import CertificationType, Contact, ContactMentorStatus, NewAssignment
from dynamics_portal_emulator.emulator import Emulator

KARI = {"firstname": "Kari", "lastname": "Nordmann"}


def test_writes_return_the_row_as_it_is_then(shell: Shell, portal: Any) -> None:
    made = shell(portal.contacts.create(KARI, return_row=True, select=["firstname", "lastname", "fullname"]))
    assert (type(made), made.firstname, made.etag is not None) == (Contact, "Kari", True)
    changed = shell(
        portal.contacts.update(
            made.contactid,
            {"new_mentor_status": ContactMentorStatus.PAUSED},
            if_match=made.etag,
            return_row=True,
            select=["new_mentor_status"],
            annotations=True,
        )
    )
    assert changed.new_mentor_status is ContactMentorStatus.PAUSED
    assert changed.formatted("new_mentor_status") == "Paused"
    assert changed.etag != made.etag


def test_an_upsert_says_whether_the_row_is_new_and_does_no_more_than_it_may(shell: Shell, portal: Any) -> None:
    key = uuid4()
    with pytest.raises(NotFoundError):
        shell(portal.contacts.upsert(key, KARI, prevent_create=True))
    first = shell(portal.contacts.upsert(key, KARI, prevent_update=True, return_row=True))
    with pytest.raises(ConflictError):
        shell(portal.contacts.upsert(key, {"firstname": "Ola"}, prevent_update=True))
    second = shell(portal.contacts.upsert(key, {"firstname": "Åse"}, prevent_create=True, return_row=True))
    assert (first.created, first.row.contactid, second.created, second.row.firstname) == (True, key, False, "Åse")


def test_a_row_is_read_again_only_where_it_has_changed(shell: Shell, portal: Any) -> None:
    row = shell(portal.contacts.create(KARI, return_row=True))
    assert shell(portal.contacts.get_if_changed(row)) is None
    shell(portal.contacts.set_value(row.contactid, "firstname", "Ola"))
    assert shell(portal.contacts.get_if_changed(row, select=["firstname"])).firstname == "Ola"
    shell(portal.contacts.delete(row.contactid))
    with pytest.raises(NotFoundError):
        shell(portal.contacts.get_if_changed(row))


def test_single_values_of_each_type_are_read_set_and_cleared(shell: Shell, portal: Any) -> None:
    key = shell(portal.contacts.create(KARI))
    c = portal.contacts.c
    for column, value in (
        (c.firstname, "O'Brien & æøå"),
        (c.new_mentor_status, ContactMentorStatus.EXPIRED_CERT),
        (c.new_certification_expiry, dt.date(2027, 2, 28)),
        (c.new_website_visible, True),
    ):
        shell(portal.contacts.set_value(key, column, value))
        assert shell(portal.contacts.get_value(key, column)) == value
        shell(portal.contacts.clear_value(key, column))
        assert shell(portal.contacts.get_value(key, column)) is None
    with pytest.raises(NotFoundError):
        shell(portal.contacts.get_value(uuid4(), c.firstname))


def test_rows_are_made_along_with_a_row(shell: Shell, portal: Any) -> None:
    certificate = {"new_name": "A", "new_type": CertificationType.PEER_MENTOR}
    key = shell(
        portal.contacts.create(
            {
                **KARI,
                "new_certification_Mentor_contact": [certificate],
                "new_assignment_Mentor_contact": [NewAssignment(new_name="Visit")],
            }
        )
    )
    expanded = ["new_certification_Mentor_contact", "new_assignment_Mentor_contact"]
    row = shell(portal.contacts.get(key, expand=expanded))
    assert [item.new_name for item in row.new_certification_mentor_contact] == ["A"]
    assert [item.new_mentor_value for item in row.new_assignment_mentor_contact] == [key]


def test_rows_are_related_and_parted_by_each_kind_of_relationship(
    shell: Shell, portal: Any, emulator: Emulator
) -> None:
    (user,) = (UUID(key) for key in emulator.seed("systemusers", [{"fullname": "Coordinator"}]))
    mentor, chapter = shell(portal.contacts.create(KARI)), shell(portal.new_chapters.create({"new_name": "Oslo"}))
    assignments, chapters, contacts = portal.new_assignments, portal.new_chapters, portal.contacts
    assignment = shell(assignments.create({"new_name": "Visit", "new_Chapter@odata.bind": chapters.reference(chapter)}))
    row = shell(assignments.get(assignment, select=["new_assignmentid", "new_name"]))

    shell(assignments.associate(assignment, assignments.c.new_mentor, contacts.reference(mentor)))  # many to one
    assert shell(assignments.get(assignment)).new_mentor_value == mentor
    shell(assignments.disassociate(assignment, assignments.c.new_mentor))
    assert shell(assignments.get(assignment)).new_mentor_value is None

    shell(contacts.associate(mentor, contacts.c.new_assignment_mentor_contact, row))  # one to many
    assert shell(assignments.get(assignment)).new_mentor_value == mentor
    shell(contacts.disassociate(mentor, "new_assignment_Mentor_contact", assignments.reference(assignment)))
    assert shell(assignments.get(assignment)).new_mentor_value is None

    coordinators = chapters.c.new_chapter_coordinators  # many to many
    shell(chapters.associate(chapter, coordinators, portal.systemusers.reference(user)))
    found = shell(chapters.get(chapter, expand=[coordinators]))
    assert [item.systemuserid for item in found.new_chapter_coordinators] == [user]
    shell(chapters.disassociate(chapter, coordinators, portal.systemusers.reference(user)))
    assert shell(chapters.get(chapter, expand=[coordinators])).new_chapter_coordinators == []

    shell(contacts.associate(mentor, contacts.c.ownerid, portal.systemusers.reference(user)))  # of any table
    assert shell(contacts.get(mentor)).ownerid_value == user


def test_duplicates_are_found_where_they_are_looked_for(shell: Shell, portal: Any, emulator: Emulator) -> None:
    emulator.settings.duplicate_rules["contact"] = [("firstname", "lastname")]
    shell(portal.contacts.create(KARI))
    careful = portal.with_options(detect_duplicates=True)
    with pytest.raises(DuplicateError) as caught:
        shell(careful.contacts.create(KARI))
    assert caught.value.dynamics_code == "0x80040333"
    shell(portal.contacts.create(KARI))
    assert len(emulator.rows("contacts")) == 2


def test_calls_are_made_in_another_users_name_and_without_custom_logic(
    connect: Callable[..., Shell], emulator: Emulator
) -> None:
    directory = uuid4()
    user = UUID(emulator.add_user(object_id=str(directory)))
    shell = connect(act_as=directory, bypass_plugins=True, suppress_flows=True)
    shell(shell.portal.contacts.create(KARI))
    assert shell(shell.portal.who_am_i()).user_id == user
    effect = emulator.effects[-1]
    assert (UUID(effect.user_id), effect.bypassed) == (user, frozenset({"CustomSync", "CustomAsync", "Flows"}))
    assert effect.actual_user_id is not None
    as_row = shell.portal.with_options(act_as_user=user, bypass_plugins="sync", suppress_flows=False)
    shell(as_row.contacts.create(KARI))
    assert (UUID(emulator.effects[-1].user_id), emulator.effects[-1].bypassed) == (user, frozenset({"CustomSync"}))
    with pytest.raises(ForbiddenError):
        shell(shell.portal.with_options(act_as=uuid4()).who_am_i())


def test_a_raw_response_has_what_the_wire_said(shell: Shell, portal: Any) -> None:
    response = shell(portal.with_raw_response.contacts.create(KARI))
    assert (response.status_code, response.headers["odata-version"], response.content) == (204, "4.0", b"")
    assert response.request_id == response.headers["x-ms-service-request-id"]
    assert shell(portal.contacts.get(response.parse())).firstname == "Kari"
