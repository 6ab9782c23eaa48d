"""Tracing: a span of OpenTelemetry for each call, where the service asks for it (`tracing=True`; extra `otel`).

A span covers the whole call, with its attempts and the waits between them; each attempt that was not the last is an
event in it. Attributes follow the semantic conventions of HTTP clients; the URL is redacted as in logs. No header is
sent along: Dataverse does not take part in the service's traces, and ids of them are nobody else's.

Source: OpenTelemetry, "Semantic Conventions for HTTP Spans" (HTTP client), "Recording errors".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ._hooks import AttemptEvent, Begin, RequestEvent, ResponseEvent
from ._version import VERSION
from .errors import DynamicsPortalClientException


def tracing(value: Any) -> Begin:
    """What begins a span for each call: of the service's own tracer provider (`True`), or of the one that is given.

    Raises `ValueError` where OpenTelemetry is not installed, `TypeError` for what is no tracer provider.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        raise ValueError("tracing needs OpenTelemetry: install dynamics-portal[otel]") from None
    if value is not True and not isinstance(value, trace.TracerProvider):
        raise TypeError(f"tracing: expected True, False or a TracerProvider, got {type(value).__name__}")
    provider = None if value is True else value
    tracer = trace.get_tracer("dynamics_portal", VERSION, provider)

    def begin(request: RequestEvent) -> _Span:
        return _Span(tracer, request)

    return begin


class _Span:
    """The span of one call."""

    __slots__ = ("_attempt", "_span")

    def __init__(self, tracer: Any, request: RequestEvent) -> None:
        from opentelemetry.trace import SpanKind

        parts = urlsplit(request.url)
        where = parts.path.partition("/api/data/")[2].partition("/")[2].partition("(")[0]  # contacts, $batch, WhoAmI
        self._attempt: AttemptEvent | None = None
        self._span = tracer.start_span(
            f"{request.method} {where}".rstrip(),
            kind=SpanKind.CLIENT,
            attributes={
                "http.request.method": request.method,
                "server.address": parts.hostname or "",
                "server.port": parts.port or 443,
                "url.full": request.url,
                "dynamics_portal.correlation_id": request.correlation_id,
            },
        )

    def attempted(self, event: AttemptEvent) -> None:
        """Take note of an attempt; that there is another one after it tells that it failed."""
        if self._attempt is not None:
            self._add_failed(self._attempt)
        self._attempt = event

    def _add_failed(self, event: AttemptEvent) -> None:
        self._span.add_event(
            "attempt failed",
            {"error.type": str(event.status_code or event.fault), "http.request.resend_count": event.number - 1},
        )

    def ended(self, event: ResponseEvent) -> None:
        """End the span."""
        from opentelemetry.trace import Status, StatusCode

        span = self._span
        if event.status_code is not None:
            span.set_attribute("http.response.status_code", event.status_code)
        if event.attempts > 1:
            span.set_attribute("http.request.resend_count", event.attempts - 1)
        if self._attempt is not None and self._attempt.request_id is not None:
            span.set_attribute("dynamics_portal.request_id", self._attempt.request_id)
        error = event.error
        if error is not None:
            code = str(error.code) if isinstance(error, DynamicsPortalClientException) else type(error).__name__
            answered = event.status_code is not None and event.status_code >= 400
            span.set_attribute("error.type", str(event.status_code) if answered else code)
            span.set_status(Status(StatusCode.ERROR, code))
        span.end()
