"""Settings: the keywords of a client's constructor, in one place for both clients, checked and with their defaults."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict
from uuid import UUID, uuid4

import httpx2

from ._base_url import PUBLIC_AUTHORITY, ServiceRoot, authority_root, service_root
from ._headers import ExtraHeaders
from ._hooks import Hooks
from ._query import nearest
from ._write_allow_list import WriteAllowList
from .retry import RetryPolicy

if TYPE_CHECKING:
    import ssl

    from opentelemetry.trace import TracerProvider

    from ._hooks import AttemptEvent, RequestEvent, ResponseEvent

DEFAULT_TIMEOUT: Final = httpx2.Timeout(120.0, connect=10.0)  # seconds; Dataverse itself gives up after two minutes
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?")


class CallOptions(TypedDict, total=False):
    """Keywords that may be others for some calls: those of `with_options()`."""

    retry: RetryPolicy
    """Default: `RetryPolicy()`."""
    timeout: float | httpx2.Timeout | None
    """Seconds for each phase of an attempt; `None` is no limit. Default: 10 to connect, 120 for the rest."""
    deadline: float | None
    """Seconds for a whole call: all its attempts, the waits between them and the token. Each page of a list is a call
    of its own. When they have passed, the call is cut off; a synchronous one over a transport that was given begins
    nothing more, and gives each phase of a request what is left. Default: `None`, no limit."""
    correlation_id: str | UUID | Callable[[], str | UUID] | None
    """Value of `x-correlation-id`, or what gives one for each call. Default: a new UUID for each call."""
    headers: Mapping[str, str] | None
    """Headers of your own for every request to the service, as for a gateway. What the client sets itself is refused.
    They are never logged. Default: none."""
    act_as: UUID | str | None
    """Make calls in the name of a user, by the object id that Microsoft Entra ID knows (`CallerObjectId`); the
    application user needs the privilege for it. Default: `None`, the application user itself. Source: Dataverse Web
    API, "Impersonate another user using the Web API"."""
    act_as_user: UUID | str | None
    """The same by the id of the user's row, `systemuserid` (`MSCRMCallerID`). Microsoft prefers `act_as`."""
    detect_duplicates: bool
    """Let the organisation's duplicate detection rules refuse what is created or updated, with `DuplicateError`.
    Default: `False`, as the service's. Source: Dataverse Web API, "Detect duplicate data using the Web API"."""
    bypass_plugins: bool | Literal["sync", "async"]
    """Leave out the organisation's custom plug-ins and workflows: those that run within the call (`"sync"`), after it
    (`"async"`), or both (`True`). It needs a privilege. Default: `False`. Source: Dataverse, "Bypass custom Dataverse
    logic"."""
    suppress_flows: bool
    """Start no Power Automate flows. Default: `False`. Source: Dataverse, "Bypass Power Automate Flows"."""
    on_request: Callable[[RequestEvent], object] | None
    """Called when a call begins. It watches: what it raises is logged by its kind, no more. Default: none."""
    on_attempt: Callable[[AttemptEvent], object] | None
    """Called when a request of a call has come to an end, as for `on_request`."""
    on_response: Callable[[ResponseEvent], object] | None
    """Called when a call has come to an end, also with an exception, as for `on_request`."""
    tracing: bool | TracerProvider
    """Make a span of OpenTelemetry for each call, with the service's own tracer provider or the one given here; extra
    `otel`. Default: `False`."""


class CommonOptions(CallOptions, total=False):
    """Keywords that both clients take."""

    authority: str
    """Where tokens come from. Default: `https://login.microsoftonline.com`."""
    scope: str | None
    """What the token is for. Default: `{base_url}/.default`."""
    ssl_context: ssl.SSLContext | None
    """Whom to trust, where `transport` is not given. Default: what the system trusts."""
    clock: Callable[[], float]
    """Monotonic seconds. Default: `time.monotonic`."""
    affinity: bool
    """Keep the cookie that ties a client to one of the service's web servers, in memory, and no other. Default:
    `False`: requests are spread over all of them, each with its own limits, which is what many rows want. Source:
    Dataverse, "Send parallel requests" (Server affinity)."""
    writable: Mapping[str, Collection[str]] | None
    """Table name to the columns that may be written, the actions that may be called, and `$delete` where rows may be
    deleted; `$actions` to the actions that are bound to no table. Default: no limit but the service's."""


class ClientOptions(CommonOptions, total=False):
    """Keywords of the synchronous client."""

    transport: httpx2.BaseTransport | None
    """Carries every request, the token's included, as `httpx2.HTTPTransport` does; a transport of your own that goes by
    a proxy, or speaks HTTP/2. The client does not close it. Default: connections of the client's own, which go by no
    proxy, at most 100 at a time, each kept open for 5 seconds without a request. Where httpx2's own transport has been
    replaced, as by vcrpy, it carries the requests."""
    sleep: Callable[[float], None]
    """Waits between attempts. Default: `time.sleep`."""


