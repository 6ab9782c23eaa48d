"""The platform's own fetch, which carries requests where Python runs in WebAssembly: what it is asked, what its
answers and failures mean. Reading and waiting are the shell's, `_async/fetch.py`.

httpx2 brings httpx2-jsfetch for this. Its version 1.0 follows redirects, and a secret or a token with them; fails on
answers without a body, such as the 204 of every write; and takes whatever goes wrong before an answer for a failure to
connect, after which a write would be sent again that may have run. Hence this.

Source: WHATWG, "Fetch Standard"; Pyodide, "Type translations".
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import httpx2

from .errors import invalid

if TYPE_CHECKING:
    import ssl

HAS_FETCH: Final = sys.platform == "emscripten"
"""Whether requests go by fetch here."""

_OF_THE_RUNTIME: Final = frozenset({"connection", "content-length", "host", "transfer-encoding", "user-agent"})
"""Headers that fetch sets itself; a browser does not let anybody else set them."""
_DECODED: Final = frozenset({"content-encoding", "content-length"})  # of an answer: fetch has decompressed its body
_NOT_CONNECTED: Final = "client error (Connect)"  # Deno's words; other runtimes' failures do not tell how far they came


def check_trust(ssl_context: ssl.SSLContext | None) -> None:
    """Refuse settings of TLS that nobody would go by."""
    if ssl_context is not None:
        raise invalid("ssl_context: in WebAssembly the platform decides whom to trust; with Deno, by --cert")


class Fetching:
    """One request by fetch, and what ends it."""

    __slots__ = ("_controller", "_failure", "_js", "_timer")

    def __init__(self) -> None:
        self._js = import_module("js")
        self._failure: Any = import_module("pyodide.ffi").JsException
        self._controller = self._js.AbortController.new()
        self._timer: Any = None

    def start(self, request: httpx2.Request, content: bytes) -> Awaitable[Any]:
        """Send a request; a promise of the answer. No redirect is followed, no cookie sent, nothing kept."""
        to_js = import_module("pyodide.ffi").to_js
        headers = [[name, value] for name, value in request.headers.items() if name not in _OF_THE_RUNTIME]
        init = {
            "method": request.method,
            "headers": headers,
            "redirect": "manual",
            "credentials": "omit",
            "cache": "no-store",
            "signal": self._controller.signal,
            **({"body": content} if content else {}),
        }
        promise: Awaitable[Any] = self._js.fetch(
            str(request.url), to_js(init, dict_converter=self._js.Object.fromEntries)
        )
        return promise

    def limit(self, seconds: float | None) -> None:
        """End the request when some seconds have passed; `None`: do not, any longer."""
        if self._timer is not None:
            self._js.clearTimeout(self._timer)
        controller = self._controller
        self._timer = None if seconds is None else self._js.setTimeout(controller.abort.bind(controller), seconds * 1e3)

    def end(self) -> None:
        """End the request, however far it is: the connection is given back. Nothing, where it has ended."""
        self.limit(None)
        self._controller.abort()

    def fault(self, error: Exception) -> Exception:
        """The exception that a failure stands for: what may have run is not taken for what never left.

        The failure's words hold the address, and so are dropped.
        """
        if not isinstance(error, self._failure):
            return error
        if getattr(error, "name", "") == "AbortError":
            return httpx2.ReadTimeout("")  # nobody else aborts while an answer is waited for
        if _NOT_CONNECTED in str(getattr(error, "message", "")):
            return httpx2.ConnectError("")
        return httpx2.ReadError("")


def seconds_for(request: httpx2.Request) -> float | None:
    """How long the next step of an answer may take. fetch does not tell connecting from waiting for the answer, so the
    limit is that of reading: the other would cut off calls that are merely slow."""
    timeouts: Mapping[str, float | None] = request.extensions.get("timeout") or {}
    return timeouts.get("read")


def head_of(answer: Any) -> tuple[int, list[tuple[str, str]]]:
    """Status and headers. Raises `RemoteProtocolError` for a redirect that a browser hides from whom it stopped."""
    if answer.status == 0:
        raise httpx2.RemoteProtocolError("a redirect, which is not followed")
    headers = [(str(name), str(value)) for name, value in answer.headers.entries()]
    return int(answer.status), [(name, value) for name, value in headers if name.lower() not in _DECODED]


async def async_settled(promise: Awaitable[Any]) -> Any:
    """What a promise came to."""
    return await promise


def sync_settled(promise: Awaitable[Any]) -> Any:
    """What a promise came to, waited for by switching stacks."""
    return import_module("pyodide.ffi").run_sync(promise)


def async_check_waiting() -> None:
    """Tasks can always wait."""


def sync_check_waiting() -> None:
    """Raise `InvalidRequestError` where nothing can be waited for but by tasks."""
    if not import_module("pyodide.ffi").can_run_sync():
        raise invalid("the synchronous client cannot wait here, without JavaScript Promise Integration: use the other")
