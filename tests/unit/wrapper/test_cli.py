"""`dynamics-portal whoami`: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
from tests.unit.wrapper.support import BASE_URL, MENTOR, SECRET, Service, problem
from typer.testing import CliRunner, Result

from dynamics_portal.cli import whoami

ENVIRONMENT = {
    "DYNAMICS_BASE_URL": BASE_URL,
    "DYNAMICS_TENANT_ID": "t",
    "DYNAMICS_CLIENT_ID": "c",
    "DYNAMICS_CLIENT_SECRET": SECRET,
    "DYNAMICS_AUTHORITY": "",
    "DYNAMICS_SCOPE": "",
    "DYNAMICS_PORTAL_ENABLED": "",
    "SUPABASE_URL": "",
}


@pytest.fixture
def contexts(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Lets every client that is made find the service; holds the TLS contexts that it was made with."""
    seen: list[Any] = []

    def transport(verify: Any) -> httpx2.BaseTransport:
        seen.append(verify)
        return service.transport

    monkeypatch.setattr(httpx2, "HTTPTransport", transport)
    return seen


def run(*arguments: str, **environment: str) -> Result:
    app = typer.Typer()
    app.command()(whoami)
    return CliRunner().invoke(app, list(arguments), env={**ENVIRONMENT, **environment})


def test_it_prints_the_three_ids(service: Service, contexts: list[Any]) -> None:
    ids = {"UserId": str(MENTOR), "BusinessUnitId": str(MENTOR), "OrganizationId": str(MENTOR)}
    service.answer(httpx2.Response(200, json=ids))
    result = run()
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"user          {MENTOR}",
        f"business unit {MENTOR}",
        f"organization  {MENTOR}",
    ]
    assert contexts == [True]


def test_the_address_may_be_an_option(service: Service, contexts: list[Any]) -> None:
    service.answer(httpx2.Response(200, json={}))
    assert run("--url", "https://other.crm4.dynamics.com", DYNAMICS_BASE_URL="").exit_code == 0
    assert service.last.url.host == "other.crm4.dynamics.com"
    assert contexts == [True]


def test_an_authority_of_ones_own_may_be_trusted(service: Service, contexts: list[Any], tmp_path: Path) -> None:
    import trustme

    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    service.answer(httpx2.Response(200, json={}))
    assert run("--ca-file", str(tmp_path / "ca.pem")).exit_code == 0
    assert contexts[0].get_ca_certs()


def test_a_call_that_failed_ends_with_1(service: Service, contexts: list[Any]) -> None:
    service.answer(problem(403, "0x80072560", "echo"))
    result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: forbidden (status 403, dynamics code 0x80072560, correlation id ")
    assert result.stderr.count("\n") == 1
    assert contexts


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        ([], {"DYNAMICS_BASE_URL": ""}, "set DYNAMICS_BASE_URL in the environment"),
        ([], {"DYNAMICS_TENANT_ID": ""}, "set DYNAMICS_TENANT_ID in the environment"),
        (["--url", "http://x"], {}, "must start with https://"),
        (["--ca-file", "nowhere.pem"], {}, "cannot use nowhere.pem: No such file"),
        (["--ca-file", __file__], {}, "cannot use"),
    ],
)
def test_what_cannot_be_used_ends_with_2(arguments: list[str], environment: dict[str, str], told: str) -> None:
    result = run(*arguments, **environment)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert SECRET not in result.output
