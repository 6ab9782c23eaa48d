"""Tokens that are signed with the project's own keys: the key set is fetched, and only keys of it are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from examples.edge_function.here import Function, access_token, serving
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.examples.edge_function.conftest import sender
from tests.supabase.postgrest import Supabase

pytestmark = pytest.mark.slow  # as test_function

KEY = ec.generate_private_key(ec.SECP256R1())


class KeySet:
    """STAND-IN of Supabase Auth: where its public keys are."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        public = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**public, "kid": "key-1", "alg": "ES256", "use": "sig"}]}, self.status)


@pytest.fixture(scope="module")
def keys() -> KeySet:
    return KeySet()


@pytest.fixture(scope="module")
def address(keys: KeySet, authority: trustme.CA) -> Iterator[str]:
    with serving([Route("/keys", keys.answer)], authority) as running:
        yield f"{running}/keys"


@pytest.fixture(scope="module")
def function(address: str, run: Callable[..., Function]) -> Function:
    return run(JWT_SECRET=None, JWKS_URL=address)


def status_for(token: str, function: Function, supabase: Supabase) -> int:
    answer = sender(function, supabase.url)(headers={"authorization": f"Bearer {token}"})
    return int(answer.status_code)


def test_a_token_of_the_projects_key_is_taken_and_the_key_asked_for_once(
    function: Function, supabase: Supabase, keys: KeySet
) -> None:
    for _ in range(3):
        assert status_for(access_token(supabase.url, KEY, "ES256"), function, supabase) == 200
    assert keys.asked == 1


def test_a_token_of_another_key_is_refused(function: Function, supabase: Supabase) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert status_for(access_token(supabase.url, other, "ES256"), function, supabase) == 401


def test_the_public_key_is_no_shared_secret(function: Function, supabase: Supabase) -> None:
    """The attack on verifiers that go by the algorithm which the token names (RFC 8725, 2.1)."""
    public = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert status_for(access_token(supabase.url, public), function, supabase) == 401


def test_where_the_keys_cannot_be_had_nobody_is_let_in_or_told_that_the_token_is_bad(
    run: Callable[..., Function], address: str, supabase: Supabase, keys: KeySet
) -> None:
    keys.status = 500
    answer = sender(function := run(JWT_SECRET=None, JWKS_URL=address), supabase.url)(
        headers={"authorization": f"Bearer {access_token(supabase.url, KEY, 'ES256')}"}
    )
    keys.status = 200
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")
    assert status_for(access_token(supabase.url, KEY, "ES256"), function, supabase) == 200
