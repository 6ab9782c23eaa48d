"""Credentials: who the client is to Entra, and the interfaces that hand that over.

A provider is asked when a token is needed; what it returns lives no longer than the token request. A token credential,
as azure-identity has them, brings the token itself. Caching tokens is the business of `_tokens`; providers that sign
with a certificate or pass a federated token on stand in `certificates` and `federation`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from ._frames import reticent_class
from .secrets import Secret

TENANT_ID: Final = "DYNAMICS_TENANT_ID"
CLIENT_ID: Final = "DYNAMICS_CLIENT_ID"
CLIENT_SECRET: Final = "DYNAMICS_CLIENT_SECRET"  # noqa: S105 # the variable's name
_JWT: Final = re.compile(r"[\x21-\x7e]+")


class CredentialError(ValueError):
    """No credentials could be had. Its words name what is missing and never hold a value: the client passes them on.

    Of any other exception that a provider raises, the client tells the kind only.
    """


@reticent_class
@dataclass(frozen=True, slots=True, init=False)
class ClientCredentials:
    """Tenant, client id and client secret of an application (OAuth 2.0 client credentials grant).

    The secret may be given as text or as a `Secret`; it is masked in every representation.
    Raises `CredentialError` where one of them is empty, or begins or ends with a space or a line break.
    """

    tenant_id: str
    client_id: str
    client_secret: Secret

    def __init__(self, tenant_id: str, client_id: str, client_secret: str | Secret) -> None:
        secret = Secret(client_secret)
        del client_secret  # so that no printer of this frame finds it
        _require(tenant_id=tenant_id, client_id=client_id, client_secret=secret)
        if not _is_sendable(str(tenant_id), str(client_id), secret.reveal()):
            raise CredentialError("credentials hold characters that cannot be sent")
        object.__setattr__(self, "tenant_id", str(tenant_id))
        object.__setattr__(self, "client_id", str(client_id))
        object.__setattr__(self, "client_secret", secret)


@reticent_class
@dataclass(frozen=True, slots=True, init=False)
class ClientAssertion:
    """Tenant and client id of an application, and what proves them in place of a secret: a signed JWT.

    `assertion`: called with the address of the token endpoint, the JWT's audience, for each request that is sent there;
    gives the JWT as text or as a `Secret`. The asynchronous client calls it in a thread of its own.
    Two of them are equal where all three are: a provider that gives another one after a refusal is taken at its word.
    Raises `CredentialError` where one of them is empty, begins or ends with a space or a line break, or where
    `assertion` cannot be called.

    Source: Microsoft identity platform, "OAuth 2.0 client credentials flow", "Access token request with a certificate"
    and "Access token request with a federated credential"; RFC 7523, "Using JWTs for Client Authentication".
    """

    tenant_id: str
    client_id: str
    assertion: Callable[[str], str | Secret]

    def __init__(self, tenant_id: str, client_id: str, assertion: Callable[[str], str | Secret]) -> None:
        _require(tenant_id=tenant_id, client_id=client_id)
        if not _is_sendable(str(tenant_id), str(client_id)):
            raise CredentialError("credentials hold characters that cannot be sent")
        if not callable(assertion):
            raise CredentialError(
                f"assertion: expected what gives the JWT for a token endpoint, got {type(assertion).__name__}"
            )
        object.__setattr__(self, "tenant_id", str(tenant_id))
        object.__setattr__(self, "client_id", str(client_id))
        object.__setattr__(self, "assertion", assertion)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(tenant_id={self.tenant_id!r}, client_id={self.client_id!r}, assertion=***)"


AnyCredentials = ClientCredentials | ClientAssertion
"""What a provider gives."""


@runtime_checkable
class CredentialProvider(Protocol):
    """Where credentials come from. Anything with this one method is a provider."""

    def get_credentials(self) -> AnyCredentials:
        """The credentials to use now.

        Called once for each token, and once more where Entra does not accept them; never while a cached token is fresh.
        May be called from another thread: the asynchronous client does so, since waiting here must hold no task up.
        """
        ...


@runtime_checkable
class AsyncCredentialProvider(Protocol):
    """A provider that has to wait for its credentials: its method is `async def`. For the asynchronous client."""

    def get_credentials(self) -> Awaitable[AnyCredentials]:
        """The credentials to use now; called as often as `CredentialProvider`'s."""
        ...


