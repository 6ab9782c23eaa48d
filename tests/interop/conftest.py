"""One emulated organisation, and our own client on it, beside which other people's clients are judged.

The organisation is HLF's, with what its contract lacks and the other clients have: a file column on certifications, and
an alternate key of one column on contacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from tests.packages import HLF, Packages, packages

from dynamics_portal import PortalClient, StaticCredentialProvider
from dynamics_portal_emulator import Emulator, running_emulator

__all__ = ["packages"]  # a fixture

FILE = (
    '<Property Name="new_document" Type="Edm.Binary"/>'
    '<Property Name="new_document_name" Type="Edm.String"><Annotation Term="Org.OData.Core.V1.Permissions">'
    "<EnumMember>Org.OData.Core.V1.Permission/Read</EnumMember></Annotation></Property>"
)
KEY = (
    '<Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection>'
    '<Record Type="OData.Community.Keys.V1.AlternateKey"><PropertyValue Property="Key"><Collection>'
    '<Record Type="OData.Community.Keys.V1.PropertyRef"><PropertyValue Property="Alias" String="emailaddress1"/>'
    '<PropertyValue Property="Name" PropertyPath="emailaddress1"/></Record>'
    "</Collection></PropertyValue></Record></Collection></Annotation>"
)


@pytest.fixture(scope="session", name="document")
def document_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The organisation's `$metadata`, with its choices beside it."""
    lines = (HLF / "metadata.xml").read_text("utf-8")
    for table, addition in (("contact", KEY), ("new_certification", FILE)):
        start = lines.index(f'<EntityType Name="{table}" ')
        end = lines.index("</Key>", start) + len("</Key>")
        lines = lines[:end] + addition + lines[end:]
    path = tmp_path_factory.mktemp("organisation") / "metadata.xml"
    path.write_text(lines, "utf-8")
    path.with_name("choices.json").write_bytes((HLF / "choices.json").read_bytes())
    return path


@pytest.fixture(scope="session", name="api")
def api_fixture(packages: Packages, document: Path) -> ModuleType:
    """The package that is generated from it."""
    return packages.of_file("interop", document).module()


@pytest.fixture(scope="session", name="organisation")
def organisation_fixture(document: Path) -> Iterator[Emulator]:
    with running_emulator(document, choices=document.with_name("choices.json")) as emulator:
        yield emulator


@pytest.fixture
def emulator(organisation: Emulator) -> Emulator:
    """The organisation, without rows."""
    organisation.reset()
    return organisation


@pytest.fixture
def ours(emulator: Emulator, api: ModuleType) -> Iterator[PortalClient]:
    """Our client."""
    provider = StaticCredentialProvider(
        tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
    )
    context = emulator.ssl_context()
    with PortalClient(
        emulator.base_url, provider, api=api, authority=emulator.authority, ssl_context=context
    ) as portal:
        yield portal


@pytest.fixture
def token(emulator: Emulator) -> Callable[[], str]:
    """Asks the organisation for a token, as the other clients' credentials do."""

    def ask() -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": emulator.client_id,
            "client_secret": emulator.client_secret,
            "scope": f"{emulator.base_url}/.default",
        }
        with httpx2.Client(verify=emulator.ssl_context()) as session:
            answer = session.post(f"{emulator.authority}/{emulator.tenant_id}/oauth2/v2.0/token", data=form)
        granted: str = answer.json()["access_token"]
        return granted

    return ask


def plain(row: Any) -> dict[str, Any]:
    """What a row says, as it was on the wire, whoever read it: without contexts, ETags and links to further rows."""
    told = row.to_dict() if hasattr(row, "to_dict") else row
    return {name: _plain(value) for name, value in told.items() if not _is_control(name)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _is_control(name: str) -> bool:
    return name.startswith(("@odata.", "@Microsoft.", "oData")) or name.endswith(("@odata.nextLink", "@odata.context"))


def by_name(rows: Any, column: str) -> list[dict[str, Any]]:
    """Rows in the order of a column: two readers agree on them whatever order they came in."""
    return sorted((plain(row) for row in rows), key=lambda row: str(row[column]))
