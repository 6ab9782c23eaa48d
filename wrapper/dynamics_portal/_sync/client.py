# Derived from ../_async/client.py by tools/derive_sync.py; change that file, not this one.
"""The clients. `PortalClient` works on any generated package; `DynamicsPortalClient` has HLF's, typed."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast, overload

from .._call import Lifetime
from .._concurrency import sync_sleep
from .._frames import reticent_class
from .._injected import check_injected
from .._noop import ADDRESS, NoCredentials, RecordedWrite, no_transport, warn
from .._portal import PortalBase, is_enabled, read_environment, sync_check_source
from .._requests import TableRequests, operation_call, operation_result
from .._schema import document_call, version_call, version_of
from .._seam import DEFAULT_PACKAGE, OperationLike, OperationObject
from .._settings import ClientOptions
from ..credentials import CredentialSource
from .caller import Caller
from .exchange import Exchange
from .noop import NoOpCaller
from .table import Table
from .tokens import TokenCache
from .wires import TransportWire, Wire, sync_default_wire

if TYPE_CHECKING:
    from .._seam import Portal as _Package
    from .batch import AnyBatch, Batch, DynamicsBatch
    from .definitions import Definitions
    from .raw import RawDynamicsPortalClient, RawPortalClient
else:

    class _Package:  # the package's tables and operations are found by name at run time
        pass


R = TypeVar("R")
B = TypeVar("B", bound="Batch")


@reticent_class
class PortalClient(PortalBase):
    """A client for any organisation's generated package.

    `base_url`: the organisation's address, HTTPS, with or without the path of the Web API.
    `credentials`: a provider, asked for credentials when a token is needed; or what brings tokens itself, like a
    credential of azure-identity.
    `api`: the generated package; unless the class inherits from the package's `Portal`, which types it as well:
    `class AcmePortal(acme_crm.Portal, PortalClient): ...`.
    The other keywords are those of `ClientOptions`.
    Raises `InvalidRequestError`, which is a `ValueError`, for what makes no sense, like a base URL without HTTPS.
    """

    def __init__(
        self,
        base_url: str,
        credentials: CredentialSource,
        *,
        api: ModuleType | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(base_url, api, cast("Mapping[str, Any]", options))
        sync_check_source(credentials)
        check_injected(options, "handle_request")
        given = options.get("transport")
        wire = sync_default_wire(options.get("ssl_context")) if given is None else TransportWire(given)
        self._wire: Wire = wire
        if self._settings.affinity:
            from .affinity import AffinityWire  # what few services need

            self._wire = AffinityWire(wire, self._settings.root.url)
        sleep = options.get("sleep") or sync_sleep
        exchange = Exchange(self._wire, self._settings.clock)
        tokens = TokenCache(exchange, credentials, self._settings, sleep)
        self._caller: Caller = Caller(exchange, tokens, self._settings, sleep, Lifetime())

    @classmethod
    def from_environment(
        cls,
        *,
        api: ModuleType | None = None,
        environ: Mapping[str, str] | None = None,
        credentials: CredentialSource | None = None,
        **options: Any,
    ) -> Self:
        """A client from `DYNAMICS_BASE_URL`, `DYNAMICS_TENANT_ID`, `DYNAMICS_CLIENT_ID` and `DYNAMICS_CLIENT_SECRET`.

        Where `SUPABASE_URL` and `SUPABASE_SERVICE_ROLE_KEY` are set, the last three come from Supabase Vault instead,
        under the names that `VaultCredentialProvider` expects by default. `credentials`, where it is given, is
        taken in place of either.
        `DYNAMICS_AUTHORITY` and `DYNAMICS_SCOPE` are used where they are set. `environ` stands in for `os.environ`;
        keywords win over it. With `DYNAMICS_PORTAL_ENABLED=false` it is the client of `no_op()`, and nothing else is
        needed. Raises `InvalidRequestError` that names the variables which are missing.
        """
        if not is_enabled(environ):
            return cls.no_op(api=api, **options)
        from .providers import VaultCredentialProvider  # what only the environment leads to

        vault = VaultCredentialProvider.from_environment
        base_url, provider, found = read_environment(environ, vault, credentials)
        keywords: dict[str, Any] = {**found, **options}
        return cls(base_url, cast("CredentialSource", provider), api=api, **keywords)

    @classmethod
    def no_op(cls, *, api: ModuleType | None = None, **options: Any) -> Self:
        """A client that does nothing, for when Dynamics is unavailable or not yet agreed, and for tests.

        Arguments are checked as always, but no socket is opened and no credential asked. Reads find nothing: lists are
        empty, a row has no columns, counts are 0. Writes count as done and are kept in `recorded`. It warns once.
        """
        portal = cls(ADDRESS, NoCredentials(), api=api, **{**options, "transport": no_transport()})
        portal._caller = NoOpCaller()
        warn()
        return portal

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """What a client of `no_op()` would have sent, the first write first. Always empty for any other client."""
        return self._caller.recorded

    @overload
    def table(self, name_or_model: type[R], /) -> Table[R]: ...
    @overload
    def table(self, name_or_model: str, /) -> Table[Any]: ...
    def table(self, name_or_model: Any, /) -> Table[Any]:
        """A table by its entity set name or logical name, or, typed, by its row class, of any generated package."""
        found: Table[Any] = self._find_table(name_or_model)
        return found

    def _bind_table(self, model: type[R], /) -> Table[R]:
        """How a package's `Portal` types its tables."""
        return self.table(model)

    def _make_table(self, requests: TableRequests) -> Table[Any]:
        return Table(requests, self._caller)

    def execute(self, operation: OperationLike[R], /) -> R:
        """Call an operation of the package: `portal.execute(WhoAmI())`.

        Raises `InvalidRequestError` before anything is sent where a parameter does not fit. An action is repeated only
        where it provably did not run, or the contract says that running it twice does no harm.
        Source: Dataverse Web API, "Use Web API actions", "Use Web API functions".
        """
        return self._execute(operation, self._caller)

    def _execute(self, operation: OperationLike[R], caller: Caller) -> R:
        request = cast("OperationObject", operation)
        call = operation_call(request, self._settings)
        return cast("R", operation_result(request, caller.call(call), call))

    @property
    def with_raw_response(self) -> RawPortalClient:
        """The same verbs with what the wire said: `(portal.with_raw_response.contacts.get(id)).headers`."""
        from .raw import RawPortalClient  # what few services need

        return RawPortalClient(self, self._caller, self._settings)

    def batch(self, *, continue_on_error: bool = False) -> Batch:
        """Operations that go in one request: `with portal.batch() as batch: …`; see `Batch`.

        `continue_on_error`: all operations run, whichever fail. Default: those after a failure do not.
        Source: Dataverse Web API, "Execute batch operations using the Web API".
        """
        from .batch import Batch  # what few services need

        return self._make_batch(Batch, continue_on_error=continue_on_error)

    def _make_batch(self, kind: type[B], *, continue_on_error: bool) -> B:
        from .._recorder import Recorder  # as above

        recorder = Recorder(self._settings, self._package, self._find_model)
        return kind(recorder, self._caller, continue_on_error=continue_on_error)

    @property
    def definitions(self) -> Definitions:
        """What the organisation says of its tables, columns and choices, whichever package the client works on."""
        from .definitions import Definitions  # what few services need

        return Definitions(self._settings, self._caller)

    def metadata_version(self) -> str | None:
        """The version of the organisation's schema: while it is the same, `metadata()` need not be downloaded again.

        It changes with any change of the schema. `None` where the service tells none. Costs one small request.
        Source: Dataverse Web API, "Request annotations" (Microsoft.Dynamics.CRM.globalmetadataversion).
        """
        call = self._schema_call(version_call)
        return version_of(self._caller.call(call), call)

    def metadata(self) -> bytes:
        """The organisation's `$metadata` document: CSDL XML of megabytes, from which a package is generated.

        Source: Dataverse Web API, "Web API types and operations".
        """
        return (self._caller.call(self._schema_call(document_call))).content

    def close(self) -> None:
        """End the connections. A transport that was given is left to whoever gave it.

        Clients that were made by `with_options()` are the same client, so all of them are closed.
        """
        self._caller.close()
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()


