"""The clients. `AsyncPortalClient` works on any generated package; `AsyncDynamicsPortalClient` has HLF's, typed."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast, overload

from .._call import Lifetime
from .._concurrency import async_sleep
from .._frames import reticent_class
from .._injected import check_injected
from .._noop import ADDRESS, NoCredentials, RecordedWrite, no_transport, warn
from .._portal import PortalBase, async_check_source, is_enabled, read_environment
from .._requests import TableRequests, operation_call, operation_result
from .._schema import document_call, version_call, version_of
from .._seam import DEFAULT_PACKAGE, OperationLike, OperationObject
from .._settings import AsyncClientOptions
from ..credentials import AsyncCredentialSource
from .caller import AsyncCaller
from .exchange import AsyncExchange
from .noop import AsyncNoOpCaller
from .table import AsyncTable
from .tokens import AsyncTokenCache
from .wires import AsyncTransportWire, AsyncWire, async_default_wire

if TYPE_CHECKING:
    from .._seam import AsyncPortal as _Package
    from .batch import AsyncAnyBatch, AsyncBatch, AsyncDynamicsBatch
    from .definitions import AsyncDefinitions
    from .raw import AsyncRawDynamicsPortalClient, AsyncRawPortalClient
else:

    class _Package:  # the package's tables and operations are found by name at run time
        pass


R = TypeVar("R")
B = TypeVar("B", bound="AsyncBatch")


@reticent_class
class AsyncPortalClient(PortalBase):
    """A client for any organisation's generated package, asynchronous.

    `base_url`: the organisation's address, HTTPS, with or without the path of the Web API.
    `credentials`: a provider, asked for credentials when a token is needed; or what brings tokens itself, like a
    credential of azure-identity.
    `api`: the generated package; unless the class inherits from the package's `AsyncPortal`, which types it as well:
    `class AcmePortal(acme_crm.AsyncPortal, AsyncPortalClient): ...`.
    The other keywords are those of `AsyncClientOptions`.
    Raises `InvalidRequestError`, which is a `ValueError`, for what makes no sense, like a base URL without HTTPS.
    """

    def __init__(
        self,
        base_url: str,
        credentials: AsyncCredentialSource,
        *,
        api: ModuleType | None = None,
        **options: Unpack[AsyncClientOptions],
    ) -> None:
        super().__init__(base_url, api, cast("Mapping[str, Any]", options))
        async_check_source(credentials)
        check_injected(options, "handle_async_request")
        given = options.get("transport")
        wire = async_default_wire(options.get("ssl_context")) if given is None else AsyncTransportWire(given)
        self._wire: AsyncWire = wire
        if self._settings.affinity:
            from .affinity import AsyncAffinityWire  # what few services need

            self._wire = AsyncAffinityWire(wire, self._settings.root.url)
        sleep = options.get("sleep") or async_sleep
        exchange = AsyncExchange(self._wire, self._settings.clock)
        tokens = AsyncTokenCache(exchange, credentials, self._settings, sleep)
        self._caller: AsyncCaller = AsyncCaller(exchange, tokens, self._settings, sleep, Lifetime())

    @classmethod
    def from_environment(
        cls,
        *,
        api: ModuleType | None = None,
        environ: Mapping[str, str] | None = None,
        credentials: AsyncCredentialSource | None = None,
        **options: Any,
    ) -> Self:
        """A client from `DYNAMICS_BASE_URL`, `DYNAMICS_TENANT_ID`, `DYNAMICS_CLIENT_ID` and `DYNAMICS_CLIENT_SECRET`.

        Where `SUPABASE_URL` and `SUPABASE_SERVICE_ROLE_KEY` are set, the last three come from Supabase Vault instead,
        under the names that `AsyncVaultCredentialProvider` expects by default. `credentials`, where it is given, is
        taken in place of either.
        `DYNAMICS_AUTHORITY` and `DYNAMICS_SCOPE` are used where they are set. `environ` stands in for `os.environ`;
        keywords win over it. With `DYNAMICS_PORTAL_ENABLED=false` it is the client of `no_op()`, and nothing else is
        needed. Raises `InvalidRequestError` that names the variables which are missing.
        """
        if not is_enabled(environ):
            return cls.no_op(api=api, **options)
        from .providers import AsyncVaultCredentialProvider  # what only the environment leads to

        vault = AsyncVaultCredentialProvider.from_environment
        base_url, provider, found = read_environment(environ, vault, credentials)
        keywords: dict[str, Any] = {**found, **options}
        return cls(base_url, cast("AsyncCredentialSource", provider), api=api, **keywords)

    @classmethod
    def no_op(cls, *, api: ModuleType | None = None, **options: Any) -> Self:
        """A client that does nothing, for when Dynamics is unavailable or not yet agreed, and for tests.

        Arguments are checked as always, but no socket is opened and no credential asked. Reads find nothing: lists are
        empty, a row has no columns, counts are 0. Writes count as done and are kept in `recorded`. It warns once.
        """
        portal = cls(ADDRESS, NoCredentials(), api=api, **{**options, "transport": no_transport()})
        portal._caller = AsyncNoOpCaller()
        warn()
        return portal

    @property
    def recorded(self) -> tuple[RecordedWrite, ...]:
        """What a client of `no_op()` would have sent, the first write first. Always empty for any other client."""
        return self._caller.recorded

    @overload
    def table(self, name_or_model: type[R], /) -> AsyncTable[R]: ...
    @overload
    def table(self, name_or_model: str, /) -> AsyncTable[Any]: ...
    def table(self, name_or_model: Any, /) -> AsyncTable[Any]:
        """A table by its entity set name or logical name, or, typed, by its row class, of any generated package."""
        found: AsyncTable[Any] = self._find_table(name_or_model)
        return found

    def _bind_table(self, model: type[R], /) -> AsyncTable[R]:
        """How a package's `AsyncPortal` types its tables."""
        return self.table(model)

    def _make_table(self, requests: TableRequests) -> AsyncTable[Any]:
        return AsyncTable(requests, self._caller)

    async def execute(self, operation: OperationLike[R], /) -> R:
        """Call an operation of the package: `await portal.execute(WhoAmI())`.

        Raises `InvalidRequestError` before anything is sent where a parameter does not fit. An action is repeated only
        where it provably did not run, or the contract says that running it twice does no harm.
        Source: Dataverse Web API, "Use Web API actions", "Use Web API functions".
        """
        return await self._execute(operation, self._caller)

    async def _execute(self, operation: OperationLike[R], caller: AsyncCaller) -> R:
        request = cast("OperationObject", operation)
        call = operation_call(request, self._settings)
        return cast("R", operation_result(request, await caller.call(call), call))

    @property
    def with_raw_response(self) -> AsyncRawPortalClient:
        """The same verbs with what the wire said: `(await portal.with_raw_response.contacts.get(id)).headers`."""
        from .raw import AsyncRawPortalClient  # what few services need

        return AsyncRawPortalClient(self, self._caller, self._settings)

    def batch(self, *, continue_on_error: bool = False) -> AsyncBatch:
        """Operations that go in one request: `async with portal.batch() as batch: …`; see `AsyncBatch`.

        `continue_on_error`: all operations run, whichever fail. Default: those after a failure do not.
        Source: Dataverse Web API, "Execute batch operations using the Web API".
        """
        from .batch import AsyncBatch  # what few services need

        return self._make_batch(AsyncBatch, continue_on_error=continue_on_error)

    def _make_batch(self, kind: type[B], *, continue_on_error: bool) -> B:
        from .._recorder import Recorder  # as above

        recorder = Recorder(self._settings, self._package, self._find_model)
        return kind(recorder, self._caller, continue_on_error=continue_on_error)

    @property
    def definitions(self) -> AsyncDefinitions:
        """What the organisation says of its tables, columns and choices, whichever package the client works on."""
        from .definitions import AsyncDefinitions  # what few services need

        return AsyncDefinitions(self._settings, self._caller)

    async def metadata_version(self) -> str | None:
        """The version of the organisation's schema: while it is the same, `metadata()` need not be downloaded again.

        It changes with any change of the schema. `None` where the service tells none. Costs one small request.
        Source: Dataverse Web API, "Request annotations" (Microsoft.Dynamics.CRM.globalmetadataversion).
        """
        call = self._schema_call(version_call)
        return version_of(await self._caller.call(call), call)

    async def metadata(self) -> bytes:
        """The organisation's `$metadata` document: CSDL XML of megabytes, from which a package is generated.

        Source: Dataverse Web API, "Web API types and operations".
        """
        return (await self._caller.call(self._schema_call(document_call))).content

    async def aclose(self) -> None:
        """End the connections. A transport that was given is left to whoever gave it.

        Clients that were made by `with_options()` are the same client, so all of them are closed.
        """
        self._caller.close()
        await self._wire.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


