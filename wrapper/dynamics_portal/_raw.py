"""Raw responses: what the wire said, beside what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NoReturn, TypeVar

from ._error_mapping import request_id
from ._frames import reticent_class
from ._outcome import Answer
from .errors import DynamicsPortalClientException

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@reticent_class
class RawResponse(Generic[R_co]):
    """The answer to a call, of its last request where it took several.

    `status_code`: of a success. `headers`: all of them, names in lower case. `content`: the body, uncompressed; it
    holds personal data. `attempts`: how often the request was sent. `elapsed`: seconds for the call, waits included.
    The representation shows neither headers nor content.
    """

    __slots__ = ("_parse", "attempts", "content", "elapsed", "headers", "status_code")

    def __init__(self, answer: Answer, elapsed: float, parse: Callable[[], R_co]) -> None:
        self.status_code = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.content = answer.content
        self.attempts = answer.attempts
        self.elapsed = elapsed
        self._parse = parse

    @property
    def request_id(self) -> str | None:
        """The service's id of the request, for Microsoft's support."""
        return request_id(self.headers)

    def parse(self) -> R_co:
        """What the verb gives without `with_raw_response`. Raises `ServerError` where the contract says otherwise."""
        return self._parse()

    def __repr__(self) -> str:
        return f"<RawResponse: {self.status_code}, attempts {self.attempts}>"


def raw_response(answer: Answer, elapsed: float, parsed: R) -> RawResponse[R]:
    """The response of an answer that could be understood."""
    return RawResponse(answer, elapsed, lambda: parsed)


def unparsed(answer: Answer, elapsed: float, error: DynamicsPortalClientException) -> RawResponse[Any]:
    """The response of an answer that could not."""

    def parse() -> NoReturn:
        raise error.copy()

    return RawResponse(answer, elapsed, parse)
