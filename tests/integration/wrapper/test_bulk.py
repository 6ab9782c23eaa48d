"""Bulk against the emulator over TLS, with requests that are dropped and throttled at random."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from tests.unit.wrapper.support import Shell

from dynamics_portal import DuplicateError, NotFoundError, RetryPolicy
from dynamics_portal_api.models import ContactMentorStatus
from dynamics_portal_emulator.emulator import Emulator


def names(emulator: Emulator) -> Counter[str]:
    return Counter(row["firstname"] for row in emulator.rows("contacts"))


def rows(count: int) -> list[dict[str, Any]]:
    return [{"firstname": str(number)} for number in range(count)]


def disturb(emulator: Emulator, chance: random.Random) -> None:
    """What is to become of the next requests."""
    faults = emulator.faults
    for _ in range(chance.randrange(4)):
        chance.choice([faults.drop_before, faults.drop_after_commit, faults.throttle, lambda: faults.delay(0)])()


@pytest.mark.parametrize("without", [set(), {"contact"}], ids=["messages", "batches"])
def test_rows_are_created_changed_and_deleted(shell: Shell, emulator: Emulator, without: set[str]) -> None:
    emulator.settings.without_bulk |= without
    table = shell.portal.contacts
    made = shell(table.create_many(rows(250)))
    assert [result.index for result in made] == list(range(250))
    assert names(emulator) == Counter(str(number) for number in range(250))
    changes = [{"contactid": result.key, "firstname": f"new {result.index}"} for result in made]
    assert shell(table.update_many(changes).run()) == []
    new = [(UUID(int=number), {"firstname": f"put {number}"}) for number in range(3)]
    assert shell(table.upsert_many([*new, (made[0].key, {"firstname": "put"})]).run()) == []
    expected = Counter([f"new {number}" for number in range(1, 250)] + ["put", "put 0", "put 1", "put 2"])
    assert names(emulator) == expected
    failed = shell(table.delete_many([result.key for result in made] + [UUID(int=99)]).run())
    assert [(result.index, type(result.error)) for result in failed] == [(250, NotFoundError)]
    assert sum(names(emulator).values()) == 3


def test_bad_rows_fail_alone(shell: Shell, emulator: Emulator) -> None:
    table = shell.portal.contacts
    there = shell(table.create({"firstname": "there"}))
    nobodys = {"ownerid@odata.bind": f"/systemusers({UUID(int=1)})"}
    given: list[Any] = [*rows(5), {"contactid": there, "firstname": "twice"}, nobodys, *rows(2)]
    results = shell(table.create_many(given))
    assert [result.index for result in results if not result.ok] == [5, 6]
    assert isinstance(results[5].error, DuplicateError)
    assert sum(names(emulator).values()) == 8


def test_an_upsert_by_an_alternate_key_finds_the_row(shell: Shell, emulator: Emulator) -> None:
    mentors = [result.key for result in shell(shell.portal.contacts.create_many(rows(3)))]
    keys = [{"_new_mentor_value": mentor, "new_type": 100000000} for mentor in mentors]
    for _ in range(2):
        failed = shell(shell.portal.new_certifications.upsert_many([(key, {}) for key in keys]).run())
        assert failed == []
    assert len(emulator.rows("new_certifications")) == 3


@pytest.mark.parametrize("without", [set(), {"contact"}], ids=["messages", "batches"])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_becomes_of_requests_no_row_is_made_twice_and_none_is_lost(
    connect: Callable[..., Shell], emulator: Emulator, seed: int, without: set[str]
) -> None:
    """Several runs, each of which may end early and go on in another client, with faults before every round."""
    emulator.settings.without_bulk |= without
    chance = random.Random(seed)
    for _ in range(4):
        emulator.reset()
        emulator.settings.without_bulk |= without
        given, results, checkpoint = rows(60), list[Any](), ""
        while len(results) < len(given):
            shell = connect(retry=RetryPolicy(jitter=0, max_attempts=2))
            disturb(emulator, chance)
            run = shell.portal.contacts.create_many(given, chunk_size=5, concurrency=3, resume_from=checkpoint or None)
            for _ in range(chance.randrange(1, 60)):
                if len(results) == len(given):
                    break
                results.append(shell.next(run))
            checkpoint = str(run.checkpoint)
        emulator.faults.clear()
        there = names(emulator)
        assert set(there.values()) <= {1}, "a row was made twice"
        assert [result.index for result in results] == list(range(len(given)))
        by_key = {row["contactid"]: row["firstname"] for row in emulator.rows("contacts")}
        for result in results:
            if result.ok:
                assert by_key[str(result.key)] == result.row["firstname"]
            else:
                assert result.error.may_have_run or not there[result.row["firstname"]]
        left = shell(shell.portal.contacts.create_many(given, resume_from=f"{checkpoint[:36]}:0").run())
        assert left == [], "a run that is repeated from its start completes what failed, and repeats nothing"
        assert names(emulator) == Counter(str(number) for number in range(60))


def test_a_job_deletes_what_meets_its_conditions(shell: Shell, emulator: Emulator) -> None:
    mentors = [
        (ContactMentorStatus.RESIGNED, "a"),
        (ContactMentorStatus.ACTIVE, "a"),
        (ContactMentorStatus.RESIGNED, "b"),
    ]
    given = [{"new_mentor_status": status, "firstname": name} for status, name in mentors]
    assert shell(shell.portal.contacts.create_many(given).run()) == []
    conditions = [("new_mentor_status", "Equal", ContactMentorStatus.RESIGNED), ("firstname", "BeginsWith", "a")]
    assert isinstance(shell(shell.portal.contacts.delete_where(*conditions, job_name="resigned")), UUID)
    assert names(emulator) == Counter("ab")


def test_a_throttled_identity_is_not_pressed(shell: Shell, emulator: Emulator, clock: Any) -> None:
    emulator.faults.throttle(retry_after="20")
    assert shell(shell.portal.contacts.create_many(rows(40), chunk_size=5, concurrency=4).run()) == []
    assert sum(names(emulator).values()) == 40
    assert max(clock.slept) == 20.0
