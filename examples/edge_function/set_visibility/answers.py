"""What the caller is told: the typed result, or a problem (RFC 9457) with a status for each kind of failure. No I/O.

A problem tells the kind of failure and never the service's own words, which echo what was sent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from dynamics_portal import DynamicsPortalClientException, ErrorCode
from dynamics_portal_api.models import DynamicsHlfSyncResponse

from .asked import Asked


class Answer(NamedTuple):
    """A status, the fields of a JSON body, and more headers."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str] = MappingProxyType({})


# Where Dynamics refuses this function or fails, the caller is not at fault: never 401, 403, 429 or 500 of its own.
_PROBLEMS = {
    ErrorCode.AUTH_FAILURE: (502, "Dynamics does not accept this function's credentials"),
    ErrorCode.FORBIDDEN: (502, "Dynamics does not let this function do that"),
    ErrorCode.NOT_FOUND: (404, "There is no such mentor"),
    ErrorCode.INVALID_REQUEST: (422, "Dynamics refused what was asked"),
    ErrorCode.CONFLICT: (409, "The mentor's state is against it"),
    ErrorCode.RATE_LIMITED: (503, "Dynamics has too much to do"),
    ErrorCode.SERVER_ERROR: (502, "Dynamics failed"),
    ErrorCode.NETWORK_ERROR: (504, "Dynamics did not answer"),
}


def of_result(result: DynamicsHlfSyncResponse) -> Answer:
    """What the website answered. 202 while the change is pending there."""
    body = {
        "mentor_id": str(result.mentor_id),
        "is_visible": result.is_visible,
        "sync_status": result.sync_status,
        "synced_at": result.synced_at.isoformat() if result.synced_at else None,
        "website_record_id": result.website_record_id,
    }
    return Answer(202 if result.sync_status == "pending" else 200, body)


def of_nothing(asked: Asked) -> Answer:
    """With the feature flag off: what was asked was checked, and not sent."""
    return Answer(202, {"mentor_id": str(asked.mentor_id), "is_visible": None, "sync_status": "switched_off"})


def of_error(error: DynamicsPortalClientException) -> Answer:
    """The problem that a failed call is. `may_have_run`: whether the mentor's visibility may have been set all the
    same; to ask again does no harm."""
    if error.code is ErrorCode.INVALID_REQUEST and error.status_code is None:
        return of_defect()  # the client itself refused what this function asked of it
    status, title = _PROBLEMS[error.code]
    wait = {} if error.retry_after is None else {"retry-after": str(max(1, math.ceil(error.retry_after)))}
    return problem(status, error.code.value, title, wait, may_have_run=error.may_have_run)


def of_bad_request(problems: tuple[str, ...]) -> Answer:
    """The problem that a body is which asks for nothing that can be done."""
    return problem(400, "bad_request", "The request cannot be understood", problems=list(problems))


def of_defect() -> Answer:
    """The problem that is nobody's but this function's own."""
    return problem(500, "defect", "This function failed")


def problem(status: int, code: str, title: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
    """A problem's body. `code` is for programs, `title` for people."""
    return Answer(status, {"status": status, "code": code, "title": title, **more}, headers or {})
