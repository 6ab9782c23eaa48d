"""What a caller could try to see more than is theirs, or to be somebody else.

Where an attempt is shown to fail, it is shown to succeed on something careless, too.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection, errors, sql
from tests.integration.supabase.coordinator_status.conftest import (
    STATUS,
    ask,
    attempt,
    become,
    fetched,
    refusal,
    seed_assigned,
)
from tests.integration.supabase.coordinator_status.population import ANALYZE, Population, expected, made_up
from tests.supabase.postgres import Database

TRAP = """
create schema trap;
create table trap.heard (what text);
create function trap.hear(uuid, uuid) returns bool language plpgsql as
    $$ begin insert into trap.heard values ('an operator'); return true; end $$;
create operator trap.= (leftarg = uuid, rightarg = uuid, function = trap.hear);
create function trap.now() returns timestamptz language plpgsql as
    $$ begin insert into trap.heard values ('a function'); return 'infinity'; end $$;
create function trap.checked(text) returns bool language plpgsql as
    $$ begin insert into trap.heard values ('a type'); return true; end $$;
grant usage on schema trap to public;
grant all on trap.heard to public;
create function public.unpinned(mentor_ids uuid[]) returns bool language sql security definer
    as 'select now() > ''2020-01-01'' and mentor_ids[1] = mentor_ids[1]';
create function public.unbound(mentor_ids uuid[]) returns bool language sql security definer set search_path = ''
    as 'select ''00000000-0000-0000-0000-000000000000''::uuid is not null';
"""
LURE = """
set local search_path = trap, pg_catalog, public;
create domain pg_temp.uuid as pg_catalog.uuid check (trap.checked(value::pg_catalog.text));
create domain pg_temp.date as pg_catalog.date check (trap.checked(value::pg_catalog.text));
create domain pg_temp.jsonb as pg_catalog.jsonb check (trap.checked(value::pg_catalog.text));
create temp table mentors (person_id pg_catalog.uuid);
create temp table people (id pg_catalog.uuid);
"""


@pytest.mark.parametrize(
    ("function", "heard"),
    [
        ("unpinned", {("a function",), ("an operator",)}),
        ("unbound", {("a type",)}),
        ("mentor_status", set()),
    ],
)
def test_names_that_the_caller_made_are_not_found(
    function: str, heard: set[Any], connection: Connection[Any], population: Population, viewer: UUID
) -> None:
    """Neither by a search path that leads into a trap, nor by temporary types, which an empty path still finds."""
    with attempt(connection):
        connection.execute(TRAP.encode())
        become(connection, {"sub": str(viewer)})
        connection.execute(LURE.encode())
        contacts = [mentor.contact for mentor in population.mentors()][:1]
        call = sql.SQL("select * from public.{}(%s::pg_catalog.uuid[])").format(sql.Identifier(function))
        found = {row[:2] for row in connection.execute(call, (contacts,)).fetchall()}
        assert set(fetched(connection, "select distinct what from trap.heard")) == heard
    if function == "mentor_status":
        assert found == {row[:2] for row in expected(population, viewer) if row.mentor in contacts}


def test_a_function_in_the_question_is_shown_only_what_is_seen(
    connection: Connection[Any], population: Population, viewer: UUID
) -> None:
    """Cheap and without side effects, it says, so that the planner would run it first, on every row that it may."""
    spy = """
    create temp table heard (mentor uuid, state text);
    create function pg_temp.spy(uuid, text) returns bool language plpgsql cost 0.0001 as
        $$ begin insert into pg_temp.heard values ($1, $2); return true; end $$;
    """
    with attempt(connection):
        connection.execute(
            "create view public.careless as select contact_id, state from mentoring.mentors where state = 'paused'"
        )
        connection.execute("grant select on public.careless to authenticated")
        become(connection, {"sub": str(viewer)})
        connection.execute(spy.encode())
        fetched(connection, f"{STATUS} where pg_temp.spy(mentor_id, state)", None)
        heard = set(fetched(connection, "select mentor, state from pg_temp.heard"))
        assert heard == {(row.mentor, row.state) for row in expected(population, viewer)}
        fetched(connection, "select * from public.careless where pg_temp.spy(contact_id, state)")
        assert len(set(fetched(connection, "select mentor, state from pg_temp.heard"))) > len(heard)


def test_plans_and_statistics_tell_nothing_of_the_rows(
    connection: Connection[Any], population: Population, viewer: UUID
) -> None:
    """A plan estimates rows, and statistics hold common values: of ours, a caller sees one function's fixed guess."""
    plans = set()
    for user in (viewer, made_up("nobody"), population.crowd[0]):
        with attempt(connection):
            become(connection, {"sub": str(user)})
            plans.add(tuple(fetched(connection, f"explain (verbose) {STATUS}", None)))
            assert fetched(connection, "select * from pg_stats where schemaname = 'mentoring'") == []
    (plan,) = plans
    assert "Function Scan on public.mentor_status" in plan[0][0]
    assert not [line for (line,) in plan if "mentoring." in line]
    assert fetched(connection, "select attname from pg_stats where schemaname = 'mentoring' and tablename = 'mentors'")


