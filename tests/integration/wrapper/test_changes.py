"""Change tracking against the emulator over TLS."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from tests.unit.wrapper.support import Clock, Shell

from dynamics_portal import Changed, ChangeTokenExpiredError, InvalidRequestError, Removed
from dynamics_portal_emulator.emulator import Emulator


def applied(copy: dict[UUID, str], changes: list[Changed[Any] | Removed]) -> None:
    """What somebody does who keeps a copy of a table."""
    for change in changes:
        match change:
            case Changed(row):
                copy[row.contactid] = row.firstname
            case Removed(key, _):
                copy.pop(key, None)


def test_a_copy_that_follows_the_changes_is_the_table(shell: Shell, emulator: Emulator) -> None:
    """Random writes, with pages of two rows and a connection that is dropped now and then."""
    chance = random.Random(4)
    table, copy, token = shell.portal.contacts, dict[UUID, str](), None
    for step in range(12):
        for number in range(chance.randrange(6)):
            keys = sorted(copy)
            action = chance.randrange(3)
            if action and keys:
                key = chance.choice(keys)
                there = {row["contactid"] for row in emulator.rows("contacts")}
                if str(key) in there:
                    shell(table.delete(key) if action == 1 else table.update(key, {"firstname": f"{step}.{number}"}))
            else:
                shell(table.create({"firstname": f"{step}.{number}"}))
        emulator.faults.drop_before(method="GET", times=chance.randrange(2))
        counted = None if token is None else shell(table.count_changes(token))
        changes = table.changes(since=token, select=["firstname"], page_size=2)
        found = shell(changes)
        assert counted in (None, len(found))
        applied(copy, found)
        token = changes.token
        assert copy == {UUID(row["contactid"]): row["firstname"] for row in emulator.rows("contacts")}


def test_an_expired_token_asks_for_a_full_load(shell: Shell, emulator: Emulator, clock: Clock) -> None:
    changes = shell.portal.contacts.changes()
    shell(changes)
    emulator.clock.advance(8 * 24 * 3600)
    clock.sleep(8 * 24 * 3600)
    with pytest.raises(ChangeTokenExpiredError):
        shell(shell.portal.contacts.changes(since=changes.token))
    with pytest.raises(ChangeTokenExpiredError):
        shell(shell.portal.contacts.count_changes(changes.token))


def test_a_table_without_tracking_is_a_clear_error(shell: Shell, emulator: Emulator) -> None:
    emulator.settings.untracked.add("contact")
    with pytest.raises(InvalidRequestError) as caught:
        shell(shell.portal.contacts.changes())
    assert caught.value.status_code == 400


def test_a_synchronization_goes_on_where_it_was_left(connect: Callable[..., Shell], emulator: Emulator) -> None:
    first, second = connect(), connect()
    emulator.seed("contacts", [{"firstname": str(number)} for number in range(5)])
    begun = first.portal.contacts.changes(page_size=2)
    taken = [first.next(begun) for _ in range(3)]
    rest = second.portal.contacts.changes(since=begun.state)
    taken += second(rest)
    assert [change.row.firstname for change in taken] == list("01234")
    assert second(second.portal.contacts.changes(since=rest.token)) == []
