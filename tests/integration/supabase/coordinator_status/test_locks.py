"""What stands behind the rule: privileges on every object, row level security, and keys that hold organisations apart.

What the migration shuts is shown to be open where nobody shuts it, so that the tests would notice.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection, errors, sql
from tests.integration.supabase.coordinator_status.conftest import (
    ask,
    attempt,
    become,
    fetched,
    refusal,
    seed,
    seed_assigned,
)
from tests.integration.supabase.coordinator_status.population import TABLES, Population, made_up
from tests.supabase.postgres import Database

BROWSERS = ["anon", "authenticated"]
WAYS = ["select * from {}", "insert into {} default values", "update {} set {} = {}", "delete from {}", "truncate {}"]
GRANTED = """
select kind, name, case grantee when 0 then 'public' else grantee::regrole::text end, lower(privilege_type)
from (
    select 'schema' as kind, nspname::text as name, nspacl as acl, nspowner as owner
    from pg_namespace where nspname = 'mentoring'
    union all
    select 'relation', relname, coalesce(relacl, acldefault('r', relowner)), relowner
    from pg_class where relnamespace = 'mentoring'::regnamespace and relkind <> 'i'
    union all
    select 'function', proname, coalesce(proacl, acldefault('f', proowner)), proowner
    from pg_proc where pronamespace = 'mentoring'::regnamespace or proname = 'mentor_status'
) as kept, aclexplode(acl) where grantee <> owner
"""


def tables(connection: Connection[Any]) -> list[str]:
    return [name for (name,) in fetched(connection, "select tablename from pg_tables where schemaname = 'mentoring'")]


def statements(connection: Connection[Any], table: str) -> list[sql.Composed]:
    """What one could do to a table: read, insert, update, delete, truncate."""
    second = "select attname from pg_attribute where attrelid = %s::regclass and attnum = 2"
    ((name,),) = fetched(connection, second, f"mentoring.{table}")
    what, column = sql.Identifier("mentoring", table), sql.Identifier(name)
    return [sql.SQL(way).format(what, column, column) for way in WAYS]


# Who may touch what


def test_nobody_has_more_than_is_needed(connection: Connection[Any]) -> None:
    """Every privilege on every object, owners' own aside: what is not in this list, nobody has."""
    reads = {("relation", table, "mentoring_reader", "select") for table in TABLES}
    writes = {
        ("relation", table, "service_role", verb)
        for table in TABLES
        for verb in ("select", "insert", "update", "delete")
    }
    uses = {("schema", "mentoring", role, "usage") for role in ("authenticated", "service_role", "mentoring_reader")}
    calls = {("function", name, "authenticated", "execute") for name in ("mentor_status", "visible_status")}
    assert set(fetched(connection, GRANTED)) == reads | writes | uses | calls


@pytest.mark.parametrize("role", BROWSERS)
def test_roles_of_browsers_touch_no_table(role: str, connection: Connection[Any], viewer: UUID) -> None:
    assert sorted(tables(connection)) == sorted(TABLES)
    for table in TABLES:
        for statement in statements(connection, table):
            error = refusal(connection, role, {"sub": str(viewer)}, statement)
            assert isinstance(error, errors.InsufficientPrivilege), statement


@pytest.mark.parametrize("role", ["anon", "service_role", "authenticator"])
def test_only_users_may_ask(role: str, connection: Connection[Any], viewer: UUID) -> None:
    """Not even with the claims of one: `anon` is who has no token, and the service role has the tables."""
    for function in ("public.mentor_status", "mentoring.visible_status"):
        error = refusal(connection, role, {"sub": str(viewer)}, f"select {function}(null)")
        assert isinstance(error, errors.InsufficientPrivilege)


@pytest.mark.parametrize("role", [*BROWSERS, "service_role"])
def test_nobody_becomes_the_reader(role: str, database: Database) -> None:
    with database.connect("authenticator") as connection:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("set role mentoring_reader")


