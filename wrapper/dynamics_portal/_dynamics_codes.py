"""Dynamics' own error codes, as data: what each is called, and what it says beyond the HTTP status beside it.

A code has a kind only where its meaning is one thing. Codes that cover unrelated faults, and those that a plug-in gives
to whatever it likes, have a name alone: the status decides. How the two are weighed is decided in `_error_mapping`.
The module is loaded when the first error is mapped.

Source: Dataverse, "Web service error codes" (codes and names are that list's, letter for letter; lists kept by others
contradict it); "Compose HTTP requests and handle errors" (which names come with 401, 403, 405 and 412); "Service
protection API limits"; "Troubleshoot Dataverse Web API client errors" (0x80048d19, which the list does not name);
Power Pages, "Compose HTTP requests and handle errors for the portals Web API" (codes without `0x`).
"""

from __future__ import annotations

from typing import Final

from .errors import ErrorCode

DUPLICATE_KEY: Final = "0x80040237"
"""A row with this primary key exists already; where two keys clash at once, also one with this alternate key."""

EXPIRED_VERSION: Final = "0x80044352"
"""The version that a change token names is no longer known."""

Names = dict[str, str]

_NOT_FOUND: Final[Names] = {
    "0x80040217": "ObjectDoesNotExist",
    "0x80040500": "unManagedidsopportunitydoesnotexist",
    "0x80040501": "unManagedidsleaddoesnotexist",
    "0x80040502": "AccountDoesNotExist",
    "0x80040503": "ContactDoesNotExist",
    "0x80040e00": "unManagedidsmetadatanoentity",
    "0x80040e02": "unManagedidsmetadatanorelationship",
    "0x80041402": "unManagedidsrolesroledoesnotexist",
    "0x80041700": "unManagedidsnotesnotedoesnotexist",
    "0x80043206": "ContractTemplateDoesNotExist",
    "0x80043207": "unManagedidscontractdoesnotexist",
    "0x80043208": "unManagedidscontractlineitemdoesnotexist",
    "0x80043b1b": "UnitDoesNotExist",
    "0x80043b1c": "BaseUnitDoesNotExist",
    "0x80043b24": "ProductDoesNotExist",
    "0x80045054": "ProcessActionDoesNotExist",
    "0x80045100": "unManagedidscalendarruledoesnotexist",
    "0x80048406": "FormDoesNotExist",
    "0x80048440": "FileNotFound",
    "0x80048493": "AttachmentNotFound",
    "0x80048d02": "IsvAbortedNotFound",
    "0x8004e106": "AppointmentDeleted",
    "0x8004f603": "RecordResolutionFailed",
    "0x8004f899": "EntityNotExist",
    "0x80050007": "EmailDoesNotExist",
    "0x8005f21a": "PageNotFound",
    "0x80060370": "ProcessInstanceNotFound",
    "0x80060391": "NotExistBusinessProcess",
    "0x8006040b": "WorkflowDoesNotExist",
    "0x80060891": "RecordNotFoundByEntityKey",
    "0x80060901": "FolderDoesNotExist",
    "0x80100006": "OpportunityNotFound",
    "9004010c": "",  # Power Pages: no such segment
}

_VERSION_MISMATCH: Final[Names] = {"0x80060882": "ConcurrencyVersionMismatch"}

