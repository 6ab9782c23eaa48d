"""Credentials without a secret, and secrets that change, against the emulator's token endpoint over real TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import Pair
from tests.unit.wrapper.support import Client, Shell

from dynamics_portal import (
    AuthFailureError,
    CertificateCredentialProvider,
    ClientCredentials,
    FederatedCredentialProvider,
)
from dynamics_portal_emulator.emulator import Emulator


@pytest.fixture
def signed_in(client_class: Client, emulator: Emulator) -> Iterator[Callable[[Any], Shell]]:
    """Makes a driven client with credentials of one's own."""
    shells: list[Shell] = []

    def make(credentials: Any) -> Shell:
        options: dict[str, Any] = {"authority": emulator.authority, "ssl_context": emulator.ssl_context()}
        shells.append(Shell(client_class(emulator.base_url, credentials, **options)))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


def test_a_certificate_gets_a_token_and_its_renewal_too(
    signed_in: Callable[[Any], Shell], emulator: Emulator, tmp_path: Path
) -> None:
    old, new = Pair(), Pair()
    file = tmp_path / "portal.pem"
    file.write_text(old.private() + old.certificate)
    emulator.directory.trust_certificate(old.certificate)
    shell = signed_in(CertificateCredentialProvider(emulator.tenant_id, emulator.client_id, certificate_file=file))
    assert shell(shell.portal.who_am_i()).user_id

    emulator.directory.reset()
    emulator.directory.trust_certificate(new.certificate)
    with pytest.raises(AuthFailureError):  # the service no longer takes the token
        shell(shell.portal.who_am_i())
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.dynamics_code == "AADSTS700027"
    file.write_text(new.certificate + new.private())
    assert shell(shell.portal.who_am_i()).user_id


def test_a_federated_token_gets_a_token(signed_in: Callable[[Any], Shell], emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("eyJ.of.kubernetes")
    provider = FederatedCredentialProvider(emulator.tenant_id, emulator.client_id, token_file=file)
    shell = signed_in(provider)
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.status_code == 400
    emulator.directory.trust_federated("eyJ.of.kubernetes")
    assert shell(shell.portal.who_am_i()).user_id


def test_a_secret_that_changes_between_two_questions_is_used(
    signed_in: Callable[[Any], Shell], emulator: Emulator
) -> None:
    class Rotating:
        """The secret is changed after it was first read."""

        def __init__(self) -> None:
            self.secrets = ["old-secret"]

        def get_credentials(self) -> ClientCredentials:
            secret = self.secrets.pop() if self.secrets else emulator.client_secret
            return ClientCredentials(emulator.tenant_id, emulator.client_id, secret)

    shell = signed_in(Rotating())
    assert shell(shell.portal.who_am_i()).user_id
    assert emulator.token_requests == 2
