"""What the network may do to a call, over real TLS: whom the client trusts, and which way its requests go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.wrapper.support import Shell

from dynamics_portal import NetworkError

CLOSED = "http://127.0.0.1:9"  # where nothing answers


def test_a_certificate_that_is_not_trusted_ends_the_call_at_once(connect: Callable[..., Shell]) -> None:
    shell = connect(ssl_context=None)  # whom the system trusts, and so not the emulator
    with pytest.raises(NetworkError, match="the server's certificate was not accepted") as caught:
        shell(shell.portal.who_am_i())
    assert (caught.value.attempts, caught.value.may_have_run) == (1, False)


def test_a_proxy_in_the_environment_is_not_used(connect: Callable[..., Shell], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, CLOSED)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    shell = connect()
    assert shell(shell.portal.who_am_i()).user_id