MORE = """
create temp table more as
select gen_random_uuid() as id, gen_random_uuid() as contact, organisation.id as home
from mentoring.organisations as organisation, generate_series(1, 10000);
insert into mentoring.people select id, home from more;
insert into mentoring.mentors select id, home, contact, 'active' from more;
insert into mentoring.mentor_chapters
select more.id, chapter.id, home from more join mentoring.chapters as chapter on chapter.organisation_id = home;
insert into mentoring.assignments (organisation_id, coordinator_id, mentor_id, chapter_id, starts_on)
select home, more.id, more.id, chapter.id, '2020-01-01'
from more join mentoring.chapters as chapter on chapter.organisation_id = home;
"""


def test_how_much_is_read_does_not_tell_how_much_there_is(own_database: Database) -> None:
    """Nor how long it takes, then: what a coordinator, a mentor and a stranger cause to be read is their own."""
    with own_database.connect() as connection:
        users = seed_assigned(connection)
    own_database.run(ANALYZE)
    before = [pages(own_database, user) for user in users]
    own_database.run(MORE + ANALYZE)
    after = [pages(own_database, user) for user in users]
    assert all(now <= then + 30 for then, now in zip(before, after, strict=True)), (before, after)
    own_database.run("insert into mentoring.administrators select id, organisation_id from mentoring.people")
    assert pages(own_database, users[0]) > 10_000


def pages(database: Database, user: UUID) -> int:
    """How many pages of the database a question touches."""
    with database.connect() as connection:
        become(connection, {"sub": str(user)})
        fetched(connection, STATUS, None)  # what a session looks up once, such as names, is no part of it
        ((plan,),) = fetched(connection, f"explain (analyze, buffers, format json) {STATUS}", None)
    touched: int = plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
    return touched


def test_the_callers_time_zone_moves_no_assignment(
    connection: Connection[Any], population: Population, viewer: UUID
) -> None:
    """`Prefer: timezone=…` sets it on the Data API; these two never have the same day."""
    theirs, ours = set(), set()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with attempt(connection):
            connection.execute(sql.SQL("set local timezone = {}").format(zone))
            assert set(ask(connection, viewer)) == expected(population, viewer)
            ((day, today),) = fetched(connection, "select current_date, mentoring.today()")
            theirs.add(day)
            ours.add(today)
    assert ours == {population.today}
    assert len(theirs) == 2


# Who the caller is

NOBODY: list[Any] = [
    {},
    {"sub": None},
    {"sub": ""},
    {"sub": str(made_up("no user"))},
    {"role": "service_role"},
    {"user_metadata": {"sub": "whoever"}, "is_anonymous": True, "sub": str(made_up("anonymous"))},
    None,
    [],
]


@pytest.mark.parametrize("claims", NOBODY, ids=map(json.dumps, NOBODY))
def test_who_is_nobody_sees_nothing(claims: Any, connection: Connection[Any], population: Population) -> None:
    with attempt(connection):
        become(connection, claims)
        assert fetched(connection, STATUS, None) == []


@pytest.mark.parametrize("setting", ["", None])
def test_a_session_without_claims_sees_nothing(setting: str | None, database: Database) -> None:
    """As it is when no one has set them, and as a transaction leaves them behind that has."""
    with database.connect("authenticator") as connection:
        if setting is not None:
            connection.execute("select set_config('request.jwt.claims', %s, false)", (setting,))
        connection.execute("set role authenticated")
        assert fetched(connection, STATUS, None) == []


@pytest.mark.parametrize("sub", ["not-a-uuid", "1 or true", "%", "{}"])
def test_an_id_that_is_none_is_refused(sub: str, connection: Connection[Any]) -> None:
    error = refusal(connection, "authenticated", {"sub": sub}, "select public.mentor_status(null)")
    assert isinstance(error, errors.InvalidTextRepresentation)


def test_the_caller_is_whom_supabase_says(connection: Connection[Any], viewer: UUID) -> None:
    for claims in ({"sub": str(viewer)}, {"sub": None}, {"sub": ""}, {}, {"role": "anon"}):
        with attempt(connection):
            connection.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),))
            ((ours, theirs),) = fetched(connection, "select mentoring.caller(), auth.uid()")
        assert ours == theirs
        assert (ours == viewer) is (claims.get("sub") == str(viewer))


def test_a_user_who_was_deleted_sees_nothing_with_a_token_that_is_still_good(
    connection: Connection[Any], population: Population, viewer: UUID
) -> None:
    with attempt(connection):
        assert ask(connection, viewer)
        connection.execute("delete from auth.users where id = %s", (viewer,))
        assert ask(connection, viewer) == []
        assert len(fetched(connection, "select id from mentoring.people where user_id is null")) == 2
