"""The token endpoint, and what becomes of requests with and without a token."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import jwt
import pytest
from tests.certificates import Pair
from tests.integration.emulator.conftest import Browser


def test_a_right_secret_gets_a_bearer_token(shop: Browser) -> None:
    granted = shop.ask_token().json()

    assert granted["token_type"] == "Bearer"
    assert granted["expires_in"] == granted["ext_expires_in"] == 3599
    assert shop.emulator.token_requests == 2


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": "somebody"}, 400, "unauthorized_client", 700016),
        ({"tenant": "elsewhere"}, 400, "invalid_request", 90002),
        ({"scope": "https://example.org/.default"}, 400, "invalid_scope", 70011),
        ({"scope": "email"}, 400, "invalid_scope", 70011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
    ],
)
def test_a_wrong_token_request_is_refused_as_entra_does(
    shop: Browser, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    refused = shop.ask_token(**changes)

    assert refused.status_code == status
    body = refused.json()
    assert body["error"] == error
    assert body["error_codes"] == [number]
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert {"trace_id", "correlation_id", "timestamp"} <= body.keys()
    assert shop.emulator.client_secret not in refused.text


def test_a_request_without_a_token_is_challenged(shop: Browser) -> None:
    refused = shop.http.get("/api/data/v9.2/accounts")

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith(f"Bearer authorization_uri={shop.emulator.base_url}/")


def test_a_token_expires_by_the_emulators_clock(shop: Browser) -> None:
    shop.emulator.clock.advance(3598)
    assert shop.get("accounts").status_code == 200

    shop.emulator.clock.advance(1)
    assert shop.get("accounts").status_code == 401


def test_tokens_can_be_made_worthless(shop: Browser) -> None:
    shop.emulator.expire_tokens()

    assert shop.get("accounts").status_code == 401


def test_the_certificate_is_trusted_by_nobody_else(shop: Browser) -> None:
    with httpx2.Client() as stranger, pytest.raises(httpx2.ConnectError, match="certificate"):
        stranger.get(shop.emulator.base_url)


def test_who_am_i_tells_the_three_ids(shop: Browser) -> None:
    answer = shop.get("WhoAmI()").json()

    assert answer["UserId"] == shop.emulator.user_id
    assert answer["BusinessUnitId"] == shop.emulator.business_unit_id
    assert answer["OrganizationId"] == shop.emulator.organization_id


def test_the_log_shows_requests_but_no_token(shop: Browser) -> None:
    shop.get("accounts?$top=1", **{"x-correlation-id": "c-1"})

    (request,) = shop.emulator.requests
    assert (request.method, request.path, request.query, request.status) == (
        "GET",
        "/api/data/v9.2/accounts",
        "$top=1",
        200,
    )
    assert request.headers["x-correlation-id"] == "c-1"
    assert "authorization" not in request.headers
    assert shop.token not in repr(request)
    assert shop.emulator.client_secret not in repr(shop.emulator.directory)


PAIR, OTHER = Pair(), Pair()


def ask_with_assertion(shop: Browser, assertion: str, **changes: str) -> httpx2.Response:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return shop.ask_token(
        **{"client_secret": "", "client_assertion_type": kind, "client_assertion": assertion, **changes}
    )


def signed(shop: Browser, pair: Pair = PAIR, **changes: Any) -> str:
    """An assertion as Entra wants it, but for what a test changes."""
    emulator, now = shop.emulator, int(time.time())
    claims = {
        "aud": f"{emulator.authority}/{emulator.tenant_id}/oauth2/v2.0/token",
        "iss": emulator.client_id,
        "sub": emulator.client_id,
        "jti": "1",
        "nbf": now,
        "exp": now + 300,
        **changes,
    }
    return jwt.encode(claims, pair.key, algorithm="PS256", headers={"x5t#S256": pair.thumbprint})


def test_an_assertion_of_a_trusted_certificate_gets_a_token(shop: Browser) -> None:
    shop.emulator.directory.trust_certificate(PAIR.certificate)
    assert ask_with_assertion(shop, signed(shop)).json()["token_type"] == "Bearer"


def test_a_federated_token_that_is_trusted_gets_a_token(shop: Browser) -> None:
    shop.emulator.directory.trust_federated("of.somebody.else")
    assert ask_with_assertion(shop, "of.somebody.else").json()["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"aud": "https://elsewhere.example"}, 700027),
        ({"exp": 1}, 700027),
        ({"nbf": 2**40}, 700027),
        ({"jti": None}, 700027),
        ({"iss": "somebody"}, 700021),
        ({"sub": "somebody"}, 700021),
        ({"pair": OTHER}, 700027),
    ],
)
def test_a_wrong_assertion_is_refused_as_entra_does(shop: Browser, changes: dict[str, Any], number: int) -> None:
    shop.emulator.directory.trust_certificate(PAIR.certificate)
    refused = ask_with_assertion(shop, signed(shop, **changes))
    assert refused.status_code == 401
    assert (refused.json()["error"], refused.json()["error_codes"]) == ("invalid_client", [number])


@pytest.mark.parametrize("changes", [{}, {"client_assertion_type": "saml"}])
def test_what_is_no_assertion_is_refused(shop: Browser, changes: dict[str, str]) -> None:
    refused = ask_with_assertion(shop, "no jwt", **changes)
    assert (refused.status_code, refused.json()["error_codes"]) == (400, [50027])
