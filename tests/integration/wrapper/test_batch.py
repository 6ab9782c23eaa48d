"""Batches against the emulator over TLS: results, atomic change sets, references, and lost connections."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from tests.unit.wrapper.support import Shell
from tests.unit.wrapper.test_batch import failing, run, states

from dynamics_portal import DynamicsPortalClientException, NotFoundError, NotRunError
from dynamics_portal_api.operations import NewSetWebsiteVisibility, WhoAmI
from dynamics_portal_emulator.emulator import Emulator


def names(emulator: Emulator) -> list[str]:
    return sorted(row["firstname"] for row in emulator.rows("contacts"))


def test_any_mix_of_operations_gives_typed_results(shell: Shell, emulator: Emulator) -> None:
    kari, ola = shell(shell.portal.contacts.create({"firstname": "Kari"})), uuid4()
    emulator.on_action("new_SetWebsiteVisibility", lambda *_: {"IsVisible": True})
    sent = len(emulator.requests)
    results = run(
        shell,
        lambda b: [
            b.contacts.update(kari, {"lastname": "Nordmann"}),
            b.contacts.get(kari, select=["lastname"]),
            b.contacts.upsert(ola, {"firstname": "Ola"}),
            b.contacts.list(order_by="firstname", page_size=1, count=True),
            b.execute(WhoAmI()),
            b.execute(NewSetWebsiteVisibility(kari, visible=True)),
            b.contacts.delete(ola),
            b.contacts.count(),
        ],
    )
    _, got, put, page, who, shown, _, left = (pending.result() for pending in results)
    assert (got.lastname, put, str(who.user_id), shown.is_visible, left) == (
        "Nordmann",
        ola,
        emulator.user_id,
        True,
        1,
    )
    assert ([row.firstname for row in page], page.total) == (["Kari"], 2)
    assert len(emulator.requests) == sent + 1
    assert [row.firstname for row in shell(shell.portal.contacts.resume(page.rest))] == []  # Ola is gone by now


def test_a_change_set_makes_rows_that_refer_to_each_other(shell: Shell, emulator: Emulator) -> None:
    def fill(batch: Any) -> list[Any]:
        with batch.change_set() as changes:
            mentor = changes.contacts.create({"firstname": "Kari"})
            lookup = {"new_type": 100000000, "new_Mentor@odata.bind": changes.contacts.reference(mentor)}
            return [
                mentor,
                changes.new_certifications.create(lookup),
                changes.contacts.update(mentor, {"lastname": "N"}),
            ]

    mentor, certification, _ = (pending.result() for pending in run(shell, fill))
    assert shell(shell.portal.contacts.get(mentor)).lastname == "N"
    assert shell(shell.portal.new_certifications.get(certification)).new_mentor_value == mentor


def test_rows_are_related_and_parted_in_a_change_set(shell: Shell, emulator: Emulator) -> None:
    kari = shell(shell.portal.contacts.create({"firstname": "Kari"}))

    def relate(batch: Any) -> list[Any]:
        with batch.change_set() as changes:
            made = changes.new_assignments.create({})
            mentor = changes.contacts.reference(kari)
            return [made, changes.new_assignments.associate(made, "new_Mentor", mentor)]

    made, related = (pending.result() for pending in run(shell, relate))
    assert related is None
    table = shell.portal.new_assignments
    assert shell(table.get(made)).new_mentor_value == kari
    (parted,) = run(shell, lambda batch: [batch.new_assignments.disassociate(made, table.c.new_mentor)])
    assert parted.result() is None
    assert shell(table.get(made)).new_mentor_value is None


def test_a_change_set_that_fails_leaves_nothing_and_tells_which_operation_it_was(
    shell: Shell, emulator: Emulator
) -> None:
    kari = shell(shell.portal.contacts.create({"firstname": "Kari"}))

    def fill(batch: Any) -> list[Any]:
        with batch.change_set() as changes:
            return [
                changes.contacts.update(kari, {"firstname": "changed"}),
                changes.contacts.delete(uuid4()),
                changes.contacts.create({"firstname": "Ola"}),
            ]

    pending, error = failing(shell, fill)
    assert states(pending) == ["not_run", "failed", "not_run"]
    assert isinstance(error, NotFoundError)
    assert error.explanation == "operation 2 (delete of contact)"
    assert names(emulator) == ["Kari"]


def test_with_continue_on_error_what_follows_a_failure_runs(shell: Shell, emulator: Emulator) -> None:
    pending = run(
        shell,
        lambda b: [b.contacts.delete(uuid4()), b.contacts.create({"firstname": "Kari"})],
        continue_on_error=True,
    )
    assert (states(pending), names(emulator)) == (["failed", "done"], ["Kari"])


def test_more_than_a_thousand_operations_run(shell: Shell, emulator: Emulator) -> None:
    pending = run(shell, lambda b: [b.contacts.create({"firstname": f"{n}"}) for n in range(1005)])
    assert set(states(pending)) == {"done"}
    assert len(emulator.rows("contacts")) == 1005
    assert [request.path.rpartition("/")[2] for request in emulator.requests] == ["$batch", "$batch"]


def keep(kept: list[list[Any]], fill: Callable[[Any], list[list[Any]]], batch: Any) -> None:
    kept.extend(fill(batch))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_becomes_of_the_connection_no_operation_runs_twice_and_none_is_lost(
    shell: Shell, emulator: Emulator, seed: int
) -> None:
    """Each batch makes rows, deletes one, and makes some as a set; connections are dropped before and after."""
    chance = random.Random(seed)
    faults = emulator.faults
    told: set[str] = set()
    for step in range(25):
        old = shell(shell.portal.contacts.create({"firstname": "old"}))
        alone, together = [f"{step} a", f"{step} b"], [f"{step} c", f"{step} d"]

        def fill(
            batch: Any, old: Any = old, alone: list[str] = alone, together: list[str] = together
        ) -> list[list[Any]]:
            first = [batch.contacts.create({"firstname": alone[0]})]
            gone = [batch.contacts.delete(old)]
            with batch.change_set() as changes:
                whole = [changes.contacts.create({"firstname": name}) for name in together]
            return [first, gone, whole, [batch.contacts.create({"firstname": alone[1]})]]

        for _ in range(chance.randrange(5)):
            chance.choice([faults.drop_before, faults.drop_after_commit, faults.throttle])()
        kept: list[list[Any]] = []
        try:
            run(shell, partial(keep, kept, fill))
        except DynamicsPortalClientException as error:
            told.add("perhaps" if error.may_have_run else "not done")
        faults.clear()
        there = names(emulator)
        for pending, expected in zip(kept, ([alone[0]], ["old"], together, [alone[1]]), strict=True):
            found = [there.count(name) for name in expected]
            if expected == ["old"]:
                found = [1 - found[0]]
            assert found in ([0] * len(found), [1] * len(found)), "a row was made twice, or a set in part"
            state = pending[0].state
            if state == "done":
                told.add("done")
                assert set(found) == {1}
            else:
                with pytest.raises(DynamicsPortalClientException) as caught:
                    pending[0].result()
                assert caught.value.may_have_run or set(found) == {0}
                assert state == "failed" or isinstance(caught.value, NotRunError)
        for row in shell(shell.portal.contacts.list()):
            shell(shell.portal.contacts.delete(row.contactid))
    assert told >= {"done", "perhaps"}
