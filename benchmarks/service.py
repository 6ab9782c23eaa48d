"""A service on loopback that answers at once with prepared bytes, in a process of its own, over TLS or without.

It stands for the other end of the line, so that what is measured is the client. It reads a request's head and as many
bytes of body as the head announces, and checks nothing.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

TOKEN = {"token_type": "Bearer", "expires_in": 86400, "access_token": "benchmark.benchmark.benchmark"}
HOST = "localhost"


@dataclass(frozen=True, slots=True)
class Reply:
    """A prepared answer."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] | None = None

    def encoded(self) -> bytes:
        """Its bytes on the wire."""
        lines = [f"HTTP/1.1 {self.status} OK", f"Content-Length: {len(self.body)}"]
        if self.body:
            lines.append("Content-Type: application/json; odata.metadata=minimal")
        lines += [f"{name}: {value}" for name, value in (self.headers or {}).items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens. `ca_file` is whom to trust; without it, it speaks plain HTTP."""

    port: int
    ca_file: str | None

    @property
    def origin(self) -> str:
        """`https://localhost:1234`"""
        return f"http{'s' if self.ca_file else ''}://{HOST}:{self.port}"


@contextmanager
def running_service(replies: Mapping[str, Reply], *, tls: bool = True) -> Iterator[Address]:
    """Serve replies by what a request line begins with (`GET /api/data/v9.2/contacts(`), the longest one that fits.

    A POST that ends in `/oauth2/v2.0/token` is answered with a token. What nothing fits is answered 404.
    """
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        folder = Path(name)
        ca_file = _certify(folder) if tls else None
        for number, reply in enumerate(replies.values()):
            (folder / f"{number}.reply").write_bytes(reply.encoded())
        (folder / "replies.json").write_text(json.dumps(list(replies)), "utf-8")
        command = [sys.executable, "-m", "benchmarks.service", name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent, text=True) as process:
            assert process.stdout is not None
            try:
                yield Address(int(process.stdout.readline()), ca_file)
            finally:
                process.terminate()


def _certify(folder: Path) -> str:
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return str(folder / "ca.pem")


class _Connection(asyncio.Protocol):
    def __init__(self, replies: list[tuple[bytes, bytes]]) -> None:
        self._replies = replies
        self._received = b""
        self._missing = 0
        self._line = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._received[:end]
            self._line = head.partition(b"\r\n")[0]
            at = head.lower().find(b"\r\ncontent-length:")
            length = int(head[at + 17 :].partition(b"\r\n")[0]) if at >= 0 else 0
            self._missing = length - (len(self._received) - end - 4)
        if self._missing <= 0:
            self._received, self._missing = b"", 0
            self._transport.write(self._reply())

    def _reply(self) -> bytes:
        if b"/oauth2/v2.0/token" in self._line:
            return _TOKEN_REPLY
        for start, reply in self._replies:
            if self._line.startswith(start):
                return reply
        return Reply(b"{}", 404).encoded()


_TOKEN_REPLY = Reply(json.dumps(TOKEN).encode()).encoded()


async def _serve(folder: Path) -> None:
    starts = json.loads((folder / "replies.json").read_text("utf-8"))
    replies = [(start.encode(), (folder / f"{number}.reply").read_bytes()) for number, start in enumerate(starts)]
    replies.sort(key=lambda item: -len(item[0]))
    context = None
    if (folder / "server.pem").exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(replies), HOST, 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
