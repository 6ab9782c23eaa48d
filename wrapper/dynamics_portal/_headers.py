"""Headers: what a user may add to requests, and the headers that options stand for: in whose name a call is made, which
custom logic runs along with it, whether duplicates are looked for.

What concerns the circumstances of a call is an option of the client, so that every verb, operation and batch has it;
what concerns one row (its version, what is returned) is a keyword of the verb.

Source: Dataverse Web API, "Impersonate another user using the Web API", "Detect duplicate data using the Web API";
Dataverse, "Bypass custom Dataverse logic"; RFC 9110, "Field Values".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

Headers = tuple[tuple[str, str], ...]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # RFC 9110, "Tokens"
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?")
_SYNCHRONOUS, _ASYNCHRONOUS = "CustomSync", "CustomAsync"

_OWN: Final = {
    **dict.fromkeys(("authorization", "proxy-authorization", "cookie"), "the client authenticates itself"),
    **dict.fromkeys(
        (
            "connection",
            "content-length",
            "expect",
            "host",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ),
        "it is HTTP's own",
    ),
    **dict.fromkeys(
        (
            "accept",
            "accept-encoding",
            "content-encoding",
            "content-id",
            "content-range",
            "content-type",
            "odata-maxversion",
            "odata-version",
            "range",
            "user-agent",
        ),
        "the client sets it to what it can read",
    ),
    "prefer": "use the keywords page_size, annotations and return_row of the verbs",
    "if-match": "use the keywords if_match and prevent_create of the verbs",
    "if-none-match": "use get_if_changed, or the keyword prevent_update of upsert",
    "x-correlation-id": "use the option correlation_id",
    "callerobjectid": "use the option act_as",
    "mscrmcallerid": "use the option act_as_user",
    "mscrm.suppressduplicatedetection": "use the option detect_duplicates",
    "mscrm.bypasscustompluginexecution": "use the option bypass_plugins",
    "mscrm.bypassbusinesslogicexecution": "use the option bypass_plugins",
    "mscrm.suppresscallbackregistrationexpanderjob": "use the option suppress_flows",
    "mscrm.sessiontoken": "use the table's partition",
}
"""Headers that are not the user's to set, in lower case, with the reason or what to use instead."""


def user_headers(headers: Any) -> Headers:
    """Headers of the user's own. Raises `ValueError` or `TypeError`, without a value, for what may not be sent."""
    if headers is None:
        return ()
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers: expected a mapping of names to texts, got {type(headers).__name__}")
    seen: set[str] = set()
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError("headers: a name is letters, digits and hyphens")
        lower = name.lower()
        if lower in _OWN:
            raise ValueError(f"headers: {name} cannot be set here: {_OWN[lower]}")
        if lower in seen:
            raise ValueError(f"headers: {name} is there twice")
        seen.add(lower)
        if not isinstance(value, str):
            raise TypeError(f"headers: {name}: expected a text, got {type(value).__name__}")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"headers: {name}: expected 1 to 4,096 printable ASCII characters")
    return tuple(headers.items())


def _user_id(header: str, option: str) -> Callable[[Any], Headers]:
    def check(value: Any) -> Headers:
        if value is None:
            return ()
        try:
            found = value if isinstance(value, UUID) else UUID(value)
        except (ValueError, TypeError, AttributeError):
            pass  # raised below, so that the original error, which has the value in its frames, is not chained
        else:
            return ((header, str(found)),)
        raise ValueError(f"{option}: expected a user's id as a UUID or its text")

    return check


def _switch(header: str, text: str, option: str) -> Callable[[Any], Headers]:
    def check(value: Any) -> Headers:
        if not isinstance(value, bool):
            raise TypeError(f"{option}: expected True or False, got {type(value).__name__}")
        return ((header, text),) if value else ()

    return check


def _bypassed(value: Any) -> Headers:
    logic = {True: f"{_SYNCHRONOUS},{_ASYNCHRONOUS}", "sync": _SYNCHRONOUS, "async": _ASYNCHRONOUS, False: ""}
    if not isinstance(value, (bool, str)) or value not in logic:
        raise ValueError("bypass_plugins: expected True, False, 'sync' or 'async'")
    return (("MSCRM.BypassBusinessLogicExecution", logic[value]),) if value else ()


HEADER_OPTIONS: Final[Mapping[str, Callable[[Any], Headers]]] = {
    "headers": user_headers,
    "act_as": _user_id("CallerObjectId", "act_as"),
    "act_as_user": _user_id("MSCRMCallerID", "act_as_user"),
    "detect_duplicates": _switch("MSCRM.SuppressDuplicateDetection", "false", "detect_duplicates"),
    "bypass_plugins": _bypassed,
    "suppress_flows": _switch("MSCRM.SuppressCallbackRegistrationExpanderJob", "true", "suppress_flows"),
}
"""Option to what makes headers of its value."""


class ExtraHeaders:
    """The headers that options stand for. Its representation shows names alone. Raises `ValueError` or `TypeError` for
    what makes no sense."""

    __slots__ = ("_by_option", "items")

    def __init__(self, by_option: Mapping[str, Headers] | None = None) -> None:
        self._by_option = dict(by_option or {})
        self.items: Headers = tuple(item for headers in self._by_option.values() for item in headers)

    def changed(self, options: Mapping[str, Any]) -> ExtraHeaders:
        """The same headers but for the options that are given. Of the two ways to name a user the later one holds."""
        given = {name: check(options[name]) for name, check in HEADER_OPTIONS.items() if name in options}
        if not given:
            return self
        if given.get("act_as") and given.get("act_as_user"):
            raise ValueError("act_as and act_as_user both name the user to act as: give one of them")
        kept = dict(self._by_option)
        if given.get("act_as") or given.get("act_as_user"):
            kept.pop("act_as", None)
            kept.pop("act_as_user", None)
        return ExtraHeaders({**kept, **given})

    def __repr__(self) -> str:
        return f"<ExtraHeaders: {', '.join(name for name, _ in self.items)}>"
