"""Neither the key nor a secret is found in what is logged, by whomever, or in what an abandoned question leaves behind.

The server offers HTTP/2 before HTTP/1.1, as Supabase's does: over HTTP/2 the library that packs headers logs them.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import supabase as supabase_package
import trustme
import uvicorn
from rich.console import Console
from starlette.responses import JSONResponse
from tests.integration.supabase.conftest import SECRETS, Provider, ask, printed
from tests.supabase.postgres import Database
from tests.supabase.postgrest import Supabase, running_supabase

from dynamics_portal import AsyncVaultCredentialProvider, CredentialError


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Callable[[uvicorn.Config], None]]:
    """A file with the authority to trust, and what sets a server up with a certificate of it."""
    authority = trustme.CA()
    trusted, certificate = tmp_path / "ca.pem", tmp_path / "server.pem"
    authority.cert_pem.write_to_path(str(trusted))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))

    def set_up(config: uvicorn.Config) -> None:
        config.ssl_certfile = str(certificate)
        config.load()
        assert config.ssl is not None
        config.ssl.set_alpn_protocols(["h2", "http/1.1"])

    return trusted, set_up


@pytest.fixture
def supabase(
    database: Database,
    secrets: dict[str, str],
    tls: tuple[Path, Callable[[uvicorn.Config], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Supabase]:
    """The project over TLS, trusted by this process."""
    trusted, set_up = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with running_supabase(database, set_up) as running:
        yield running


def found_in(records: list[logging.LogRecord], *planted: str) -> set[str]:
    """What of that which was planted is in any attribute of the records, in plain or as bytes are printed."""
    output = "\n".join(json.dumps(vars(record), default=repr) + record.getMessage() for record in records)
    return {text for text in planted if text in output}


def test_no_logger_shows_the_key_or_a_secret(
    make_provider: Callable[..., Any], supabase: Supabase, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(make_provider())
        supabase.answer = lambda _: JSONResponse({"code": "42501", "message": json.dumps(SECRETS)}, 403)
        with pytest.raises(CredentialError):
            ask(make_provider())
    loggers = {record.name for record in caplog.records}
    assert {"httpx", "httpcore.connection", "httpcore.http11"} <= loggers, "they were listened to"
    assert not [name for name in loggers if name.startswith(("hpack", "httpcore.http2"))]
    assert found_in(caplog.records, supabase.service_role_key, *SECRETS.values()) == set()


def test_supabases_own_connection_would_log_the_key(
    supabase: Supabase, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the provider brings an HTTP client of its own; and that the search above finds what there is to find."""
    for name in ("hpack.hpack", "hpack.table"):  # a client of ours, made before, has quietened them
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # supabase's own: it sets its client up as it deprecates
        client = supabase_package.create_client(supabase.url, supabase.service_role_key)
        with client.postgrest, pytest.raises(Exception, match=r"."):  # the server, which has no HTTP/2, hangs up
            client.rpc("dynamics_portal_secrets", {"secret_names": []}).execute()
        client.auth.close()
    shown = [record for record in caplog.records if found_in([record], supabase.service_role_key)]
    assert {record.name for record in shown} == {"hpack.hpack"}


def test_a_server_that_is_not_trusted_gets_no_key(
    make_provider: Callable[..., Any], supabase: Supabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(CredentialError) as caught:
        ask(make_provider())
    assert str(caught.value) == "Supabase cannot be reached: the server's certificate was not accepted"
    assert supabase.waiting == len(supabase.calls) == 0


def test_no_frame_of_a_cancelled_question_shows_the_key(supabase: Supabase) -> None:
    """Whoever cancels gets an exception that passed through the HTTP client, whose frames have the headers in them."""
    supabase.released.clear()

    async def cancel() -> BaseException:
        provider = AsyncVaultCredentialProvider(supabase.url, supabase.service_role_key)
        asking = asyncio.create_task(provider.get_credentials())
        while not supabase.waiting:
            await asyncio.sleep(0.001)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
        return caught.value

    shown = printed(asyncio.run(cancel()), "get_credentials")
    assert "handle_async_request" in shown
    assert supabase.service_role_key[:40] not in shown
    assert supabase.service_role_key[-20:] not in shown


def test_a_provider_shows_neither_key_nor_secret(provider_class: Provider, supabase: Supabase) -> None:
    provider = provider_class(supabase.url, supabase.service_role_key)
    ask(provider)
    shown = f"{provider!r} {provider} {[getattr(provider, name) for name in provider_class.__slots__]}"
    console = Console(record=True, file=io.StringIO())
    console.print(provider)
    assert supabase.service_role_key not in shown + console.export_text()
