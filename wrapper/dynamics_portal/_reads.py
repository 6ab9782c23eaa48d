"""Reads: the call that fetches a URL. One that is too long for the line of a request goes as the one part of a batch.

Source: Dataverse Web API, "Compose HTTP requests and handle errors" (Maximum URL length), "Execute batch operations
using the Web API" (When to use batch requests).
"""

from __future__ import annotations

from typing import Final

from . import _multipart
from ._call import MAX_URL, STANDING_HEADERS, Call, Headers
from ._outcome import Answer
from ._settings import Settings

MAX_BATCHED_URL: Final = 65_536  # characters: the service's limit for the URL of a request in a batch
INNER_HEADERS: Final = (
    ("Accept", "application/json"),
    *(item for item in STANDING_HEADERS if item[0].startswith("OData")),
)
"""What every request in a batch carries."""


def checked_url(url: str) -> str:
    """The URL. Raises `ValueError` where it is longer than the service takes even in a batch."""
    if len(url) > MAX_BATCHED_URL:
        raise ValueError(f"the URL would have {len(url)} characters, of which the service takes {MAX_BATCHED_URL}")
    return url


def read_call(settings: Settings, url: str, headers: Headers = (), *, empty: bytes = b"{}") -> Call:
    """The call that reads what is at a URL. Raises `ValueError` where the URL is too long."""
    if len(checked_url(url)) <= MAX_URL:
        return Call("GET", url, settings.new_correlation_id(), headers=headers, empty=empty)
    part = _multipart.Part("GET", url, (*INNER_HEADERS, *settings.extra_headers.items, *headers))
    content_type, content = _multipart.encode([part])
    return Call(
        "POST",
        f"{settings.root.url}$batch",
        settings.new_correlation_id(),
        headers=(("Content-Type", content_type),),
        content=content,
        empty=empty,
        unwrap=unwrapped,
        part=part,
    )


def unwrapped(answer: Answer) -> Answer:
    """The one answer in an answer to a batch, with the headers of both; the answer itself where it holds none.

    A success that holds no answer is given back without a body, which nothing that is read can be made of.
    """
    content_type = answer.headers.get("content-type", "")
    if _multipart.is_multipart(content_type):
        try:
            (inner,) = _multipart.decode(content_type, answer.content)
        except ValueError:
            pass
        else:
            if isinstance(inner, _multipart.PartAnswer):
                found = inner.answer
                return Answer(found.status, {**answer.headers, **found.headers}, found.content)
    return Answer(answer.status, answer.headers, b"") if answer.ok else answer