_DUPLICATE: Final[Names] = {
    DUPLICATE_KEY: "DuplicateRecord",
    "0x80040274": "DuplicateOutlookAppointment",
    "0x80040333": "DuplicateRecordsFound",  # by a detection rule
    "0x80040523": "EmailAlreadyExistsInDestinationQueue",
    "0x80040526": "ActiveQueueItemAlreadyExists",
    "0x80041d2c": "UserAlreadyExists",
    "0x80043b06": "ProductProductNumberExists",
    "0x80043b08": "DuplicateProductPriceLevel",
    "0x80043b0f": "PriceLevelNameExists",
    "0x80047010": "DuplicateName",
    "0x80047011": "DuplicateDisplayName",
    "0x80048057": "SharePointRecordWithDuplicateUrl",
    "0x80048208": "ConnectionExists",
    "0x80048341": "DuplicateSalesTeamMember",
    "0x80048cf3": "DuplicateIsoCurrencyCode",
    "0x8004e30a": "ObjectAlreadyExists",
    "0x8004f50b": "AttributeSharingCreateDuplicate",
    "0x8004f511": "DuplicateApplicationUser",
    "0x8004f891": "DuplicateProductRelationship",
    "0x80060892": "DuplicateRecordEntityKey",
    "0x8006089d": "MultipleRecordsFoundByEntityKey",
    "0x80061112": "CannotCreateExternalPartyWithSameCorrelationKey",
    "0x80071152": "DuplicatedJobId",
}

_HELD: Final[Names] = {  # somebody else is at work on the same thing
    "0x8004032b": "CannotDeleteAsBackgroundOperationInProgress",
    "0x80043b1d": "EntityIsLocked",
    "0x80048105": "CascadeOperationConcurrentRequested",
    "0x80048549": "AsyncDeleteOperationOngoing",
    "0x80048555": "AsyncAssignOperationOngoing",
    "0x8004e113": "RecurringSeriesMasterIsLocked",
    "0x8004f061": "CustomizationLockEx_BothUnknown",
    "0x8004f062": "CustomizationLockEx_BlockedUnknown",
    "0x8004f063": "CustomizationLockEx_BothKnownSame",
    "0x8004f064": "CustomizationLockEx_BothKnownDifferent",
    "0x8004f067": "CustomizationLockEx_BlockingUnknown",
    "0x80071151": "SolutionConcurrencyFailure",
    "0x80071154": "ConcurrentOperationFailure",
    "0x80071155": "DuplicatedJobIdDueToConcurrency",
    "0x8008101f": "ProductFamilyRootParentisLocked",
    "0x80090412": "EntityCustomizationLockException",
}

_FORBIDDEN: Final[Names] = {
    "0x8004020d": "InvalidAccessRights",
    "0x80040213": "unManagedidsinvalidvisibilitymodificationaccess",
    "0x80040220": "PrivilegeDenied",
    "0x80040223": "OnlyOwnerCanRevoke",
    "0x80040225": "unManagedidsusernotenabled",
    "0x80040231": "PrincipalPrivilegeDenied",
    "0x80040256": "CrmSecurityError",
    "0x80040276": "PrivilegeCreateIsDisabledForOrganization",
    "0x8004049e": "unManagedinvalidprincipal",
    "0x800404bb": "unManagedinvalidprivilegeedepth",
    "0x80041d0a": "TeamAdministratorMissedPrivilege",
    "0x80042f09": "UserNotAssignedRoles",
    "0x80042f0a": "TeamNotAssignedRoles",
    "0x80044309": "SdkNotEnoughPrivilegeToSetCallerOriginToken",
    "0x80044502": "InsufficientAccessMode",
    "0x8004480d": "UserDoesNotHaveSendAsAllowed",
    "0x8004480f": "UserDoesNotHaveSendAsForQueue",
    "0x80045016": "NoPrivilegeToPublishWorkflow",
    "0x80045041": "NotEnoughPrivilegesForXamlWorkflows",
    "0x80048306": "unManagedIdsAccessDenied",
    "0x80048342": "TargetUserInsufficientPrivileges",
    "0x80048345": "InsufficientPrivilegesSupportUser",
    "0x80048370": "AccessCheckOrganizationMismatch",
    "0x80048405": "AccessDenied",
    "0x80048d06": "IsvAbortedForbidden",
    "0x80048d2f": "AccessModeChangeNeedSystemAdmin",
    "0x8004a104": "OrganizationDisabled",
    "0x8004a110": "CannotActOnBehalfOfAnotherUser",
    "0x8004a112": "SystemUserDisabled",
    "0x8004a113": "UserDoesNotHaveAdminOnlyModePermissions",
    "0x8004d24b": "UserNotAssignedLicense",
    "0x8004e027": "RollupFieldNoWriteAccess",
    "0x8004ed43": "CannotAddOrActonBehalfAnotherUserPrivilege",
    "0x8004f502": "AttributePrivilegeCreateIsMissing",
    "0x8004f503": "AttributePermissionUpdateIsMissingDuringShare",
    "0x8004f504": "AttributePermissionReadIsMissing",
    "0x8004f506": "QueryContainedSecuredAttributeWithoutAccess",
    "0x8004f507": "AttributePermissionUpdateIsMissingDuringUpdate",
    "0x8004f50d": "AttributePrivilegeInvalidToUnsecure",
    "0x8004f800": "InitializeErrorNoReadOnSource",
    "0x80050100": "DesignerAccessDenied",
    "0x80050300": "CrmLicensingError",
    "0x80050301": "CrmLicensingNoServicePlan",
    "0x80050302": "CrmLicensingNoUserPass",
    "0x8005f102": "Forbidden",
    "0x800608f8": "UserDoesNotHavePrivilegesToRunTheTool",
    "0x80060904": "AccessDeniedSharePointRecord",
    "0x80072560": "UserNotMemberOfOrg",
    "0x80072561": "CAPolicyValidationFailedLateBind",
    "0x80090432": "UserDoesNotHaveAdminOrCustomizerPrivileges",
    "0x80154b50": "NoUserPrivilege",
    "90040101": "AttributePermissionIsMissing",  # Power Pages, up to the end
    "90040102": "",
    "90040103": "",
    "90040104": "",
    "90040105": "",
    "90040106": "",
    "90040120": "EntityPermissionReadIsMissing",
}

