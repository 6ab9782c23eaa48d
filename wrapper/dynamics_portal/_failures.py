"""Failures: the exception that an outcome without success stands for. None holds a secret that the request carried."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ._error_mapping import read_error
from ._outcome import Fault, Outcome
from .errors import DynamicsPortalClientException, ErrorCode
from .redaction import without_secrets
from .retry import did_not_run

T = TypeVar("T")


def failure(
    outcome: Outcome, correlation_id: str, *, attempts: int = 1, uncertain: bool = False, of_token: bool = False
) -> DynamicsPortalClientException:
    """The exception for an outcome. `uncertain`: an attempt before it may have run; `of_token`: no token was had."""
    if isinstance(outcome, Fault):
        return DynamicsPortalClientException(
            ErrorCode.NETWORK_ERROR,
            explanation=("no token: " if of_token else "") + outcome.explanation,
            correlation_id=correlation_id,
            attempts=attempts,
            may_have_run=(uncertain or outcome.may_have_run) and not of_token,
        )
    facts = read_error(outcome.status, outcome.headers, outcome.content)
    code = facts.code

    def clean(text: str | None) -> str | None:
        return text and without_secrets(text, outcome.secrets)

    if of_token and code in (ErrorCode.INVALID_REQUEST, ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND):
        code = ErrorCode.AUTH_FAILURE  # whatever Entra finds wrong, what is missing is a token
    return DynamicsPortalClientException(
        code,
        clean(facts.message) or "",
        explanation="no token" if of_token else _explanation(outcome.status),
        status_code=outcome.status,
        dynamics_code=clean(facts.dynamics_code),
        request_id=clean(facts.request_id),
        correlation_id=correlation_id,
        retry_after=facts.retry_after,
        attempts=attempts,
        may_have_run=(uncertain or (outcome.status >= 500 and not did_not_run(outcome))) and not of_token,
    )


def _explanation(status: int) -> str:
    if status in (301, 302, 303, 307, 308):
        return "a redirect, which is not followed with a token; check the base URL"
    return ""


def unreadable(what: str, status: int, correlation_id: str) -> DynamicsPortalClientException:
    """The exception for a success whose body cannot be understood. The words must hold no value."""
    return DynamicsPortalClientException(
        ErrorCode.SERVER_ERROR,
        explanation=what,
        status_code=status,
        correlation_id=correlation_id,
        attempts=1,
        may_have_run=True,
    )


def decoded(decode: Callable[[], T], status: int, correlation_id: str) -> T:
    """What a success holds. Where it cannot be understood, that is the server's fault."""
    try:
        return decode()
    except (ValueError, TypeError, KeyError):
        pass  # raised below, so that the original error, which has values in its frames, is not chained
    raise unreadable("the answer is not what the contract says", status, correlation_id)
