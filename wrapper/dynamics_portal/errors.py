"""Errors: the one exception that a call raises, with a subclass for each code.

    DynamicsPortalClientException
    ├── AuthFailureError      no token, or the service refused it (401)
    ├── ForbiddenError        the user may not do this (403)
    ├── NotFoundError         no such row, table or operation (404)
    ├── InvalidRequestError   what was asked is wrong (400), found before sending or by the service; also a ValueError
    │   └── ChangeTokenExpiredError  changes since so long ago are no longer known: load all rows anew
    ├── ConflictError         the row's state is against it (409, 412)
    │   ├── VersionMismatchError  the row has another version than the one asked for
    │   ├── DuplicateError        there is one like it already
    │   └── NotRunError           another operation of its batch or change set failed
    ├── RateLimitedError      service protection limits (429)
    ├── ServerError           the service failed (5xx), or its answer makes no sense
    └── NetworkError          no answer: connection, TLS, timeout

What a status or a Dynamics code means is decided in `_error_mapping`. `message` is the server's text, which echoes
input: representations show the words of it that are known to be harmless (`redaction.redact_message`), and printers of
attributes find a `Secret`. So do they for codes and ids, which are a server's text, too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self, cast

from .redaction import redact_code, redact_message, redact_names, redact_request_id
from .secrets import Secret


class ErrorCode(StrEnum):
    """Kinds of failure."""

    AUTH_FAILURE = "auth_failure"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    INVALID_REQUEST = "invalid_request"
    CONFLICT = "conflict"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    NETWORK_ERROR = "network_error"


_MEANING = {
    ErrorCode.AUTH_FAILURE: "authentication failed",
    ErrorCode.FORBIDDEN: "forbidden",
    ErrorCode.NOT_FOUND: "not found",
    ErrorCode.INVALID_REQUEST: "invalid request",
    ErrorCode.CONFLICT: "conflict",
    ErrorCode.RATE_LIMITED: "rate limited",
    ErrorCode.SERVER_ERROR: "server error",
    ErrorCode.NETWORK_ERROR: "network error",
}


class DynamicsPortalClientException(Exception):  # the name that the contract gives it
    """A call that failed. Made with a code, it is an instance of that code's subclass.

    `code`: the kind of failure.
    `status_code`: the HTTP status, or `None` where there was no answer.
    `dynamics_code`: the service's own code (`0x80040217`), or Entra's (`AADSTS7000215`), where it gave one.
    `dynamics_name`: Microsoft's name of that code (`ObjectDoesNotExist`), where its list has one.
    `message`: the server's text, or the client's own. It may echo input: do not log it. Secrets in use are masked.
    `explanation`: the client's own words, without values; `str()` shows them, and of the server's the harmless ones.
    `request_id`, `correlation_id`: for Microsoft's support, and for one's own logs.
    `retry_after`: seconds that the service asked to wait, where it did.
    `attempts`: how often the request was sent. 0: it never was.
    `may_have_run`: whether the service may have done what was asked, all the same.

    It can be pickled and copied: what travels are these facts, `message` included, and notes; never the traceback.

    >>> error = DynamicsPortalClientException(ErrorCode.NOT_FOUND, "Entity 'x' With Id = 1 Does Not Exist")
    >>> type(error).__name__, str(error)
    ('NotFoundError', 'not found: entity *** with id = *** does not exist')
    """

    def __new__(cls, code: ErrorCode, *args: Any, **facts: Any) -> Self:
        """An instance of the code's subclass."""
        kind = ErrorCode(code)
        made = _class_of(kind, facts.get("dynamics_code")) if cls is DynamicsPortalClientException else cls
        return super().__new__(cast("type[Self]", made))

    def __init__(
        self,
        code: ErrorCode,
        message: str = "",
        *,
        explanation: str = "",
        status_code: int | None = None,
        dynamics_code: str | None = None,
        request_id: str | None = None,
        correlation_id: str | None = None,
        retry_after: float | None = None,
        attempts: int = 0,
        may_have_run: bool = False,
    ) -> None:
        self.code = ErrorCode(code)
        self._message = Secret(message or explanation)
        self.explanation = explanation
        self.status_code = status_code
        self._dynamics_code = dynamics_code if dynamics_code is None else Secret(dynamics_code)
        self._request_id = request_id if request_id is None else Secret(request_id)
        self.correlation_id = correlation_id
        self.retry_after = retry_after
        self.attempts = attempts
        self.may_have_run = may_have_run
        super().__init__()  # without arguments, which every printer would show

    @property
    def message(self) -> str:
        """The server's text, or the client's own."""
        return self._message.reveal()

    @property
    def dynamics_code(self) -> str | None:
        """The service's own code, or Entra's, where it gave one. A word may be anything: it is kept as `message` is."""
        return None if self._dynamics_code is None else self._dynamics_code.reveal()

    @property
    def request_id(self) -> str | None:
        """The service's id of the request, for Microsoft's support."""
        return None if self._request_id is None else self._request_id.reveal()

    @property
    def dynamics_name(self) -> str | None:
        """Microsoft's name of `dynamics_code`, where its list has one."""
        from ._dynamics_codes import name_of  # loaded with the first error, not with the client

        return name_of(self.dynamics_code)

    def __str__(self) -> str:
        said = "" if self.message == self.explanation else redact_message(self.message)
        head = ": ".join(filter(None, (_MEANING[self.code], self.explanation, said)))
        facts = [
            f"{label} {value}"
            for label, value in (
                ("status", self.status_code),
                ("dynamics code", self._shown_code()),
                ("request id", redact_request_id(self.request_id)),
                ("correlation id", self.correlation_id),
                ("retry after", None if self.retry_after is None else f"{self.retry_after:g} s"),
                ("attempts", self.attempts if self.attempts > 1 else None),
            )
            if value is not None
        ]
        if self.may_have_run:
            facts.append("it may have run")
        return head + (f" ({', '.join(facts)})" if facts else "")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _shown_code(self) -> str | None:
        code, name = redact_code(self.dynamics_code), self.dynamics_name
        return code if name is None else f"{code} {name}"

    def _facts(self) -> dict[str, Any]:
        return {
            "explanation": self.explanation,
            "status_code": self.status_code,
            "dynamics_code": self.dynamics_code,
            "request_id": self.request_id,
            "correlation_id": self.correlation_id,
            "retry_after": self.retry_after,
            "attempts": self.attempts,
            "may_have_run": self.may_have_run,
        }

    def copy(self) -> DynamicsPortalClientException:
        """The same failure as an exception of its own, for another caller that waited for the same thing."""
        return _rebuild(type(self), self.code, self.message, self._facts())

    def __reduce__(self) -> tuple[Any, ...]:
        notes = getattr(self, "__notes__", None)
        state = {"__notes__": notes} if notes else None
        return _rebuild, (type(self), self.code, self.message, self._facts()), state


