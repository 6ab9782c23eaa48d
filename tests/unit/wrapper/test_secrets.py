"""Secrets and credentials: nothing that prints, formats, copies or stores shows the text."""

from __future__ import annotations

import copy
import dataclasses
import hmac
import json
import pickle
import pprint
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr
from tests.unit.wrapper.support import SECRET

from dynamics_portal import (
    ClientCredentials,
    CredentialError,
    CredentialProvider,
    EnvironmentCredentialProvider,
    Secret,
    StaticCredentialProvider,
)

HOLDERS: list[Any] = [
    Secret(SECRET),
    ClientCredentials("t", "c", SECRET),
    StaticCredentialProvider(tenant_id="t", client_id="c", client_secret=SECRET),
    EnvironmentCredentialProvider({"DYNAMICS_CLIENT_SECRET": SECRET}),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_no_representation_shows_a_secret(holder: Any) -> None:
    shown = [repr(holder), str(holder), f"{holder}", f"{[holder]}", pprint.pformat(holder)]
    shown.append(pretty_repr(holder))
    shown.append(json.dumps(holder, default=str))
    assert SECRET not in "".join(shown)


@pytest.mark.parametrize("holder", HOLDERS[:3], ids=lambda holder: type(holder).__name__)
def test_no_secret_is_pickled(holder: Any) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(holder)


def test_a_secret_is_no_json() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(SECRET))


def test_a_secret_reveals_itself_when_asked_to() -> None:
    assert Secret(SECRET).reveal() == Secret(Secret(SECRET)).reveal() == SECRET
    assert f"{Secret(SECRET):>5}" == "  ***"


@dataclasses.dataclass
class InDataclass:
    secret: Secret


@attrs.define
class InAttrs:
    secret: Secret


def test_no_copy_of_what_holds_a_secret_shows_it() -> None:
    held, defined = InDataclass(Secret(SECRET)), InAttrs(Secret(SECRET))
    copies = [
        dataclasses.asdict(held),
        dataclasses.astuple(held),
        dataclasses.replace(held),
        attrs.asdict(defined),
        attrs.astuple(defined),
        attrs.evolve(defined),
        copy.deepcopy(held),
        vars(held),
        {"nested": [held, {Secret(SECRET).reveal: 1}]},
    ]
    assert SECRET not in repr(copies) + pprint.pformat(copies) + pretty_repr(copies, max_depth=9)


@pytest.mark.parametrize("spec", ["", "s", ">12", "^12", ".1", "é<9"])
def test_no_format_shows_a_secret(spec: str) -> None:
    assert format(Secret(SECRET), spec) == format("***", spec)


@pytest.mark.parametrize("wrong", ["d", "%Y", "!"])
def test_no_error_of_a_format_shows_a_secret(wrong: str) -> None:
    with pytest.raises(ValueError, match="format") as caught:
        format(Secret(SECRET), wrong)
    assert SECRET not in str(caught.value)


def test_a_secret_has_no_attributes_to_walk_through() -> None:
    with pytest.raises(TypeError):
        vars(Secret(SECRET))
    assert SECRET not in repr([getattr(Secret(SECRET), name, None) for name in dir(Secret(SECRET))])


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def compare(first: bytes, second: bytes) -> bool:
        seen.append((first, second))
        return first == second

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert Secret("a") == Secret("a")
    assert ClientCredentials("t", "c", "a") != ClientCredentials("t", "c", "b")
    assert seen == [(b"a", b"a"), (b"a", b"b")]


def test_a_secret_that_no_encoding_takes_is_compared_all_the_same() -> None:
    assert Secret("\ud800") == Secret("\ud800")
    assert Secret("\ud800") != Secret("x")


def test_no_frame_of_a_constructor_that_refuses_keeps_what_it_was_given() -> None:
    wrong: Any = SECRET.encode()
    for make in (lambda: Secret(wrong), lambda: ClientCredentials("", "c", SECRET)):
        with pytest.raises((TypeError, CredentialError)) as caught:
            make()
        kept = [repr(frame.frame.f_locals) for frame in caught.traceback if "dynamics_portal" in str(frame.path)]
        assert kept
        assert SECRET not in "".join(kept)


def test_secrets_compare_by_their_text() -> None:
    assert Secret("å") == Secret("å")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")


def test_a_secret_has_no_hash_and_does_not_change() -> None:
    secret: Any = Secret(SECRET)
    with pytest.raises(TypeError):
        hash(secret)
    with pytest.raises(AttributeError):
        secret.reveal = lambda: "x"
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_a_secret_is_text() -> None:
    wrong: Any = 7
    with pytest.raises(TypeError, match="got int"):
        Secret(wrong)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), min_size=4))
def test_no_text_shows(text: str) -> None:
    credentials = ClientCredentials("tenant", "client", text)
    shown = repr(credentials) + str(dataclasses.asdict(credentials))
    assert shown == repr(ClientCredentials("tenant", "client", "x")) + str(
        dataclasses.asdict(ClientCredentials("tenant", "client", "x"))
    )


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("", "c", "s"), "empty credentials: tenant_id"),
        (("t", "", ""), "empty credentials: client_id, client_secret"),
        (("t", "c", "\ud800"), "cannot be sent"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused(values: tuple[str, str, str], told: str) -> None:
    with pytest.raises(CredentialError, match=told):
        ClientCredentials(*values)


def test_the_environment_is_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = EnvironmentCredentialProvider()
    for name in ("DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DYNAMICS_CLIENT_ID", "c")
    with pytest.raises(CredentialError, match="set DYNAMICS_TENANT_ID, DYNAMICS_CLIENT_SECRET in the environment"):
        provider.get_credentials()
    monkeypatch.setenv("DYNAMICS_TENANT_ID", "t")
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", SECRET)
    assert provider.get_credentials() == ClientCredentials("t", "c", SECRET)
    assert isinstance(provider, CredentialProvider)
