"""What the README shows is run as it stands there, against an emulated Dataverse."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.conftest import PROJECT

import dynamics_portal
from dynamics_portal_emulator import Emulator


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

    (example,) = python_blocks()
    example = example.replace("with DynamicsPortalClient(", "with connected(")
    exec(compile(example, "README.md", "exec"), {"connected": connected})  # noqa: S102 # our own README

    rows = {row["contactid"]: row for row in dynamics_emulator.rows("contacts")}
    assert hidden == [lapsed]
    assert rows[lapsed]["new_pause_reason"] == "Certification expired"
    assert rows[valid].get("new_pause_reason") is None
    assert capsys.readouterr().out.splitlines()[-1] == "synced"
