"""Logs: one debug record for each attempt and one for each call, on the logger `dynamics_portal`.

A record has the facts as attributes, for handlers that write structure: `method`, `url` (redacted), `status`,
`duration_ms`, `correlation_id`, `request_id`, `attempt` or `attempts`, `fault`. Nothing is formatted while the level
is off. Bodies are never logged.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from ._error_mapping import request_id
from ._outcome import Answer, Outcome
from .redaction import redact_request_id, redact_url

LOGGER: Final = logging.getLogger("dynamics_portal")


def is_on() -> bool:
    """Whether debug records are wanted."""
    return LOGGER.isEnabledFor(logging.DEBUG)


def log_attempt(method: str, url: str, outcome: Outcome, seconds: float, correlation_id: str, attempt: int) -> None:
    """Log one request and what came of it. Asks to be called only when `is_on()`."""
    _log("", "attempt", attempt, method, _facts(method, url, outcome, seconds, correlation_id))


def log_call(method: str, url: str, outcome: Outcome, seconds: float, correlation_id: str, attempts: int) -> None:
    """Log a whole call, waiting included. Asks to be called only when `is_on()`."""
    _log("call ", "attempts", attempts, method, _facts(method, url, outcome, seconds, correlation_id))


def _log(what: str, counted: str, number: int, method: str, facts: dict[str, Any]) -> None:
    result = facts["fault"] if facts["status"] is None else facts["status"]
    LOGGER.debug(
        "%s%s %s: %s in %.1f ms, %s %d, correlation id %s",
        what,
        method,
        facts["url"],
        result,
        facts["duration_ms"],
        counted,
        number,
        facts["correlation_id"],
        extra={**facts, counted: number},
    )


def _facts(method: str, url: str, outcome: Outcome, seconds: float, correlation_id: str) -> dict[str, Any]:
    return {
        "method": method,
        "url": redact_url(url),
        "status": outcome.status if isinstance(outcome, Answer) else None,
        "fault": None if isinstance(outcome, Answer) else outcome.explanation,
        "duration_ms": round(seconds * 1000, 3),
        "correlation_id": correlation_id,
        "request_id": redact_request_id(request_id(outcome.headers)) if isinstance(outcome, Answer) else None,
    }
