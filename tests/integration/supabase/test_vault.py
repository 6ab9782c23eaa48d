"""The provider that asks Vault, through Supabase's own client, on a real database: what it gives, and what it says."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from tests.conftest import PROJECT
from tests.integration.supabase.conftest import SECRETS, Provider, ask, fill, printed
from tests.supabase.postgres import Cluster, Database
from tests.supabase.postgrest import Called, Supabase, key, running_supabase

from dynamics_portal import AsyncVaultCredentialProvider, CredentialError, Secret

ROWS = [{"name": name, "secret": secret} for name, secret in SECRETS.items()]
ECHO = f"key eyJ-planted, secret {SECRETS['dynamics_client_secret']}"


def test_the_credentials_are_those_in_vault(make_provider: Callable[..., Any], secrets: dict[str, str]) -> None:
    found = ask(make_provider())
    assert found.tenant_id == secrets["dynamics_tenant_id"]
    assert found.client_id == secrets["dynamics_client_id"]
    assert found.client_secret == Secret(secrets["dynamics_client_secret"])


def test_what_the_readme_says_to_run_is_what_the_provider_finds(
    make_provider: Callable[..., Any], database: Database
) -> None:
    (block,) = re.findall(r"```sql\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)
    database.run(block, user="postgres")
    found = ask(make_provider())
    values = found.tenant_id, found.client_id, found.client_secret.reveal()
    assert values == ("<tenant id>", "<client id>", "<client secret>")


def test_one_call_asks_for_all_three_as_the_service_role(
    make_provider: Callable[..., Any], supabase: Supabase, secrets: dict[str, str]
) -> None:
    ask(make_provider())
    asked = {"secret_names": ["dynamics_tenant_id", "dynamics_client_id", "dynamics_client_secret"]}
    assert supabase.calls == [Called("dynamics_portal_secrets", "service_role", asked)]


def test_secrets_may_have_names_of_ones_own(make_provider: Callable[..., Any], database: Database) -> None:
    for name, secret in (("hlf/tenant", "t"), ("hlf/client", "c"), ('hlf\'s "secret"', "ø% s")):
        database.set_secret(name, secret)
    found = ask(make_provider(tenant_id="hlf/tenant", client_id="hlf/client", client_secret='hlf\'s "secret"'))
    assert (found.tenant_id, found.client_id, found.client_secret.reveal()) == ("t", "c", "ø% s")


def test_a_secret_that_was_changed_is_used_the_next_time(
    make_provider: Callable[..., Any], database: Database, secrets: dict[str, str]
) -> None:
    provider = make_provider()
    before = ask(provider)
    database.set_secret("dynamics_client_secret", "rotated")
    after = ask(provider)
    assert before.client_secret.reveal() == secrets["dynamics_client_secret"]
    assert after.client_secret.reveal() == "rotated"


def test_a_key_of_the_newer_kind_is_good(
    make_provider: Callable[..., Any], supabase: Supabase, secrets: dict[str, str]
) -> None:
    assert ask(make_provider(key=supabase.secret_key)).client_id == secrets["dynamics_client_id"]


def test_the_key_may_be_given_as_a_secret(
    make_provider: Callable[..., Any], supabase: Supabase, secrets: dict[str, str]
) -> None:
    assert ask(make_provider(key=Secret(supabase.service_role_key))).client_id == secrets["dynamics_client_id"]


def test_settings_come_from_the_environment(
    provider_class: Provider, supabase: Supabase, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"SUPABASE_URL": f"{supabase.url}/", "SUPABASE_SERVICE_ROLE_KEY": supabase.service_role_key}
    assert ask(provider_class.from_environment(environ)).client_id == secrets["dynamics_client_id"]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert ask(provider_class.from_environment()).client_id == secrets["dynamics_client_id"]


def test_threads_may_ask_one_provider_at_a_time(
    make_provider: Callable[..., Any], supabase: Supabase, secrets: dict[str, str]
) -> None:
    provider = make_provider()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: ask(provider).client_id, range(16)))
    assert found == [secrets["dynamics_client_id"]] * 16
    assert len(supabase.calls) == 16


async def test_tasks_go_on_while_one_asks(supabase: Supabase, secrets: dict[str, str]) -> None:
    supabase.released.clear()
    asking = asyncio.create_task(
        AsyncVaultCredentialProvider(supabase.url, supabase.service_role_key).get_credentials()
    )
    while not supabase.waiting:
        await asyncio.sleep(0.001)
    supabase.released.set()
    assert (await asking).client_id == secrets["dynamics_client_id"]


def test_a_client_of_ones_own_is_used_and_left_open(
    provider_class: Provider, supabase: Supabase, secrets: dict[str, str]
) -> None:
    with own_client(provider_class, supabase) as (client, run):
        provider: Any = provider_class(client=client, function="dynamics_portal_secrets")
        for _ in range(2):
            assert run(provider).client_id == secrets["dynamics_client_id"]
    assert len(supabase.calls) == 2


@contextmanager
def own_client(provider_class: Provider, supabase: Supabase) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
    """A client of supabase of the kind that a provider takes, and what runs the provider on the client's loop."""
    import httpx
    import supabase as package

    key = supabase.service_role_key
    if "Async" not in provider_class.__name__:
        with httpx.Client() as session:
            yield package.create_client(supabase.url, key, package.ClientOptions(httpx_client=session)), ask
        return
    with asyncio.Runner() as runner:
        asynchronous = httpx.AsyncClient()
        options = package.AsyncClientOptions(httpx_client=asynchronous)
        yield (
            runner.run(package.acreate_client(supabase.url, key, options)),
            lambda provider: runner.run(provider.get_credentials()),
        )
        runner.run(asynchronous.aclose())


