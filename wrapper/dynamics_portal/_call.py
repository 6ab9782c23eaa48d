"""A call: what is sent for one thing that the user asked for, prepared before the first attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ._outcome import Answer
from ._version import VERSION

if TYPE_CHECKING:
    from ._multipart import Part

Headers = tuple[tuple[str, str], ...]

STANDING_HEADERS: Final[Headers] = (
    ("Accept-Encoding", "gzip, deflate"),
    ("User-Agent", f"dynamics-portal/{VERSION}"),
    ("OData-Version", "4.0"),
    ("OData-MaxVersion", "4.0"),
)
"""What every request to the service carries, beside what it accepts."""

MAX_URL: Final = 32_768  # characters: the service's limit. Source: "Compose HTTP requests and handle errors"
EMPTY_LIST: Final = b'{"value":[]}'
JSON_BODY: Final = ("Content-Type", "application/json")


class Lifetime:
    """Whether a client may still be used, and what it has learned of the service; shared by all that are made of it.

    `lacking`: bulk messages that tables were found to lack.
    """

    __slots__ = ("closed", "lacking")

    def __init__(self) -> None:
        self.closed = False
        self.lacking: set[str] = set()


class Call:
    """Method, absolute URL, headers beside the standing ones, body. Its representation shows the method alone.
    Raises `ValueError` where the URL is too long.

    `repeatable`: whether running it twice does what running it once does. `empty`: what a service without rows says.
    `unwrap`: of what is sent within another request, what finds its answer in that one's; `part`: what it then is.
    `reads`: whether it changes nothing; by default that of a GET, and of a read that is sent within another request.
    """

    __slots__ = (
        "accept",
        "content",
        "correlation_id",
        "empty",
        "headers",
        "method",
        "part",
        "reads",
        "repeatable",
        "unwrap",
        "url",
    )

    def __init__(
        self,
        method: str,
        url: str,
        correlation_id: str,
        *,
        headers: Headers = (),
        content: bytes | None = None,
        repeatable: bool = True,
        accept: str = "application/json",
        empty: bytes = b"{}",
        unwrap: Callable[[Answer], Answer] | None = None,
        part: Part | None = None,
        reads: bool | None = None,
    ) -> None:
        self.accept = accept
        self.unwrap = unwrap
        self.part = part
        self.empty = empty
        self.method = method
        self.url = checked_url(url)
        self.correlation_id = correlation_id
        self.headers = headers
        self.content = content
        self.repeatable = repeatable
        self.reads = (method == "GET" or unwrap is not None) if reads is None else reads

    def __repr__(self) -> str:
        return f"<Call: {self.method}>"


def checked_url(url: str) -> str:
    """The URL. Raises `ValueError` where it is longer than the service takes."""
    if len(url) > MAX_URL:
        raise ValueError(f"the URL would have {len(url)} characters, of which the service takes {MAX_URL}")
    return url
