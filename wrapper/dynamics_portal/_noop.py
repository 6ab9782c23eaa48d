"""The client that does nothing, for when Dynamics is unavailable or not yet agreed: what it answers and keeps.

It has the same classes and checks as the real one, so code that works with it works; but no socket is opened and no
credential asked. Reads find nothing, writes count as done and are kept for whoever wants to see them. No I/O.
"""

from __future__ import annotations

import logging
from typing import Any, Final, NoReturn

import httpx2

from . import _json
from ._call import JSON_BODY, Call
from ._outcome import Answer
from .credentials import ClientCredentials, CredentialError
from .redaction import redact_url

ADDRESS: Final = "https://disabled.invalid"
"""Where a client that does nothing would send its requests. No such host can exist (RFC 2606)."""

_LOGGER: Final = logging.getLogger("dynamics_portal")


class RecordedWrite:
    """A request that would have changed something. Its representation shows neither keys nor values.

    `path` is relative to the service's root. `body`: the JSON that would have been sent, a file's bytes, or `None`.
    """

    __slots__ = ("body", "method", "path")

    def __init__(self, call: Call) -> None:
        self.method = call.method
        self.path = call.url.removeprefix(ADDRESS).partition("/api/data/")[2].partition("/")[2]
        self.body: Any = _json.decode(call.content) if call.content and JSON_BODY in call.headers else call.content

    def __repr__(self) -> str:
        return f"<RecordedWrite: {self.method} {redact_url(f'{ADDRESS}/api/data/v9.2/{self.path}')}>"


class NoCredentials:
    """The credential provider of a client that asks for none."""

    def get_credentials(self) -> ClientCredentials:
        """Raises `CredentialError`: to be asked at all is a mistake."""
        raise CredentialError("a client that does nothing has no credentials")


def answer_of(call: Call) -> Answer:
    """What a service without rows would say."""
    if call.reads or call.empty != b"{}":
        return Answer(200, {}, call.empty)
    if any(name == "Prefer" and value.startswith("return=representation") for name, value in call.headers):
        return Answer(201 if call.method == "POST" else 200, {}, call.content or b"{}")
    return Answer(204, {}, b"" if call.method in ("PATCH", "DELETE") else call.empty)


def no_transport() -> httpx2.MockTransport:
    """A transport that nothing passes, so that no connection can be made even by mistake."""
    return httpx2.MockTransport(_refuse)


def _refuse(request: httpx2.Request) -> NoReturn:
    raise httpx2.ConnectError("a client that does nothing sends nothing")


def warn() -> None:
    """Say once, when the client is made, that it does nothing."""
    _LOGGER.warning("the Dynamics portal is switched off: reads find nothing, writes are recorded and not sent")