_AUTH_FAILURE: Final[Names] = {
    "0x80040204": "InvalidUserAuth",
    "0x80040277": "UnauthorizedAccess",
    "0x800404d2": "unManagedinvalidsecurityprincipal",
    "0x80041d52": "ExpiredOAuthToken",
    "0x80044301": "IntegratedAuthenticationIsNotAllowed",
    "0x80048d05": "IsvAbortedUnauthorized",
    "0x8004a101": "ExpiredAuthTicket",
    "0x8004a102": "BadAuthTicket",
    "0x8004a103": "InsufficientAuthTicket",
    "0x8004a105": "TamperedAuthTicket",
    "0x8004a106": "ExpiredKey",
    "0x8004b061": "InvalidToken",
    "0x8005f101": "AccessTokenExpired",
    "90040107": "",  # Power Pages: the anti-forgery token does not match
    "90040109": "",  # Power Pages: the session's token is not valid
}

_RATE_LIMITED: Final[Names] = {
    "0x80048544": "DataEngineQueryThrottling",
    "0x80048d04": "IsvAbortedTooManyRequests",
    "0x8005f103": "Throttling",
    "0x80060714": "SPThrottlingLimitExceededErrorCode",
    "0x80060916": "AsyncOperationTypeThrottled",
    "0x80060917": "AsyncOperationPostponedByExceptionCountThrottle",
    "0x80072321": "ThrottlingTimeExceededError",
    "0x80072322": "ThrottlingBurstRequestLimitExceededError",
    "0x80072324": "AzureSqlMaxConcurrentWorkersLimitExceededError",
    "0x80072326": "ThrottlingConcurrencyLimitExceededError",
    "0x80072327": "DSSThrottlingConcurrencyLimitExceededError",
}

