"""The client that does nothing: same classes and checks, no socket, no credential, writes kept."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from tests.unit.wrapper.support import MENTOR, Client, Shell

import dynamics_portal_api
from dynamics_portal import InvalidRequestError, RecordedWrite
from dynamics_portal_api.models import ContactMentorStatus


@pytest.fixture
def drive() -> Iterator[Callable[[Any], Shell]]:
    """Drives a client, and closes it in the end."""
    shells: list[Shell] = []

    def make(portal: Any) -> Shell:
        shells.append(Shell(portal))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


@pytest.fixture
def shell(client_class: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    made = Shell(client_class.no_op())  # asyncio's own sockets are made before any more are refused

    def refuse(*arguments: Any) -> None:
        raise AssertionError("a client that does nothing opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield made
    made.close()


@pytest.fixture
def portal(shell: Shell) -> Any:
    return shell.portal


@pytest.mark.parametrize("flag", ["false", "False", " 0 ", "off", "no"])
def test_the_flag_alone_switches_it_on_and_nothing_else_is_needed(
    flag: str, client_class: Any, drive: Callable[[Any], Shell]
) -> None:
    portal = client_class.from_environment(environ={"DYNAMICS_PORTAL_ENABLED": flag})
    assert type(portal) is client_class
    assert drive(portal)(portal.contacts.count()) == 0


@pytest.mark.parametrize("flag", ["", " ", "true", "TRUE", "1", "yes", "on"])
def test_a_flag_that_says_yes_or_nothing_leaves_calls_on(flag: str, client_class: Any) -> None:
    with pytest.raises(InvalidRequestError, match="DYNAMICS_BASE_URL"):
        client_class.from_environment(environ={"DYNAMICS_PORTAL_ENABLED": flag})


@pytest.mark.parametrize("flag", ["flase", "disabled", "2", "ture"])
def test_a_flag_that_says_neither_is_refused(flag: str, client_class: Any) -> None:
    """Whoever meant to switch it off must not find it on."""
    with pytest.raises(InvalidRequestError, match="DYNAMICS_PORTAL_ENABLED: expected true or false") as caught:
        client_class.from_environment(environ={"DYNAMICS_PORTAL_ENABLED": flag})
    assert flag not in str(caught.value)


def test_it_warns_once_when_it_is_made(
    client_class: Any, drive: Callable[[Any], Shell], caplog: pytest.LogCaptureFixture
) -> None:
    shell = drive(client_class.no_op())
    shell(shell.portal.contacts.count())
    assert [(record.levelno, record.name) for record in caplog.records] == [(logging.WARNING, "dynamics_portal")]
    assert "switched off" in caplog.text


def test_every_table_reads_as_empty(shell: Shell, portal: Any) -> None:
    for name in dynamics_portal_api.registry.TABLES:
        table = portal.table(name)
        assert shell(table.list(page_size=5)) == []
        assert shell(table.list().pages()) == []
        assert shell(table.count()) == 0
        assert shell(table.get(MENTOR)).to_dict() == {}
    assert portal.recorded == ()


def test_operations_answer_with_their_type_and_nothing_in_it(shell: Shell, portal: Any) -> None:
    assert shell(portal.who_am_i()).user_id is None
    assert shell(portal.new_set_website_visibility(MENTOR, visible=False)).is_visible is None
    assert [(write.method, write.body) for write in portal.recorded] == [("POST", {"Visible": False})]


def test_writes_count_as_done_and_are_kept_in_order(shell: Shell, portal: Any) -> None:
    made = shell(portal.contacts.create({"firstname": "Kari", "new_mentor_status": ContactMentorStatus.ACTIVE}))
    shell(portal.contacts.update(made, {"new_pause_reason": "ill"}))
    shell(portal.contacts.upsert(made, {"firstname": "Ola"}))
    shell(portal.contacts.delete(made))
    assert isinstance(made, UUID)
    body = {"firstname": "Kari", "new_mentor_status": 100000000, "contactid": str(made)}
    row = f"contacts({made})"
    assert [(write.method, write.path, write.body) for write in portal.recorded] == [
        ("POST", "contacts", body),
        ("PATCH", row, {"new_pause_reason": "ill"}),
        ("PATCH", row, {"firstname": "Ola"}),
        ("DELETE", row, None),
    ]


def test_what_a_real_client_refuses_is_refused(client_class: Any, drive: Callable[[Any], Shell]) -> None:
    shell = drive(client_class.no_op(writable={"contacts": ["firstname"]}))
    with pytest.raises(InvalidRequestError):
        shell(shell.portal.contacts.update(MENTOR, {"lastname": "N"}))
    with pytest.raises(InvalidRequestError):
        shell(shell.portal.contacts.update(MENTOR, {"nothing": 1}))
    assert shell.portal.recorded == ()
    shell(shell.portal.aclose() if hasattr(shell.portal, "aclose") else shell.portal.close())
    with pytest.raises(InvalidRequestError, match="closed"):
        shell(shell.portal.who_am_i())


def test_what_is_kept_shows_neither_keys_nor_values(shell: Shell, portal: Any) -> None:
    shell(portal.contacts.update(MENTOR, {"firstname": "Kari"}))
    (write,) = portal.recorded
    assert isinstance(write, RecordedWrite)
    assert "Kari" not in repr(write)
    assert str(MENTOR) not in repr(write)
    assert "PATCH" in repr(write)


def test_the_schema_is_not_told(shell: Shell, portal: Any) -> None:
    assert shell(portal.metadata_version()) is None
    assert shell(portal.metadata()) == b""


def test_a_transport_that_is_given_is_not_used(client_class: Any, drive: Callable[[Any], Shell]) -> None:
    shell = drive(client_class.no_op(transport=object()))
    assert shell(shell.portal.contacts.list()) == []