def test_the_rule_runs_with_rights_to_read_these_tables_and_no_other(connection: Connection[Any]) -> None:
    """An error in it could not reach Vault, nor change a row: its owner is not `postgres`, who may."""
    defined = """
    select proowner::regrole::text, prosecdef, provolatile, proleakproof, proconfig from pg_proc where proname = %s
    """
    assert fetched(connection, defined, "visible_status") == [
        ("mentoring_reader", True, "s", False, ['search_path=""', "jit=off"])
    ]
    assert fetched(connection, defined, "mentor_status") == [("postgres", False, "s", False, ['search_path=""'])]
    attributes = (
        "select rolsuper, rolcanlogin, rolcreaterole, rolbypassrls, rolinherit from pg_roles where rolname = %s"
    )
    assert fetched(connection, attributes, "mentoring_reader") == [(False,) * 5]
    memberships = "select from pg_auth_members where member = 'mentoring_reader'::regrole"
    assert fetched(connection, memberships) == []
    for statement in (
        "select * from vault.decrypted_secrets",
        "select * from auth.users",
        "delete from mentoring.people",
    ):
        assert isinstance(refusal(connection, "mentoring_reader", {}, statement), errors.InsufficientPrivilege)


def test_what_supabase_grants_by_default_is_taken_back(own_database: Database) -> None:
    """In `public` a new function and a new view are open to everybody; ours would be, if nothing had been revoked."""
    with own_database.connect() as connection:
        seed(connection)
    own_database.run("create function public.careless() returns int language sql as 'select 1'", user="postgres")
    own_database.run("create view public.careless as select * from mentoring.mentors", user="postgres")
    assert own_database.as_role("anon", "select public.careless()") == [(1,)]
    assert len(own_database.as_role("anon", "select * from public.careless")) == 1
    with pytest.raises(errors.InsufficientPrivilege):
        own_database.as_role("anon", "select * from public.mentor_status(null)")


def test_no_view_shows_the_tables(connection: Connection[Any]) -> None:
    """A view reads with its owner's rights, past row security: none stands on a table of ours."""
    depending = """
    select distinct rule.ev_class::regclass::text from pg_depend as d
    join pg_rewrite as rule on rule.oid = d.objid and d.classid = 'pg_rewrite'::regclass
    join pg_class as kept on kept.oid = d.refobjid where kept.relnamespace = 'mentoring'::regnamespace
    """
    assert fetched(connection, depending) == []
    with attempt(connection):
        connection.execute("create view public.careless as select * from mentoring.mentors")
        assert fetched(connection, depending) == [("careless",)]


def test_applying_the_migration_again_takes_back_what_was_granted_since(own_database: Database) -> None:
    with own_database.connect() as connection:
        seed(connection)
    before = own_database.run(GRANTED)
    own_database.run(CARELESS_GRANTS, user="postgres")
    own_database.run("grant execute on all functions in schema mentoring to public, anon", user="postgres")
    own_database.run("alter table mentoring.mentors disable row level security, no force row level security")
    assert set(own_database.run(GRANTED)) > set(before)
    own_database.migrate()
    assert set(own_database.run(GRANTED)) == set(before)
    assert own_database.run(SECURED) == [(True, True)]
    assert len(own_database.run("select state from mentoring.mentors")) == 1


# The second lock: row level security

CARELESS_GRANTS = """
grant usage on schema mentoring to anon, authenticated;
grant all on all tables in schema mentoring to anon, authenticated;
"""
SECURED = """
select distinct relrowsecurity, relforcerowsecurity from pg_class
where relnamespace = 'mentoring'::regnamespace and relkind in ('r', 'p')
"""


def test_every_table_has_row_level_security_and_one_policy(connection: Connection[Any]) -> None:
    assert fetched(connection, SECURED) == [(True, True)]
    listed = """
    select tablename, permissive, roles::text[], cmd, qual, with_check from pg_policies where schemaname = 'mentoring'
    """
    assert sorted(fetched(connection, listed)) == [
        (table, "PERMISSIVE", ["mentoring_reader"], "SELECT", "true", None) for table in sorted(TABLES)
    ]


