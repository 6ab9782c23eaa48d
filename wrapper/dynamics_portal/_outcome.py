"""Outcomes: what came of one attempt. `Answer`: the server said something. `Fault`: it did not.

Neither shows what it holds. Which outcome is repeated is decided in `retry`, which one is an error in `_failures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .secrets import Secret


class Answer:
    """An HTTP answer that was read to its end and decoded. Header names are in lower case."""

    __slots__ = ("attempts", "content", "headers", "secrets", "status", "uncertain")

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.attempts = 1
        self.uncertain = False
        """Whether an attempt before this one may have run."""
        self.secrets: tuple[Secret, ...] = ()
        """What the request proved itself with, which the server may echo; kept where it is, or may hold, no success."""

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300

    def __repr__(self) -> str:
        return f"<Answer: {self.status}>"


class Fault:
    """An attempt without an answer. The two kinds matter: the request provably never left, or it may have run."""

    __slots__ = ("explanation", "may_have_run", "transient")

    def __init__(self, explanation: str, *, may_have_run: bool, transient: bool = True) -> None:
        self.explanation = explanation
        self.may_have_run = may_have_run
        self.transient = transient

    def __repr__(self) -> str:
        return f"<Fault: {self.explanation}>"


Outcome = Answer | Fault


NEVER_LEFT: Final = frozenset(
    {
        "ConnectError",  # no connection: name resolution, TCP, TLS
        "ConnectTimeout",
        "PoolTimeout",  # no connection was given out
        "ProxyError",  # the proxy opened no tunnel
        "UnsupportedProtocol",  # the transport knows no such scheme
        "InvalidURL",
        "ConnectionRefusedError",  # what a transport of somebody else's may let out
        "gaierror",
    }
)
"""Exceptions, by name, after which no byte of the request has been sent.

After any other it may have run: written in part or whole (`WriteError`, `WriteTimeout`), unanswered (`ReadError`,
`ReadTimeout`, `RemoteProtocolError`, which is also what comes of a connection that the server had just closed), or
answered and not understood (`DecodingError`)."""

_HOPELESS: Final = frozenset(
    {"UnsupportedProtocol", "InvalidURL", "StreamError", "TooManyRedirects", "HTTPStatusError"}
)
"""Exceptions after which another attempt would end alike."""


def fault_of(error: Exception) -> Fault:
    """The fault that an exception of the transport stands for. Its text is dropped: it may hold a URL.

    Source: HTTPX, "Exceptions".
    """
    name = type(error).__name__
    kinds = {cls.__name__ for cls in type(error).__mro__}
    if _refused_certificate(error):
        return Fault("the server's certificate was not accepted", may_have_run=False, transient=False)
    if "UnsupportedProtocol" in kinds:
        return Fault("the transport cannot reach such a URL", may_have_run=False, transient=False)
    if "InvalidURL" in kinds:
        return Fault("the request's URL is not valid", may_have_run=False, transient=False)
    explanation = f"timeout ({name})" if "Timeout" in name else f"no answer ({name})"
    return Fault(explanation, may_have_run=kinds.isdisjoint(NEVER_LEFT), transient=kinds.isdisjoint(_HOPELESS))


def _refused_certificate(error: BaseException | None) -> bool:
    """Whether TLS refused the certificate, by name: `ssl` is not there on every platform."""
    seen = 0
    while error is not None and seen < 10:  # a chain of exceptions can be a circle
        if type(error).__name__ == "SSLCertVerificationError":
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False