# What goes wrong


def fails(provider: Any, *planted: str) -> str:
    """What a provider says that has no credentials. Nothing that was planted may be in anything that shows it."""
    with pytest.raises(CredentialError) as caught:
        ask(provider)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = [str(error), repr(error), repr(provider), *traceback.format_exception(error)]
    shown.append(printed(error, "get_credentials"))
    assert [text for text in (*planted, *SECRETS.values()) if text in "\n".join(shown)] == []
    return str(error)


@pytest.mark.parametrize(
    ("vault", "told"),
    [
        ({}, "Vault has no secret 'dynamics_tenant_id', 'dynamics_client_id', 'dynamics_client_secret'"),
        ({"dynamics_client_secret": None}, "Vault has no secret 'dynamics_client_secret'"),
        ({"dynamics_client_secret": ""}, "the secret 'dynamics_client_secret' in Vault is empty"),
        ({"dynamics_client_secret": " \n"}, "the secret 'dynamics_client_secret' in Vault is empty"),
        ({"dynamics_client_id": f"{SECRETS['dynamics_client_id']}\n"}, "'dynamics_client_id' in Vault begins or ends"),
        (
            {"dynamics_tenant_id": None, "dynamics_client_id": "", "dynamics_client_secret": " x"},
            "no secret 'dynamics_tenant_id': create it with vault.create_secret; "
            "the secret 'dynamics_client_id' in Vault is empty; the secret 'dynamics_client_secret' in Vault begins or",
        ),
    ],
)
def test_a_secret_that_cannot_be_used_is_named(
    vault: dict[str, str | None], told: str, make_provider: Callable[..., Any], supabase: Supabase, database: Database
) -> None:
    for name, secret in {**SECRETS, **vault}.items() if vault else ():
        if secret is not None:
            database.set_secret(name, secret)
    assert told in fails(make_provider(), supabase.service_role_key)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "drop function public.dynamics_portal_secrets",
            "has no function dynamics_portal_secrets(secret_names)",
        ),
        (
            "revoke execute on function public.dynamics_portal_secrets from service_role",
            "the Supabase key may not call",
        ),
        (
            "revoke all on schema vault from postgres, service_role",
            "may not read Vault: its owner has to be",
        ),
        ("revoke all on vault.decrypted_secrets from postgres, service_role", "may not read Vault"),
        ("drop schema vault cascade", "the database has no Vault: enable the extension supabase_vault"),
        (
            "drop function public.dynamics_portal_secrets; create function public.dynamics_portal_secrets("
            "secret_names text[]) returns text language sql as 'select ''x'''",
            "dynamics_portal_secrets gave no list of secrets: apply the migration",
        ),
        (
            "create or replace function public.dynamics_portal_secrets(secret_names text[]) returns table (name text, "
            "secret text) language plpgsql as $$ begin raise exception 'the secret is %', 's3cr3t-that-nobody-may-see';"
            " end $$",
            "Supabase did not run the function dynamics_portal_secrets (code P0001)",
        ),
    ],
)
def test_a_step_of_the_setup_that_is_missing_is_named(
    change: str, told: str, provider_class: Provider, own_database: Database
) -> None:
    fill(own_database)
    own_database.run(change)
    with running_supabase(own_database) as supabase:
        assert told in fails(provider_class(supabase.url, supabase.service_role_key), supabase.service_role_key)


