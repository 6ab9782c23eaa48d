"""The example's two repositories on connections as a service has them, and the database's answer over the Data API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import jwt
import psycopg
import pytest
import supabase as supabase_package
from examples.coordinator_status.here import here
from examples.coordinator_status.repository import ApplicationRepository, DatabaseRepository, StatusRepository
from examples.coordinator_status.status import MentorStatus, Scope, today_in_norway
from psycopg import Connection
from tests.integration.supabase.coordinator_status.conftest import seed_assigned
from tests.integration.supabase.coordinator_status.population import made_up
from tests.supabase.postgres import Cluster, Database
from tests.supabase.postgrest import JWT_SECRET, running_supabase

COORDINATOR, MENTOR, NOBODY = (made_up(name) for name in ("user", "mentor's user", "nobody"))


@pytest.fixture(scope="module")
def small(cluster: Cluster) -> Database:
    """A project that was committed: a mentor with a user, a coordinator, and somebody elsewhere."""
    database = cluster.database()
    with database.connect() as connection:
        assert seed_assigned(connection) == (COORDINATOR, MENTOR, NOBODY)
    return database


@pytest.fixture
def authenticator(small: Database) -> Iterator[Connection[Any]]:
    """A connection that may do nothing but become somebody."""
    with small.connect("authenticator") as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def service(authenticator: Connection[Any]) -> Connection[Any]:
    """A connection of the service role."""
    authenticator.execute("set role service_role")
    return authenticator


@pytest.fixture(params=["database", "fallback"])
def repository(request: pytest.FixtureRequest) -> StatusRepository:
    if request.param == "database":
        return DatabaseRepository(request.getfixturevalue("authenticator"))
    return ApplicationRepository(request.getfixturevalue("service"))


def test_users_are_told_what_is_theirs(repository: StatusRepository) -> None:
    for user in (COORDINATOR, MENTOR):
        (status,) = repository.visible_to(user)
        assert status.mentor_id == made_up("contact")
        assert status.organisation_id == made_up("here")
        assert status.chapter_ids == {made_up("chapter")}
        assert (status.state, status.paused_until, status.certification_expires_on) == ("active", None, None)
        assert repository.visible_to(user, [status.mentor_id, made_up("x")]) == [status]
        assert repository.visible_to(user, []) == []
    assert repository.visible_to(NOBODY) == []


def test_a_status_that_is_printed_shows_nothing(repository: StatusRepository) -> None:
    (status,) = repository.visible_to(COORDINATOR)
    for shown in (repr(status), str([status]), f"{status}"):
        assert "MentorStatus" in shown
        assert "active" not in shown
        assert str(status.mentor_id) not in shown


def test_a_question_leaves_the_connection_as_it_was(authenticator: Connection[Any]) -> None:
    repository = DatabaseRepository(authenticator)
    state = "select current_user::text, nullif(current_setting('request.jwt.claims', true), '')"
    assert repository.visible_to(COORDINATOR)
    assert authenticator.execute(state).fetchone() == ("authenticator", None)
    with pytest.raises(psycopg.Error):
        repository.visible_to(COORDINATOR, ["no id"])  # type: ignore[list-item]
    assert authenticator.execute(state).fetchone() == ("authenticator", None)
    assert repository.visible_to(NOBODY) == []


def test_within_a_transaction_of_the_services_own_the_next_question_is_the_services_again(small: Database) -> None:
    with small.connect("postgres") as connection, connection.transaction():
        assert DatabaseRepository(connection).visible_to(COORDINATOR)
        assert connection.execute("select current_user::text").fetchone() == ("postgres",)


def test_the_fallback_answers_for_coordinators_that_are_named(service: Connection[Any]) -> None:
    fallback = ApplicationRepository(service)
    (seen,) = fallback.within(Scope(coordinator_ids=[made_up("colleague")]))
    assert seen.mentor_id == made_up("contact")
    assert fallback.within(Scope(coordinator_ids=[made_up("theirs"), made_up("ours")])) == []
    assert fallback.within(Scope()) == []


def test_the_fallback_fails_for_a_role_from_which_the_database_hides_rows(authenticator: Connection[Any]) -> None:
    """An empty answer would say that there is nobody to see."""
    for role in ("authenticator", "authenticated", "anon"):
        authenticator.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ApplicationRepository(authenticator).visible_to(COORDINATOR)


def test_both_have_the_same_day(small: Database) -> None:
    before = today_in_norway()
    ((theirs,),) = small.run("select mentoring.today()")
    assert theirs in (before, today_in_norway())


def test_users_ask_over_the_data_api_with_their_own_token(small: Database) -> None:
    """From a token's `sub` to the rows, by the client that Supabase publishes; `anon`'s key alone gives nothing."""
    import httpx

    with running_supabase(small) as project, httpx.Client() as session:

        def ask(user: UUID | None) -> list[dict[str, Any]]:
            options = supabase_package.ClientOptions(httpx_client=session)
            client = supabase_package.create_client(project.url, project.keys["anon"], options)
            if user is not None:
                claims = {"sub": str(user), "role": "authenticated", "exp": int(time.time()) + 60}
                client.postgrest.auth(jwt.encode(claims, JWT_SECRET, "HS256"))
            rows: Any = client.rpc("mentor_status", {"mentor_ids": None}).execute().data
            return list(rows)

        status = {
            "organisation_id": str(made_up("here")),
            "mentor_id": str(made_up("contact")),
            "chapter_ids": [str(made_up("chapter"))],
            "state": "active",
            "paused_until": None,
            "certification_expires_on": None,
        }
        assert ask(COORDINATOR) == [status]
        assert ask(MENTOR) == [status]
        assert ask(NOBODY) == []
        with pytest.raises(supabase_package.PostgrestAPIError) as caught:
            ask(None)
        assert caught.value.code == "42501"


def test_what_is_told_is_what_the_example_says(small: Database) -> None:
    """Six facts, and no name, reason or address: a column more is a decision."""
    columns = "select proargnames[2:] from pg_proc where proname = 'mentor_status'"
    ((names,),) = small.run(columns)
    assert names == [field.name for field in MentorStatus.__attrs_attrs__]


def test_the_readmes_command_shows_who_sees_whom(capsys: pytest.CaptureFixture[str]) -> None:
    assert here() == 0
    told = capsys.readouterr().out.splitlines()
    mentor = f"sees mentor {made_up('contact')} (active) within 1 chapter(s)"
    assert told == [
        f"the coordinator {mentor}",
        f"the mentor {mentor}",
        "a stranger sees nobody",
        "The fallback agrees.",
    ]
