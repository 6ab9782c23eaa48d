# Derived from ../_async/providers.py by tools/derive_sync.py; change that file, not this one.
"""Providers that wait for their credentials: Supabase Vault, and a chain of providers. The synchronous shell. It
is derived from the asynchronous one, `_async`.

What is asked of Vault and what its answers mean is decided in `_vault`. supabase and httpx, which it speaks through,
are imported when Vault is first asked.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Self

from .._chain import Link, check_links, given_by, none_had_any, told_by
from .._concurrency import sync_ask, sync_within
from .._frames import reticent_class
from .._vault import FUNCTION, TIMEOUT, VaultAccess, check_installed, secret_key, settings_from_environment
from ..credentials import AnyCredentials, ClientCredentials, CredentialError
from ..secrets import Secret

if TYPE_CHECKING:
    import httpx
    import supabase


@reticent_class
class VaultCredentialProvider:
    """Credentials from Supabase Vault. Needs the extra `vault`.

    `url`, `service_role_key`: the project's address, HTTPS unless it is on this machine, and the key of its service
    role. The key is shown nowhere.
    `tenant_id`, `client_id`, `client_secret`: the names that the three secrets have in Vault.
    `function`: the function of `supabase/migrations` that is called, in the schema `public`.
    `timeout`: seconds that one question may take in all; 5 by default.
    `client`: a `supabase.Client` of one's own in place of URL and key; its timeouts, redirects and logs are then
    one's own affair (over HTTP/2, which is supabase's default, hpack's debug log holds the key). It is not closed.

    Vault is asked anew for each token, over a connection that is closed again, so a secret that was changed there is
    used for the next token, and there is nothing to close. Any number of callers may ask at a time.

    Raises `CredentialError` for settings that cannot work and, when it is asked, where Vault has no credentials. It
    says which secret, which setting or which step of the set-up is missing.

    Source: Supabase, "Vault"; "Database Functions" ("Security definer vs invoker").
    """

    __slots__ = ("_access", "_client")

    def __init__(
        self,
        url: str | None = None,
        service_role_key: str | Secret | None = None,
        *,
        tenant_id: str = "dynamics_tenant_id",
        client_id: str = "dynamics_client_id",
        client_secret: str = "dynamics_client_secret",  # noqa: S107 # the secret's name
        function: str = FUNCTION,
        timeout: float = TIMEOUT,
        client: supabase.Client | None = None,
    ) -> None:
        service_role_key = secret_key(service_role_key)
        if client is None:
            if url is None or service_role_key is None:
                raise CredentialError("give the Supabase URL and the key of the service role, or a client")
            check_installed()
        names = {"tenant_id": tenant_id, "client_id": client_id, "client_secret": client_secret}
        self._access = VaultAccess(url, service_role_key, names, function, timeout)
        self._client = client

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A provider from `SUPABASE_URL` and `SUPABASE_SERVICE_ROLE_KEY`. `environ` stands in for `os.environ`."""
        return cls(*settings_from_environment(os.environ if environ is None else environ))

    def get_credentials(self) -> ClientCredentials:
        """The credentials that Vault holds now."""
        try:
            if self._client is None:
                sync_ask(_load)  # outside of the limit: once, it takes as long as the machine takes
            found = sync_within(self._access.timeout, self._ask)
        except Exception as error:
            found = self._access.problem(error)
        if isinstance(found, ClientCredentials):
            return found
        raise CredentialError(found)  # here, where no frame holds an answer and no other error is chained

    def _ask(self) -> ClientCredentials | str:
        """Ask in a frame of its own: what it holds is gone before anything is raised."""
        if self._client is not None:
            return self._call(self._client)
        with sync_ask(_session, self._access.timeout) as session:
            return self._call(_connect(self._access, session))

    def _call(self, client: supabase.Client) -> ClientCredentials | str:
        answer = client.rpc(self._access.function, self._access.arguments()).execute()
        return self._access.read(answer.data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._access.url!r})"


def _load() -> None:
    """Import what Vault is asked through. It takes some tenths of a second, hence not on an event loop."""
    for name in ("httpx", "supabase"):
        import_module(name)


def _session(timeout: float) -> httpx.Client:
    """The HTTP client that supabase is to use in place of its own: no HTTP/2, whose library logs the key when it logs,
    and no redirects, which would take the key elsewhere. Making one reads the trusted certificates from disk."""
    import httpx

    return httpx.Client(timeout=timeout)


def _connect(access: VaultAccess, session: httpx.Client) -> supabase.Client:
    """A supabase client on the HTTP client, without the sessions of users that it can keep."""
    import supabase

    options = supabase.ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=session)
    return supabase.create_client(access.url or "", access.key(), options)


@reticent_class
class ChainedCredentialProvider:
    """The first of several providers that has credentials.

    Each is asked in turn until one has some. One that raises `CredentialError` has none; any other exception ends the
    search, since it says that something is broken. The asynchronous chain takes both kinds of providers; synchronous
    ones are asked in a thread, and hold up no task.
    Raises `CredentialError` where it is made without a provider, and where none of them has credentials: it then says
    what each of them said.

        ChainedCredentialProvider(VaultCredentialProvider(url, key), EnvironmentCredentialProvider())
    """

    __slots__ = ("_providers",)

    def __init__(self, *providers: Link) -> None:
        check_links(providers, can_wait=_CAN_WAIT)
        self._providers = providers

    def get_credentials(self) -> AnyCredentials:
        """The credentials of the first provider that has some."""
        told: list[str] = []
        for provider in self._providers:
            try:
                found: object = sync_ask(provider.get_credentials)
            except CredentialError as error:
                told.append(told_by(provider, error))
            else:
                return given_by(provider, found)
        raise none_had_any(told)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(type(link).__name__ for link in self._providers)})"


_CAN_WAIT = inspect.iscoroutinefunction(ChainedCredentialProvider.get_credentials)
