"""Credentials: who the client is to Entra, and the interface that hands them over.

A provider is asked when a token is needed; what it returns lives no longer than the token request. Caching tokens is
the business of `_tokens`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from .secrets import Secret

TENANT_ID: Final = "DYNAMICS_TENANT_ID"
CLIENT_ID: Final = "DYNAMICS_CLIENT_ID"
CLIENT_SECRET: Final = "DYNAMICS_CLIENT_SECRET"  # noqa: S105 # the variable's name


class CredentialError(ValueError):
    """No credentials could be had. Its words name what is missing and never hold a value: the client passes them on.

    Of any other exception that a provider raises, the client tells the kind only.
    """


@dataclass(frozen=True, slots=True, init=False)
class ClientCredentials:
    """Tenant, client id and client secret of an application (OAuth 2.0 client credentials grant).

    The secret may be given as text or as a `Secret`; it is masked in every representation.
    Raises `CredentialError` where one of them is empty.
    """

    tenant_id: str
    client_id: str
    client_secret: Secret

    def __init__(self, tenant_id: str, client_id: str, client_secret: str | Secret) -> None:
        secret = Secret(client_secret)
        missing = [
            name
            for name, value in (("tenant_id", tenant_id), ("client_id", client_id), ("client_secret", secret))
            if not value
        ]
        if missing:
            raise CredentialError(f"empty credentials: {', '.join(missing)}")
        if not _is_sendable(str(tenant_id), str(client_id), secret.reveal()):
            raise CredentialError("credentials hold characters that cannot be sent")
        object.__setattr__(self, "tenant_id", str(tenant_id))
        object.__setattr__(self, "client_id", str(client_id))
        object.__setattr__(self, "client_secret", secret)


@runtime_checkable
class CredentialProvider(Protocol):
    """Where credentials come from. Anything with this one method is a provider."""

    def get_credentials(self) -> ClientCredentials:
        """The credentials to use now. Called once for each token, never while a cached token is fresh."""
        ...


@runtime_checkable
class AsyncCredentialProvider(Protocol):
    """A provider that has to wait for its credentials; for the asynchronous client."""

    def get_credentials(self) -> Awaitable[ClientCredentials]:
        """The credentials to use now. Called once for each token, never while a cached token is fresh."""
        ...


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


def _is_sendable(*texts: str) -> bool:
    """Whether texts can be encoded. Found here, since the error of an encoder holds the text."""
    return not any(0xD800 <= ord(character) < 0xE000 for text in texts for character in text)
