"""`dynamics-portal whoami` and `fetch`: what they print and write, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
from tests.unit.wrapper.support import BASE_URL, MENTOR, SECRET, Service, problem, rows
from typer.testing import CliRunner, Result

from dynamics_portal.cli import fetch, whoami

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


def run(*arguments: str, command: Callable[..., None] = whoami, **environment: str) -> Result:
    app = typer.Typer()
    app.command()(command)
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
    assert result.stderr.startswith(
        "error: forbidden (status 403, dynamics code 0x80072560 UserNotMemberOfOrg, correlation id "
    )
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
    result = run(*arguments, command=whoami, **environment)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert SECRET not in result.output


def versioned(version: str | None) -> httpx2.Response:
    annotation = {} if version is None else {"@Microsoft.Dynamics.CRM.globalmetadataversion": version}
    return httpx2.Response(200, json={**annotation, "value": []})


def test_metadata_is_downloaded_into_a_spec_folder_that_need_not_exist(
    service: Service, contexts: list[Any], tmp_path: Path
) -> None:
    service.answer(versioned("7"), httpx2.Response(200, content=b"<edmx/>"), rows())
    result = run("-o", str(tmp_path / "spec" / "acme"), command=fetch)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "spec" / "acme" / "metadata.xml").read_bytes() == b"<edmx/>"
    assert "7 bytes, version 7" in result.stdout
    assert service.requests[1].url.path.endswith("/$metadata")
    assert service.requests[1].headers.get_list("accept") == ["application/xml"]
    assert contexts == [True]


def test_a_version_that_is_there_already_is_not_downloaded_again(
    service: Service, contexts: list[Any], tmp_path: Path
) -> None:
    service.answer(versioned("7"), httpx2.Response(200, content=b"<edmx/>"), rows(), versioned("7"))
    run("-o", str(tmp_path), command=fetch)
    result = run("-o", str(tmp_path), command=fetch)
    assert result.exit_code == 0
    assert "unchanged since version 7, nothing was downloaded" in result.stdout
    assert len(service.requests) == 4
    assert len(contexts) == 2


def test_another_version_is_downloaded(service: Service, contexts: list[Any], tmp_path: Path) -> None:
    service.answer(versioned("7"), httpx2.Response(200, content=b"old"), rows())
    service.answer(versioned("8"), httpx2.Response(200, content=b"new"), rows())
    run("-o", str(tmp_path), command=fetch)
    run("-o", str(tmp_path), command=fetch)
    assert (tmp_path / "metadata.xml").read_bytes() == b"new"
    assert (tmp_path / "metadata.version").read_text() == "8\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["choices.json", "metadata.version", "metadata.xml"]
    assert contexts


@pytest.mark.parametrize("probe", [versioned(None), problem(403, "0x80040220", "no"), problem(404, "0x8006088a", "no")])
def test_an_organisation_that_tells_no_version_is_downloaded_each_time(
    probe: httpx2.Response, service: Service, contexts: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "metadata.version").write_text("7\n")
    service.answer(probe, httpx2.Response(200, content=b"<edmx/>"), rows())
    result = run("-o", str(tmp_path), command=fetch)
    assert "version not told" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["choices.json", "metadata.xml"]
    assert contexts


@pytest.mark.parametrize("answers", [[], [httpx2.Response(200, content=b"new")]])
def test_a_download_that_fails_leaves_the_folder_as_it_was(
    answers: list[httpx2.Response], service: Service, contexts: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "metadata.xml").write_bytes(b"old")
    (tmp_path / "metadata.version").write_text("7\n")
    (tmp_path / "choices.json").write_text("{}")
    refused = problem(403, "0x80040220", "no")
    service.answer(versioned("8"), *answers, refused)
    result = run("-o", str(tmp_path), command=fetch)
    assert result.exit_code == 1
    assert (tmp_path / "choices.json").read_text() == "{}"
    assert (tmp_path / "metadata.xml").read_bytes() == b"old"
    assert (tmp_path / "metadata.version").read_text() == "7\n"
    assert contexts


def test_a_folder_that_cannot_be_written_ends_with_2(service: Service, contexts: list[Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    service.answer(versioned("7"), httpx2.Response(200, content=b"<edmx/>"), rows())
    result = run("-o", str(tmp_path / "file" / "below"), command=fetch)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert contexts


@pytest.mark.parametrize(("command", "arguments"), [(whoami, ()), (fetch, ("-o", "nowhere"))])
def test_a_portal_that_is_switched_off_is_not_asked(
    command: Callable[..., None], arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, command=command, DYNAMICS_PORTAL_ENABLED="false")
    assert result.exit_code == 2
    assert "DYNAMICS_PORTAL_ENABLED switches the portal off" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_flag_that_says_neither_yes_nor_no_is_told_in_one_line() -> None:
    result = run(DYNAMICS_PORTAL_ENABLED="flase")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: invalid request: DYNAMICS_PORTAL_ENABLED: expected true or false, 1 or 0, yes or no, on or off\n"
    )
