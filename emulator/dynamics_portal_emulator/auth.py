"""The token endpoint, in the manner of Microsoft Entra, and the check of bearer tokens.

It decides which token requests are refused and how ("Microsoft identity platform and the OAuth 2.0 client credentials
flow"; for assertions "Certificate credentials" and "Workload identity federation"), and how long a token lives. Tokens
are random text without meaning.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from .clock import Clock

LIFETIME = 3599  # seconds: what Entra grants by default
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


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
    _certificates: dict[str, Any] = field(default_factory=dict, repr=False)
    _federated: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def trust_certificate(self, pem: str) -> None:
        """Accepts assertions that this certificate's key has signed, as one does that is registered with Entra."""
        certificate = x509.load_pem_x509_certificate(pem.encode())
        digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        self._certificates[jwt.utils.base64url_encode(digest).decode()] = certificate.public_key()

    def trust_federated(self, token: str) -> None:
        """Accepts this token of somebody else's as the application's, as a federated identity credential would."""
        self._federated.add(token)

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
        if form.get("client_assertion"):
            self._check_assertion(form, f"{base_url}/{tenant}/oauth2/v2.0/token")
        else:
            self._check_secret(form.get("client_secret"))
        resource, separator, permission = form["scope"].rpartition("/")
        if not separator or permission != ".default" or resource.rstrip("/") != base_url:
            text = f"The provided value for the input parameter 'scope' is not valid; expected {base_url}/.default."
            raise self._refusal(400, "invalid_scope", 70011, text)

    def _check_secret(self, secret: str | None) -> None:
        if not secret:
            text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise self._refusal(401, "invalid_client", 7000218, text)
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            text = f"Invalid client secret provided for app '{self.client_id}'."
            raise self._refusal(401, "invalid_client", 7000215, text)

    def _check_assertion(self, form: Mapping[str, str], audience: str) -> None:
        assertion = form["client_assertion"]
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            text = f"The client_assertion_type must be '{ASSERTION_TYPE}'."
            raise self._refusal(400, "invalid_request", 50027, text)
        if assertion in self._federated:
            return
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.InvalidTokenError:
            raise self._refusal(400, "invalid_request", 50027, "JWT token is invalid or malformed.") from None
        key = self._certificates.get(str(header.get("x5t#S256")))
        if key is None:
            text = "Client assertion contains an invalid signature. The key was not found."
            raise self._refusal(401, "invalid_client", 700027, text)
        needed = ["aud", "exp", "iss", "jti", "nbf", "sub"]
        try:
            claims = jwt.decode(assertion, key, algorithms=["PS256"], audience=audience, options={"require": needed})
        except jwt.InvalidTokenError as error:
            text = f"Client assertion failed signature validation. {type(error).__name__}"
            raise self._refusal(401, "invalid_client", 700027, text) from None
        if {claims["iss"], claims["sub"]} != {self.client_id}:
            text = "The iss and sub claims of the client assertion must be the client id."
            raise self._refusal(401, "invalid_client", 700021, text)

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
        """Forgets all tokens, how many were asked for, and whom else it trusts."""
        with self._lock:
            self._tokens.clear()
            self._certificates.clear()
            self._federated.clear()
            self.requested = 0

    def expire_tokens(self) -> None:
        """Makes every token granted so far worthless."""
        with self._lock:
            self._tokens.clear()
