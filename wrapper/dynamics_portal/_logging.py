"""Logs: one debug record for each attempt and one for each call, on the logger `dynamics_portal`.

A record has the facts as attributes, for handlers that write structure: `method`, `url` (redacted), `status`,
`duration_ms`, `correlation_id`, `request_id`, `attempt` or `attempts`, `fault`. Nothing is formatted while the level
is off. Bodies are never logged.

The HTTP library's own debug records have the headers of answers, where keys stand (`OData-EntityId`, `Location`), and
with HTTP/2 those of requests. `quieten` leaves of them the name of what happened, in the whole process.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from ._error_mapping import request_id
from ._outcome import Answer, Outcome
from .redaction import redact_request_id, redact_url

LOGGER: Final = logging.getLogger("dynamics_portal")


_OTHERS: Final = (
    "hpack.hpack",
    "hpack.table",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
)
"""Loggers of the HTTP library that write headers."""


def _name_only(record: logging.LogRecord) -> bool:
    """Leave of a record its first word: `receive_response_headers.complete`."""
    record.msg, record.args = str(record.msg).partition(" ")[0], ()
    return True


def quieten() -> None:
    """Keep headers out of the HTTP library's records. Called with each client; the second call changes nothing."""
    for name in _OTHERS:
        logging.getLogger(name).addFilter(_name_only)


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
