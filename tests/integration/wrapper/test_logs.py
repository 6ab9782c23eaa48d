"""Logs of whole calls over real TLS: whoever logs, at whatever level, writes neither secrets nor personal data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import Client, Shell

from dynamics_portal import AsyncPortalClient, DynamicsPortalClientException
from dynamics_portal_emulator.emulator import Emulator

MENTOR, ABSENT = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
NAME, MAIL = "Zqxkari Zqxnordmann", "zqxkari@example.org"
SERVED_BY_TESTS = ("dynamics_portal_emulator", "sqlalchemy", "uvicorn", "tests")


class Records(logging.Handler):
    """Keeps all records of the client's side, whoever made them: the emulator runs in this process, too."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(SERVED_BY_TESTS):
            self.kept.append(record)

    def text(self) -> str:
        lines = [f"{record.name} {record.getMessage()} {vars(record)!r}" for record in self.kept]
        return "\n".join(lines)


@pytest.fixture
def records() -> Iterator[Records]:
    root, handler = logging.getLogger(), Records()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def calls(shell: Shell) -> None:
    """Calls that carry personal data in every place, and get it back."""
    portal = shell.portal
    shell(portal.contacts.create({"contactid": MENTOR, "lastname": NAME, "emailaddress1": MAIL}))
    shell(portal.contacts.list(filter=f"emailaddress1 eq '{MAIL}' or lastname eq '{NAME}'", page_size=1))
    shell(portal.contacts.get(MENTOR, select=["lastname"]))
    shell(portal.contacts.update(MENTOR, {"lastname": NAME}))
    certificate = {"new_name": NAME, "new_type": 1, "new_Mentor@odata.bind": portal.contacts.reference(MENTOR)}
    shell(portal.new_certifications.upsert({"_new_mentor_value": MENTOR, "new_type": 1}, certificate))
    wrong: tuple[Callable[[], Any], ...] = (
        lambda: portal.new_set_website_visibility(MENTOR, visible=True, reason=NAME),  # this emulator has none
        lambda: portal.contacts.get(ABSENT),
        lambda: portal.contacts.create({"contactid": MENTOR, "lastname": NAME}),
        lambda: portal.contacts.list(filter=f"nothing eq '{NAME}'"),
    )
    for call in wrong:
        with pytest.raises(DynamicsPortalClientException):
            shell(call())


def httpx_transport(client_class: Client, emulator: Emulator) -> Any:
    """A transport of httpx2, which the user of a client has made."""
    kind = httpx2.AsyncHTTPTransport if issubclass(client_class, AsyncPortalClient) else httpx2.HTTPTransport
    return kind(verify=emulator.ssl_context())


def close(shell: Shell, transport: Any) -> None:
    shell(transport.aclose() if hasattr(transport, "aclose") else transport.close())


@pytest.mark.parametrize("own", [False, True], ids=["the client's connections", "a user's connections"])
def test_no_logger_at_any_level_writes_what_calls_carry(
    own: bool, connect: Callable[..., Shell], client_class: Client, emulator: Emulator, records: Records
) -> None:
    transport = httpx_transport(client_class, emulator)
    shell = connect(**({"transport": transport} if own else {}))
    calls(shell)
    close(shell, transport)
    tokens = emulator.client_secret, "Bearer", "eyJ"
    text = records.text()
    assert ("receive_response_headers.complete" in text) == own  # the HTTP library did log, where it is used
    assert "/contacts(***)" in text
    found = [planted for planted in (NAME, MAIL, "Zqx", "zqx", MENTOR, ABSENT, *tokens) if planted in text]
    assert found == []


def test_without_the_filter_the_http_library_writes_keys(
    connect: Callable[..., Shell],
    client_class: Client,
    emulator: Emulator,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `quieten` is for; where this fails, it is needed no more."""
    transport = httpx_transport(client_class, emulator)
    monkeypatch.setattr("dynamics_portal._portal.quieten", lambda: None)
    for name in ("httpcore2.http11", "httpcore2.connection"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
    shell = connect(transport=transport)
    calls(shell)
    close(shell, transport)
    assert MENTOR in records.text()
