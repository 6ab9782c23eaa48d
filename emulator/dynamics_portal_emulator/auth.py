"""The token endpoint, in the manner of Microsoft Entra, and the check of bearer tokens.

It decides which token requests are refused and how ("Microsoft identity platform and the OAuth 2.0 client credentials
flow"), and how long a token lives. Tokens are random text without meaning.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock

LIFETIME = 3599  # seconds: what Entra grants by default


class TokenRefusedError(Exception):
    """A token request that is refused: status and the body that says why."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body["error"])
        self.status = status
        self.body = body


@dataclass
class Authority:
    """One tenant with one application, whose secret is never shown."""

    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    clock: Clock
    lifetime: float = LIFETIME
    """Seconds until a new token expires."""
    requested: int = 0
    """Token requests seen so far, the refused ones included."""
    _tokens: dict[str, float] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def grant(self, tenant: str, form: Mapping[str, str], base_url: str) -> dict[str, Any]:
        """Answers a token request. TokenRefusedError, shaped like Entra's refusals."""
        with self._lock:
            self.requested += 1
        self._check(tenant, form, base_url)
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._tokens[token] = self.clock.time() + self.lifetime
        seconds = int(self.lifetime)
        return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}

    def _check(self, tenant: str, form: Mapping[str, str], base_url: str) -> None:
        if tenant != self.tenant_id:
            raise self._refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                text = f"The request body must contain the following parameter: '{name}'."
                raise self._refusal(400, "invalid_request", 900144, text)
        if form["grant_type"] != "client_credentials":
            raise self._refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form["client_id"] != self.client_id:
            text = f"Application with identifier '{form['client_id']}' was not found in the directory."
            raise self._refusal(400, "unauthorized_client", 700016, text)
        secret = form.get("client_secret")
        if not secret:
            text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise self._refusal(401, "invalid_client", 7000218, text)
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            text = f"Invalid client secret provided for app '{self.client_id}'."
            raise self._refusal(401, "invalid_client", 7000215, text)
        resource, separator, permission = form["scope"].rpartition("/")
        if not separator or permission != ".default" or resource.rstrip("/") != base_url:
            text = f"The provided value for the input parameter 'scope' is not valid; expected {base_url}/.default."
            raise self._refusal(400, "invalid_scope", 70011, text)

    def _refusal(self, status: int, error: str, number: int, text: str) -> TokenRefusedError:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = self.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        description = f"AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        return TokenRefusedError(
            status,
            {
                "error": error,
                "error_description": description,
                "error_codes": [number],
                "timestamp": stamp,
                "trace_id": trace,
                "correlation_id": correlation,
            },
        )

    def accepts(self, authorization: str | None) -> bool:
        """Whether an Authorization header carries a token that is still good."""
        scheme, _, token = (authorization or "").partition(" ")
        with self._lock:
            expires = self._tokens.get(token.strip()) if scheme.lower() == "bearer" else None
            return expires is not None and self.clock.time() < expires

    def reset(self) -> None:
        """Forgets all tokens and how many were asked for."""
        with self._lock:
            self._tokens.clear()
            self.requested = 0

    def expire_tokens(self) -> None:
        """Makes every token granted so far worthless."""
        with self._lock:
            self._tokens.clear()
