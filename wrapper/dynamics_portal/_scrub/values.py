"""JSON bodies without values: names of columns, structure and annotations stay, what is in a column is made up.

Kept are null, true and false; counts; names of types and tables in the annotations that hold them; codes of errors. Of
a column that the recorder names, numbers, dates and times are kept, too, never text.

Source: OData JSON Format 4.01, "Control Information"; Dataverse Web API, "Request annotations".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from .. import _json
from ..redaction import redact_code, redact_message
from ..secrets import MASK
from .names import Names, is_plain
from .urls import Urls

_NAME: Final = re.compile(r"[A-Za-z_]\w{0,199}", re.ASCII)
_MARK: Final = re.compile(r"(?:Microsoft\.Dynamics\.CRM|OData\.Community|Org\.OData)(?:\.\w{1,100}){1,6}", re.ASCII)
_TYPE: Final = re.compile(
    r"#?(?:Collection\(#?)?(?:(?:Microsoft\.Dynamics\.CRM|mscrm|Edm)\.\w{1,200}|Binary|Boolean|Byte|Date|DateTimeOffset"
    r"|Decimal|Double|Duration|Guid|Int16|Int32|Int64|Single|String|TimeOfDay)\)?",
    re.ASCII,
)
_LINKS: Final = frozenset(
    {
        "odata.associationLink",
        "odata.bind",
        "odata.context",
        "odata.deltaLink",
        "odata.editLink",
        "odata.id",
        "odata.mediaEditLink",
        "odata.mediaReadLink",
        "odata.navigationLink",
        "odata.nextLink",
        "odata.readLink",
    }
)
_VERSIONS: Final = frozenset({"odata.etag", "odata.mediaEtag"})
_CONTROLS: Final = frozenset({"odata.count", "odata.mediaContentType", "odata.type"}) | _LINKS | _VERSIONS
_COUNTS: Final = frozenset({"odata.count", "Microsoft.Dynamics.CRM.totalrecordcount"})
_SCHEMA_NAMES: Final = frozenset(
    {"Microsoft.Dynamics.CRM.lookuplogicalname", "Microsoft.Dynamics.CRM.associatednavigationproperty"}
)
_MISSING: Final = "NotFound"
_ROUNDS: Final = 5  # how often a message is masked until masking changes nothing


class Values:
    """Scrubs JSON with the made-up values of one cassette. `keep`: columns whose numbers, dates and times stay."""

    __slots__ = ("_keep", "_names", "_urls")

    def __init__(self, names: Names, urls: Urls, keep: frozenset[str]) -> None:
        self._names = names
        self._urls = urls
        self._keep = keep

    def document(self, value: Any) -> Any:
        """The body of a request or an answer."""
        if not isinstance(value, Mapping) or not isinstance(value.get("error"), Mapping):
            return self._value(value)
        return dict(
            (name, self._error(item)) if name == "error" else self._member(name, item) for name, item in value.items()
        )

    def token(self, value: Any) -> dict[str, Any]:
        """The answer of a token endpoint. Source: RFC 6749, "Successful Response", "Error Response"."""
        shown: dict[str, Any] = {}
        for name, item in value.items() if isinstance(value, Mapping) else ():
            keeps = _TOKEN_FIELDS.get(name)
            if keeps is not None:
                shown[name] = keeps(item)
        return shown

    def _value(self, value: Any, *, kept: bool = False) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Mapping):
            return dict(self._member(name, item) for name, item in value.items())
        if isinstance(value, list):
            return [self._value(item, kept=kept) for item in value]
        if isinstance(value, str):
            return value if kept and is_plain(value) else self._names.text(value)
        return value if kept else _number(self._names.number(str(value)))

    def _member(self, name: str, value: Any) -> tuple[str, Any]:
        column, mark, annotation = name.partition("@")
        if column and not _NAME.fullmatch(column):
            return self._names.label(name), self._value(value)
        if not mark and column:
            return name, self._value(value, kept=column in self._keep)
        if annotation in _CONTROLS or _MARK.fullmatch(annotation):
            return name, self._annotation(annotation, value)
        return self._names.label(name), self._value(value)

    def _annotation(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._annotation(name, item) for item in value]
        if isinstance(value, str):
            if name in _LINKS:
                return self._urls.address(value)
            if name in _VERSIONS:
                return self._names.version(value)
            if name == "odata.type" and _TYPE.fullmatch(value):
                return value
            if name in _SCHEMA_NAMES:
                return value if _NAME.fullmatch(value) else self._names.label(value)
        return self._value(value, kept=name in _COUNTS and not isinstance(value, str))

    def _error(self, error: Mapping[str, Any]) -> dict[str, Any]:
        """An error: its code, the harmless words of its message, and no value of what else it holds."""
        shown: dict[str, Any] = {}
        for name, value in error.items():
            if name == "code" and isinstance(value, str):
                shown[name] = value and _code(value)
            elif name == "message" and isinstance(value, str):
                shown[name] = masked_message(value)
            else:
                shown.update([self._member(name, value)])
        return shown


def masked_message(text: str) -> str:
    """A service's message, masked until masking it once more changes nothing."""
    for _ in range(_ROUNDS):
        text, before = redact_message(text), text
        if text == before:
            return text
    return MASK


def _code(code: str) -> str | None:
    """An error's code; of a word that is no known one, its end, where that tells a client that something is missing."""
    shown = redact_code(code)
    return _MISSING if shown == MASK and code.endswith(_MISSING) else shown


def _aadsts(value: Any) -> str:
    match = re.match(r"AADSTS\d{4,10}(?=\D|$)", value, re.ASCII) if isinstance(value, str) else None
    return f"{match[0]}: {MASK}" if match else MASK


def _whole(value: Any) -> Any:
    return value if isinstance(value, int) and abs(value) < 10**10 else MASK


def _codes(value: Any) -> Any:
    return [_whole(item) for item in value] if isinstance(value, list) else MASK


_TOKEN_FIELDS: Final[dict[str, Callable[[Any], Any]]] = {
    "access_token": lambda _: MASK,
    "error": lambda value: redact_code(value) if isinstance(value, str) else MASK,
    "error_codes": _codes,
    "error_description": _aadsts,
    "expires_in": _whole,
    "ext_expires_in": _whole,
    "token_type": lambda value: value if str(value).lower() == "bearer" else MASK,
}
"""What is kept of a token endpoint's answer; everything else is left out."""


def _number(text: str) -> int | Decimal:
    return Decimal(text) if "." in text else int(text)


def pretty(value: Any, indent: str = "\n") -> str:
    """JSON laid out for readers, a member a line, with every digit of a number."""
    deeper = indent + " "
    if isinstance(value, dict) and value:
        items = (f"{json.dumps(name)}: {pretty(item, deeper)}" for name, item in value.items())
        return "{" + deeper + f",{deeper}".join(items) + indent + "}"
    if isinstance(value, list) and value:
        return "[" + deeper + f",{deeper}".join(pretty(item, deeper) for item in value) + indent + "]"
    return json.dumps(value) if not isinstance(value, Decimal) else _json.encode(value).decode()