def test_a_project_without_the_migration_says_which_to_apply(provider_class: Provider, cluster: Cluster) -> None:
    with running_supabase(cluster.database(migrated=False)) as supabase:
        told = fails(provider_class(supabase.url, supabase.service_role_key))
    assert "apply the migration *_dynamics_portal_secrets.sql" in told


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("sb_secret_of-another-project", "does not accept the key: check SUPABASE_SERVICE_ROLE_KEY"),
        (key("service_role", secret="another project's key, of 32 bytes"), "does not accept the key"),
        (key("service_role", expires=1_000_000_000), "does not accept the key"),
        (
            key("authenticator"),
            "the Supabase key may not call dynamics_portal_secrets, which only",
        ),
    ],
    ids=["unknown", "of another project", "expired", "of another role"],
)
def test_a_key_that_is_not_the_right_one_is_said_to_be_so(
    bad: str, told: str, make_provider: Callable[..., Any], secrets: dict[str, str]
) -> None:
    assert told in fails(make_provider(key=bad), bad)


ANSWERS: list[tuple[Response, str]] = [
    (PlainTextResponse(ECHO), "gave no list of secrets"),
    (PlainTextResponse(""), "Vault has no secret"),
    (JSONResponse({"message": ECHO}), "gave no list of secrets"),
    (JSONResponse([1, 2]), "gave no list of secrets"),
    (JSONResponse([{"name": ECHO}]), "Vault has no secret"),
    (JSONResponse([*ROWS, ROWS[0]]), "gave no list of secrets"),
    (
        JSONResponse([*ROWS[:2], {"name": "dynamics_client_secret", "secret": {"text": ECHO}}]),
        "gave no list of secrets",
    ),
    (JSONResponse({"code": ECHO, "message": ECHO, "details": ECHO}, 400), "did not run the function"),
    (JSONResponse({"code": "57014", "message": ECHO}, 500), "Supabase is not available (code 57014)"),
    (
        JSONResponse({"code": "42883", "message": f"function public.dynamics_portal_secrets(text[]) {ECHO}"}, 404),
        "apply",
    ),
    (JSONResponse({"code": "42883", "message": ECHO}, 404), "did not run the function dynamics_portal_secrets"),
    (JSONResponse({"code": "PGRST002", "message": ECHO}, 503), "Supabase is not available (code PGRST002)"),
    (JSONResponse({"message": f"No API key found in request {ECHO}"}, 401), "does not accept the key"),
    (PlainTextResponse(ECHO, 401), "does not accept the key"),
    (PlainTextResponse(ECHO, 502), "Supabase is not available (code 502)"),
    (RedirectResponse(f"https://elsewhere.example/?{SECRETS['dynamics_client_secret']}"), "(code 307)"),
]


@pytest.mark.parametrize(("answer", "told"), ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_that_makes_no_sense_is_told_without_its_text(
    answer: Response, told: str, make_provider: Callable[..., Any], supabase: Supabase
) -> None:
    supabase.answer = lambda _: answer
    assert told in fails(make_provider(), supabase.service_role_key, ECHO, "elsewhere.example")


def test_a_redirect_is_not_followed_with_the_key(make_provider: Callable[..., Any], supabase: Supabase) -> None:
    asked: list[str] = []

    def lead_on(request: Request) -> Response:
        asked.append(request.url.path)
        return RedirectResponse(f"{supabase.url}/rest/v1/rpc/elsewhere", 307)

    supabase.answer = lead_on
    fails(make_provider())
    assert asked == ["/rest/v1/rpc/dynamics_portal_secrets"]


def test_a_project_that_cannot_be_reached_is_said_to_be_so(make_provider: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    told = fails(make_provider(url=f"http://127.0.0.1:{port}"))
    assert told == "Supabase cannot be reached: no answer (ConnectError)"


def test_a_project_that_does_not_answer_is_given_up(make_provider: Callable[..., Any], supabase: Supabase) -> None:
    supabase.released.clear()
    assert fails(make_provider(timeout=0.1)) == "Supabase did not answer within 0.1 s"


def test_a_project_that_answers_forever_is_given_up(make_provider: Callable[..., Any]) -> None:
    """Each byte comes before the timeout of a read, the whole answer never: the limit is one for the whole question."""
    with trickling() as url:
        ask_provider = make_provider(url=url, timeout=0.3)
        started = time.monotonic()
        assert fails(ask_provider) == "Supabase did not answer within 0.3 s"
        assert time.monotonic() - started < 5


@contextmanager
def trickling() -> Iterator[str]:
    """The address of a server whose answer comes byte by byte, and does not end."""
    ended = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
            while not ended.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        ended.set()
        thread.join(5)


def test_without_the_extra_it_says_how_to_install_it(
    make_provider: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make_provider()
    monkeypatch.setitem(sys.modules, "supabase", None)
    assert "pip install 'dynamics-portal[vault]'" in fails(provider)
    with pytest.raises(CredentialError, match=r"pip install 'dynamics-portal\[vault\]'"):
        make_provider()
