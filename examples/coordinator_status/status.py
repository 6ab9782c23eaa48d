"""The status of a mentor, and who may see it where the database does not judge: the fallback, as pure functions.

It says the rule of `supabase/migrations/20261125170000_mentoring.sql` a second time, for services that know whom they
act for but have no token of theirs. That is its risk, so one matrix of tests holds both to the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen


@frozen(repr=False)  # what a mentor's status is says something of their health, so nothing prints it by chance
class MentorStatus:
    """What a viewer may know of a mentor. `mentor_id` is the id of the contact in the organisation's Dynamics."""

    organisation_id: UUID
    mentor_id: UUID
    chapter_ids: frozenset[UUID]
    """The chapters within which the viewer sees the mentor: of a coordinator, those of current assignments."""
    state: str
    """`active`, `paused`, `expired_cert` or `resigned`."""
    paused_until: date | None
    certification_expires_on: date | None


@frozen(repr=False)
class Kept:
    """A mentor as the database keeps them: `status` names all of their chapters."""

    person_id: UUID
    status: MentorStatus


@frozen
class Assignment:
    """A coordinator's charge of a mentor in a chapter. Both days count; no end is open."""

    coordinator_id: UUID
    mentor_id: UUID
    chapter_id: UUID
    starts_on: date
    ends_on: date | None

    def is_current(self, today: date) -> bool:
        """Whether it holds on a day."""
        return self.starts_on <= today and (self.ends_on is None or today <= self.ends_on)


def _ids(given: Iterable[UUID]) -> frozenset[UUID]:
    return frozenset(given)


@frozen
class Scope:
    """Whom to answer for: each id is given on purpose, and what is not given is not seen.

    Ids are those of people, which are somebody in one organisation, and of organisations. Whoever makes a scope vouches
    for it: take it of a session that was checked, never of what a request says.
    """

    coordinator_ids: frozenset[UUID] = field(default=frozenset(), converter=_ids)
    mentor_ids: frozenset[UUID] = field(default=frozenset(), converter=_ids)
    """Mentors who see themselves."""
    organisation_ids: frozenset[UUID] = field(default=frozenset(), converter=_ids)
    """Organisations that are administered."""


def visible(
    scope: Scope, mentors: Iterable[Kept], assignments: Iterable[Assignment], today: date
) -> list[MentorStatus]:
    """Of these mentors, those that the scope may see, with the chapters within which it does."""
    coordinated: dict[UUID, set[UUID]] = {}
    for assignment in assignments:
        if assignment.coordinator_id in scope.coordinator_ids and assignment.is_current(today):
            coordinated.setdefault(assignment.mentor_id, set()).add(assignment.chapter_id)
    seen = []
    for mentor in mentors:
        if mentor.person_id in scope.mentor_ids or mentor.status.organisation_id in scope.organisation_ids:
            seen.append(mentor.status)
        elif mentor.person_id in coordinated:
            seen.append(evolve(mentor.status, chapter_ids=frozenset(coordinated[mentor.person_id])))
    return seen


def today_in_norway() -> date:
    """The day by which assignments begin and end, wherever the service runs; as `mentoring.today()`."""
    return datetime.now(ZoneInfo("Europe/Oslo")).date()
