"""The example that uses the whole Web API, run against emulated organisations: it prints what it says it does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from examples import whole_api
from tests.packages import HLF, Packages, packages
from tests.unit.emulator.depot import DEPOT

from dynamics_portal import AsyncDynamicsPortalClient, DynamicsPortalClient, PortalClient, StaticCredentialProvider
from dynamics_portal_emulator import Emulator, running_emulator

__all__ = ["packages"]  # a fixture

VIEW = UUID("99999999-0000-0000-0000-000000000001")
FETCH = "<fetch><entity name='contact'><attribute name='firstname'/><order attribute='firstname'/></entity></fetch>"

EXPECTED = """\
ConcurrencyVersionMismatch: read it again
created: True
+47 22 00 00 00
250 True
[]
Oslo
Kari [<CertificationType.TINNITUS_CONTACT: 100000002>, <CertificationType.PEER_MENTOR: 100000000>]
1
None 3 None
100000000 1 2026-06-01
1 of 4, and 3 later
['Kari']
['Kari', 'No. 0', 'No. 1', 'No. 2']
True 3
changed: Karin
removed
Paused
Active
200 1 Karin
['GET']
contacts Picklist
Pauset
Pauset
not_found True
""".splitlines()


def keywords(emulator: Emulator) -> dict[str, Any]:
    """How any client comes to an emulator."""
    provider = StaticCredentialProvider(
        tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
    )
    return {
        "base_url": emulator.base_url,
        "credentials": provider,
        "authority": emulator.authority,
        "ssl_context": emulator.ssl_context(),
    }


def show(emulator: Emulator, parameters: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
    assert row is not None
    return {"MentorId": row["contactid"], "IsVisible": parameters["Visible"], "SyncStatus": parameters["Reason"]}


@pytest.mark.dynamics_metadata(str(HLF / "metadata.xml"))
def test_the_whole_api_is_used_as_the_example_says(
    dynamics_emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamics_emulator.on_action("new_SetWebsiteVisibility", show)
    dynamics_emulator.seed("savedqueries", [{"savedqueryid": str(VIEW), "name": "All", "fetchxml": FETCH}])
    with DynamicsPortalClient(**keywords(dynamics_emulator)) as portal:
        whole_api.main(portal, VIEW)
    assert capsys.readouterr().out.splitlines() == EXPECTED
    asyncio.run(whole_api.wait(AsyncDynamicsPortalClient(**keywords(dynamics_emulator))))
    assert capsys.readouterr().out.splitlines() == ["Ida", "Per"]


def test_files_and_partitions_are_kept_elsewhere(
    packages: Packages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = packages.of_csdl("depot", DEPOT).module()
    with running_emulator(DEPOT) as emulator, PortalClient(api=api, **keywords(emulator)) as archive:
        whole_api.keep(archive, tmp_path)
    assert capsys.readouterr().out.splitlines() == ["8", "7"]
    assert [path.name for path in tmp_path.iterdir()] == ["bruksanvisning på norsk.pdf"]