class AuthFailureError(DynamicsPortalClientException):
    """No token could be had, or the service refused it (401)."""


class ForbiddenError(DynamicsPortalClientException):
    """The user that the token stands for may not do this (403)."""


class NotFoundError(DynamicsPortalClientException):
    """There is no such row, table or operation (404)."""


class InvalidRequestError(DynamicsPortalClientException, ValueError):
    """What was asked for is wrong (400). Where `attempts` is 0 the client found it, and no request left."""


class ChangeTokenExpiredError(InvalidRequestError):
    """The service no longer knows what has changed since a token was given: load all rows anew."""


class ConflictError(DynamicsPortalClientException):
    """What is there is against it (409, 412): see the subclasses; or somebody else is at work on the same thing."""


class VersionMismatchError(ConflictError):
    """The row has another version than the one in `if_match`: somebody has changed it since it was read."""


class DuplicateError(ConflictError):
    """There is one like it already: by its id, by an alternate key, or by a duplicate detection rule."""


class NotRunError(ConflictError):
    """It did not run, since another operation of its batch or its change set failed: it was not begun, or was rolled
    back. `__cause__` is that operation's exception."""


class RateLimitedError(DynamicsPortalClientException):
    """The service's protection limits were reached (429)."""


class ServerError(DynamicsPortalClientException):
    """The service failed (5xx), or its answer cannot be understood."""


class NetworkError(DynamicsPortalClientException):
    """There was no answer: name resolution, connection, TLS, or a timeout."""


_BY_CODE: dict[ErrorCode, type[DynamicsPortalClientException]] = {
    ErrorCode.AUTH_FAILURE: AuthFailureError,
    ErrorCode.FORBIDDEN: ForbiddenError,
    ErrorCode.NOT_FOUND: NotFoundError,
    ErrorCode.INVALID_REQUEST: InvalidRequestError,
    ErrorCode.CONFLICT: ConflictError,
    ErrorCode.RATE_LIMITED: RateLimitedError,
    ErrorCode.SERVER_ERROR: ServerError,
    ErrorCode.NETWORK_ERROR: NetworkError,
}


def _class_of(code: ErrorCode, dynamics_code: str | None) -> type[DynamicsPortalClientException]:
    if code not in (ErrorCode.CONFLICT, ErrorCode.INVALID_REQUEST) or dynamics_code is None:
        return _BY_CODE[code]
    from ._dynamics_codes import EXPIRED_VERSION, is_duplicate, is_version_mismatch  # loaded with the first error

    if code is ErrorCode.INVALID_REQUEST:
        return ChangeTokenExpiredError if dynamics_code.lower() == EXPIRED_VERSION else InvalidRequestError
    if is_version_mismatch(dynamics_code):
        return VersionMismatchError
    return DuplicateError if is_duplicate(dynamics_code) else ConflictError


def _rebuild(
    kind: type[DynamicsPortalClientException], code: ErrorCode, message: str, facts: dict[str, Any]
) -> DynamicsPortalClientException:
    return kind(code, message, **facts)


def invalid(explanation: str) -> DynamicsPortalClientException:
    """The exception for a mistake that is found before any request leaves. The words must hold no value."""
    return DynamicsPortalClientException(ErrorCode.INVALID_REQUEST, explanation=redact_names(explanation))
