"""Tokens: the request for one, what its answer says, and when one is stale. Fetching and keeping are the shells'.

Source: Microsoft identity platform, "OAuth 2.0 client credentials flow"; RFC 6749, "Successful Response".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from . import _json
from ._failures import failure
from ._outcome import Answer, Outcome
from .credentials import ClientCredentials, CredentialError
from .errors import DynamicsPortalClientException, ErrorCode

MARGIN: Final = 60.0  # seconds before its expiry at which a token is no longer used: the contract's margin
FETCH_LIMIT: Final = 2.0  # seconds that fetching a token may take in all, retries included: the contract's limit
_UNKNOWN_LIFETIME: Final = 300.0  # seconds assumed where the answer does not say; Entra's own are an hour and more
_LONGEST_LIFETIME: Final = 86_400.0  # seconds; Entra's longest-lived tokens last a day
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")

TOKEN_HEADERS: Final = (
    ("Accept", "application/json"),
    ("Content-Type", "application/x-www-form-urlencoded"),
)


class Token:
    """An access token, as the value of the header that carries it."""

    __slots__ = ("expires_at", "header")

    def __init__(self, header: str, expires_at: float) -> None:
        self.header = header
        self.expires_at = expires_at

    def is_fresh(self, now: float) -> bool:
        """Whether it may still be used."""
        return now < self.expires_at - MARGIN

    def __repr__(self) -> str:
        return f"<Token, expires at {self.expires_at:.0f}>"


def token_url(authority: str, credentials: ClientCredentials) -> str:
    """Where the token is asked for."""
    return f"{authority}/{quote(credentials.tenant_id, safe='')}/oauth2/v2.0/token"


def token_body(credentials: ClientCredentials, scope: str) -> bytes:
    """The form that asks for a token."""
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret.reveal(),
        "scope": scope,
    }
    return urlencode(form).encode("ascii")


def read_token(answer: Answer, asked_at: float) -> Token | None:
    """The token of a success. Its life is counted from before it was asked for. `None` where the answer holds none."""
    try:
        document = _json.decode_object(answer.content)
    except ValueError:
        return None
    token = document.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    if str(document.get("token_type", "Bearer")).lower() != "bearer":
        return None
    return Token(f"Bearer {token}", asked_at + lifetime(document.get("expires_in")))


def lifetime(expires_in: Any) -> float:
    """Seconds that a token lives, from what the answer says: a number, its text, nothing, or nonsense."""
    try:
        seconds = math.nan if isinstance(expires_in, bool) else float(expires_in)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if math.isnan(seconds):
        return _UNKNOWN_LIFETIME
    return min(max(seconds, 0.0), _LONGEST_LIFETIME)


def no_token(outcome: Outcome, correlation_id: str, attempts: int) -> DynamicsPortalClientException:
    """The exception for a token request that brought none."""
    if isinstance(outcome, Answer) and outcome.ok:
        return DynamicsPortalClientException(
            ErrorCode.AUTH_FAILURE,
            explanation="the answer to the token request holds no bearer token",
            status_code=outcome.status,
            correlation_id=correlation_id,
            attempts=attempts,
        )
    return failure(outcome, correlation_id, attempts=attempts, of_token=True)


def too_slow(correlation_id: str, attempts: int) -> DynamicsPortalClientException:
    """The exception for a token request that took longer than the limit."""
    return DynamicsPortalClientException(
        ErrorCode.NETWORK_ERROR,
        explanation=f"no token within {FETCH_LIMIT:g} s",
        correlation_id=correlation_id,
        attempts=attempts,
    )


def no_credentials(explanation: str, correlation_id: str) -> DynamicsPortalClientException:
    """The exception for a provider that gave no credentials."""
    return DynamicsPortalClientException(ErrorCode.AUTH_FAILURE, explanation=explanation, correlation_id=correlation_id)


def provider_problem(error: Exception) -> str:
    """What went wrong in a credential provider: our own words as they are, of other errors the kind only."""
    if isinstance(error, CredentialError):
        return str(error)
    if isinstance(error, DynamicsPortalClientException):
        return error.explanation or str(error)
    return f"the credential provider failed ({type(error).__name__})"


class Deadline:
    """What is left of a limit, by the client's clock."""

    __slots__ = ("_clock", "_end")

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds that are left; 0 or less when it has passed."""
        return self._end - self._clock()


class Remaining(dict[str, float | None]):
    """Timeouts of a request's phases, each of them what is left of a deadline when the phase begins.

    The transport asks for one with `get` at the start of connecting, writing and reading.
    """

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def get(self, key: str, default: Any = None) -> float:
        """Seconds that are left, never 0, which would mean not to wait at all."""
        return max(self._deadline.left(), 0.001)

    def __getitem__(self, key: str) -> float:
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        return True
