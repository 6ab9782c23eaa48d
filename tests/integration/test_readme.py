"""What the README shows is run as it stands there, against an emulated Dataverse."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PROJECT
from tests.packages import Packages, mypy, mypy_cache, packages

import dynamics_portal
from dynamics_portal_emulator import Emulator

__all__ = ["mypy_cache", "packages"]  # fixtures

ACME = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
<EntityType Name="account"><Key><PropertyRef Name="accountid"/></Key>
<Property Name="accountid" Type="Edm.Guid"/><Property Name="name" Type="Edm.String"/></EntityType>
<EntityContainer Name="System"><EntitySet Name="accounts" EntityType="mscrm.account"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.dynamics_metadata(str(PROJECT / "spec" / "hlf" / "metadata.xml"))
def test_the_example_pauses_and_hides_mentors_whose_certification_expired(
    dynamics_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lapsed, valid = dynamics_emulator.seed(
        "contacts",
        [
            {"firstname": "Kari", "new_certification_expiry": "2020-01-31", "new_website_visible": True},
            {"firstname": "Ola", "new_certification_expiry": "9999-12-31", "new_website_visible": True},
        ],
    )
    hidden: list[str] = []

    def set_visibility(emulator: Emulator, parameters: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
        assert row is not None
        hidden.append(row["contactid"])
        return {"MentorId": row["contactid"], "IsVisible": parameters["Visible"], "SyncStatus": "synced"}

    dynamics_emulator.on_action("new_SetWebsiteVisibility", set_visibility)
    monkeypatch.setenv("DYNAMICS_TENANT_ID", dynamics_emulator.tenant_id)
    monkeypatch.setenv("DYNAMICS_CLIENT_ID", dynamics_emulator.client_id)
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", dynamics_emulator.client_secret)

    def connected(url: str, provider: Any) -> Any:
        assert url == "https://hlf.crm4.dynamics.com"
        return dynamics_portal.DynamicsPortalClient(
            dynamics_emulator.base_url,
            provider,
            authority=dynamics_emulator.authority,
            ssl_context=dynamics_emulator.ssl_context(),
        )

    example = python_blocks()[0]
    example = example.replace("with DynamicsPortalClient(", "with connected(")
    exec(compile(example, "README.md", "exec"), {"connected": connected})  # noqa: S102 # our own README

    rows = {row["contactid"]: row for row in dynamics_emulator.rows("contacts")}
    assert hidden == [lapsed]
    assert rows[lapsed]["new_pause_reason"] == "Certification expired"
    assert rows[valid].get("new_pause_reason") is None
    assert capsys.readouterr().out.splitlines()[-1] == "synced"


@pytest.mark.dynamics_metadata(str(PROJECT / "spec" / "hlf" / "metadata.xml"))
def test_a_table_goes_through_a_data_frame_and_back(dynamics_emulator: Emulator) -> None:
    lapsed, valid = dynamics_emulator.seed(
        "contacts", [{"new_certification_expiry": "2020-01-31"}, {"new_certification_expiry": "9999-12-31"}]
    )
    provider = dynamics_portal.StaticCredentialProvider(
        tenant_id=dynamics_emulator.tenant_id,
        client_id=dynamics_emulator.client_id,
        client_secret=dynamics_emulator.client_secret,
    )
    (example,) = [block for block in python_blocks() if "read_arrow" in block]
    with dynamics_portal.DynamicsPortalClient(
        dynamics_emulator.base_url,
        provider,
        authority=dynamics_emulator.authority,
        ssl_context=dynamics_emulator.ssl_context(),
    ) as portal:
        names: dict[str, Any] = {"portal": portal, "date": date}
        exec(compile(example, "README.md", "exec"), names)  # noqa: S102 # our own README
    assert names["failed"] == []
    rows = {row["contactid"]: row for row in dynamics_emulator.rows("contacts")}
    assert rows[str(lapsed)]["new_mentor_status"] == 100000002
    assert rows[str(valid)].get("new_mentor_status") is None


@pytest.mark.slow
def test_the_example_passes_mypy_strict(packages: Packages, mypy_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(python_blocks()[0], "utf-8")
    assert mypy(mypy_cache, packages.folder, str(tmp_path / "example.py")) == []


@pytest.mark.slow
def test_a_portal_of_ones_own_is_typed_by_the_line_shown(packages: Packages, mypy_cache: Path, tmp_path: Path) -> None:
    package = packages.of_csdl("acme_crm", ACME)
    use = """
from dynamics_portal import EnvironmentCredentialProvider
portal = AcmePortal("https://acme.crm4.dynamics.com", EnvironmentCredentialProvider())
reveal_type(portal.accounts)
portal.accounts.list(select=["nme"])
"""
    (tmp_path / "example.py").write_text(python_blocks()[1] + use, "utf-8")
    told = mypy(mypy_cache, package.folder, str(tmp_path / "example.py"))
    assert len(told) == 2
    assert 'Revealed type is "dynamics_portal._sync.table.Table[acme_crm.models.account.Account]"' in told[0]
    assert 'expected "Literal[' in told[1]
