"""Dynamics' own error codes, as data: those that say more than the HTTP status beside them.

A code stands here only where its meaning is one thing; codes that cover unrelated faults (0x80040265, 0x80048d0b,
0x80040203, 0x80060888) are left to the status. How the two are weighed is decided in `_error_mapping`.

Source: Dataverse, "Web service error codes"; "Service protection API limits"; "Perform conditional operations using
the Web API". The names in the comments are that list's.
"""

from __future__ import annotations

from typing import Final

from .errors import ErrorCode

DUPLICATE_KEY: Final = "0x80040237"
"""A row with this primary or alternate key exists already."""

CODES: Final[dict[str, ErrorCode]] = {
    # no such thing
    "0x80040217": ErrorCode.NOT_FOUND,  # ObjectDoesNotExist
    "0x80060891": ErrorCode.NOT_FOUND,  # RecordNotFoundByEntityKey
    "0x8006088a": ErrorCode.NOT_FOUND,  # no such segment of the path
    # not this version, or one like it already
    DUPLICATE_KEY: ErrorCode.CONFLICT,  # DuplicateRecord
    "0x80040333": ErrorCode.CONFLICT,  # DuplicateRecordsFound, by a detection rule
    "0x80060882": ErrorCode.CONFLICT,  # ConcurrencyVersionMismatch
    "0x80060892": ErrorCode.CONFLICT,  # DuplicateRecordEntityKey
    # may not
    "0x80040220": ErrorCode.FORBIDDEN,  # PrivilegeDenied
    "0x80040225": ErrorCode.FORBIDDEN,  # UserNotEnabled
    "0x80048306": ErrorCode.FORBIDDEN,  # PrincipalPrivilegeDenied
    "0x8004a110": ErrorCode.FORBIDDEN,  # the caller lacks a privilege
    "0x80072560": ErrorCode.FORBIDDEN,  # the application user is missing in the organisation
    # too much
    "0x80072321": ErrorCode.RATE_LIMITED,  # execution time in the sliding window
    "0x80072322": ErrorCode.RATE_LIMITED,  # number of requests in the sliding window
    "0x80072326": ErrorCode.RATE_LIMITED,  # requests at a time
    # what was asked is wrong
    "0x80048d19": ErrorCode.INVALID_REQUEST,  # the body does not fit the table
    "900400ff": ErrorCode.INVALID_REQUEST,  # Power Pages: nothing to write
}
"""Code, in lower case, to what it means."""
