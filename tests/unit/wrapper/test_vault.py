"""What a provider for Vault decides without asking: which settings can work, what an answer means, and the words."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supabase import PostgrestAPIError

from dynamics_portal import (
    AsyncVaultCredentialProvider,
    ClientCredentials,
    CredentialError,
    Secret,
    VaultCredentialProvider,
)
from dynamics_portal._vault import VaultAccess

URL = "https://project.supabase.co"
KEY = "sb_secret_k3y-that-nobody-may-see"
NAMES = {"tenant_id": "tenant name", "client_id": "client name", "client_secret": "secret name"}
PLANTED = "s3cr3t-that-nobody-may-see"


def jwt_for(role: str) -> str:
    """A key as Supabase signs them, but for the signature, which is not ours to check."""
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "supabase", "role": role}).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.{PLANTED}"


@pytest.fixture(params=[VaultCredentialProvider, AsyncVaultCredentialProvider], ids=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    provider: Callable[..., Any] = request.param
    return provider


@pytest.mark.parametrize(
    ("url", "key", "keywords", "told"),
    [
        ("http://project.supabase.co", KEY, {}, "the Supabase URL must start with https://"),
        ("http://127.0.0.1.example.org", KEY, {}, "must start with https://"),
        ("http://localhost@example.org", KEY, {}, "must start with https://"),
        ("ftp://127.0.0.1", KEY, {}, "must start with https://"),
        (f"https://user:{PLANTED}@project.supabase.co", KEY, {}, "must not hold a user name or a password"),
        (f"{URL}/rest/v1", KEY, {}, "the Supabase URL has a path: give the project's address alone"),
        (f"{URL}?apikey={PLANTED}", KEY, {}, "must not have a query"),
        (f"{URL} ", KEY, {}, "a space or another character"),
        ("", KEY, {}, "must start with https://"),
        (None, KEY, {}, "give the Supabase URL and the key of the service role, or a client"),
        (7, KEY, {}, "must be text"),
        (URL, None, {}, "give the Supabase URL and the key of the service role, or a client"),
        (URL, "", {}, "the Supabase key is empty"),
        (URL, f"{PLANTED}\n", {}, "a character that no key has"),
        (URL, f"{PLANTED}å", {}, "a character that no key has"),
        (URL, 7, {}, "service_role_key: expected text, got int"),
        (URL, jwt_for("anon"), {}, "the Supabase key is the anon one, which may not read secrets"),
        (URL, jwt_for("authenticated"), {}, "the Supabase key is the authenticated one"),
        (URL, f"sb_publishable_{PLANTED}", {}, "the Supabase key is the publishable one"),
        (URL, KEY, {"tenant_id": ""}, "tenant_id: expected the name of a secret in Vault"),
        (URL, KEY, {"client_secret": None}, "client_secret: expected the name of a secret in Vault"),
        (URL, KEY, {"client_id": "same", "tenant_id": "same"}, "each has to name a secret of its own"),
        (URL, KEY, {"function": "drop table; --"}, "function: expected the name of a function"),
        (URL, KEY, {"function": "../../auth/v1/admin"}, "function: expected the name of a function"),
        (URL, KEY, {"timeout": 0}, "timeout: expected seconds, more than 0"),
        (URL, KEY, {"timeout": float("nan")}, "timeout: expected seconds"),
        (URL, KEY, {"timeout": float("inf")}, "timeout: expected seconds"),
        (URL, KEY, {"timeout": True}, "timeout: expected seconds"),
        (URL, KEY, {"timeout": "5"}, "timeout: expected seconds"),
    ],
)
def test_settings_that_cannot_work_are_named_when_it_is_made(
    url: Any, key: Any, keywords: dict[str, Any], told: str, make: Callable[..., Any]
) -> None:
    with pytest.raises(CredentialError) as caught:
        make(url, key, **keywords)
    assert told in str(caught.value)
    assert PLANTED not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_all_that_is_wrong_with_settings_is_told_at_once(make: Callable[..., Any]) -> None:
    with pytest.raises(CredentialError) as caught:
        make("http://project.supabase.co", jwt_for("anon"), timeout=-1)
    assert [word in str(caught.value) for word in ("https://", "anon", "timeout")] == [True] * 3


@pytest.mark.parametrize(
    "url", [URL, f"{URL}/", "http://127.0.0.1:54321", "http://localhost:54321/", "http://[::1]:54321"]
)
@pytest.mark.parametrize("key", [KEY, jwt_for("service_role"), jwt_for("a_role_of_ones_own"), "a.b.c", "plain"])
def test_a_project_and_a_key_that_can_work_are_taken(url: str, key: str, make: Callable[..., Any]) -> None:
    provider = make(url, key)
    assert repr(provider) == f"{make.__name__}({url.rstrip('/')!r})"
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(provider)


@pytest.mark.parametrize("missing", ["SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"])
def test_a_variable_that_is_missing_is_named(missing: str, make: Any) -> None:
    environ = {"SUPABASE_URL": URL, "SUPABASE_SERVICE_ROLE_KEY": KEY, missing: ""}
    with pytest.raises(CredentialError, match=f"^set {missing} in the environment$"):
        make.from_environment(environ)


def test_neither_supabase_nor_its_http_client_is_imported_before_vault_is_asked() -> None:
    code = (
        "import sys, dynamics_portal as package\n"
        f"package.VaultCredentialProvider({URL!r}, {KEY!r}); package.AsyncVaultCredentialProvider({URL!r}, {KEY!r})\n"
        "sys.exit(' '.join({'supabase', 'httpx', 'postgrest', 'pydantic'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stderr.strip(), done.returncode) == ("", 0)


def test_a_projects_own_folder_of_that_name_is_not_taken_for_supabases_client(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Supabase command keeps migrations in `supabase/`, from beside which a service may well be started."""
    tmp_path.joinpath("supabase").mkdir()
    for name in [name for name in sys.modules if name.partition(".")[0] == "supabase"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(CredentialError, match=r"pip install 'dynamics-portal\[vault\]'"):
        make(URL, KEY)


def access() -> VaultAccess:
    return VaultAccess(URL, Secret(KEY), NAMES, "dynamics_portal_secrets", 5.0)


def test_an_answer_is_read_whatever_the_order_of_its_rows() -> None:
    rows = [{"name": name, "secret": f"<{what}>"} for what, name in NAMES.items()]
    expected = ClientCredentials("<tenant_id>", "<client_id>", "<client_secret>")
    assert access().read(rows) == access().read(rows[::-1]) == expected
    assert access().read([*rows, {"name": "another", "secret": "x"}]) == expected


def test_text_that_cannot_be_sent_is_told_without_it() -> None:
    rows = [{"name": name, "secret": f"{PLANTED}\ud800"} for name in NAMES.values()]
    told = access().read(rows)
    assert (
        told == "the secrets 'tenant name', 'client name', 'secret name' in Vault hold characters that cannot be sent"
    )


values = st.recursive(
    st.sampled_from([None, True, 0, 1.5, PLANTED, f" {PLANTED}", "", " ", f"{PLANTED}\ud800", *NAMES.values()]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "secret", PLANTED]), inner, max_size=3)
    ),
    max_leaves=12,
)
rows_of_names = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from([*NAMES.values(), PLANTED]), "secret": values}), max_size=4
)


