"""The web application: tokens, faults, the log of requests, and the service behind them.

It decides the order of things for each request: fault, then authentication, then the service. What the Web API answers
is decided by `service`, what a token request is answered by `auth`; connections and TLS are `server`'s.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .auth import TokenRefusedError
from .errors import Kind
from .exchange import JSON, Call
from .faults import Fault
from .protection import COOKIE, Protection, Refusal, cookie_of, refusal_body
from .resources import API

if TYPE_CHECKING:
    from .emulator import Emulator

_UPLOAD, _STREAM, _WORK = "dynamics.upload", "dynamics.stream", "dynamics.work"
"""What a scope carries beside the protocol's own."""
_IN_MEMORY = 1024 * 1024  # bytes of a file that are kept in memory, and in the log
_OCTETS = b"application/octet-stream"
Abort = Callable[[Any], None]
"""Closes the connection of a client (its address) without an answer."""


@dataclass(frozen=True)
class LoggedRequest:
    """A request as a test wants to see it. `status` is None where the connection was closed without an answer; the
    bearer token is left out of `headers`, whose names are in lower case, and so is the `body` of an upload of more than
    1 MB. `server` is the number of the web server that it reached."""

    method: str
    path: str
    query: str
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    server: int = 0


class RequestLog:
    """Requests to the Web API in the order in which they were answered. Safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: list[LoggedRequest] = []
        self._lock = threading.Lock()

    def add(self, entry: LoggedRequest) -> None:
        """Notes a request."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._entries.clear()

    def snapshot(self) -> tuple[LoggedRequest, ...]:
        """What has been noted so far."""
        with self._lock:
            return tuple(self._entries)


