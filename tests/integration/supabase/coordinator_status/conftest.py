"""One population for all tests that only read, in one transaction: in it, today stays today."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from tests.integration.supabase.coordinator_status.population import Population, Row, populate, store
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


def become(connection: Connection[Any], claims: Any, role: str = "authenticated") -> None:
    """What PostgREST does before a question, for the rest of the transaction."""
    connection.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),))
    connection.execute(f"set local role {role}".encode())


def ask(connection: Connection[Any], user: UUID | None, mentors: list[UUID] | None = None) -> list[Row]:
    """What the database answers to a user."""
    with connection.transaction(force_rollback=True):
        become(connection, {"sub": str(user), "role": "authenticated"} if user else {})
        rows = connection.execute(STATUS, (mentors,)).fetchall()
    return [Row(place, mentor, frozenset(chapters), *status) for place, mentor, chapters, *status in rows]