@runtime_checkable
class AccessToken(Protocol):
    """A token as azure-core's credentials give it."""

    @property
    def token(self) -> str:
        """The token itself."""
        ...

    @property
    def expires_on(self) -> int:
        """When it expires, in seconds since 1970."""
        ...


@runtime_checkable
class TokenCredential(Protocol):
    """What brings tokens itself: a credential of azure-identity (`ManagedIdentityCredential`, …), or anything like it.

    Given to a client in place of a provider. Like any token, its own has to be there within 2 s.
    Source: Azure SDK, azure-core, "TokenCredential".
    """

    def get_token(self, scope: str, /) -> AccessToken:
        """A token for the scope. Called when a token is needed, possibly from another thread."""
        ...


@runtime_checkable
class AsyncTokenCredential(Protocol):
    """The same for the asynchronous client, as `azure.identity.aio` has them: its method is `async def`."""

    def get_token(self, scope: str, /) -> Awaitable[AccessToken]:
        """A token for the scope."""
        ...


CredentialSource = CredentialProvider | TokenCredential
"""What the synchronous client takes as credentials."""

AsyncCredentialSource = CredentialProvider | AsyncCredentialProvider | TokenCredential | AsyncTokenCredential
"""What the asynchronous client takes as credentials."""


@reticent_class
class StaticCredentialProvider:
    """Credentials that are at hand: for tests, and for programs that get them by a way of their own.

    >>> StaticCredentialProvider(tenant_id="t", client_id="c", client_secret="s").get_credentials().client_secret
    Secret('***')
    """

    __slots__ = ("_credentials",)

    def __init__(self, *, tenant_id: str, client_id: str, client_secret: str | Secret) -> None:
        self._credentials = ClientCredentials(tenant_id, client_id, client_secret)

    def get_credentials(self) -> ClientCredentials:
        """The credentials that it was made with."""
        return self._credentials

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._credentials!r})"


@reticent_class
class EnvironmentCredentialProvider:
    """Credentials from `DYNAMICS_TENANT_ID`, `DYNAMICS_CLIENT_ID` and `DYNAMICS_CLIENT_SECRET`.

    They are read anew for each token. `environ` stands in for `os.environ` in tests. Raises `CredentialError`, which
    names the variables, where one is missing or empty.
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = environ

    def get_credentials(self) -> ClientCredentials:
        """The credentials that the environment holds now."""
        environ = os.environ if self._environ is None else self._environ
        require_variables(environ, TENANT_ID, CLIENT_ID, CLIENT_SECRET)
        return ClientCredentials(environ[TENANT_ID], environ[CLIENT_ID], environ[CLIENT_SECRET])

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def require_variables(environ: Mapping[str, str], *names: str) -> None:
    """Raise `CredentialError` that names the variables which are missing or empty."""
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise CredentialError(f"set {', '.join(missing)} in the environment")


def checked_jwt(text: object, where: str) -> Secret:
    """A JWT, taken from text that may end in a line break. Raises `CredentialError`, which says where it came from."""
    secret = text if isinstance(text, Secret) else Secret(text) if isinstance(text, str) else None
    del text  # so that no printer of this frame finds it
    if secret is None:
        raise CredentialError(f"{where} gave no text")
    secret = Secret(secret.reveal().strip())
    if not _JWT.fullmatch(secret.reveal()):
        raise CredentialError(f"{where} {'holds what no token holds' if secret else 'is empty'}")
    return secret


def _require(**values: Any) -> None:
    texts = {name: value.reveal() if isinstance(value, Secret) else str(value or "") for name, value in values.items()}
    missing = [name for name, text in texts.items() if not text.strip()]
    ragged = [name for name, text in texts.items() if text != text.strip()]
    if missing:
        raise CredentialError(f"empty credentials: {', '.join(missing)}")
    if ragged:  # what remains of copying, or of a file's last line: Entra would refuse it in words that mislead
        raise CredentialError(f"{', '.join(ragged)} begins or ends with a space or a line break")


def _is_sendable(*texts: str) -> bool:
    """Whether texts can be encoded. Found here, since the error of an encoder holds the text."""
    return not any(0xD800 <= ord(character) < 0xE000 for text in texts for character in text)