@given(values | rows_of_names)
def test_no_answer_raises_and_no_words_hold_a_value(answer: Any) -> None:
    found = access().read(answer)
    if isinstance(found, str):
        assert found
        assert PLANTED not in found
    else:
        assert isinstance(found, ClientCredentials)
        assert PLANTED not in repr(found.client_secret)


codes = st.none() | st.text(max_size=8) | st.from_regex(r"PGRST\d{3}|[0-9A-Z]{5}|\d{3}", fullmatch=True)


@given(code=codes | st.just(PLANTED), message=st.none() | st.text(max_size=20) | st.just(f"api key {PLANTED}"))
def test_no_words_hold_the_text_of_an_error(code: str | None, message: str | None) -> None:
    error = PostgrestAPIError({"code": code, "message": message, "details": PLANTED, "hint": PLANTED})
    told = access().problem(error)
    assert told
    assert PLANTED not in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError(PLANTED), "asking Supabase Vault failed (RuntimeError)"),
        (OSError(PLANTED), "Supabase cannot be reached: no answer (OSError)"),
        (ModuleNotFoundError(PLANTED), "reading Supabase Vault needs the extra: pip install 'dynamics-portal[vault]'"),
        (AttributeError(PLANTED), "asking Supabase Vault failed (AttributeError)"),
    ],
)
def test_of_an_error_that_is_not_supabases_only_the_kind_is_told(error: Exception, told: str) -> None:
    assert access().problem(error) == told
