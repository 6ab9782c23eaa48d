"""Who gets at the secrets in the database: the service role, by name, through one function, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest
import supabase as supabase_package
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from tests.integration.supabase.conftest import fill
from tests.supabase.postgres import Database
from tests.supabase.postgrest import Supabase

CALL = "select * from public.dynamics_portal_secrets(%s)"
NAMED = (["dynamics_tenant_id", "dynamics_client_secret", "no_such_secret"],)
WAYS = {
    "the function": "select * from public.dynamics_portal_secrets(array['dynamics_client_secret'])",
    "the table": "select * from vault.secrets",
    "the view": "select * from vault.decrypted_secrets",
    "creating": "select vault.create_secret('x', 'y')",
    "changing": "select vault.update_secret(gen_random_uuid(), 'x')",
    "decrypting": "select vault._crypto_aead_det_decrypt('', '', 0)",
    "the key of the stand-in": "select * from vault.stand_in_key",
}


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("way", WAYS)
def test_roles_of_browsers_get_nothing_by_sql(way: str, role: str, database: Database, secrets: dict[str, str]) -> None:
    with pytest.raises(InsufficientPrivilege):
        database.as_role(role, WAYS[way])


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_roles_of_browsers_get_nothing_by_the_data_api(role: str, supabase: Supabase, secrets: dict[str, str]) -> None:
    with pytest.raises(supabase_package.PostgrestAPIError) as caught:
        call(supabase, role, {"secret_names": list(secrets)})
    assert caught.value.code == "42501"
    assert [called.role for called in supabase.calls] == [role]


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_the_schema_of_vault_is_not_exposed(role: str, supabase: Supabase, secrets: dict[str, str]) -> None:
    with pytest.raises(supabase_package.PostgrestAPIError) as caught:
        call(supabase, role, {"secret_name": "dynamics_client_secret"}, schema="vault", function="decrypted_secrets")
    assert caught.value.code == "PGRST106"
    assert supabase.calls == []


def call(
    supabase: Supabase,
    role: str,
    arguments: dict[str, Any],
    schema: str = "public",
    function: str = "dynamics_portal_secrets",
) -> Any:
    """Call a function of the project with the key of a role, by the client that Supabase publishes."""
    import httpx

    with httpx.Client() as session:
        options = supabase_package.ClientOptions(httpx_client=session)
        client = supabase_package.create_client(supabase.url, supabase.keys[role], options)
        return client.schema(schema).rpc(function, arguments).execute().data


def test_the_service_role_gets_the_named_secrets_and_no_other(
    database: Database, supabase: Supabase, secrets: dict[str, str]
) -> None:
    database.set_secret("somebody_elses", "never-given")
    named = {name: secrets[name] for name in ("dynamics_tenant_id", "dynamics_client_secret")}
    assert dict(database.as_role("service_role", CALL, NAMED)) == named
    answer = call(supabase, "service_role", {"secret_names": NAMED[0]})
    assert {row["name"]: row["secret"] for row in answer} == named


@pytest.mark.parametrize("names", [[], ["%"], ["dynamics_"], [None], None])
def test_no_name_stands_for_several(names: Any, database: Database, secrets: dict[str, str]) -> None:
    assert database.as_role("service_role", CALL, (names,)) == []


def test_many_names_at_once_are_refused(database: Database, secrets: dict[str, str]) -> None:
    names = [*secrets, *(f"guess_{number}" for number in range(8))]
    assert len(database.as_role("service_role", CALL, (names[:10],))) == 3
    with pytest.raises(InvalidParameterValue, match="at most 10"):
        database.as_role("service_role", CALL, (names,))


def test_the_revokes_undo_what_supabase_grants_by_default(own_database: Database) -> None:
    """Without a revoke anybody may call a new function, as on Supabase: else the tests above would show nothing."""
    own_database.run("create function public.careless() returns int language sql as 'select 1'", user="postgres")
    assert own_database.as_role("anon", "select public.careless()") == [(1,)]
    assert grantees(own_database, "careless") >= {"anon", "authenticated", "service_role", "public"}
    assert grantees(own_database, "dynamics_portal_secrets") == {"postgres", "service_role"}


def grantees(database: Database, function: str) -> set[str]:
    """Who may execute a function."""
    rows = database.run(
        "select case grantee when 0 then 'public' else grantee::regrole::text end"
        " from pg_proc, aclexplode(proacl) where proname = %s and privilege_type = 'EXECUTE'",
        (function,),
    )
    return {name for (name,) in rows}


def test_the_migration_can_be_applied_again(own_database: Database) -> None:
    fill(own_database)
    own_database.migrate()
    assert grantees(own_database, "dynamics_portal_secrets") == {"postgres", "service_role"}
    assert len(own_database.as_role("service_role", CALL, NAMED)) == 2


def test_a_migration_that_is_applied_again_takes_back_what_was_granted_since(own_database: Database) -> None:
    own_database.run("grant execute on function public.dynamics_portal_secrets to anon, public", user="postgres")
    own_database.migrate()
    assert grantees(own_database, "dynamics_portal_secrets") == {"postgres", "service_role"}


def test_the_function_is_what_a_definers_function_has_to_be(database: Database) -> None:
    rows = database.run(
        "select proowner::regrole::text, prosecdef, provolatile, proconfig, obj_description(oid, 'pg_proc')"
        " from pg_proc where proname = 'dynamics_portal_secrets'"
    )
    ((owner, definer, volatility, settings, description),) = rows
    assert (owner, definer, volatility, settings) == ("postgres", True, "s", ['search_path=""'])
    assert "service role only" in description


TRAP = """
create schema trap;
grant usage, create on schema trap to service_role;
create table trap.heard (what text);
grant all on trap.heard to public;
create function trap.hear(text, text) returns bool language plpgsql as
    $$ begin insert into trap.heard values ($1 || $2); return true; end $$;
