"""The job: find the certifications that expired, pause their mentors, hide them from the website; and its account.

It is written as a service would write it, against the public names only. On the way the service fails once (a 503),
a mentor is asked for who does not exist (a 404), and a column is touched that the service may not write.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from dynamics_portal import DynamicsPortalClient, InvalidRequestError, NotFoundError
from dynamics_portal_api.models import CertificationStatus, ContactMentorStatus

PAGE_SIZE = 4
REASON = "Certification expired"
WRITABLE = {
    "contacts": [
        "new_mentor_status",
        "new_pause_start_date",
        "new_pause_reason",
        "new_website_visible",
        "new_SetWebsiteVisibility",
    ],
    "new_certifications": [],
}
"""What this service may write; the rest of a mentor belongs to others."""
NOBODY = UUID("00000000-0000-4000-8000-000000000404")

Say = Callable[[str], None]


@dataclass(slots=True)
class Account:
    """What happened, for those who check it."""

    pages: int = 0
    paused: list[UUID] = field(default_factory=list)
    hidden: list[UUID] = field(default_factory=list)
    not_found: str = ""
    refused: str = ""


def run(portal: DynamicsPortalClient, today: dt.date, say: Say) -> Account:
    """Do the job and tell it, a line a step."""
    account = Account()
    me = portal.who_am_i()
    say(f"The token is accepted: the service takes us for user {me.user_id}.")
    say(f"Certifications that expired before {today}, in pages of {PAGE_SIZE}:")
    expired = portal.new_certifications.list(
        filter=f"new_expires_on lt {today.isoformat()} and new_status eq {CertificationStatus.ACTIVE}",
        select=["new_certificationid", "new_expires_on", "_new_mentor_value"],
        order_by="new_expires_on",
        page_size=PAGE_SIZE,
    )
    for page in expired.pages():
        account.pages += 1
        say(f"  page {account.pages}: {len(page)} certifications")
        for certification in page:
            mentor = certification.new_mentor_value
            if mentor:
                _pause(portal, mentor, today, account)
    say(f"{len(account.paused)} mentors were paused and {len(account.hidden)} hidden from the website.")
    _try_what_fails(portal, account, say)
    return account


def _pause(portal: DynamicsPortalClient, mentor: UUID, today: dt.date, account: Account) -> None:
    row = portal.contacts.get(mentor, select=["contactid", "new_mentor_status"])
    if row.new_mentor_status == ContactMentorStatus.EXPIRED_CERT:
        return  # done by an earlier run
    portal.contacts.update(
        mentor,
        {
            "new_mentor_status": ContactMentorStatus.EXPIRED_CERT,
            "new_pause_start_date": today,
            "new_pause_reason": REASON,
            "new_website_visible": False,
        },
        if_match=row.etag,
    )
    account.paused.append(mentor)
    answer = portal.new_set_website_visibility(mentor, visible=False, reason=REASON)
    if not answer.is_visible:
        account.hidden.append(mentor)


def _try_what_fails(portal: DynamicsPortalClient, account: Account, say: Say) -> None:
    try:
        portal.contacts.get(NOBODY, select=["contactid"])
    except NotFoundError as error:
        account.not_found = error.code.name
        say(f"A mentor who does not exist: {error.code.name}, status {error.status_code}, code {error.dynamics_code}.")
    try:
        portal.contacts.update(NOBODY, {"emailaddress1": "nobody@example.org"})
    except InvalidRequestError as error:
        account.refused = error.code.name
        say(f"A column that is not ours to write: {error.code.name}, before anything was sent.")
