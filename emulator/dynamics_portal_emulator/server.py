"""An emulator on loopback over TLS, in a thread of this process.

It decides how an emulator is started and stopped, its certificates and its connections. What is served is decided by
`app` and what stands behind it.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dynamics_portal_generator.csdl import Metadata

from .app import make_app
from .auth import LIFETIME
from .clock import Clock
from .emulator import Emulator, load_emulator

HOST = "127.0.0.1"
_HEAD_SIZE = 128 * 1024  # bytes of request line and headers: Dataverse takes addresses of 65,536 characters
_START_TIMEOUT = 30.0  # seconds: far beyond what starting takes, even on a machine that is busy


@contextmanager
def running_emulator(
    metadata: Path | bytes | Metadata,
    *,
    choices: Path | Mapping[str, Any] | None = None,
    data: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    tenant_id: str | None = None,
    port: int = 0,
    clock: Clock | None = None,
    token_lifetime: float = LIFETIME,
    database: Path | None = None,
    ca_file: Path | None = None,
) -> Iterator[Emulator]:
    """Serves a document from a thread of this process until the block is left.

    `choices` labels choice columns, `data` are rows by table, `port` 0 takes a free one, `token_lifetime` is in
    seconds; credentials that are not given are made up. `database` keeps the rows in a file, `ca_file` says where the
    certificate authority is written (a temporary file otherwise). CsdlError, OSError, ValueError or DataverseError
    where an input cannot be used.
    """
    begun = time.perf_counter()
    emulator = load_emulator(
        metadata,
        choices=choices,
        client_id=client_id,
        client_secret=client_secret,
        tenant_id=tenant_id,
        clock=clock,
        token_lifetime=token_lifetime,
        database=database,
    )
    with tempfile.TemporaryDirectory(prefix="dynamics-emulator-") as folder, _listening(port) as listener:
        authority = trustme.CA(organization_name="Dynamics emulator", organization_unit_name="throw-away")
        emulator.ca_file = ca_file or Path(folder) / "ca.pem"
        authority.cert_pem.write_to_path(str(emulator.ca_file))
        certificate = Path(folder) / "server.pem"
        authority.issue_cert(HOST, "localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        emulator.base_url = f"https://{HOST}:{listener.getsockname()[1]}"
        try:
            for table, rows in (data or {}).items():
                emulator.seed(table, rows)
            with _serving(emulator, certificate, listener):
                emulator.start_seconds = time.perf_counter() - begun
                yield emulator
        finally:
            emulator.close()


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it an answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise OSError(f"port {port} cannot be listened on: {error.strerror}") from None
        listener.listen(socket.SOMAXCONN)
        yield listener


class _Connections:
    """The open connections by the client's address, so that one can be closed without an answer."""

    def __init__(self) -> None:
        self._transports: dict[Any, asyncio.Transport] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def abort(self, client: Any) -> None:
        """Closes a connection at once."""
        transport = self._transports.pop(tuple(client), None)
        if transport is not None:
            transport.abort()

    def abort_all(self) -> None:
        """Closes every connection, from another thread: a client that keeps one open does not delay the end."""
        if self._loop is not None:
            for transport in list(self._transports.values()):
                self._loop.call_soon_threadsafe(transport.abort)

    def protocol(self) -> type[H11Protocol]:
        """uvicorn's protocol, noting its connections here."""
        connections, transports = self, self._transports

        class NotingProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
                connections._loop = self.loop
                transports[transport.get_extra_info("peername")] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.client, None)
                super().connection_lost(exc)

        return NotingProtocol


@contextmanager
def _serving(emulator: Emulator, certificate: Path, listener: socket.socket) -> Iterator[None]:
    connections = _Connections()
    config = uvicorn.Config(
        make_app(emulator, connections.abort),
        http=connections.protocol(),
        loop="asyncio",
        lifespan="off",
        ssl_certfile=str(certificate),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=_HEAD_SIZE,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="dynamics-emulator", daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_TIMEOUT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the emulator's server did not start")
        thread.join(0.005)
    try:
        yield
    finally:
        emulator.faults.release()
        server.should_exit = True
        connections.abort_all()
        thread.join(_START_TIMEOUT)