class AsyncClientOptions(CommonOptions, total=False):
    """Keywords of the asynchronous client."""

    transport: httpx2.AsyncBaseTransport | None
    """As for `ClientOptions`; `httpx2.AsyncHTTPTransport` is one."""
    sleep: Callable[[float], Awaitable[None]]
    """Waits between attempts. Default: the event loop's."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client was told, checked. Raises `ValueError` or `TypeError` for what makes no sense."""

    root: ServiceRoot
    authority: str
    scope: str
    retry: RetryPolicy
    timeouts: dict[str, float | None]
    deadline: float | None
    correlation_id: Callable[[], str | UUID]
    clock: Callable[[], float]
    writable: WriteAllowList
    extra_headers: ExtraHeaders
    hooks: Hooks
    affinity: bool = False
    defers: bool = False
    """Whether a call that is throttled ends with that, for somebody else to say when it is made again."""

    def new_correlation_id(self) -> str:
        """The correlation id of the next call. Raises `ValueError` where it cannot be sent as a header."""
        value = self.correlation_id()
        text = str(value)
        if type(value) is UUID:  # as by default
            return text
        if not isinstance(value, (str, UUID)) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError("correlation_id: expected a UUID, or 1 to 256 printable ASCII characters")
        return text


_CALL_KEYWORDS: Final = frozenset(CallOptions.__annotations__)
_KEYWORDS: Final = frozenset(ClientOptions.__annotations__) | frozenset(CommonOptions.__annotations__) | _CALL_KEYWORDS


def settings_from(base_url: str, options: Mapping[str, Any]) -> Settings:
    """The settings that a base URL and a client's keywords stand for."""
    _check_names(options, _KEYWORDS)
    root = service_root(base_url)
    settings = Settings(
        root=root,
        authority=authority_root(options.get("authority") or PUBLIC_AUTHORITY),
        scope=options.get("scope") or root.default_scope,
        retry=_policy(options.get("retry")),
        timeouts=_timeouts(options.get("timeout", DEFAULT_TIMEOUT)),
        deadline=_deadline(options.get("deadline")),
        correlation_id=_factory(options.get("correlation_id")),
        clock=options.get("clock") or time.monotonic,
        writable=WriteAllowList(options.get("writable")),
        extra_headers=ExtraHeaders().changed(options),
        hooks=Hooks().changed(options),
        affinity=_flag("affinity", options.get("affinity", False)),
    )
    return _checked(settings, options)


def changed_settings(settings: Settings, options: Mapping[str, Any]) -> Settings:
    """The same settings but for what some calls are to have otherwise."""
    _check_names(options, _CALL_KEYWORDS)
    checks: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "retry": ("retry", _policy),
        "timeout": ("timeouts", _timeouts),
        "deadline": ("deadline", _deadline),
        "correlation_id": ("correlation_id", _factory),
    }
    changes: dict[str, Any] = {
        field: check(options[name]) for name, (field, check) in checks.items() if name in options
    }
    changes["extra_headers"] = settings.extra_headers.changed(options)
    changes["hooks"] = settings.hooks.changed(options)
    return _checked(replace(settings, **changes), options)


def _check_names(options: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in options:
        if name not in known:
            raise TypeError(f"unknown keyword {name!r}{nearest(name, known)}")


def _checked(settings: Settings, options: Mapping[str, Any]) -> Settings:
    if "correlation_id" in options and not callable(options["correlation_id"]):
        settings.new_correlation_id()  # so that a value which cannot be sent is found now
    return settings


def _policy(retry: Any) -> RetryPolicy:
    if not isinstance(retry, (RetryPolicy, type(None))):
        raise TypeError(f"retry: expected a RetryPolicy, got {type(retry).__name__}")
    return retry or RetryPolicy()


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected True or False, got {type(value).__name__}")
    return value


def _deadline(deadline: Any) -> float | None:
    if deadline is None:
        return None
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)):
        raise TypeError(f"deadline: expected seconds, got {type(deadline).__name__}")
    if not (deadline > 0 and math.isfinite(deadline)):
        raise ValueError("deadline must be more than 0 seconds; None is no limit")
    return float(deadline)


def _timeouts(timeout: Any) -> dict[str, float | None]:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float, httpx2.Timeout, type(None))):
        raise TypeError(f"timeout: expected seconds or an httpx2.Timeout, got {type(timeout).__name__}")
    timeouts: dict[str, float | None] = dict(httpx2.Timeout(timeout).as_dict())
    if any(value is not None and not value > 0 for value in timeouts.values()):
        raise ValueError("timeout must be more than 0 seconds")
    return timeouts


def _factory(correlation_id: Any) -> Callable[[], str | UUID]:
    if correlation_id is None:
        return uuid4
    if callable(correlation_id):
        return lambda: correlation_id()  # what it gives is checked when it has given it
    return lambda: correlation_id
