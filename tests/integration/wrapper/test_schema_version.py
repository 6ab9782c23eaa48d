"""The schema's version as a cheap signal, over real TLS: asked for before the document is downloaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dynamics_portal import DynamicsPortalClient, StaticCredentialProvider
from dynamics_portal_emulator import Emulator, running_emulator

DOCUMENT = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
<EntityType Name="organization"><Key><PropertyRef Name="organizationid"/></Key>
<Property Name="organizationid" Type="Edm.Guid"/><Property Name="name" Type="Edm.String"/></EntityType>
<EntityContainer Name="System"><EntitySet Name="organizations" EntityType="mscrm.organization"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(DOCUMENT, data={"organizations": [{"name": "Acme"}]}) as running:
        yield running


def test_the_version_is_told_without_the_document_and_changes_with_it(emulator: Emulator) -> None:
    credentials = StaticCredentialProvider(
        tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
    )
    with DynamicsPortalClient(
        emulator.base_url, credentials, authority=emulator.authority, ssl_context=emulator.ssl_context()
    ) as portal:
        assert portal.metadata_version() == emulator.metadata_version
        assert not any(request.path.endswith("$metadata") for request in emulator.requests)
        assert portal.metadata() == DOCUMENT
    with running_emulator(DOCUMENT.replace(b"name", b"title")) as other:
        assert other.metadata_version != emulator.metadata_version
