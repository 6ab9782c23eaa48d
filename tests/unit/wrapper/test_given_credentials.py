"""A client from the environment with a provider of one's own: address and flag are the environment's."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import httpx2
from tests.unit.wrapper.support import BASE_URL, SECRET, Service, Shell

from dynamics_portal import StaticCredentialProvider

OWN = StaticCredentialProvider(tenant_id="t", client_id="own", client_secret=SECRET)
OTHERS = {
    "DYNAMICS_TENANT_ID": "t",
    "DYNAMICS_CLIENT_ID": "other",
    "DYNAMICS_CLIENT_SECRET": "other",
    "SUPABASE_URL": "https://project.supabase.co",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_key",
}


def test_credentials_that_are_given_take_the_place_of_those_in_the_environment(
    client_class: Any, service: Service
) -> None:
    service.answer(httpx2.Response(200, json={}))
    environ = {**OTHERS, "DYNAMICS_BASE_URL": BASE_URL}
    shell = Shell(client_class.from_environment(environ=environ, credentials=OWN, transport=service.transport))
    shell(shell.portal.who_am_i())
    shell.close()
    assert parse_qs(service.token_requests[0].content.decode())["client_id"] == ["own"]


def test_the_flag_switches_off_a_client_with_credentials_of_its_own(client_class: Any) -> None:
    shell = Shell(client_class.from_environment(environ={"DYNAMICS_PORTAL_ENABLED": "off"}, credentials=OWN))
    shell(shell.portal.contacts.create({"lastname": "Hansen"}))
    assert len(shell.portal.recorded) == 1
    shell.close()
