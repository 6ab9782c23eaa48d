"""A wire that keeps a client with the web server that has answered it first."""

from __future__ import annotations

from collections.abc import Mapping

from .._affinity import Affinity
from .wires import AsyncReply, AsyncWire, Headers


class AsyncAffinityWire:
    """Requests over another wire, with the affinity cookie of the service at a root."""

    __slots__ = ("_affinity", "_wire")

    def __init__(self, wire: AsyncWire, root: str) -> None:
        self._wire = wire
        self._affinity = Affinity(root)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What it raises where there is no answer."""
        return self._wire.errors

    async def send(
        self, method: str, url: str, headers: Headers, content: bytes | None, timeouts: Mapping[str, float | None]
    ) -> AsyncReply:
        """Send a request, with the cookie, and keep the one that comes with the answer."""
        own = self._affinity.header(url)
        reply = await self._wire.send(method, url, [*headers, *own], content, timeouts)
        self._affinity.learn(url, own, reply.headers)
        return reply

    async def aclose(self) -> None:
        """End what the other wire has opened."""
        await self._wire.aclose()
