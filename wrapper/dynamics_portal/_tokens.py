"""Tokens: the request for one, what its answer says, and when one is stale. Fetching and keeping are the shells'.

Source: Microsoft identity platform, "OAuth 2.0 client credentials flow"; RFC 6749, "Successful Response"; RFC 7523,
"Using JWTs for Client Authentication".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from . import _json
from ._deadline import Deadline
from ._failures import failure
from ._outcome import Answer, Fault, Outcome
from .credentials import AnyCredentials, ClientCredentials, CredentialError
from .errors import DynamicsPortalClientException, ErrorCode
from .retry import asked_to_wait
from .secrets import Secret

MARGIN: Final = 60.0  # seconds before its expiry at which a token is no longer used: the contract's margin
FETCH_LIMIT: Final = 2.0  # seconds that fetching a token may take in all, retries included: the contract's limit
_UNKNOWN_LIFETIME: Final = 300.0  # seconds assumed where the answer does not say; Entra's own are an hour and more
_LONGEST_LIFETIME: Final = 86_400.0  # seconds; Entra's longest-lived tokens last a day
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")

TOKEN_HEADERS: Final = (
    ("Accept", "application/json"),
    ("Content-Type", "application/x-www-form-urlencoded"),
)


class Token:
    """An access token, as the value of the header that carries it."""

    __slots__ = ("_header", "expires_at")

    def __init__(self, header: str, expires_at: float) -> None:
        self._header = Secret(header)
        self.expires_at = expires_at

    @property
    def header(self) -> str:
        """The header's value."""
        return self._header.reveal()

    def is_fresh(self, now: float) -> bool:
        """Whether it may still be used."""
        return now < self.expires_at - MARGIN

    def __repr__(self) -> str:
        return f"<Token, expires at {self.expires_at:.0f}>"


def token_url(authority: str, credentials: AnyCredentials) -> str:
    """Where the token is asked for."""
    return f"{authority}/{quote(credentials.tenant_id, safe='')}/oauth2/v2.0/token"


def token_body(credentials: AnyCredentials, proof: Secret, scope: str) -> Secret:
    """The form that asks for a token. `proof`: the client secret, or the assertion that stands for it."""
    if isinstance(credentials, ClientCredentials):
        proven = {"client_secret": proof.reveal()}
    else:
        proven = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": proof.reveal()}
    form = {"grant_type": "client_credentials", "client_id": credentials.client_id, **proven, "scope": scope}
    return Secret(urlencode(form))


def refused_client(outcome: object) -> bool:
    """Whether it is the credentials that were refused: a secret that is wrong or has expired, an assertion.

    Source: RFC 6749, "Error Response" (`invalid_client`), whatever code of its own Entra gives with it.
    """
    if not isinstance(outcome, Answer) or outcome.status not in (400, 401):
        return False
    try:
        return _json.decode_object(outcome.content).get("error") == "invalid_client"
    except ValueError:
        return False


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


def token_of(access: Any, asked_at: float, wall_time: float) -> Token | None:
    """The token that a token credential brought. `None` where that is none. `wall_time`: seconds since 1970, now."""
    text, expires_on = getattr(access, "token", None), getattr(access, "expires_on", None)
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        return None
    return Token(f"Bearer {text}", asked_at + lifetime(_number(expires_on) - wall_time))


def lifetime(expires_in: Any) -> float:
    """Seconds that a token lives, from what the answer says: a number, its text, nothing, or nonsense."""
    seconds = _number(expires_in)
    return _UNKNOWN_LIFETIME if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_LIFETIME)


def _number(value: Any) -> float:
    """A number or its text; anything else is none."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


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


def source_problem(error: Exception) -> str:
    """What went wrong where credentials come from: our own words as they are, of other errors the kind only."""
    if isinstance(error, CredentialError):
        return str(error)
    if isinstance(error, DynamicsPortalClientException):
        return error.explanation or str(error)
    return f"the credential provider failed ({type(error).__name__})"


class Fetch:
    """The fetch of one token: a request, and a second one with other credentials where the first ones were refused.

    Both share the seconds that a token may take; what passes between them, while the provider is asked, does not count.
    """

    __slots__ = ("_asked_at", "_clock", "_deadline", "_last", "_left", "attempts", "correlation_id")

    def __init__(self, clock: Callable[[], float], limit: float, correlation_id: str) -> None:
        self._clock = clock
        self._left = limit
        self._last: Outcome | DynamicsPortalClientException | None = None
        self.attempts = 0
        self.correlation_id = correlation_id
        self.begin()

    def begin(self) -> Deadline:
        """A request begins: the time that it has."""
        self._asked_at = self._clock()
        self._deadline = Deadline(self._clock, self._left)
        return self._deadline

    def end(self, last: Outcome | DynamicsPortalClientException | None, attempts: int) -> None:
        """A request has ended, after some attempts. `None`: it was cut off."""
        self._left = self._deadline.left()
        self._last = last
        self.attempts += attempts

    def may_try_others(self) -> bool:
        """Whether the credentials were refused, and there is time to try others."""
        return self._left > 0 and refused_client(self._last)

    def asked_to_wait(self) -> float | None:
        """Seconds for which the endpoint wants no more requests."""
        return asked_to_wait(self._last) if isinstance(self._last, Answer) else None

    def result(self) -> Token | DynamicsPortalClientException:
        """What came of it."""
        last = self._last
        if isinstance(last, DynamicsPortalClientException):
            return last
        if last is None or self._left < 0 or (isinstance(last, Fault) and self._left <= 0):
            return too_slow(self.correlation_id, max(self.attempts, 1))
        token = read_token(last, self._asked_at) if isinstance(last, Answer) and last.ok else None
        return token or no_token(last, self.correlation_id, self.attempts)