create operator trap.= (leftarg = text, rightarg = text, function = trap.hear);
create function trap.cardinality(text[]) returns int language plpgsql as
    $$ begin insert into trap.heard values ('cardinality'); return 0; end $$;
"""
CARELESS = """
create function public.careless(secret_names text[]) returns table (name text, secret text)
language plpgsql security definer as $$
begin
    if cardinality(secret_names) > 10 then raise exception 'too many'; end if;
    return query select kept.name, kept.decrypted_secret from vault.decrypted_secrets as kept
        where kept.name = any (secret_names);
end $$
"""


def sprung(database: Database, function: str) -> tuple[list[Any], list[Any]]:
    """What a function gives where the caller's search path leads into the trap, and what the trap heard."""
    with database.connect("authenticator") as connection:
        connection.execute("set local role service_role")
        connection.execute("set local search_path = trap, pg_catalog, public")
        connection.execute("create temp table decrypted_secrets (name text, decrypted_secret text)")
        connection.execute("create domain pg_temp.text as pg_catalog.int4")
        names = "array['dynamics_tenant_id']::pg_catalog.text[]"
        rows = connection.execute(f"select * from public.{function}({names})".encode())  # noqa: S608 # two names of ours
        found, heard = rows.fetchall(), connection.execute("select what from trap.heard").fetchall()
        connection.rollback()
    return found, heard


def test_objects_in_the_callers_search_path_are_not_found(own_database: Database) -> None:
    own_database.run("grant temporary on database " + own_database.name + " to service_role")
    own_database.run(TRAP)
    own_database.run(CARELESS, user="postgres")
    named = [("dynamics_tenant_id", fill(own_database)["dynamics_tenant_id"])]
    assert sprung(own_database, "careless")[1], "the trap works where a function is not pinned"
    assert sprung(own_database, "dynamics_portal_secrets") == (named, [])


def test_a_role_that_nobody_thought_of_gets_nothing(database: Database, secrets: dict[str, str]) -> None:
    database.run("create role visitor login")
    try:
        with pytest.raises(InsufficientPrivilege), database.connect("visitor") as connection:
            connection.execute(CALL, NAMED)
    finally:
        database.run("drop role visitor")


def test_secrets_are_not_stored_as_they_are(database: Database, secrets: dict[str, str]) -> None:
    stored = [text for (text,) in database.run("select secret from vault.secrets")]
    assert len(stored) == 3
    assert not [secret for secret in secrets.values() if any(secret in text for text in stored)]
