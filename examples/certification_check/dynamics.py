"""Mentors in Dynamics: which are read, what of them, and the call that each move is.

It decides nothing about a mentor. Columns that decide are read and no other: no name, no address.
"""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from dynamics_portal import DynamicsPortalClient, Rows, columns
from dynamics_portal_api.models import Contact, ContactMentorStatus, ContactState

from .policy import NOTICES, REASON, Mentor, Move, Pause

_C = columns(Contact)
_DECIDING = [
    _C.contactid,
    _C.new_mentor_status,
    _C.new_certification_expiry,
    _C.new_website_visible,
    _C.new_pause_start_date,
    _C.new_pause_reason,
]
WRITABLE = {
    "contacts": [
        "new_mentor_status",
        "new_pause_start_date",
        "new_pause_end_date",
        "new_pause_reason",
        "new_SetWebsiteVisibility",
    ]
}
"""What this job may write, for the client's allow-list."""
READ_ONLY: dict[str, list[str]] = {"contacts": []}
"""The allow-list of a run that only says what it would do."""


class NotAppliedError(Exception):
    """The website did not take a change, though the call succeeded."""


def candidates(portal: DynamicsPortalClient, today: date, cursor: str | None, page_size: int) -> Rows[Contact]:
    """The mentors who may need something: active ones whose certification ends soon or has ended, and those who are
    paused for it. `cursor` is where an earlier reading had come to."""
    if cursor is not None:
        return portal.contacts.resume(cursor)
    ending = _C.new_certification_expiry <= today + timedelta(days=max(NOTICES))
    return portal.contacts.list(
        filter=(_C.statecode == ContactState.ACTIVE)
        & (
            ((_C.new_mentor_status == ContactMentorStatus.ACTIVE) & ending)
            | (_C.new_mentor_status == ContactMentorStatus.EXPIRED_CERT)
        ),
        select=_DECIDING,
        page_size=page_size,
    )


def read_again(portal: DynamicsPortalClient, mentor_id: UUID) -> Contact:
    """A mentor's row as it is now. NotFoundError where there is none any more."""
    return portal.contacts.get(mentor_id, select=_DECIDING)


def mentor_of(row: Contact) -> Mentor:
    """What of a row decides."""
    return Mentor(
        status=row.new_mentor_status or None,
        expires_on=row.new_certification_expiry or None,
        visible=bool(row.new_website_visible),
        paused_on=row.new_pause_start_date or None,
        reason=row.new_pause_reason or None,
    )


def make(portal: DynamicsPortalClient, move: Move, mentor_id: UUID, pause: Pause, etag: str | None) -> None:
    """Make one move. The two that write a row do so only where it is as it was read (VersionMismatchError)."""
    if move is Move.WRITE_PAUSE:
        change = Contact(
            new_mentor_status=ContactMentorStatus.EXPIRED_CERT,
            new_pause_start_date=pause.paused_on,
            new_pause_end_date=None,
            new_pause_reason=REASON,
        )
        portal.contacts.update(mentor_id, change, if_match=etag)
    elif move is Move.WRITE_ACTIVE:
        change = Contact(
            new_mentor_status=ContactMentorStatus.ACTIVE,
            new_pause_start_date=None,
            new_pause_end_date=None,
            new_pause_reason=None,
        )
        portal.contacts.update(mentor_id, change, if_match=etag)
    else:
        _set_visible(portal, mentor_id, visible=move is Move.SHOW)


def _set_visible(portal: DynamicsPortalClient, mentor_id: UUID, *, visible: bool) -> None:
    reason = "Certification renewed" if visible else REASON
    answer = portal.new_set_website_visibility(mentor_id, visible=visible, reason=reason)
    if answer.sync_status == "failed" or (answer.sync_status != "pending" and answer.is_visible is not visible):
        raise NotAppliedError("the website has not taken the change")