@reticent_class
class AsyncDynamicsPortalClient(_Package, AsyncPortalClient):
    """HLF's Dynamics portal, asynchronous: `async with AsyncDynamicsPortalClient(url, provider) as portal: …`.

    Tables are attributes (`portal.contacts`), operations methods (`portal.who_am_i()`). With `api=` it works on another
    organisation's package. Arguments and errors are those of `AsyncPortalClient`.
    """

    __dynamics_api__ = DEFAULT_PACKAGE

    def batch(self, *, continue_on_error: bool = False) -> AsyncDynamicsBatch:
        """Operations that go in one request, as for `AsyncPortalClient`."""
        from .batch import AsyncDynamicsBatch  # what few services need

        return self._make_batch(AsyncDynamicsBatch, continue_on_error=continue_on_error)

    @property
    def with_raw_response(self) -> AsyncRawDynamicsPortalClient:
        """The same verbs with what the wire said, as for `AsyncPortalClient`."""
        from .raw import AsyncRawDynamicsPortalClient  # what few services need

        return AsyncRawDynamicsPortalClient(self, self._caller, self._settings)

    if TYPE_CHECKING:

        @overload
        def __new__(
            cls,
            base_url: str,
            credentials: AsyncCredentialSource,
            *,
            api: None = None,
            **options: Unpack[AsyncClientOptions],
        ) -> Self: ...
        @overload
        def __new__(
            cls,
            base_url: str,
            credentials: AsyncCredentialSource,
            *,
            api: ModuleType,
            **options: Unpack[AsyncClientOptions],
        ) -> AsyncAnyPortalClient: ...
        def __new__(cls, *args: Any, **keywords: Any) -> Any: ...


class AsyncAnyPortalClient(AsyncDynamicsPortalClient):
    """How a client with `api=` looks to the type checker: every name may be a table. Not a class to make."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> AsyncTable[Any]: ...
        @property
        def with_raw_response(self) -> Any: ...
        def batch(self, *, continue_on_error: bool = False) -> AsyncAnyBatch: ...
