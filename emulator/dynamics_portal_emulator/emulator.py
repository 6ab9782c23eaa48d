"""The emulator as a whole, as a test sees it.

It decides how an emulator is made of a document and what can be asked of it from within the process. Serving it over
TLS is the business of `server`.
"""

from __future__ import annotations

import secrets
import ssl
import uuid
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dynamics_portal_generator.csdl import Metadata, read_metadata

from .alternatives import with_views
from .annotations import Annotator
from .app import LoggedRequest, RequestLog
from .auth import LIFETIME, Authority
from .choices import Choices
from .clock import Clock
from .definitions import with_definitions
from .effects import Effect
from .faults import Faults
from .messages import with_messages
from .operations import Handler
from .options import Options, Preferences
from .protection import Servers
from .query import Place
from .rendering import Rendering
from .schema import Schema, Table
from .service import Service
from .settings import Settings
from .store import Store


class Emulator:
    """A Dataverse that serves a `$metadata` document. `running_emulator` makes and starts one.

    `base_url` and `authority` are where clients find it, `ca_file` holds the certificate authority that they must
    trust; `client_id`, `client_secret` and `tenant_id` are what the token endpoint accepts. `clock` is its time,
    `faults` what is to go wrong, `user_id`, `business_unit_id` and `organization_id` what `WhoAmI` answers.
    `settings` are what the organisation is set up with and `$metadata` does not tell. `metadata_version` is what it
    tells as the schema's version: another one for another document. `start_seconds` tells how long starting took.
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
        self.metadata_version = str(zlib.crc32(document))
        self.directory = Authority(
            tenant_id or str(uuid.uuid4()),
            client_id or str(uuid.uuid4()),
            client_secret or secrets.token_urlsafe(24),
            self.clock,
            token_lifetime,
        )
        self.user_id, self.business_unit_id, self.organization_id = (str(uuid.uuid4()) for _ in range(3))
        self.faults = Faults()
        self.settings = Settings()
        self.servers = Servers(self.clock.time)
        self.log = RequestLog()
        self.base_url = ""
        self.ca_file = Path()
        self.start_seconds = 0.0
        self.schema = Schema(with_views(with_messages(with_definitions(metadata))), choices)
        self.database = database
        self._store = Store(database)
        self.service = Service(self.schema, self._store, self)

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
    def effects(self) -> tuple[Effect, ...]:
        """The rows that requests have created, changed and removed so far, in whose name, and without which logic."""
        return self.service.effects.snapshot()

    @property
    def caller_id(self) -> str:
        """The user in whose name the request is that is being answered: for handlers of operations."""
        return self.service.callers.current().user_id

    def add_user(self, *, object_id: str | None = None, user_id: str | None = None) -> str:
        """Makes a user known whom `CallerObjectId` (the object id of the directory) and `MSCRMCallerID` (the user's id)
        may name, beside the rows of `systemusers`; returns the user's id. ValueError for an id that is no GUID."""
        return self.service.callers.add(object_id, user_id)

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
        root, image = f"{self.base_url}/api/data/v9.2", self.service.attachments.image
        rendering = Rendering(self.schema, self.service.values, root, image)
        plain = Annotator(self.schema, self._store, Preferences())
        stored = self.service.query.rows(Place(found, True), Options(), limit=None)
        return self.service.query.render(found, stored, Options(), plain, rendering)

    def _table(self, name: str) -> Table:
        found = self.schema.set_table(name) or self.schema.named(name)
        if found is None:
            raise KeyError(f"the metadata has no table named {name!r}")
        return found

    def reset(self) -> None:
        """Makes the emulator as it was when it started, without rows: for tests that share one. Rows, tokens, faults,
        handlers and the log of requests are gone, and the clock tells its underlying time again."""
        self.faults.clear()
        self.log.clear()
        self.clock.reset()
        self.directory.reset()
        self.service.operations.forget()
        self.service.definitions.forget()
        self.service.messages.forget()
        self.service.jobs.forget()
        self.service.transfers.forget()
        self.service.file_blocks.forget()
        self.service.attachments.blobs.clear()
        self.service.callers.known.clear()
        self.service.effects.clear()
        self.settings.restore()
        self.servers.forget()
        self._store.clear()

    def close(self) -> None:
        """Lets go of held requests and of the rows."""
        self.faults.release()
        self.service.attachments.blobs.close()
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
