"""Hooks: what a user's functions are told of a call, and when.

`on_request` is told that a call begins, `on_attempt` what came of each of its requests, `on_response` what came of the
call. They watch and change nothing: an exception of theirs is logged by its kind, and the call goes on, for a write
that has happened must not look as if it had failed. What they are told is redacted as logs are; `reveal()` gives it as
it is.

Requests for tokens are not told of: they carry secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, Final, Protocol, TypeVar

from ._call import Call
from ._error_mapping import request_id
from ._logging import LOGGER
from ._outcome import Answer, Fault, Outcome
from .redaction import redact_request_id, redact_url

E = TypeVar("E")


class SentRequest:
    """A request as it is sent, but for what authenticates it: `method`, `url`, `headers`, `content`. It holds personal
    data; its representation shows none."""

    __slots__ = ("content", "headers", "method", "url")

    def __init__(self, method: str, url: str, headers: tuple[tuple[str, str], ...], content: bytes | None) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.content = content

    def __repr__(self) -> str:
        return f"<SentRequest: {self.method}>"


class ReceivedResponse:
    """An answer as it came: `status_code`, `headers` (names in lower case), `content`. It holds personal data; its
    representation shows none."""

    __slots__ = ("content", "headers", "status_code")

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content

    def __repr__(self) -> str:
        return f"<ReceivedResponse: {self.status_code}>"


class RequestEvent:
    """A call begins.

    `method`, `correlation_id`: of the request. `url`: names of tables, columns and operations, no values.
    """

    __slots__ = ("_call", "_headers", "correlation_id", "method", "url")

    def __init__(self, call: Call, headers: Sequence[tuple[str, str]]) -> None:
        self._call = call
        self._headers = headers
        self.method = call.method
        self.url = redact_url(call.url)
        self.correlation_id = call.correlation_id

    def reveal(self) -> SentRequest:
        """The request as it is sent: with keys, filters and the body."""
        return SentRequest(self.method, self._call.url, tuple(self._headers), self._call.content)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.method} {self.url}>"


class AttemptEvent:
    """A request of a call came to an end.

    `request`: the call. `number`: which of its requests this was, from 1. `status_code`: of the answer, or `None`, and
    then `fault` says why there was none. `elapsed`: seconds.
    """

    __slots__ = ("_outcome", "elapsed", "fault", "number", "request", "status_code")

    def __init__(self, request: RequestEvent, number: int, outcome: Outcome, elapsed: float) -> None:
        self._outcome = outcome
        self.request = request
        self.number = number
        self.status_code = outcome.status if isinstance(outcome, Answer) else None
        self.fault = outcome.explanation if isinstance(outcome, Fault) else None
        self.elapsed = elapsed

    @property
    def request_id(self) -> str | None:
        """The service's id of the request, for Microsoft's support, where it has the form of one."""
        answer = self._outcome
        return redact_request_id(request_id(answer.headers)) if isinstance(answer, Answer) else None

    def reveal(self) -> ReceivedResponse | None:
        """The answer as it came; `None` where there was none."""
        answer = self._outcome
        return ReceivedResponse(answer.status, answer.headers, answer.content) if isinstance(answer, Answer) else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.number}, {self.fault or self.status_code}>"


class ResponseEvent:
    """A call came to an end.

    `request`: the call. `attempts`: how many requests were sent. `last`: the last one, where there was any. `error`:
    what the call raises; `None` where it has succeeded. `elapsed`: seconds, waits between attempts included.
    """

    __slots__ = ("attempts", "elapsed", "error", "last", "request")

    def __init__(
        self,
        request: RequestEvent,
        attempts: int,
        last: AttemptEvent | None,
        error: BaseException | None,
        elapsed: float,
    ) -> None:
        self.request = request
        self.attempts = attempts
        self.last = last
        self.error = error
        self.elapsed = elapsed

    @property
    def status_code(self) -> int | None:
        """The status of the last answer, where there was one."""
        return None if self.last is None else self.last.status_code

    def __repr__(self) -> str:
        kind = "" if self.error is None else f", {type(self.error).__name__}"
        return f"<{type(self).__name__}: {self.status_code}, attempts {self.attempts}{kind}>"


class Watcher(Protocol):
    """What follows one call."""

    def attempted(self, event: AttemptEvent) -> None:
        """A request came to an end."""
        ...

    def ended(self, event: ResponseEvent) -> None:
        """The call came to an end."""
        ...


Begin = Callable[[RequestEvent], Watcher]

HOOKS: Final = ("on_request", "on_attempt", "on_response")


class Hooks:
    """Whom to tell of calls. Raises `TypeError` for what is no plain function."""

    __slots__ = ("_begin", "_by_name")

    def __init__(
        self, by_name: Mapping[str, Callable[[Any], object]] | None = None, begin: Begin | None = None
    ) -> None:
        self._by_name = dict(by_name or {})
        self._begin = begin

    def changed(self, options: Mapping[str, Any]) -> Hooks:
        """The same but for the hooks that are given; `None` ends one."""
        named = {name: _checked(name, options[name]) for name in HOOKS if name in options}
        begin = self._begin
        if "tracing" in options:
            begin = _tracing(options["tracing"])
        found = {name: hook for name, hook in {**self._by_name, **named}.items() if hook is not None}
        return Hooks(found, begin)

    def begin(self, call: Call, headers: Sequence[tuple[str, str]], clock: Callable[[], float]) -> Watch | None:
        """What follows a call that begins; `None` where nobody wants to know."""
        if not self._by_name and self._begin is None:
            return None
        return Watch(self._by_name, self._begin, RequestEvent(call, headers), clock)

    def __repr__(self) -> str:
        return f"<Hooks: {', '.join(self._by_name)}>"


class Watch:
    """Follows one call."""

    __slots__ = ("_by_name", "_clock", "_last", "_request", "_started", "_watcher")

    def __init__(
        self,
        by_name: Mapping[str, Callable[[Any], object]],
        begin: Begin | None,
        request: RequestEvent,
        clock: Callable[[], float],
    ) -> None:
        self._by_name = by_name
        self._clock = clock
        self._request = request
        self._last: AttemptEvent | None = None
        self._started = clock()
        self._watcher = None if begin is None else _safely("tracing", begin, request)
        _safely("on_request", by_name.get("on_request"), request)

    def attempted(self, number: int, outcome: Outcome, elapsed: float) -> None:
        """A request came to an end."""
        event = self._last = AttemptEvent(self._request, number, outcome, elapsed)
        if self._watcher is not None:
            _safely("tracing", self._watcher.attempted, event)
        _safely("on_attempt", self._by_name.get("on_attempt"), event)

    def ended(self, attempts: int, error: BaseException | None) -> None:
        """The call came to an end."""
        event = ResponseEvent(self._request, attempts, self._last, error, self._clock() - self._started)
        if self._watcher is not None:
            _safely("tracing", self._watcher.ended, event)
        _safely("on_response", self._by_name.get("on_response"), event)


def _safely(name: str, hook: Callable[[E], Any] | None, event: E) -> Any:
    """What a hook gives. Its exception is logged by its kind alone, for its words may hold what it was told."""
    if hook is None:
        return None
    try:
        return hook(event)
    except Exception as error:
        LOGGER.error("the hook %s has failed: %s", name, type(error).__name__)
        return None


def _checked(name: str, hook: Any) -> Callable[[Any], object] | None:
    if hook is None:
        return None
    if not callable(hook):
        raise TypeError(f"{name}: expected a function, got {type(hook).__name__}")
    if iscoroutinefunction(hook) or iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004 # not whether
        raise TypeError(f"{name}: expected a plain function, which both clients call; it starts what waits by itself")
    return hook  # type: ignore[no-any-return] # callable, as checked


def _tracing(value: Any) -> Begin | None:
    if value is None or value is False:
        return None
    from ._tracing import tracing  # what few services ask for

    return tracing(value)
