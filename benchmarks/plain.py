"""Clients whose connections are not encrypted, so that TLS, which costs both sides of a comparison the same, is left
out of it. The client insists on HTTPS; here the network below it takes the request for TLS and does nothing."""

from __future__ import annotations

import ssl
from typing import Any

import httpcore2

from dynamics_portal import AsyncPortalClient, PortalClient, StaticCredentialProvider
from dynamics_portal._async.sockets import AsyncSocketWire
from dynamics_portal._asyncio_network import AsyncioNetwork, AsyncioStream
from dynamics_portal._network import sync_network
from dynamics_portal._sync.sockets import SocketWire


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self.read, self.write, self.close = stream.read, stream.write, stream.close  # type: ignore[method-assign]
        self.get_extra_info = stream.get_extra_info  # type: ignore[method-assign]

    def start_tls(self, *arguments: Any, **keywords: Any) -> httpcore2.NetworkStream:
        return self


class _Network(httpcore2.NetworkBackend):
    def connect_tcp(self, *arguments: Any, **keywords: Any) -> httpcore2.NetworkStream:
        return _Stream(sync_network().connect_tcp(*arguments, **keywords))


class _AsyncStream(AsyncioStream):
    async def start_tls(self, *arguments: Any, **keywords: Any) -> httpcore2.AsyncNetworkStream:
        return self


class _AsyncNetwork(AsyncioNetwork):
    stream = _AsyncStream


def make_plain(portal: PortalClient | AsyncPortalClient) -> None:
    """Let the client of an address that says `https` speak plain HTTP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    wire: Any = (
        AsyncSocketWire(context, _AsyncNetwork())
        if isinstance(portal, AsyncPortalClient)
        else SocketWire(context, _Network())
    )
    portal._wire = portal._caller._exchange._wire = wire


def open_client(tables: type, kind: type, origin: str, ca_file: str | None = None) -> Any:
    """A client of `kind`, with a package's `tables`, at a service of `service`; without a `ca_file`, not encrypted."""
    provider = StaticCredentialProvider(tenant_id="tenant", client_id="client", client_secret="made up")  # noqa: S106
    context = ssl.create_default_context(cafile=ca_file)
    portal = type("Portal", (tables, kind), {})(origin, provider, authority=origin, ssl_context=context)
    if ca_file is None:
        make_plain(portal)
    return portal
