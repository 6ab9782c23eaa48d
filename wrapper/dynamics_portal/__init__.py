"""`dynamics_portal`: a typed client for Dynamics 365 (Dataverse) that is safe to call.

    from dynamics_portal import DynamicsPortalClient, StaticCredentialProvider

    with DynamicsPortalClient("https://org.crm4.dynamics.com", StaticCredentialProvider(...)) as portal:
        for mentor in portal.contacts.list(filter="statecode eq 0", select=["contactid", "fullname"]):
            ...

Public names are imported when they are first used, so that importing the package costs next to nothing. Modules whose
name begins with an underscore are the package's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._aggregation import RowCount as RowCount
    from ._aggregation import count as count
    from ._arrow_stream import ChangedBatch as ChangedBatch
    from ._arrow_stream import arrow_schema as arrow_schema
    from ._async.arrow import AsyncBatchChanges as AsyncBatchChanges
    from ._async.arrow import AsyncRecordBatches as AsyncRecordBatches
    from ._async.batch import AsyncBatch as AsyncBatch
    from ._async.batch import AsyncDynamicsBatch as AsyncDynamicsBatch
    from ._async.bulk import AsyncBulk as AsyncBulk
    from ._async.changes import AsyncChanges as AsyncChanges
    from ._async.client import AsyncDynamicsPortalClient as AsyncDynamicsPortalClient
    from ._async.client import AsyncPortalClient as AsyncPortalClient
    from ._async.definitions import AsyncDefinitions as AsyncDefinitions
    from ._async.fetch import AsyncFetchTransport as AsyncFetchTransport
    from ._async.files import AsyncDownload as AsyncDownload
    from ._async.files import AsyncFiles as AsyncFiles
    from ._async.files import AsyncUpload as AsyncUpload
    from ._async.partition import AsyncPartition as AsyncPartition
    from ._async.providers import AsyncChainedCredentialProvider as AsyncChainedCredentialProvider
    from ._async.providers import AsyncVaultCredentialProvider as AsyncVaultCredentialProvider
    from ._async.raw import AsyncRawPages as AsyncRawPages
    from ._async.raw import AsyncRawPortalClient as AsyncRawPortalClient
    from ._async.raw import AsyncRawTable as AsyncRawTable
    from ._async.rows import AsyncPages as AsyncPages
    from ._async.rows import AsyncRows as AsyncRows
    from ._async.table import AsyncTable as AsyncTable
    from ._batch_verbs import BatchTable as BatchTable
    from ._batch_verbs import ChangeSet as ChangeSet
    from ._batch_verbs import ChangeSetTable as ChangeSetTable
    from ._batch_verbs import FirstPage as FirstPage
    from ._bulk import BulkCheckpoint as BulkCheckpoint
    from ._bulk import BulkProgress as BulkProgress
    from ._bulk import RowResult as RowResult
    from ._changes import Change as Change
    from ._changes import Changed as Changed
    from ._changes import ChangeToken as ChangeToken
    from ._changes import Removed as Removed
    from ._definitions import ChoiceDefinition as ChoiceDefinition
    from ._definitions import OptionDefinition as OptionDefinition
    from ._definitions import TableDefinition as TableDefinition
    from ._hooks import AttemptEvent as AttemptEvent
    from ._hooks import ReceivedResponse as ReceivedResponse
    from ._hooks import RequestEvent as RequestEvent
    from ._hooks import ResponseEvent as ResponseEvent
    from ._hooks import SentRequest as SentRequest
    from ._noop import RecordedWrite as RecordedWrite
    from ._paging import Page as Page
    from ._paging import PagingState as PagingState
    from ._pending import Pending as Pending
    from ._raw import RawResponse as RawResponse
    from ._requests import Key as Key
    from ._seam import columns as columns
    from ._settings import AsyncClientOptions as AsyncClientOptions
    from ._settings import CallOptions as CallOptions
    from ._settings import ClientOptions as ClientOptions
    from ._sources import AsyncFileSource as AsyncFileSource
    from ._sources import FileSource as FileSource
    from ._sync.arrow import BatchChanges as BatchChanges
    from ._sync.batch import Batch as Batch
    from ._sync.batch import DynamicsBatch as DynamicsBatch
    from ._sync.bulk import Bulk as Bulk
    from ._sync.changes import Changes as Changes
    from ._sync.client import DynamicsPortalClient as DynamicsPortalClient
    from ._sync.client import PortalClient as PortalClient
    from ._sync.definitions import Definitions as Definitions
    from ._sync.fetch import FetchTransport as FetchTransport
    from ._sync.files import Download as Download
    from ._sync.files import Files as Files
    from ._sync.files import Upload as Upload
    from ._sync.partition import Partition as Partition
    from ._sync.providers import ChainedCredentialProvider as ChainedCredentialProvider
    from ._sync.providers import VaultCredentialProvider as VaultCredentialProvider
    from ._sync.raw import RawPages as RawPages
    from ._sync.raw import RawPortalClient as RawPortalClient
    from ._sync.raw import RawTable as RawTable
    from ._sync.rows import Pages as Pages
    from ._sync.rows import Rows as Rows
    from ._sync.table import Table as Table
    from ._table_details import ColumnDefinition as ColumnDefinition
    from ._table_details import KeyDefinition as KeyDefinition
    from ._table_details import RelationshipDefinition as RelationshipDefinition
    from ._table_details import TableDetails as TableDetails
    from ._transfers import TransferState as TransferState
    from ._version import VERSION as __version__
    from ._writes import Upserted as Upserted
    from .certificates import CertificateCredentialProvider as CertificateCredentialProvider
    from .credentials import AccessToken as AccessToken
    from .credentials import AsyncCredentialProvider as AsyncCredentialProvider
    from .credentials import AsyncCredentialSource as AsyncCredentialSource
    from .credentials import AsyncTokenCredential as AsyncTokenCredential
    from .credentials import ClientAssertion as ClientAssertion
    from .credentials import ClientCredentials as ClientCredentials
    from .credentials import CredentialError as CredentialError
    from .credentials import CredentialProvider as CredentialProvider
    from .credentials import CredentialSource as CredentialSource
    from .credentials import EnvironmentCredentialProvider as EnvironmentCredentialProvider
    from .credentials import StaticCredentialProvider as StaticCredentialProvider
    from .credentials import TokenCredential as TokenCredential
    from .errors import AuthFailureError as AuthFailureError
    from .errors import ChangeTokenExpiredError as ChangeTokenExpiredError
    from .errors import ConflictError as ConflictError
    from .errors import DuplicateError as DuplicateError
    from .errors import DynamicsPortalClientException as DynamicsPortalClientException
    from .errors import ErrorCode as ErrorCode
    from .errors import ForbiddenError as ForbiddenError
    from .errors import InvalidRequestError as InvalidRequestError
    from .errors import NetworkError as NetworkError
    from .errors import NotFoundError as NotFoundError
    from .errors import NotRunError as NotRunError
    from .errors import RateLimitedError as RateLimitedError
    from .errors import ServerError as ServerError
    from .errors import VersionMismatchError as VersionMismatchError
    from .federation import FederatedCredentialProvider as FederatedCredentialProvider
    from .retry import RetryPolicy as RetryPolicy
    from .secrets import Secret as Secret

_MODULES = {
    "AccessToken": "credentials",
    "AsyncBatch": "_async.batch",
    "AsyncBatchChanges": "_async.arrow",
    "AsyncBulk": "_async.bulk",
    "AsyncChainedCredentialProvider": "_async.providers",
    "AsyncChanges": "_async.changes",
    "AsyncClientOptions": "_settings",
    "AsyncCredentialProvider": "credentials",
    "AsyncCredentialSource": "credentials",
    "AsyncDefinitions": "_async.definitions",
    "AsyncDownload": "_async.files",
    "AsyncDynamicsBatch": "_async.batch",
    "AsyncDynamicsPortalClient": "_async.client",
    "AsyncFetchTransport": "_async.fetch",
    "AsyncFileSource": "_sources",
    "AsyncFiles": "_async.files",
    "AsyncPages": "_async.rows",
    "AsyncPartition": "_async.partition",
    "AsyncPortalClient": "_async.client",
    "AsyncRawPages": "_async.raw",
    "AsyncRawPortalClient": "_async.raw",
    "AsyncRawTable": "_async.raw",
    "AsyncRecordBatches": "_async.arrow",
    "AsyncRows": "_async.rows",
    "AsyncTable": "_async.table",
    "AsyncTokenCredential": "credentials",
    "AsyncUpload": "_async.files",
    "AsyncVaultCredentialProvider": "_async.providers",
    "AttemptEvent": "_hooks",
    "AuthFailureError": "errors",
    "Batch": "_sync.batch",
    "BatchChanges": "_sync.arrow",
    "BatchTable": "_batch_verbs",
    "Bulk": "_sync.bulk",
    "BulkCheckpoint": "_bulk",
    "BulkProgress": "_bulk",
    "CallOptions": "_settings",
    "CertificateCredentialProvider": "certificates",
    "ChainedCredentialProvider": "_sync.providers",
    "Change": "_changes",
    "ChangeSet": "_batch_verbs",
    "ChangeSetTable": "_batch_verbs",
    "ChangeToken": "_changes",
    "ChangeTokenExpiredError": "errors",
    "Changed": "_changes",
    "ChangedBatch": "_arrow_stream",
    "Changes": "_sync.changes",
    "ChoiceDefinition": "_definitions",
    "ClientAssertion": "credentials",
    "ClientCredentials": "credentials",
    "ClientOptions": "_settings",
    "ColumnDefinition": "_table_details",
    "ConflictError": "errors",
    "CredentialError": "credentials",
    "CredentialProvider": "credentials",
    "CredentialSource": "credentials",
    "Definitions": "_sync.definitions",
    "Download": "_sync.files",
    "DuplicateError": "errors",
    "DynamicsBatch": "_sync.batch",
    "DynamicsPortalClient": "_sync.client",
    "DynamicsPortalClientException": "errors",
    "EnvironmentCredentialProvider": "credentials",
    "ErrorCode": "errors",
    "FederatedCredentialProvider": "federation",
    "FetchTransport": "_sync.fetch",
    "FileSource": "_sources",
    "Files": "_sync.files",
    "FirstPage": "_batch_verbs",
    "ForbiddenError": "errors",
    "InvalidRequestError": "errors",
    "Key": "_requests",
    "KeyDefinition": "_table_details",
    "NetworkError": "errors",
    "NotFoundError": "errors",
    "NotRunError": "errors",
    "OptionDefinition": "_definitions",
    "Page": "_paging",
    "Pages": "_sync.rows",
    "PagingState": "_paging",
    "Partition": "_sync.partition",
    "Pending": "_pending",
    "PortalClient": "_sync.client",
    "RateLimitedError": "errors",
    "RawPages": "_sync.raw",
    "RawPortalClient": "_sync.raw",
    "RawResponse": "_raw",
    "RawTable": "_sync.raw",
    "ReceivedResponse": "_hooks",
    "RecordedWrite": "_noop",
    "RelationshipDefinition": "_table_details",
    "Removed": "_changes",
    "RequestEvent": "_hooks",
    "ResponseEvent": "_hooks",
    "RetryPolicy": "retry",
    "RowCount": "_aggregation",
    "RowResult": "_bulk",
    "Rows": "_sync.rows",
    "Secret": "secrets",
    "SentRequest": "_hooks",
    "ServerError": "errors",
    "StaticCredentialProvider": "credentials",
    "Table": "_sync.table",
    "TableDefinition": "_definitions",
    "TableDetails": "_table_details",
    "TokenCredential": "credentials",
    "TransferState": "_transfers",
    "Upload": "_sync.files",
    "Upserted": "_writes",
    "VaultCredentialProvider": "_sync.providers",
    "VersionMismatchError": "errors",
    "__version__": "_version",
    "arrow_schema": "_arrow_stream",
    "columns": "_seam",
    "count": "_aggregation",
}

__all__ = [
    "AccessToken",
    "AsyncBatch",
    "AsyncBatchChanges",
    "AsyncBulk",
    "AsyncChainedCredentialProvider",
    "AsyncChanges",
    "AsyncClientOptions",
    "AsyncCredentialProvider",
    "AsyncCredentialSource",
    "AsyncDefinitions",
    "AsyncDownload",
    "AsyncDynamicsBatch",
    "AsyncDynamicsPortalClient",
    "AsyncFetchTransport",
    "AsyncFileSource",
    "AsyncFiles",
    "AsyncPages",
    "AsyncPartition",
    "AsyncPortalClient",
    "AsyncRawPages",
    "AsyncRawPortalClient",
    "AsyncRawTable",
    "AsyncRecordBatches",
    "AsyncRows",
    "AsyncTable",
    "AsyncTokenCredential",
    "AsyncUpload",
    "AsyncVaultCredentialProvider",
    "AttemptEvent",
    "AuthFailureError",
    "Batch",
    "BatchChanges",
    "BatchTable",
    "Bulk",
    "BulkCheckpoint",
    "BulkProgress",
    "CallOptions",
    "CertificateCredentialProvider",
    "ChainedCredentialProvider",
    "Change",
    "ChangeSet",
    "ChangeSetTable",
    "ChangeToken",
    "ChangeTokenExpiredError",
    "Changed",
    "ChangedBatch",
    "Changes",
    "ChoiceDefinition",
    "ClientAssertion",
    "ClientCredentials",
    "ClientOptions",
    "ColumnDefinition",
    "ConflictError",
    "CredentialError",
    "CredentialProvider",
    "CredentialSource",
    "Definitions",
    "Download",
    "DuplicateError",
    "DynamicsBatch",
    "DynamicsPortalClient",
    "DynamicsPortalClientException",
    "EnvironmentCredentialProvider",
    "ErrorCode",
    "FederatedCredentialProvider",
    "FetchTransport",
    "FileSource",
    "Files",
    "FirstPage",
    "ForbiddenError",
    "InvalidRequestError",
    "Key",
    "KeyDefinition",
    "NetworkError",
    "NotFoundError",
    "NotRunError",
    "OptionDefinition",
    "Page",
    "Pages",
    "PagingState",
    "Partition",
    "Pending",
    "PortalClient",
    "RateLimitedError",
    "RawPages",
    "RawPortalClient",
    "RawResponse",
    "RawTable",
    "ReceivedResponse",
    "RecordedWrite",
    "RelationshipDefinition",
    "Removed",
    "RequestEvent",
    "ResponseEvent",
    "RetryPolicy",
    "RowCount",
    "RowResult",
    "Rows",
    "Secret",
    "SentRequest",
    "ServerError",
    "StaticCredentialProvider",
    "Table",
    "TableDefinition",
    "TableDetails",
    "TokenCredential",
    "TransferState",
    "Upload",
    "Upserted",
    "VaultCredentialProvider",
    "VersionMismatchError",
    "__version__",
    "arrow_schema",
    "columns",
    "count",
]


if not TYPE_CHECKING:  # a checker that saw it would take any name for a public one

    def __getattr__(name: str) -> Any:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{module}"), "VERSION" if name == "__version__" else name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
