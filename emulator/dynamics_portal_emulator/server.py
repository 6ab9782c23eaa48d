"""The emulator as a whole: a Dataverse on loopback over TLS, in a thread of this process.

It decides how an emulator is made, started and stopped, and what a test sees of it.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dynamics_portal_generator.csdl import Metadata, read_metadata

from .annotations import Annotator
from .app import LoggedRequest, RequestLog, make_app
from .auth import LIFETIME, Authority
from .choices import Choices
from .clock import Clock
from .faults import Faults
from .operations import Handler
from .options import Options, Preferences
from .query import Place
from .rendering import Rendering
from .schema import Schema, Table
from .service import Service
from .store import Store

HOST = "127.0.0.1"
_START_TIMEOUT = 30.0  # seconds: far beyond what starting takes, even on a machine that is busy


class Emulator:
    """A Dataverse that serves a `$metadata` document. `running_emulator` makes and starts one.

    `base_url` and `authority` are where clients find it, `ca_file` holds the certificate authority that they must
    trust; `client_id`, `client_secret` and `tenant_id` are what the token endpoint accepts. `clock` is its time,
    `faults` what is to go wrong, `user_id`, `business_unit_id` and `organization_id` what `WhoAmI` answers.
    `start_seconds` tells how long starting took.
    """

    def __init__(
        self,
        metadata: Metadata,
        document: bytes,
        *,
        choices: Choices | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        tenant_id: str | None = None,
        clock: Clock | None = None,
        token_lifetime: float = LIFETIME,
        database: Path | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.metadata = metadata
        self.metadata_document = document
        self.directory = Authority(
            tenant_id or str(uuid.uuid4()),
            client_id or str(uuid.uuid4()),
            client_secret or secrets.token_urlsafe(24),
            self.clock,
            token_lifetime,
        )
        self.user_id, self.business_unit_id, self.organization_id = (str(uuid.uuid4()) for _ in range(3))
        self.faults = Faults()
        self.log = RequestLog()
        self.base_url = ""
        self.ca_file = Path()
        self.start_seconds = 0.0
        self.schema = Schema(metadata, choices)
        self._store = Store(database)
        self.service = Service(self.schema, self._store, self)
        self.service.operations.register("WhoAmI", _who_am_i)

    @property
    def authority(self) -> str:
        """The address below which the token endpoint is found, in place of Entra's."""
        return self.base_url

    @property
    def tenant_id(self) -> str:
        """The tenant that the token endpoint knows."""
        return self.directory.tenant_id

    @property
    def client_id(self) -> str:
        """The application that the token endpoint knows."""
        return self.directory.client_id

    @property
    def client_secret(self) -> str:
        """The secret that the token endpoint accepts."""
        return self.directory.client_secret

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """The requests to the Web API so far (those to the token endpoint are only counted)."""
        return self.log.snapshot()

    @property
    def token_requests(self) -> int:
        """How often a token has been asked for."""
        return self.directory.requested

    def ssl_context(self) -> ssl.SSLContext:
        """A client's context that trusts the emulator and nobody else."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def expire_tokens(self) -> None:
        """Makes every token granted so far worthless."""
        self.directory.expire_tokens()

    def on_action(self, name: str, handler: Handler) -> None:
        """Answers an action or a function of the document by a handler, in place of an earlier one. The handler gets
        the emulator, the parameters, and the row that the operation is bound to (or None); it returns the result (None
        for none) or raises DataverseError. ValueError for a name that the document does not declare."""
        self.service.operations.register(name, handler)

    def seed(self, table: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Adds rows to a table, named by its entity set or its logical name, and returns their keys. A row may set what
        only the server sets otherwise (`createdon`, `_x_value`), and `x@odata.bind`. DataverseError for a row that is
        wrong, and then none is added; KeyError for a table that the document lacks."""
        found = self._table(table)
        with self._store.transaction():
            return [self.service.writer.create(found, row, seeding=True).key for row in rows]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table in the order of their creation, as the Web API shows them, without a page's ceiling."""
        found = self._table(table)
        rendering = Rendering(self.schema, self.service.values, f"{self.base_url}/api/data/v9.2")
        plain = Annotator(self.schema, self._store, Preferences())
        stored = self.service.query.rows(Place(found, True), Options(), limit=None)
        return self.service.query.render(found, stored, Options(), plain, rendering)

    def _table(self, name: str) -> Table:
        found = self.schema.set_table(name)
        if found is None:
            qualified = next((item for item in self.metadata.entity_types if item.rpartition(".")[2] == name), None)
            found = self.schema.table_or_none(qualified) if qualified else None
        if found is None:
            raise KeyError(f"the metadata has no table named {name!r}")
        return found

    def close(self) -> None:
        """Lets go of held requests and of the rows."""
        self.faults.release()
        self._store.close()

    def connection(self) -> dict[str, str]:
        """What a client needs to know, as the command prints it."""
        return {
            "base_url": self.base_url,
            "authority": self.authority,
            "ca_file": str(self.ca_file),
            "tenant_id": self.tenant_id,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


def load_emulator(
    metadata: Path | bytes | Metadata, *, choices: Path | Mapping[str, Any] | None = None, **keywords: Any
) -> Emulator:
    """An emulator that is yet to be served. A `Metadata` that was read from a file serves that file as `$metadata`.
    CsdlError, OSError or ValueError where an input cannot be used."""
    if isinstance(metadata, Metadata):
        source = Path(metadata.source)
        parsed, document = metadata, source.read_bytes() if source.is_file() else b""
    else:
        document = metadata if isinstance(metadata, bytes) else metadata.read_bytes()
        parsed = read_metadata(metadata)
    labels = Choices.read(choices) if isinstance(choices, Path) else Choices.parse(choices or {})
    return Emulator(parsed, document, choices=labels, **keywords)


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
        listener.bind((HOST, port))
        listener.listen(socket.SOMAXCONN)
        yield listener


class _Connections:
    """The open connections by the client's address, so that one can be closed without an answer."""

    def __init__(self) -> None:
        self._transports: dict[Any, asyncio.Transport] = {}

    def abort(self, client: Any) -> None:
        """Closes a connection at once."""
        transport = self._transports.pop(tuple(client), None)
        if transport is not None:
            transport.abort()

    def protocol(self) -> type[H11Protocol]:
        """uvicorn's protocol, noting its connections here."""
        transports = self._transports

        class NotingProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
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
        thread.join(_START_TIMEOUT)


def _who_am_i(emulator: Emulator, _: dict[str, Any], __: dict[str, Any] | None) -> dict[str, str]:
    return {
        "BusinessUnitId": emulator.business_unit_id,
        "UserId": emulator.user_id,
        "OrganizationId": emulator.organization_id,
    }
