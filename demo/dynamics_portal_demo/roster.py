"""The roster: mentors of a local chapter and their certifications, the same ones every time.

Names are made up and the addresses belong to nobody; who has expired depends on the day only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from dynamics_portal_api.models import CertificationStatus, CertificationType, ContactMentorStatus

MENTORS = 40
EVERY = 4
"""Each fourth mentor's certification has expired."""
_NAMESPACE = UUID("5d0a3c7e-93a1-4f0e-9f43-0a3f6d0a9b11")
_FIRST = ("Kari", "Ola", "Ingrid", "Åse", "Bjørn", "Sølvi", "Per", "Anne")
_LAST = ("Hansen", "Ødegård", "Berg", "Lunde", "Moen")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Roster:
    """Rows by table, ready to be put into an emulator."""

    contacts: list[Row] = field(default_factory=list)
    certifications: list[Row] = field(default_factory=list)

    def tables(self) -> dict[str, list[Row]]:
        """The rows under the names of their entity sets."""
        return {"contacts": self.contacts, "new_certifications": self.certifications}


def make_roster(today: dt.date) -> Roster:
    """Forty mentors, all active and shown; each fourth one's certification expired some days ago."""
    roster = Roster()
    for number, (first, last) in zip(range(MENTORS), _names(), strict=False):
        mentor = uuid5(_NAMESPACE, f"mentor {number}")
        expired = number % EVERY == 0
        expiry = today - dt.timedelta(days=1 + number) if expired else today + dt.timedelta(days=30 + number)
        roster.contacts.append(
            {
                "contactid": str(mentor),
                "firstname": first,
                "lastname": last,
                "fullname": f"{first} {last}",
                "emailaddress1": f"mentor{number}@example.org",
                "new_mentor_status": int(ContactMentorStatus.ACTIVE),
                "new_certification_expiry": expiry.isoformat(),
                "new_website_visible": True,
            }
        )
        roster.certifications.append(
            {
                "new_certificationid": str(uuid5(_NAMESPACE, f"certification {number}")),
                "new_name": f"Certification {number}",
                "_new_mentor_value": str(mentor),
                "new_type": int(CertificationType.PEER_MENTOR),
                "new_issued_on": (expiry - dt.timedelta(days=730)).isoformat(),
                "new_expires_on": expiry.isoformat(),
                "new_status": int(CertificationStatus.ACTIVE),
            }
        )
    return roster


def _names() -> Iterator[tuple[str, str]]:
    number = 0
    while True:
        yield _FIRST[number % len(_FIRST)], _LAST[(number // len(_FIRST) + number) % len(_LAST)]
        number += 1
