"""The service: one client for all requests, an answer for each, a line in the log for each.

A line has the facts that are listed here and no others: no body, no reason, nobody's name.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from dynamics_portal import AsyncDynamicsPortalClient, DynamicsPortalClientException

from . import answers
from .answers import Answer
from .asked import Asked, BadRequest, read
from .vault import vault

LOGGER = logging.getLogger("set_visibility")
DEADLINE = 25.0  # seconds for a call with its attempts and waits: well within the host's own limit
_WRITABLE: dict[str, tuple[str, ...]] = {"contacts": ("new_SetWebsiteVisibility",)}  # this action; no column
_FACTS = ("method", "url", "status", "code", "duration_ms", "correlation_id", "request_id", "attempt", "attempts")


def start(environ: Mapping[str, str]) -> Service:
    """The service that the environment describes.

    Raises `ValueError` that names what is missing or wrong in it: `DYNAMICS_BASE_URL`, and `SUPABASE_URL` with
    `SUPABASE_SERVICE_ROLE_KEY`, where the credentials are; with `DYNAMICS_PORTAL_ENABLED=false`, nothing else.
    """
    random.seed()  # else every worker would start from the snapshot's state, and wait alike
    log_to(sys.stderr, environ.get("LOG_LEVEL") or "INFO")
    return Service(connect(environ))


def connect(environ: Mapping[str, str]) -> AsyncDynamicsPortalClient:
    """The client of the wrapper, with credentials from Vault; or the one that does nothing, where the flag says so."""
    url, key = environ.get("SUPABASE_URL"), environ.get("SUPABASE_SERVICE_ROLE_KEY")
    credentials = vault(url, key) if url and key else None
    return AsyncDynamicsPortalClient.from_environment(
        environ=environ, credentials=credentials, deadline=DEADLINE, writable=_WRITABLE
    )


class Service:
    """Answers requests, any number at a time."""

    def __init__(self, portal: AsyncDynamicsPortalClient) -> None:
        self._portal = portal

    async def handle(self, body: str, correlation_id: str) -> str:
        """The answer to a request, as JSON: `status`, `headers`, `body`. It raises nothing."""
        begun = time.monotonic()
        answer = await self._answer(body, correlation_id)
        facts = {
            "status": answer.status,
            "code": answer.body.get("code", "ok"),
            "duration_ms": round((time.monotonic() - begun) * 1000),
            "correlation_id": correlation_id,
        }
        LOGGER.log(logging.INFO if answer.status < 500 else logging.ERROR, "request", extra=facts)
        return json.dumps({"status": answer.status, "headers": dict(answer.headers), "body": answer.body})

    async def _answer(self, body: str, correlation_id: str) -> Answer:
        try:
            asked = read(body)
            return await self._set(asked, correlation_id)
        except BadRequest as error:
            return answers.of_bad_request(error.problems)
        except DynamicsPortalClientException as error:
            LOGGER.warning(str(error))  # which shows neither secrets nor personal data
            return answers.of_error(error)
        except Exception as error:
            LOGGER.error("defect: %s", type(error).__name__)  # the kind alone: its words may hold anything
            return answers.of_defect()

    async def _set(self, asked: Asked, correlation_id: str) -> Answer:
        portal = self._portal.with_options(correlation_id=correlation_id)
        result = await portal.new_set_website_visibility(asked.mentor_id, visible=asked.visible, reason=asked.reason)
        return answers.of_nothing(asked) if portal.recorded else answers.of_result(result)


class _Json(logging.Formatter):
    """A record as a line of JSON, with the facts that are listed and no others."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        told.update((name, vars(record)[name]) for name in _FACTS if vars(record).get(name) is not None)
        return json.dumps(told)


def log_to(stream: TextIO, level: str) -> None:
    """Write the records of this service and of the client to a stream, a line for each."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Json())
    for name in ("set_visibility", "dynamics_portal"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level.upper())
