"""Where a service gets mentors' status from: the database, which judges itself, or the fallback, which judges here.

Both answer the same question in the same words. It decides neither who somebody is nor what they may see: the first is
the session's, the second the migration's and `status.visible`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from examples.coordinator_status.status import Assignment, Kept, MentorStatus, Scope, today_in_norway, visible
from psycopg import Connection

_STATUS = """
select organisation_id, mentor_id, chapter_ids, state, paused_until, certification_expires_on
from public.mentor_status(%s)
"""
_SCOPE = """
select person.id, person.organisation_id, administrator.person_id is not null
from mentoring.people as person
left join mentoring.administrators as administrator on administrator.person_id = person.id
where person.user_id = %s
"""
_ASSIGNMENTS = """
select coordinator_id, mentor_id, chapter_id, starts_on, ends_on
from mentoring.assignments
where coordinator_id = any (%s)
"""
_MENTORS = """
select mentor.person_id, mentor.organisation_id, mentor.contact_id, array(
    select membership.chapter_id from mentoring.mentor_chapters as membership
    where membership.mentor_id = mentor.person_id
), mentor.state, mentor.paused_until, mentor.certification_expires_on
from mentoring.mentors as mentor
where (mentor.person_id = any (%(people)s) or mentor.organisation_id = any (%(organisations)s))
    and (%(contacts)s::uuid[] is null or mentor.contact_id = any (%(contacts)s))
"""


class StatusRepository(Protocol):
    """The status of mentors, for a user of the portal."""

    def visible_to(self, user_id: UUID, mentor_ids: Collection[UUID] | None = None) -> list[MentorStatus]:
        """The mentors whom the user may see; of these, those with the given ids, where some are given.

        An id that is nobody's and one that the user may not see are left out alike. `user_id` is the user's id in
        Supabase Auth, of a token that was checked. Raises what psycopg raises.
        """


class DatabaseRepository:
    """Lets the database judge: it is asked as the user. This is the one to use.

    The connection's role needs to be able to become `authenticated`, as `authenticator` and `postgres` are, and may
    lack every privilege of its own.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def visible_to(self, user_id: UUID, mentor_ids: Collection[UUID] | None = None) -> list[MentorStatus]:
        """See `StatusRepository`."""
        claims = json.dumps({"sub": str(user_id), "role": "authenticated"})
        with self._connection.transaction(force_rollback=True):  # so that role and claims end with the question
            self._connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
            self._connection.execute("set local role authenticated")
            rows = self._connection.execute(_STATUS, (_listed(mentor_ids),)).fetchall()
        return [_status(row) for row in rows]


class ApplicationRepository:
    """THE FALLBACK: reads as the service role, from which the database hides nothing, and filters here.

    For a service that acts for somebody without a token of theirs, such as a nightly letter to coordinators, and for a
    database without the migration's functions. The answer is made of two or three questions, so what changes between
    them may show up in it half. `today` gives the day by which assignments begin and end.
    """

    def __init__(self, connection: Connection[Any], today: Callable[[], date] = today_in_norway) -> None:
        self._connection = connection
        self._today = today

    def visible_to(self, user_id: UUID, mentor_ids: Collection[UUID] | None = None) -> list[MentorStatus]:
        """See `StatusRepository`."""
        people = self._connection.execute(_SCOPE, (user_id,)).fetchall()
        ids = [person for person, _, _ in people]
        administered = [organisation for _, organisation, administers in people if administers]
        return self.within(Scope(coordinator_ids=ids, mentor_ids=ids, organisation_ids=administered), mentor_ids)

    def within(self, scope: Scope, mentor_ids: Collection[UUID] | None = None) -> list[MentorStatus]:
        """What a scope may see: `within(Scope(coordinator_ids=[…]))` for coordinators that are named on purpose."""
        rows = self._connection.execute(_ASSIGNMENTS, (list(scope.coordinator_ids),)).fetchall()
        assignments = [Assignment(*row) for row in rows]
        wanted = {
            "people": [*scope.mentor_ids, *{assignment.mentor_id for assignment in assignments}],
            "organisations": list(scope.organisation_ids),
            "contacts": _listed(mentor_ids),
        }
        found = self._connection.execute(_MENTORS, wanted).fetchall()
        mentors = [Kept(person_id=row[0], status=_status(row[1:])) for row in found]
        return visible(scope, mentors, assignments, self._today())


def _listed(ids: Iterable[UUID] | None) -> list[UUID] | None:
    return None if ids is None else list(ids)


def _status(row: tuple[Any, ...]) -> MentorStatus:
    organisation, mentor, chapters, state, paused_until, expires_on = row
    return MentorStatus(organisation, mentor, frozenset(chapters), state, paused_until, expires_on)
