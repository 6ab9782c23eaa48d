"""A real organisation, where the environment holds credentials for one: a real token, and an answer from a known
endpoint. The README says how to run it."""

from __future__ import annotations

from uuid import UUID

import pytest
from tests.unit.wrapper.support import Client, Shell

from dynamics_portal import AsyncDynamicsPortalClient, DynamicsPortalClient


@pytest.mark.credentials
@pytest.mark.parametrize("client", [DynamicsPortalClient, AsyncDynamicsPortalClient])
def test_a_real_organisation_gives_a_token_and_says_who_i_am(client: Client) -> None:
    shell = Shell(client.from_environment())
    answer = shell(shell.portal.who_am_i())
    assert isinstance(answer.user_id, UUID)
    assert isinstance(answer.organization_id, UUID)
    shell.close()