def make_app(emulator: Emulator, abort: Abort) -> ASGIApp:
    """The ASGI application of an emulator."""

    async def token(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        try:
            granted = emulator.directory.grant(request.path_params["tenant"], form, emulator.base_url)
        except TokenRefusedError as refusal:
            return JSONResponse(refusal.body, refusal.status, _NO_STORE)
        return JSONResponse(granted, 200, _NO_STORE)

    async def web_api(request: Request) -> Response:
        if len(str(request.url)) > MAX_ADDRESS:
            return Response(_TOO_LONG, 414, media_type="text/html")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not emulator.directory.accepts(headers.pop("authorization", None)):
            return Response(status_code=401, headers={"WWW-Authenticate": _challenge(emulator)})
        upload = request.scope.get(_UPLOAD)
        path, query = _raw_path(request.scope), request.url.query
        call = Call(request.method, path, query, headers, await request.body(), upload)
        answer = await run_in_threadpool(emulator.service.handle, call)
        request.scope[_STREAM], request.scope[_WORK] = answer.stream, answer.work
        return Response(answer.body, answer.status, dict(answer.headers))

    async def elsewhere(request: Request) -> Response:
        return JSONResponse(Kind.UNKNOWN_SEGMENT.error(segment=request.url.path.lstrip("/")).body(), 404)

    methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"]
    routes = [
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/api/data/{path:path}", web_api, methods=methods),
        Route("/{path:path}", elsewhere, methods=methods),
    ]
    return _FaultLayer(Starlette(routes=routes), emulator, abort)


MAX_ADDRESS = 32_768  # characters ("Compose HTTP requests and handle errors", section Maximum URL length)
_TOO_LONG = """<HTML><HEAD><TITLE>Request URL Too Long</TITLE></HEAD>
<BODY><h2>Request URL Too Long</h2>
<hr><p>HTTP Error 414. The request URL is too long.</p>
</BODY></HTML>
"""
"""What the web server in front of the service answers."""
_NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def _challenge(emulator: Emulator) -> str:
    address = f"{emulator.authority}/{emulator.tenant_id}/oauth2/authorize"
    return f"Bearer authorization_uri={address}, resource_id={emulator.base_url}/"


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope["raw_path"]
    return raw.decode("ascii").partition("?")[0]


class _FaultLayer:
    """Carries injected faults out, and notes every request to the Web API."""

    def __init__(self, app: ASGIApp, emulator: Emulator, abort: Abort) -> None:
        self._app = app
        self._emulator = emulator
        self._abort = abort

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _raw_path(scope)
        web_api = API.fullmatch(path) is not None
        body, upload = await _read(scope, receive)
        scope[_UPLOAD] = upload
        settings, servers = self._emulator.settings, self._emulator.servers
        server = servers.choose(settings.servers, _header(scope, b"cookie")) if web_api else 0
        limits = settings.service_protection if web_api and self._authentic(scope) else None
        refusal = None if limits is None else servers.admit(server, limits)
        if limits is not None and refusal is not None:
            answer: Response | None = _throttled(refusal, limits)
        else:
            try:
                fault = self._emulator.faults.take(scope["method"], path, web_api=web_api)
                answer = await self._answer(scope, body, fault)
            finally:
                if limits is not None:
                    servers.spend(server, settings.cost(scope.get(_WORK, 1)))
                    servers.leave(server)
        if web_api and answer is not None:
            self._tell(answer, server, limited=limits is not None)
        if web_api:
            self._note(scope, path, body, None if answer is None else answer.status_code, server)
        if answer is None:
            self._abort(scope["client"])
            while (await receive())["type"] != "http.disconnect":
                pass  # uvicorn counts a request as answered or gone, nothing in between
        else:
            await answer(scope, receive, send)
        if upload is not None:
            upload.close()

    async def _answer(self, scope: Scope, body: bytes, fault: Fault | None) -> Response | None:
        """The answer, or None where the connection is to be closed without one."""
        if fault is None:
            return await self._handled(scope, body)
        if fault.seconds:
            self._emulator.clock.advance(fault.seconds)
        if fault.event is not None:
            await run_in_threadpool(fault.event.wait)
        if fault.drop == "before":
            return None
        if fault.status is not None:
            return _faulty(fault, fault.status)
        answer = await self._handled(scope, body)
        if fault.drop == "after":
            return None
        return answer if fault.raw is None else Response(fault.raw, answer.status_code, dict(fault.headers))

    async def _handled(self, scope: Scope, body: bytes) -> Response:
        """What the application answers, held back until the layer has decided whether it is sent."""
        start: dict[str, Any] = {}
        content = bytearray()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                content.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        stream = scope.get(_STREAM)
        if stream is None:
            answer = Response(bytes(content), start["status"])
        else:
            answer = StreamingResponse(stream, start["status"])
        answer.raw_headers = start["headers"]
        return answer

    def _authentic(self, scope: Scope) -> bool:
        return self._emulator.directory.accepts(_header(scope, b"authorization"))

    def _tell(self, answer: Response, server: int, *, limited: bool) -> None:
        """Adds what the web server says of itself."""
        settings = self._emulator.settings
        answer.headers["x-ms-dop-hint"] = str(settings.dop_hint)
        if limited:
            answer.headers.update(self._emulator.servers.headers(server))
        if settings.affinity and settings.servers > 1:
            answer.headers.append("Set-Cookie", f"{COOKIE}={cookie_of(server)};Path=/;HttpOnly;Secure")

    def _note(self, scope: Scope, path: str, body: bytes, status: int | None, server: int) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        headers.pop("authorization", None)
        query = scope["query_string"].decode("ascii", "replace")
        self._emulator.log.add(LoggedRequest(scope["method"], path, query, status, headers, body, server))


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _throttled(refusal: Refusal, limits: Protection) -> Response:
    content = json.dumps(refusal_body(refusal.limit, limits))
    return Response(content, 429, {"Retry-After": str(refusal.retry_after), "Content-Type": JSON})


def _faulty(fault: Fault, status: int) -> Response:
    if isinstance(fault.body, bytes):
        content, kind = fault.body, "application/octet-stream"
    elif isinstance(fault.body, str):
        content, kind = fault.body.encode(), "text/html"
    else:
        content, kind = json.dumps(fault.body).encode(), "application/json; odata.metadata=minimal"
    headers = {"Content-Type": kind, **fault.headers}
    return Response(content, status, headers)


async def _read(scope: Scope, receive: Receive) -> tuple[bytes, IO[bytes] | None]:
    """A request's body; what is too large for memory is a file on disk instead."""
    octets = any(name == b"content-type" and value.startswith(_OCTETS) for name, value in scope["headers"])
    content, spooled = bytearray(), None
    while True:
        message = await receive()
        piece = message.get("body", b"")
        if spooled is not None:
            spooled.write(piece)
        else:
            content.extend(piece)
        if spooled is None and octets and len(content) > _IN_MEMORY:
            spooled = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the request is answered
            spooled.write(content)
            content.clear()
        if not message.get("more_body", False):
            return bytes(content), spooled
