"""Every error that the emulated Dataverse answers, as one table.

It decides status, code and wording, which follow "Troubleshoot Dataverse Web API client errors" and errors seen on the
wire. When an error is due is decided where the fact is known; how it is written to the wire is the app's part.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

_PAYLOAD = "Error identified in Payload provided by the user for Entity :'{table}'. ----> InnerException : {problem}"


class DataverseError(Exception):
    """An answer other than success. A handler of an operation raises it to answer what it likes.

    `status` is the HTTP status, `code` the text of `error.code`, `message` that of `error.message`; `headers` are
    added to the answer's, `annotations` to the error's members.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.annotations = annotations or {}

    def body(self) -> dict[str, Any]:
        """The JSON body, as Dataverse shapes it."""
        return {"error": {"code": self.code, "message": self.message, **self.annotations}}


class Kind(Enum):
    """The errors by name: status, code, and a message with named gaps."""

    UNKNOWN_SEGMENT = (404, "0x8006088a", "Resource not found for the segment '{segment}'.")
    NO_ROW = (404, "0x80040217", "Entity '{table}' With Id = {id} Does Not Exist")
    NO_ROW_WITH_KEY = (404, "0x80060891", "A record with the specified key values does not exist in {table} entity")
    NO_ROWS = (404, "0x80040217", "{table} With Ids = {ids} Do Not Exist")
    BAD_PAYLOAD = (400, "0x80048d19", _PAYLOAD)
    TOO_LONG = (
        400,
        "0x80044331",
        "A validation error occurred.  The length of the '{column}' attribute of the '{table}' entity exceeded the "
        "maximum allowed length of '{limit}'.",
    )
    DIRECT_LOOKUP = (
        400,
        "0x80060888",
        "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.",
    )
    BAD_QUERY = (400, "0x80060888", "{problem}")
    BAD_URI = (400, "0x80060888", "{problem}")
    NO_SKIP = (400, "0x80060888", "Skip Clause is not supported in CRM")
    NO_PROPERTY = (400, "0x80060888", "Could not find a property named '{name}' on type '{type}'.")
    METHOD_NOT_ALLOWED = (405, "0x80060888", "The requested resource does not support http method '{method}'.")
    WRONG_MEDIA_TYPE = (415, "0x80060888", "The content type '{given}' is not supported; send {expected}.")
    DUPLICATE_KEY = (412, "0x80040237", "A record with matching key values already exists.")
    ALTERNATE_KEY_VIOLATED = (
        412,
        "0x80060892",
        "Entity Key {key} violated. A record with the same value for {columns} already exists.",
    )
    VERSION_MISMATCH = (
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )
    ABSTRACT_TYPE = (400, "0x80060888", "The type '{type}' is abstract; no row of it can be made.")
    NOT_IMPLEMENTED = (501, "0x80040265", "'{name}' is not implemented here: register a handler with on_action.")
    HANDLER_FAILED = (500, "0x80040265", "The handler of '{name}' failed: {problem}.")
    UNSUPPORTED_NODE = (501, "0x8006088a", "The query node {node} is not supported.")
    TOO_MANY_CONDITIONS = (400, "0x8004430c", "Number of conditions in query exceeded maximum limit.")
    TOO_MANY_LINKS = (400, "0x8004430d", "Number of link entities in query exceeded maximum limit.")
    INVALID_XML = (400, "0x80040201", "Invalid XML.")
    BAD_FETCH = (400, "0x80040203", "The FetchXML query is not valid: {problem}.")
    NO_ENTITY = (400, "0x80041102", "The entity with a name = '{name}' was not found in the MetadataCache.")
    NO_ATTRIBUTE = (
        400,
        "0x80041103",
        "'{table}' entity doesn't contain attribute with Name = '{name}' and NameMapping = 'Logical'.",
    )
    AGGREGATE_LIMIT = (400, "0x8004e023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation.")
    UNSUPPORTED = (501, "0x80060888", "This emulator does not do {what}.")
    INTERNAL = (500, "0x80040216", "An unexpected error occurred.")
    NO_BULK_MESSAGE = (
        405,
        "0x80040800",
        "The '{message}' method does not support entities of type '{table}'. MessageProcessorCache returned "
        "MessageProcessor.Empty.",
    )
    NO_DELETE_MULTIPLE = (501, "0x80040265", "DeleteMultiple has not yet been implemented.")
    MESSAGE_TOO_LARGE = (
        400,
        "0x80040216",
        "Message size exceeded when sending context to Sandbox. Message size: {size} Mb",
    )
    DATABASE_TIMEOUT = (500, "0x80044151", "Sql error: SQL timeout expired.")
    NOT_TRACKED = (400, "0x80060888", "Change tracking is not enabled for entity '{table}'.")
    EXPIRED_VERSION = (
        400,
        "0x80044352",
        "Version stamp associated with the client has expired. Please perform a full sync.",
    )
    NOT_A_MEMBER = (403, "0x80072560", "The user is not a member of the organization.")
    NO_USER = (404, "0x80040217", "systemuser With Id = {id} Does Not Exist")
    DUPLICATE_RECORD = (
        412,
        "0x80040333",
        "A record was not created or updated because a duplicate of the current record already exists.",
    )
    STILL_ASSOCIATED = (
        405,
        "0x80040227",
        "The object you tried to delete is associated with another object and cannot be deleted.",
    )
    FILE_TOO_LARGE = (400, "0x80044a02", "Attachment file size is too big.")
    UPLOAD_TOO_LARGE = (413, "0x80044a02", "A file of {limit} MB or more must be uploaded in chunks.")
    IMAGE_FAILURE = (400, "0x80072553", "Error occured when processing image. Reason: {reason}")
    NON_PRIMARY_IMAGE = (
        400,
        "0x80090487",
        "Non-primary image attribute {column} of entity {table} is not allowed to upload during Create operation.",
    )
    ATTACHMENT_BLOCKED = (
        400,
        "0x80043e09",
        "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded.",
    )
    NO_FILE = (404, "0x80040217", "No file attachment found for attribute: {column} EntityId: {id} of {table}.")
    NO_RANGE = (416, "0x80060888", "The requested range is not within the {size} bytes of the file.")
    BATCH_TOO_LARGE = (400, "0x80060888", "The batch holds more than {limit} operations.")
    BAD_BATCH = (400, "0x80060888", "{problem}")

    def error(self, **facts: object) -> DataverseError:
        """The error, with the gaps of its message filled."""
        status, code, message = self.value
        return DataverseError(status, code, message.format(**facts))
