"""Who sees what: the database and the fallback, in every case, against an oracle that knows neither."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from examples.coordinator_status.repository import ApplicationRepository
from psycopg import Connection
from tests.integration.supabase.coordinator_status.conftest import ask
from tests.integration.supabase.coordinator_status.population import (
    ROLES,
    STATES,
    Population,
    Row,
    cases,
    expected,
    made_up,
    patterns,
    subsets,
)
from tests.supabase.postgres import MIGRATIONS

Asked = Callable[[UUID, list[UUID] | None], list[Row]]
RULE = re.compile(r"create or replace function mentoring\.visible_status.*?^end;", re.DOTALL | re.MULTILINE)


@pytest.fixture(params=["database", "fallback"])
def answer(request: pytest.FixtureRequest, connection: Connection[Any], population: Population) -> Asked:
    """Asks one of the two for what a user may see."""
    if request.param == "database":
        return lambda user, mentors: ask(connection, user, mentors)
    fallback = ApplicationRepository(connection, lambda: population.today)
    return lambda user, mentors: [
        Row(s.organisation_id, s.mentor_id, s.chapter_ids, s.state, s.paused_until, s.certification_expires_on)
        for s in fallback.visible_to(user, mentors)
    ]


def test_every_case_occurs(population: Population) -> None:
    """Each role with each assignment, chapters, state and organisation, counted in what was generated."""
    places = population.organisations
    met = {
        (viewer.roles, tuple(population.assigned[viewer.id, mentor.id].values()), mentor.case, viewer.organisation)
        for viewer in population.people.values()
        if "coordinator" in viewer.roles
        for mentor in population.mentors(viewer.organisation)
    }
    roles = [chosen for chosen in subsets(ROLES) if "coordinator" in chosen]
    assert len(cases()) == 4 * len(STATES)
    assert met == {
        (chosen, windows, case, organisation)
        for chosen, case, organisation in product(roles, cases(), places)
        for windows in patterns(case[0])
    }
    everything = {
        tuple(population.people[place, user].roles if (place, user) in population.people else None for place in places)
        for user in population.cast
    }
    assert everything == set(product([*subsets(ROLES), None], repeat=2))


def test_everybody_sees_what_is_theirs_and_nothing_else(answer: Asked, population: Population) -> None:
    leaks, missing, seen = [], [], 0
    for user in [*population.cast, *population.crowd, made_up("nobody")]:
        rows, due = answer(user, None), expected(population, user)
        leaks += [(user, row) for row in rows if row not in due]
        missing += [(user, row) for row in due.difference(rows)]
        assert len(rows) == len(set(rows)), "a mentor comes once"
        seen += len(rows)
    assert (leaks[:3], missing[:3]) == ([], [])
    assert seen > 10_000


def test_asking_for_ids_gives_those_that_may_be_seen_of_these(answer: Asked, population: Population) -> None:
    """Ids of the other organisation, of mentors who are not one's own and of nobody are left out alike."""
    chance = random.Random(20261125)
    contacts = sorted({mentor.contact for mentor in population.mentors()})
    narrowed = 0
    for user in population.cast:
        asked = [*chance.sample(contacts, 40), made_up("no contact")]
        due = {row for row in expected(population, user) if row.mentor in asked}
        assert sorted(answer(user, asked)) == sorted(due)
        narrowed += 0 < len(due) < 80
        assert answer(user, []) == []
        assert answer(user, [made_up("no contact")]) == []
    assert narrowed > 40


WEAKENED = {
    "anybody's assignments": ("assignment.coordinator_id = viewers.id", "true", "leak"),
    "assignments to come": ("assignment.starts_on <= (select mentoring.today())", "true", "leak"),
    "assignments that ended": ("assignment.ends_on >= (select mentoring.today())", "true", "leak"),
    "every chapter of the mentor": (
        "pg_catalog.array_agg(distinct assignment.chapter_id)",
        "null",
        "leak",
    ),
    "another organisation": ("kept.organisation_id = viewers.organisation_id", "true", "leak"),
    "colleagues of an administrator": (
        "administrator.person_id = person.id",
        "administrator.organisation_id = person.organisation_id",
        "leak",
    ),
    "no matter who calls": ("person.user_id = (select mentoring.caller())", "true", "leak"),
    "not on the first day": ("starts_on <= (", "starts_on < (", "missing"),
    "not on the last day": ("ends_on >= (", "ends_on > (", "missing"),
    "not without an end": ("assignment.ends_on is null or ", "", "missing"),
    "not oneself": ("viewers.id as mentor_id", "null::uuid as mentor_id", "missing"),
    "no administrators": ("administrator.person_id = person.id", "false", "missing"),
    "not without a chapter": (
        "where mentor_ids is null",
        "where exists (select from mentoring.mentor_chapters as c where c.mentor_id = seen.mentor_id)"
        " and mentor_ids is null",
        "missing",
    ),
    "not the paused": ("where mentor_ids is null", "where mentor.state <> 'paused' and mentor_ids is null", "missing"),
    "not in two organisations": (
        "where person.user_id = (select mentoring.caller())",
        "where person.user_id = (select mentoring.caller()) order by person.organisation_id limit 1",
        "missing",
    ),
}


@pytest.mark.parametrize("what", WEAKENED)
def test_a_rule_that_is_wrong_in_one_place_is_found(
    what: str, connection: Connection[Any], population: Population
) -> None:
    """Each part of the rule is there for a case of the population: without it, the matrix fails, and in which way."""
    part, instead, kind = WEAKENED[what]
    (migration,) = MIGRATIONS.glob("*_mentoring.sql")
    rule = RULE.search(migration.read_text("utf-8"))
    assert rule is not None
    assert rule[0].count(part) == 1
    with connection.transaction(force_rollback=True):
        connection.execute(rule[0].replace(part, instead).encode())
        for user in population.cast:
            rows, due = within(ask(connection, user)), within(expected(population, user))
            if rows != due:
                break
    found = "leak" if rows - due else "missing" if due - rows else "nothing"
    assert found == kind


def within(rows: Iterable[Row]) -> set[tuple[UUID, UUID, UUID | None]]:
    """Each mentor of an answer, and each chapter within which they are seen."""
    return {(row.organisation, row.mentor, chapter) for row in rows for chapter in (None, *row.chapters)}
