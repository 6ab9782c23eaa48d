"""Error bodies: the codes and the text that a body holds, whatever it looks like. No I/O, and nothing here can fail.

It may be JSON in the forms of OData 4, 3 and 2, of OAuth, of ASP.NET, of Power Pages and of RFC 9457, cut off or with
something before it; XML, HTML, plain text; in any encoding, or no text at all. Only the first part of a long one is
read, in time that grows with its length and no faster.

Source: OData JSON Format 4.01, "Error Response"; RFC 6749, "Error Response"; RFC 9457, "Members of a Problem Details
Object"; Dataverse Web API, "Compose HTTP requests and handle errors".
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

MAX_BODY: Final = 1 << 20  # bytes that are read: as many as the exchange takes of an error
MAX_MESSAGE: Final = 4000  # characters of the server's text that are kept; its stack traces run to megabytes
_HEAD: Final = 1 << 16  # characters in which something that is no whole JSON is searched
_DEPTH: Final = 5  # errors within errors that are looked into

_BOMS: Final = (  # UTF-32 first: its mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_HEX: Final = re.compile(r"(?:0x)?(8[0-9a-f]{7})|(0x[0-9a-f]{1,8})", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-[0-9]{1,10}|[0-9]{10}")
_WORD: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_AADSTS: Final = re.compile(r"AADSTS\d{4,10}")
_XML_CODE: Final = re.compile(r"<(?:\w{1,20}:)?(?:error)?code[^<>]*>([^<]{0,100})</", re.IGNORECASE)
_XML_MESSAGE: Final = re.compile(r"<(?:\w{1,20}:)?(?:message|faultstring)[^<>]*>([^<]{0,4000})</", re.IGNORECASE)
_HTML: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HIDDEN: Final = re.compile(r"<(script|style)\b", re.IGNORECASE)
_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)("?)|([{}\[\]:,])|[^\s{}\[\]:,"]+', re.DOTALL)

_CODE_KEYS: Final = ("code", "Code", "cdscode", "errorcode", "ErrorCode", "hresult", "HResult")
_MESSAGE_KEYS: Final = ("message", "Message", "error_description", "ExceptionMessage", "detail", "title")
_INNER_KEYS: Final = ("innererror", "innerError", "InnerError", "internalexception", "InnerException")


class Body(NamedTuple):
    """What a body says. `codes`: the outermost first. `oauth_error`: the word of RFC 6749, where it has that form."""

    codes: tuple[str, ...] = ()
    message: str = ""
    oauth_error: str | None = None


def read_body(content: bytes) -> Body:
    """What an error's body says."""
    text = decoded(content)
    if not text:
        return Body()
    try:
        return _read_document(_parsed(text))
    except (ValueError, RecursionError):
        pass  # no JSON, or not all of it
    if text.startswith("<"):
        return _read_markup(text)
    if "{" in text[:_HEAD]:
        return _read_head(text[:_HEAD])
    return Body(message=_clean(text))


def decoded(content: bytes) -> str:
    """The text that bytes stand for; empty where they are none, as when they are compressed."""
    head = content[:MAX_BODY]
    text = _decode(head).replace("\x00", "").strip()
    sample = text[:1000]
    strange = sum(character == "\ufffd" or (character < " " and character not in "\t\r\n") for character in sample)
    return "" if strange * 10 > len(sample) else text


def _decode(head: bytes) -> str:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return head.decode(encoding, "replace")
    if len(head) > 3 and head[0] == head[2] == 0 != head[1]:  # JSON and XML begin with ASCII
        return head.decode("utf-16-be", "replace")
    if len(head) > 3 and head[1] == head[3] == 0 != head[0]:
        return head.decode("utf-16-le", "replace")
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head)  # whose end may be cut in a character
    except UnicodeDecodeError:
        return head.decode("cp1252", "replace")


def normal_code(raw: object) -> str | None:
    """A code as it is compared and shown: hexadecimal in lower case, a word as it is, `None` for anything else.

    The same code is written in several ways: `0x80040217`, `80040217`, -2147220969, 2147746327.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw) if abs(raw) < 10**10 else None
    if not isinstance(raw, str):
        return None
    text = raw.strip()
    if match := _HEX.fullmatch(text):
        return f"0x{match[1].lower()}" if match[1] else match[2].lower()
    if _NUMBER.fullmatch(text) and -(1 << 31) <= int(text) < 1 << 32:
        return f"0x{int(text) & 0xFFFFFFFF:08x}"
    return text if _WORD.fullmatch(text) else None


def _parsed(text: str) -> Any:
    """The JSON that a text is, or that an error in a part of a batch's answer is."""
    try:
        return json.loads(text)
    except ValueError:
        start = text.find('{"error"', 0, _HEAD)
        if start < 0:
            raise
        return json.JSONDecoder().raw_decode(text, start)[0]