@pytest.mark.parametrize("role", BROWSERS)
def test_whoever_is_granted_a_table_by_mistake_finds_no_row_in_it(
    role: str, connection: Connection[Any], population: Population
) -> None:
    for user in population.cast[::8]:
        for table in TABLES:
            select, _, update, delete, _ = statements(connection, table)
            with attempt(connection):
                connection.execute(CARELESS_GRANTS.encode())
                become(connection, {"sub": str(user)}, role)
                assert connection.execute(select).fetchall() == []
                assert connection.execute(delete).rowcount == 0
                assert connection.execute(update).rowcount == 0
    with attempt(connection):
        connection.execute(CARELESS_GRANTS.encode())
        error = refusal(connection, role, {}, "insert into mentoring.organisations (name) values ('mine')")
        assert "violates row-level security policy" in str(error)


def test_not_even_an_owner_reads_past_it(connection: Connection[Any], population: Population) -> None:
    with attempt(connection):
        connection.execute("create role landlord")
        connection.execute("grant usage, create on schema mentoring to landlord")
        connection.execute("alter table mentoring.mentors owner to landlord")
        connection.execute("set local role landlord")
        assert fetched(connection, "select * from mentoring.mentors") == []
        connection.execute("alter table mentoring.mentors no force row level security")
        assert len(fetched(connection, "select * from mentoring.mentors")) == len(population.mentors())


# What cannot be written, even by a service


@pytest.mark.parametrize(
    "statement",
    [
        "insert into mentoring.administrators values ({ours}, {there})",
        "insert into mentoring.mentor_chapters values ({ours}, {their_chapter}, {here})",
        "insert into mentoring.mentor_chapters values ({ours}, {their_chapter}, {there})",
        "insert into mentoring.assignments values (default, {here}, {theirs}, {ours}, {chapter}, now())",
        "insert into mentoring.assignments values (default, {there}, {theirs}, {ours}, {chapter}, now())",
        "insert into mentoring.assignments values (default, {here}, {ours}, {ours}, {their_chapter}, now())",
        "update mentoring.mentors set organisation_id = {there} where person_id = {ours}",
        "update mentoring.people set organisation_id = {there} where id = {ours}",
        "update mentoring.chapters set organisation_id = {there} where id = {chapter}",
    ],
)
def test_no_row_leads_from_one_organisation_into_another(statement: str, connection: Connection[Any]) -> None:
    assert isinstance(refused(connection, statement), errors.ForeignKeyViolation)


def test_a_mentor_who_leaves_a_chapter_leaves_its_coordinators(connection: Connection[Any]) -> None:
    with attempt(connection):
        coordinator, mentor, _ = seed_assigned(connection)
        assert len(ask(connection, coordinator)) == 1
        connection.execute("delete from mentoring.mentor_chapters where mentor_id = %s", (made_up("ours"),))
        assert ask(connection, coordinator) == []
        assert [row.chapters for row in ask(connection, mentor)] == [frozenset()]


@pytest.mark.parametrize(
    "statement",
    [
        "update mentoring.mentors set state = 'ill'",
        "update mentoring.mentors set paused_until = '2026-01-01'",
        "insert into mentoring.assignments"
        " values (default, {here}, {colleague}, {ours}, {chapter}, 'today', 'yesterday')",
    ],
)
def test_what_makes_no_sense_is_not_kept(statement: str, connection: Connection[Any]) -> None:
    assert isinstance(refused(connection, statement), errors.CheckViolation)


def refused(connection: Connection[Any], statement: str) -> psycopg.Error | None:
    """What a service's statement on the small organisations fails with."""
    with attempt(connection):
        ids = {name: f"'{made_up(name)}'" for name in seed(connection)}
        return refusal(connection, "service_role", {}, statement.format(**ids))
