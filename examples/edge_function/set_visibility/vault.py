"""Supabase's Data API over fetch, as much of it as the client's Vault provider uses.

The `supabase` package cannot be had cheaply in WebAssembly: it brings pydantic and cryptography, which are compiled.
`AsyncVaultCredentialProvider` takes a client of one's own, and asks it for one remote procedure; so what the answer
means, and the words for what is missing, stay the wrapper's.

Source: PostgREST, "Functions as RPC"; "Errors".
"""

from __future__ import annotations

import json
from typing import Any, cast

import httpx2

from dynamics_portal import AsyncFetchTransport, AsyncVaultCredentialProvider, CredentialError, Secret

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = 5.0  # seconds: what the provider allows for the whole question
_NO_CODE = ""


class APIError(Exception):
    """A refusal of the Data API, under the name and with the attributes that the supabase package gives it."""

    def __init__(self, code: object, message: object) -> None:
        super().__init__()  # without words, which may hold anything
        self.code = code
        self.message = message


class Found:
    """The rows that a remote procedure gave."""

    def __init__(self, data: Any) -> None:
        self.data = data


class DataApi:
    """A project's Data API, spoken to as the service role."""

    def __init__(self, url: str, key: str, transport: httpx2.AsyncBaseTransport) -> None:
        root = httpx2.URL(url)
        if root.scheme != "https" and not (root.scheme == "http" and root.host in _LOOPBACK):
            raise CredentialError("SUPABASE_URL has to begin with https://, unless it is on this machine")
        self._root = root
        self._key = Secret(key)
        self._transport = transport

    def rpc(self, function: str, arguments: dict[str, Any]) -> Question:
        """A call of a remote procedure, which `execute()` makes."""
        return Question(self, function, arguments)

    async def call(self, function: str, arguments: dict[str, Any]) -> Found:
        """What a remote procedure gives. Raises `APIError` for a refusal, `httpx2.RequestError` where there is none."""
        answer = await self._transport.handle_async_request(self._request(function, arguments))
        try:
            content = await answer.aread()
        finally:
            await answer.aclose()
        try:
            document = json.loads(content)
        except ValueError:
            document = {}
        if answer.status_code == 200:
            return Found(document)
        refusal = document if isinstance(document, dict) else {}
        code = refusal.get("code") or (_NO_CODE if "message" in refusal else answer.status_code)
        raise APIError(code, refusal.get("message"))

    def _request(self, function: str, arguments: dict[str, Any]) -> httpx2.Request:
        key = self._key.reveal()
        headers = {"apikey": key, "authorization": f"Bearer {key}", "accept": "application/json"}
        url = self._root.copy_with(raw_path=f"/rest/v1/rpc/{function}".encode())
        limits = {"timeout": {"read": _TIMEOUT}}
        return httpx2.Request("POST", url, headers=headers, json=arguments, extensions=limits)


class Question:
    """A remote procedure that is about to be called."""

    def __init__(self, api: DataApi, function: str, arguments: dict[str, Any]) -> None:
        self._api = api
        self._function = function
        self._arguments = arguments

    async def execute(self) -> Found:
        """Call it."""
        return await self._api.call(self._function, self._arguments)


def vault(url: str, key: str, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncVaultCredentialProvider:
    """The wrapper's provider, asking Vault over fetch. The service role's key must be no browser's."""
    api = DataApi(url, key, transport or AsyncFetchTransport())
    return AsyncVaultCredentialProvider(client=cast("Any", api), timeout=_TIMEOUT)
