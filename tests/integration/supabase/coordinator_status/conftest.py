"""One population for all tests that only read, in one transaction: in it, today stays today."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection, sql
from tests.integration.supabase.coordinator_status.population import Population, Row, made_up, populate, store
from tests.supabase.postgres import Cluster

STATUS = "select * from public.mentor_status(%s)"


@pytest.fixture(scope="package")
def connection(cluster: Cluster) -> Iterator[Connection[Any]]:
    """The superuser's connection to a project, in a transaction that is never committed."""
    connection = cluster.database().connect()
    yield connection
    connection.rollback()
    connection.close()


@pytest.fixture(scope="package")
def population(connection: Connection[Any]) -> Population:
    row = connection.execute("select mentoring.today()").fetchone()
    assert row is not None
    made = populate(row[0])
    store(made, connection)
    return made


@pytest.fixture
def viewer(population: Population) -> UUID:
    """A user who coordinates in both organisations, and no more: there is much to see, and much not to."""
    (only,) = [
        user
        for user in population.cast
        if all(
            (place, user) in population.people and population.people[place, user].roles == {"coordinator"}
            for place in population.organisations
        )
    ]
    return only


def become(connection: Connection[Any], claims: Any, role: str = "authenticated") -> None:
    """What PostgREST does before a question, for the rest of the transaction."""
    connection.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),))
    connection.execute(f"set local role {role}".encode())


def ask(connection: Connection[Any], user: UUID | None, mentors: list[UUID] | None = None) -> list[Row]:
    """What the database answers to a user."""
    with connection.transaction(force_rollback=True):
        become(connection, {"sub": str(user), "role": "authenticated"} if user else {})
        rows = connection.execute(STATUS, (mentors,)).fetchall()
    assert all(row[2] == sorted(set(row[2])) for row in rows), "a chapter comes once"
    return [Row(place, mentor, frozenset(chapters), *status) for place, mentor, chapters, *status in rows]


@contextmanager
def attempt(connection: Connection[Any]) -> Iterator[None]:
    """A part of the transaction that leaves nothing behind, whether it fails or not."""
    with connection.transaction(force_rollback=True):
        yield


def fetched(connection: Connection[Any], statement: str, *parameters: Any) -> list[Any]:
    return connection.execute(statement.encode(), parameters or None).fetchall()


def refusal(connection: Connection[Any], role: str, claims: Any, statement: str | sql.Composed) -> psycopg.Error | None:
    """What a statement fails with, for a role with claims; None where it does not."""
    try:
        with attempt(connection):
            become(connection, claims, role)
            connection.execute(statement.encode() if isinstance(statement, str) else statement)
    except psycopg.Error as error:
        return error
    return None


def seed(connection: Connection[Any]) -> list[str]:
    """Two organisations with a chapter each, a mentor in the first, a user beside them; the names of their ids."""
    names = ["here", "there", "chapter", "their_chapter", "ours", "colleague", "theirs"]
    here, there, chapter, their_chapter, ours, colleague, theirs = (made_up(name) for name in names)
    statements: list[tuple[str, tuple[Any, ...]]] = [
        ("insert into mentoring.organisations values (%s, 'A'), (%s, 'B')", (here, there)),
        ("insert into mentoring.chapters values (%s, %s, 'A'), (%s, %s, 'B')", (chapter, here, their_chapter, there)),
        ("insert into mentoring.people values (%s, %s), (%s, %s)", (ours, here, theirs, there)),
        ("insert into mentoring.people values (%s, %s, %s)", (colleague, here, made_up("user"))),
        ("insert into mentoring.mentors values (%s, %s, %s, 'active')", (ours, here, made_up("contact"))),
        ("insert into mentoring.mentor_chapters values (%s, %s, %s)", (ours, chapter, here)),
    ]
    connection.execute("insert into auth.users values (%s), (%s)", (made_up("user"), made_up("mentor's user")))
    for statement, parameters in statements:
        connection.execute(statement.encode(), parameters)
    return names


def seed_assigned(connection: Connection[Any]) -> tuple[UUID, UUID, UUID]:
    """The same, with a user for the mentor and an assignment: the users of coordinator, mentor, and nobody."""
    seed(connection)
    mentor = made_up("mentor's user")
    connection.execute("update mentoring.people set user_id = %s where id = %s", (mentor, made_up("ours")))
    assigned = "insert into mentoring.assignments values (default, %s, %s, %s, %s, '2020-01-01')"
    ids = tuple(made_up(name) for name in ("here", "colleague", "ours", "chapter"))
    connection.execute(assigned, ids)
    return made_up("user"), mentor, made_up("nobody")