def _read_document(document: Any) -> Body:
    if isinstance(document, list):
        document = document[0] if document else None
    if not isinstance(document, dict):
        return Body(message=_clean(document))
    error = document.get("error", document.get("odata.error"))
    if isinstance(error, str):
        return _read_oauth(document, error)
    several = document.get("errors")
    if isinstance(error, dict):
        holder = error
    elif isinstance(several, list) and several and isinstance(several[0], dict):
        holder = several[0]
    else:
        holder = document
    message = _message(holder) or _message(document)
    return Body(tuple(_codes(holder, _DEPTH)), message)


def _read_oauth(document: dict[str, Any], error: str) -> Body:
    """RFC 6749's form. Entra's own code stands in the description, and as a number in a list."""
    description = _clean(document.get("error_description"))
    own = _AADSTS.search(description)
    numbers = document.get("error_codes")
    code = own[0] if own else None
    if code is None and isinstance(numbers, list) and numbers and _AADSTS.fullmatch(f"AADSTS{numbers[0]}"):
        code = f"AADSTS{numbers[0]}"
    form = "error_description" in document or code is not None
    found = code or normal_code(error)
    return Body((found,) if found else (), description or _clean(error), normal_code(error) if form else None)


def _codes(holder: dict[str, Any], depth: int) -> Iterator[str]:
    for key in _CODE_KEYS:
        code = normal_code(holder.get(key))
        if code is not None:
            yield code
    for key in _INNER_KEYS if depth else ():
        inner = holder.get(key)
        if isinstance(inner, dict):
            yield from _codes(inner, depth - 1)


def _message(holder: dict[str, Any]) -> str:
    for key in _MESSAGE_KEYS:
        value = holder.get(key)
        if isinstance(value, dict):  # OData 3 and 2: {"lang": …, "value": …}
            value = value.get("value")
        if isinstance(value, str) and value:
            return _clean(value)
    return ""


def _read_markup(text: str) -> Body:
    if _HTML.search(text, 0, 1000):
        return Body(message=_clean(" ".join(_visible(text[:_HEAD]))))
    code, message = _XML_CODE.search(text, 0, _HEAD), _XML_MESSAGE.search(text, 0, _HEAD)
    found = normal_code(code[1]) if code else None
    return Body((found,) if found else (), _clean(_unescaped(message[1]) if message else text))


def _visible(text: str) -> Iterator[str]:
    """The words of a page, without its tags, scripts and styles."""
    position = 0
    while True:
        start = text.find("<", position)
        yield from _unescaped(text[position : start if start >= 0 else len(text)]).split()
        if start >= 0 and (hidden := _HIDDEN.match(text, start)):
            end = re.compile(f"</{hidden[1]}", re.IGNORECASE).search(text, start)
            start = -1 if end is None else end.start()
        position = text.find(">", start) + 1 if start >= 0 else 0
        if position == 0:
            return


def _unescaped(text: str) -> str:
    from html import unescape  # costs 3 ms at import, and such bodies are rare

    return unescape(text)


def _read_head(text: str) -> Body:
    """What the beginning of JSON says that was cut off, or that is not quite JSON."""
    codes: list[str] = []
    message, key, last = "", "", ""
    for match in _TOKEN.finditer(text):
        if match[3] == ":":
            key, last = last, ""
            continue
        value = _string(match[1]) if match[1] is not None else match[0]
        if key in _CODE_KEYS and not match[3] and (code := normal_code(value)):
            codes.append(code)
        elif key in _MESSAGE_KEYS and match[1] is not None and not message:
            message = value
        last = value if match[1] is not None else ""
        key = ""
    return Body(tuple(codes), _clean(message or text))


def _string(raw: str) -> str:
    try:
        return str(json.loads(f'"{raw}"', strict=False))
    except ValueError:
        return raw  # an escape that was cut in two


def _clean(value: object) -> str:
    """A text of a length that is kept, which can be encoded; half of a surrogate pair cannot."""
    return value[:MAX_MESSAGE].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
