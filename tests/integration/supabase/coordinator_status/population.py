"""Two organisations in which every case occurs, and what each user may see in them, worked out without any SQL.

Cases are generated, as a product: what a user is (each set of roles in the one organisation, with each in the other), a
coordinator's assignment to a mentor (each pair of windows in the mentor's chapters), the mentor's chapters and state,
the organisation. Every coordinator meets every case, and no two of them the same cases with the same mentors.

The oracle, `expected`, never compares dates: it knows by name which windows hold today. What the two sides have in
common is this population and nothing of how they judge it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain, combinations, product
from typing import Any, NamedTuple

from psycopg import Connection, sql

ROLES = ("mentor", "coordinator", "administrator")
WINDOWS: dict[str, list[tuple[int, int | None]]] = {
    "none": [],
    "ended": [(-30, -1)],
    "last day": [(-30, 0)],
    "open": [(-30, None)],
    "first day": [(0, 30)],
    "to come": [(1, None)],
    "again": [(-90, -60), (-7, 7), (-3, None)],
}
"""Assignments by when they begin and end, in days from today."""
HOLDS_TODAY = {"last day", "open", "first day", "again"}
TABLES = ("organisations", "chapters", "people", "administrators", "mentors", "mentor_chapters", "assignments")
ANALYZE = "analyze " + ", ".join(f"mentoring.{table}" for table in TABLES)
"""Of these tables alone: the catalogues that databases share would stay locked for as long as the transaction lasts."""
STATES: list[tuple[str, int | None]] = [
    ("active", None),
    ("paused", None),
    ("paused", -1),  # over, and not yet looked at by the nightly check
    ("paused", 30),
    ("expired_cert", None),
    ("resigned", None),
]
"""A mentor's state, and until when a pause lasts, in days from today."""


class Row(NamedTuple):
    """A row of an answer."""

    organisation: uuid.UUID
    mentor: uuid.UUID
    chapters: frozenset[uuid.UUID]
    state: str
    paused_until: date | None
    expires_on: date | None


def subsets(of: tuple[Any, ...]) -> list[frozenset[Any]]:
    return [frozenset(chosen) for chosen in chain.from_iterable(combinations(of, size) for size in range(len(of) + 1))]


def made_up(*parts: object) -> uuid.UUID:
    """The same id for the same parts, in every run."""
    return uuid.uuid5(uuid.NAMESPACE_OID, "/".join(str(part) for part in parts))


@dataclass(frozen=True)
class Person:
    organisation: uuid.UUID
    user: uuid.UUID
    roles: frozenset[str]
    number: int
    """Counts the people of an organisation: a mentor's contact has the same id as that of its like in the other one."""
    case: tuple[frozenset[int], tuple[str, int | None]] = (frozenset(), STATES[0])
    """A mentor's chapters, the first and the second, and state."""

    @property
    def id(self) -> uuid.UUID:
        return made_up("person", self.organisation, self.number)

    @property
    def chapters(self) -> frozenset[uuid.UUID]:
        return frozenset(made_up("chapter", self.organisation, place) for place in self.case[0])

    @property
    def contact(self) -> uuid.UUID:
        return made_up("contact", self.number)


@dataclass
class Population:
    today: date
    organisations: tuple[uuid.UUID, ...] = (made_up("organisation", 1), made_up("organisation", 2))
    people: dict[tuple[uuid.UUID, uuid.UUID], Person] = field(default_factory=dict)
    """By organisation and user."""
    assigned: dict[tuple[uuid.UUID, uuid.UUID], dict[uuid.UUID, str]] = field(default_factory=dict)
    """The windows of a coordinator's assignments to a mentor, by chapter."""
    cast: list[uuid.UUID] = field(default_factory=list)
    """Users who are, between them, everything in both organisations: the last one is nobody."""
    crowd: list[uuid.UUID] = field(default_factory=list)
    """Users who are mentors of one organisation and no more, one for each case."""

    def day(self, offset: int | None) -> date | None:
        return None if offset is None else self.today + timedelta(days=offset)

    def row(self, mentor: Person, chapters: frozenset[uuid.UUID]) -> Row:
        state, until = mentor.case[1]
        expires_on = self.day(mentor.number % 90 - 30)
        return Row(mentor.organisation, mentor.contact, chapters, state, self.day(until), expires_on)

    def mentors(self, organisation: uuid.UUID | None = None) -> list[Person]:
        return [
            person
            for person in self.people.values()
            if "mentor" in person.roles and organisation in (None, person.organisation)
        ]


def cases() -> list[tuple[frozenset[int], tuple[str, int | None]]]:
    return list(product(subsets((1, 2)), STATES))


def patterns(chapters: frozenset[Any]) -> list[tuple[str, ...]]:
    """The windows of assignments to a mentor of so many chapters."""
    return list(product(WINDOWS, repeat=len(chapters)))