@reticent_class
class DynamicsPortalClient(_Package, PortalClient):
    """HLF's Dynamics portal: `with DynamicsPortalClient(url, provider) as portal: …`.

    Tables are attributes (`portal.contacts`), operations methods (`portal.who_am_i()`). With `api=` it works on another
    organisation's package. Arguments and errors are those of `PortalClient`.
    """

    __dynamics_api__ = DEFAULT_PACKAGE

    def batch(self, *, continue_on_error: bool = False) -> DynamicsBatch:
        """Operations that go in one request, as for `PortalClient`."""
        from .batch import DynamicsBatch  # what few services need

        return self._make_batch(DynamicsBatch, continue_on_error=continue_on_error)

    @property
    def with_raw_response(self) -> RawDynamicsPortalClient:
        """The same verbs with what the wire said, as for `PortalClient`."""
        from .raw import RawDynamicsPortalClient  # what few services need

        return RawDynamicsPortalClient(self, self._caller, self._settings)

    if TYPE_CHECKING:

        @overload
        def __new__(
            cls,
            base_url: str,
            credentials: CredentialSource,
            *,
            api: None = None,
            **options: Unpack[ClientOptions],
        ) -> Self: ...
        @overload
        def __new__(
            cls,
            base_url: str,
            credentials: CredentialSource,
            *,
            api: ModuleType,
            **options: Unpack[ClientOptions],
        ) -> AnyPortalClient: ...
        def __new__(cls, *args: Any, **keywords: Any) -> Any: ...


class AnyPortalClient(DynamicsPortalClient):
    """How a client with `api=` looks to the type checker: every name may be a table. Not a class to make."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Table[Any]: ...
        @property
        def with_raw_response(self) -> Any: ...
        def batch(self, *, continue_on_error: bool = False) -> AnyBatch: ...
