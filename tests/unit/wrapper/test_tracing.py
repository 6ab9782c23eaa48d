"""Tracing, in both clients: a span for each call, by the semantic conventions, without personal data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.unit.wrapper.support import MENTOR, Service, Shell, problem

from dynamics_portal import InvalidRequestError, NetworkError, NotFoundError


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


@pytest.fixture
def traced(make_shell: Callable[..., Shell], provider: TracerProvider) -> Shell:
    return make_shell(tracing=provider)


def one(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def test_a_call_is_a_span(traced: Shell, exporter: InMemorySpanExporter, service: Service) -> None:
    service.answer(httpx2.Response(200, json={}, headers={"x-ms-service-request-id": str(MENTOR)}))
    traced(traced.portal.contacts.get(MENTOR))
    span = one(exporter)
    assert (span.name, span.kind, span.status.status_code) == ("GET contacts", SpanKind.CLIENT, StatusCode.UNSET)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "server.address": "hlf.crm4.dynamics.com",
        "server.port": 443,
        "url.full": "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts(***)",
        "http.response.status_code": 200,
        "dynamics_portal.correlation_id": service.last.headers["x-correlation-id"],
        "dynamics_portal.request_id": str(MENTOR),
    }
    assert "traceparent" not in service.last.headers


def test_attempts_are_told_of_in_the_span(traced: Shell, exporter: InMemorySpanExporter, service: Service) -> None:
    service.answer(problem(503), httpx2.ConnectError("Kari"), httpx2.Response(200, json={}))
    traced(traced.portal.who_am_i())
    span = one(exporter)
    assert span.name == "GET WhoAmI"
    assert (span.attributes or {})["http.request.resend_count"] == 2
    assert [dict(event.attributes or {}) for event in span.events] == [
        {"error.type": "503", "http.request.resend_count": 0},
        {"error.type": "no answer (ConnectError)", "http.request.resend_count": 1},
    ]


@pytest.mark.parametrize(
    ("answer", "kind", "error_type", "description"),
    [
        (problem(404, "0x80040217", "Kari"), NotFoundError, "404", "not_found"),
        (httpx2.ConnectError("Kari"), NetworkError, "network_error", "network_error"),
    ],
)
def test_a_failure_is_the_spans(
    answer: Any,
    kind: Any,
    error_type: str,
    description: str,
    traced: Shell,
    exporter: InMemorySpanExporter,
    service: Service,
) -> None:
    service.answer(answer)
    with pytest.raises(kind):
        traced(traced.portal.contacts.get(MENTOR))
    span = one(exporter)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, description)
    assert (span.attributes or {})["error.type"] == error_type
    assert "Kari" not in span.to_json()
    assert str(MENTOR) not in span.to_json()


def test_no_span_is_made_unless_it_is_asked_for(
    make_shell: Callable[..., Shell], traced: Shell, exporter: InMemorySpanExporter, service: Service
) -> None:
    service.answer(httpx2.Response(200, json={}))
    shell = make_shell()
    shell(shell.portal.who_am_i())
    traced(traced.portal.with_options(tracing=False).who_am_i())
    assert exporter.get_finished_spans() == ()


def test_the_services_own_provider_is_the_default(
    make_shell: Callable[..., Shell],
    monkeypatch: pytest.MonkeyPatch,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
    service: Service,
) -> None:
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    service.answer(httpx2.Response(200, json={}))
    shell = make_shell(tracing=True)
    shell(shell.portal.who_am_i())
    assert one(exporter).instrumentation_scope is not None


def test_what_is_no_provider_is_refused(make_shell: Callable[..., Shell], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequestError, match="tracing: expected True, False or a TracerProvider, got str"):
        make_shell(tracing="yes")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(InvalidRequestError, match=r"install dynamics-portal\[otel\]"):
        make_shell(tracing=True)