_SERVER_ERROR: Final[Names] = {
    "0x80040222": "unManagedidsoutofmemory",
    "0x80040224": "IsvUnExpected",
    "0x8004026c": "CannotCompleteLockRequest",
    "0x80042300": "unManagedidsdataaccessunexpected",
    "0x80044150": "unManagedidssqlerror",
    "0x80044151": "unManagedidssqltimeouterror",
    "0x80044171": "SandboxClientPluginTimeout",
    "0x80044172": "SandboxHostPluginTimeout",
    "0x80044173": "SandboxWorkerPluginTimeout",
    "0x80044174": "SandboxSdkListenerStartFailed",
    "0x8004418d": "SandboxWorkerNotAvailable",
    "0x8004418e": "SandboxHostNotAvailable",
    "0x80044190": "UnableToLoadPluginType",
    "0x80044191": "UnableToLoadPluginAssembly",
    "0x80044306": "AsyncNetworkError",
    "0x80044307": "AsyncCommunicationError",
    "0x80044339": "CouldNotObtainLockOnResource",
    "0x80048542": "VersionedRowNotFoundInTempDB",
    "0x80048551": "DBConnectionOrTransactionInitializationFailed",
    "0x80048553": "DBUpgradeCauseTimeout",
    "0x80048554": "SelfBlockedCauseTimeout",
    "0x80048559": "DBConnectionOpenCircuitBreakerThrottling",
    "0x80048d03": "IsvAbortedServiceUnavailable",
    "0x80048d07": "IsvAbortedRequestTimeout",
    "0x8004a107": "ScaleGroupDisabled",
    "0x8004b065": "DatacenterNotAvailable",
    "0x8004c001": "SqlErrorInStoredProcedure",
    "0x8004ed47": "AppLockTimeout",
    "0x80050400": "CapacityEnforcementError",
    "0x80050401": "ExceedEnvironmentCapacity",
    "0x80050402": "ExceedTenantCapacity",
    "0x80072031": "WorkerProcessCrashFailure",
    "0x80072323": "AzureSqlDatabaseResourceLimitExceededError",
    "0x80072325": "AzureSqlDatabaseStorageQuotaExceededError",
    "0x80081111": "SandboxWorkerPluginExecuteTimeout",
    "0x80081115": "SandboxPluginDisabled",
    "0x80081116": "SandboxWorkerThrottleLimit",
}