def populate(today: date) -> Population:
    made = Population(today)
    numbers = dict.fromkeys(made.organisations, 0)

    def add(organisation: uuid.UUID, user: uuid.UUID, roles: frozenset[str], case: Any) -> None:
        person = Person(organisation, user, roles, numbers[organisation], case)
        numbers[organisation] += 1
        made.people[organisation, user] = person

    everything: list[frozenset[str] | None] = [*subsets(ROLES), None]
    for number, both in enumerate(product(everything, repeat=2)):
        user = made_up("user", "cast", number)
        made.cast.append(user)
        for place, (organisation, roles) in enumerate(zip(made.organisations, both, strict=True)):
            if roles is not None:
                add(organisation, user, roles, cases()[(number + 5 * place) % len(cases())])
    for organisation, (chapters, state) in product(made.organisations, cases()):
        for pattern in patterns(chapters):
            user = made_up("user", organisation, sorted(chapters), state, pattern)
            made.crowd.append(user)
            add(organisation, user, frozenset({"mentor"}), (chapters, state))
    for organisation in made.organisations:
        assign(made, organisation)
    return made


def assign(made: Population, organisation: uuid.UUID) -> None:
    """Give every coordinator each pattern with each case, each coordinator in another order."""
    coordinators = [p for (place, _), p in made.people.items() if place == organisation and "coordinator" in p.roles]
    for turn, coordinator in enumerate(coordinators):
        counted: dict[Any, int] = {}
        for mentor in made.mentors(organisation):
            possible = patterns(mentor.case[0])
            counted[mentor.case] = counted.get(mentor.case, -1) + 1
            windows = possible[(counted[mentor.case] + turn) % len(possible)]
            made.assigned[coordinator.id, mentor.id] = dict(zip(sorted(mentor.chapters), windows, strict=True))


def expected(made: Population, user: uuid.UUID) -> set[Row]:
    """THE ORACLE: the rows that a user is to get."""
    rows = set()
    for mentor in made.mentors():
        viewer = made.people.get((mentor.organisation, user))
        if viewer is None:
            continue
        if viewer is mentor or "administrator" in viewer.roles:
            rows.add(made.row(mentor, mentor.chapters))
        elif "coordinator" in viewer.roles:
            windows = made.assigned[viewer.id, mentor.id]
            within = frozenset(chapter for chapter, window in windows.items() if window in HOLDS_TODAY)
            if within:
                rows.add(made.row(mentor, within))
    return rows


def store(made: Population, connection: Connection[Any]) -> None:
    """Put it into the database: users as Supabase Auth does, the rest as a service does."""
    copy(connection, "auth.users", ["id"], ((user,) for user in [*made.cast, *made.crowd]))
    connection.execute("set local role service_role")
    places = made.organisations
    copy(connection, "mentoring.organisations", ["id", "name"], ((place, str(place)) for place in places))
    chapters = ((made_up("chapter", place, number), place, f"{number}") for place in places for number in (1, 2))
    copy(connection, "mentoring.chapters", ["id", "organisation_id", "name"], chapters)
    people = list(made.people.values())
    who = ["id", "organisation_id", "user_id"]
    copy(connection, "mentoring.people", who, ((person.id, person.organisation, person.user) for person in people))
    administrators = ((person.id, person.organisation) for person in people if "administrator" in person.roles)
    copy(connection, "mentoring.administrators", ["person_id", "organisation_id"], administrators)
    status = ["person_id", "organisation_id", "contact_id", "state", "paused_until", "certification_expires_on"]
    mentors = made.mentors()
    kept = ((mentor.id, *row[:2], *row[3:]) for mentor in mentors for row in [made.row(mentor, frozenset())])
    copy(connection, "mentoring.mentors", status, kept)
    within = ((mentor.id, chapter, mentor.organisation) for mentor in mentors for chapter in mentor.chapters)
    copy(connection, "mentoring.mentor_chapters", ["mentor_id", "chapter_id", "organisation_id"], within)
    named = ["organisation_id", "coordinator_id", "mentor_id", "chapter_id", "starts_on", "ends_on"]
    copy(connection, "mentoring.assignments", named, assignments(made))
    connection.execute("reset role")
    connection.execute(ANALYZE.encode())


def assignments(made: Population) -> Iterator[tuple[Any, ...]]:
    home = {person.id: person.organisation for person in made.people.values()}
    for (coordinator, mentor), windows in made.assigned.items():
        for chapter, window in windows.items():
            for start, end in WINDOWS[window]:
                yield home[mentor], coordinator, mentor, chapter, made.day(start), made.day(end)


def copy(connection: Connection[Any], table: str, columns: list[str], rows: Any) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(*table.split(".")), names)
    with connection.cursor().copy(statement) as target:
        for row in rows:
            target.write_row(row)
