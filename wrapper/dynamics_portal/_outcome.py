"""Outcomes: what came of one attempt. `Answer`: the server said something. `Fault`: it did not.

Neither shows what it holds. Which outcome is repeated is decided in `retry`, which one is an error in `_failures`.
"""

from __future__ import annotations

from collections.abc import Mapping


class Answer:
    """An HTTP answer that was read to its end and decoded. Header names are in lower case."""

    __slots__ = ("attempts", "content", "headers", "status", "uncertain")

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.attempts = 1
        self.uncertain = False
        """Whether an attempt before this one may have run."""

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


def fault_of(error: Exception) -> Fault:
    """The fault that an exception of the transport stands for. Its text is dropped: it may hold a URL.

    Source: httpx, "Exceptions"; a connection that was never made, or never given out by the pool, carried no request.
    """
    name = type(error).__name__
    kinds = {cls.__name__ for cls in type(error).__mro__}
    if _refused_certificate(error):
        return Fault("the server's certificate was not accepted", may_have_run=False, transient=False)
    if "UnsupportedProtocol" in kinds:
        return Fault("the transport cannot reach such a URL", may_have_run=False, transient=False)
    never_left = not kinds.isdisjoint(
        {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "ConnectionRefusedError", "gaierror"}
    )
    explanation = f"timeout ({name})" if "Timeout" in name else f"no answer ({name})"
    return Fault(explanation, may_have_run=not never_left)


def _refused_certificate(error: BaseException | None) -> bool:
    """Whether TLS refused the certificate, by name: `ssl` is not there on every platform."""
    seen = 0
    while error is not None and seen < 10:  # a chain of exceptions can be a circle
        if type(error).__name__ == "SSLCertVerificationError":
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False