_INVALID_REQUEST: Final[Names] = {  # which can come as 500
    "0x80040201": "InvalidXml",
    "0x8004021b": "MissingUserId",
    "0x80040227": "CannotDeleteDueToAssociation",
    "0x80040228": "CannotDeleteAsItIsReadOnly",
    "0x80040233": "InvalidState",
    "0x80040315": "NotSupported",
    "0x80040387": "EntityLoopBeingCreated",
    "0x80040507": "AccountLoopBeingCreated",
    "0x8004050a": "ContactLoopBeingCreated",
    "0x80040800": "SdkEntityDoesNotSupportMessage",
    "0x80041102": "QueryBuilderNoEntity",
    "0x80041103": "QueryBuilderNoAttribute",
    "0x80041104": "QueryBuilderLinkAttributesTypeMismatch",
    "0x80041106": "QueryBuilderBad_Condition",
    "0x80041107": "QueryBuilderAttribute_With_Aggregate",
    "0x80041108": "QueryBuilderInvalid_Value",
    "0x80041109": "QueryBuilderInvalid_Alias",
    "0x8004110a": "QueryBuilderAlias_Does_Not_Exist",
    "0x8004110b": "QueryBuilderNoAlias",
    "0x8004111c": "QueryBuilderDeserializeInvalidNode",
    "0x8004111e": "QueryBuilderAttributeNotFound",
    "0x80041120": "QueryBuilderInvalidConditionOperator",
    "0x80041123": "QueryBuilderElementNotFound",
    "0x80041128": "QueryBuilderEntitiesDontMatch",
    "0x80041129": "QueryBuilderPagingOrderBy",
    "0x8004112a": "QueryBuilderInvalidPagingCookie",
    "0x80041130": "QueryBuilderDuplicateAlias",
    "0x80041131": "QueryBuilderAttributeNotAllowedForAggregateOrderBy",
    "0x80041132": "QueryBuilderAliasNotAllowedForNonAggregateOrderBy",
    "0x80041139": "QueryBuilderInvalidAttributeValue",
    "0x80041140": "QueryBuilderNoEntityKey",
    "0x80043e09": "AttachmentBlocked",
    "0x8004430a": "OverRetrievalUpperLimitWithoutPagingCookie",
    "0x8004430c": "TooManyConditionsInQuery",
    "0x8004430d": "TooManyLinkEntitiesInQuery",
    "0x8004430e": "TooManyConditionParametersInQuery",
    "0x8004431a": "PicklistValueOutOfRange",
    "0x8004432f": "IntegerValueOutOfRange",
    "0x80044330": "DecimalValueOutOfRange",
    "0x80044352": "ExpiredVersionStamp",
    "0x80047014": "NoAttributesForEntityCreate",
    "0x80048408": "InvalidStateCodeStatusCode",
    "0x80048d19": "",  # the body does not fit the table
    "0x8004e023": "AggregateQueryRecordLimitExceeded",
    "0x8005f100": "BadRequest",
    "0x80060429": "TooManyCalculatedFieldsInQuery",
    "0x80060883": "ConcurrencyVersionNotProvided",
    "0x8006088d": "OptimisticConcurrencyNotEnabled",
    "0x80060890": "EntityKeyNotDefined",
    "0x80072491": "ChangeTrackingNotEnabledForEntity",
    "0x80072492": "ChangeTrackingNotEnabledForRelatedEntities",
    "0x80090001": "FileSizeExceededForNonChunkedRequest",
    "0x80090008": "ChunkSizeExceeded",
    "0x80090116": "NestedAlternateKeysLimitExceededInRequest",
    "0x80100008": "EntityTypeNotSupported",
    "90040100": "",  # Power Pages: no such column
    "900400ff": "",  # Power Pages: nothing to write
}

_STATUS_DECIDES: Final[Names] = {
    "0x80040203": "InvalidArgument",
    "0x80040216": "UnExpected",
    "0x80040219": "NotImplemented",
    "0x80040255": "TransactionAborted",
    "0x80040265": "IsvAborted",
    "0x80041d54": "GenericAzureActiveDirectoryError",
    "0x80048d0b": "",
    "0x80060888": "",
    "0x8006088a": "CrmHttpError",
    "0x80072559": "AADError",
}

_KINDS: Final[tuple[tuple[ErrorCode | None, Names], ...]] = (
    (ErrorCode.NOT_FOUND, _NOT_FOUND),
    (ErrorCode.CONFLICT, _VERSION_MISMATCH),
    (ErrorCode.CONFLICT, _DUPLICATE),
    (ErrorCode.CONFLICT, _HELD),
    (ErrorCode.FORBIDDEN, _FORBIDDEN),
    (ErrorCode.AUTH_FAILURE, _AUTH_FAILURE),
    (ErrorCode.RATE_LIMITED, _RATE_LIMITED),
    (ErrorCode.SERVER_ERROR, _SERVER_ERROR),
    (ErrorCode.INVALID_REQUEST, _INVALID_REQUEST),
    (None, _STATUS_DECIDES),
)

CODES: Final = {code: (kind, name) for kind, names in _KINDS for code, name in names.items()}
"""Code, in lower case, to the kind of error (`None`: the status decides) and its name (empty: the list has none)."""


def name_of(code: str | None) -> str | None:
    """Microsoft's name of a code: `ObjectDoesNotExist`."""
    return CODES.get((code or "").lower(), (None, ""))[1] or None


def is_version_mismatch(code: str | None) -> bool:
    """Whether a code says that the row has another version than the one asked for."""
    return (code or "").lower() in _VERSION_MISMATCH


def is_duplicate(code: str | None) -> bool:
    """Whether a code says that there is one like it already."""
    return (code or "").lower() in _DUPLICATE
