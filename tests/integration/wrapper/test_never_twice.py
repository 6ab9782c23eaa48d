"""Never twice, never lost: whatever becomes of the connection, and whenever, a write happens once or is told to have
perhaps happened.

Connections are dropped at random, before a request is handled or after it was committed, or the service throttles; the
emulator's rows are then held against what the client said: done, not done, or perhaps.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from tests.unit.wrapper.support import Shell

from dynamics_portal import (
    ConflictError,
    DynamicsPortalClientException,
    NetworkError,
    RateLimitedError,
    RetryPolicy,
)
from dynamics_portal_api.operations import NewSetWebsiteVisibility
from dynamics_portal_emulator.emulator import Emulator

STEPS = 60
State = Counter[str]


class World:
    """What there is, by the emulator's own account: contacts by their name, certifications, and runs of the action."""

    def __init__(self, emulator: Emulator, shell: Shell, seed: int) -> None:
        self.emulator = emulator
        self.shell = shell
        self.portal = shell.portal
        self.chance = random.Random(seed)
        self.runs: State = Counter()
        self.told: Counter[str] = Counter()
        emulator.on_action("new_SetWebsiteVisibility", self._run)
        self.mentor = self.shell(self.portal.contacts.create({"firstname": "the mentor"}))
        self.certification = {
            "new_type": 100000000,
            "new_Mentor@odata.bind": self.portal.contacts.reference(self.mentor),
        }
        self.shell(self.portal.new_certifications.create(self.certification))

    def _run(self, _: Emulator, parameters: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
        self.runs[f"run {parameters['Reason']}"] += 1
        return {"IsVisible": parameters["Visible"]}

    def state(self) -> State:
        """All that writes have left."""
        names = Counter(row["firstname"] for row in self.emulator.rows("contacts"))
        return names + Counter({"certifications": len(self.emulator.rows("new_certifications"))}) + self.runs

    def disturb(self) -> None:
        """Line up what becomes of the next requests."""
        faults = self.emulator.faults
        events: list[Callable[[], Any]] = [
            faults.drop_before,
            faults.drop_after_commit,
            faults.drop_after_commit,
            lambda: faults.throttle(retry_after="1", times=self.chance.choice([1, 3])),
            lambda: faults.delay(0),  # nothing: the request is handled
        ]
        for _ in range(self.chance.randrange(5)):
            self.chance.choice(events)()

    def attempt(self, action: Callable[[], Any]) -> tuple[Any, DynamicsPortalClientException | None]:
        """What a disturbed call gives, or what it raises."""
        self.disturb()
        try:
            return self.shell(action()), None
        except DynamicsPortalClientException as error:
            return None, error
        finally:
            self.emulator.faults.clear()

    def expect(self, before: State, done: State, error: DynamicsPortalClientException | None) -> None:
        """Hold what is there against what the client said."""
        after = self.state()
        if error is None:
            assert after == done
            self.told["done"] += 1
        elif error.may_have_run:
            assert after in (before, done)
            self.told["perhaps"] += 1
        else:
            assert after == before
            self.told["not done"] += 1

    def some_contact(self) -> tuple[Any, str]:
        """Key and name of a contact, a new one where there is none."""
        rows = [row for row in self.emulator.rows("contacts") if row["contactid"] != str(self.mentor)]
        if rows:
            row = self.chance.choice(rows)
            return row["contactid"], row["firstname"]
        return self.shell(self.portal.contacts.create({"firstname": "one more"})), "one more"


def create(world: World, name: str) -> None:
    before = world.state()
    key, error = world.attempt(lambda: world.portal.contacts.create({"firstname": name}))
    world.expect(before, before + Counter([name]), error)
    if error is None:
        assert [row["firstname"] for row in world.emulator.rows("contacts") if row["contactid"] == str(key)] == [name]


def create_with_a_clash(world: World, name: str) -> None:
    before = world.state()
    _, error = world.attempt(lambda: world.portal.new_certifications.create(world.certification))
    assert error is not None, "somebody else's row is no success"
    assert isinstance(error, ConflictError) or error.attempts > 0
    world.expect(before, before, error)


def update(world: World, name: str) -> None:
    key, old = world.some_contact()
    before = world.state()
    _, error = world.attempt(lambda: world.portal.contacts.update(key, {"firstname": name}))
    world.expect(before, before - Counter([old]) + Counter([name]), error)


def update_a_version(world: World, name: str) -> None:
    """A repetition finds another version, its own: then the client does not know, and says so."""
    key, old = world.some_contact()
    etag = world.shell(world.portal.contacts.get(key)).etag
    before = world.state()
    _, error = world.attempt(lambda: world.portal.contacts.update(key, {"firstname": name}, if_match=etag))
    world.expect(before, before - Counter([old]) + Counter([name]), error)


def upsert_a_new_row(world: World, name: str) -> None:
    before = world.state()
    _, error = world.attempt(lambda: world.portal.contacts.upsert(uuid4(), {"firstname": name}))
    world.expect(before, before + Counter([name]), error)


def upsert_a_row_that_is_there(world: World, name: str) -> None:
    key, old = world.some_contact()
    before = world.state()
    _, error = world.attempt(lambda: world.portal.contacts.upsert(key, {"firstname": name}))
    world.expect(before, before - Counter([old]) + Counter([name]), error)


def delete(world: World, name: str) -> None:
    key, old = world.some_contact()
    before = world.state()
    _, error = world.attempt(lambda: world.portal.contacts.delete(key))
    world.expect(before, before - Counter([old]), error)


def act(world: World, name: str) -> None:
    before = world.state()
    _, error = world.attempt(lambda: world.portal.new_set_website_visibility(world.mentor, visible=True, reason=name))
    world.expect(before, before + Counter([f"run {name}"]), error)


def act_where_repeating_does_no_harm(world: World, name: str) -> None:
    before = world.state()
    _, error = world.attempt(lambda: world.portal.new_set_website_visibility(world.mentor, visible=True, reason=name))
    runs = world.runs.pop(f"run {name}", 0)  # it may run several times: that is what the contract allows
    assert runs >= 1 if error is None else runs == 0 or error.may_have_run
    assert world.state() == before


WRITES = [create, create_with_a_clash, update, update_a_version, upsert_a_new_row, upsert_a_row_that_is_there, delete]


@pytest.mark.parametrize("seed", range(3))
def test_no_write_happens_twice_and_none_is_lost(shell: Shell, emulator: Emulator, seed: int) -> None:
    world = World(emulator, shell, seed)
    for step in range(STEPS):
        world.chance.choice(WRITES)(world, f"step {step}")
    assert min(world.told[told] for told in ("done", "perhaps", "not done")) > 0, world.told


@pytest.mark.parametrize("seed", range(2))
def test_an_action_that_is_not_idempotent_runs_once_at_the_most(
    shell: Shell, emulator: Emulator, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = NewSetWebsiteVisibility.__operation__._replace(idempotent=False)
    monkeypatch.setattr(NewSetWebsiteVisibility, "__operation__", once)
    world = World(emulator, shell, seed)
    for step in range(STEPS):
        act(world, f"step {step}")
    assert max(world.runs.values()) == 1
    assert min(world.told[told] for told in ("done", "perhaps", "not done")) > 0, world.told


def test_an_action_that_is_idempotent_runs_at_least_once_where_it_is_done(shell: Shell, emulator: Emulator) -> None:
    world = World(emulator, shell, seed=7)
    for step in range(STEPS):
        act_where_repeating_does_no_harm(world, f"step {step}")


def test_a_connection_that_the_server_has_closed_may_have_carried_the_request(
    shell: Shell, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooled connection ends as the request goes out: from here it cannot be told whether it arrived."""
    once = NewSetWebsiteVisibility.__operation__._replace(idempotent=False)
    monkeypatch.setattr(NewSetWebsiteVisibility, "__operation__", once)
    world = World(emulator, shell, seed=1)
    emulator.faults.drop_before()
    with pytest.raises(NetworkError) as caught:
        shell(shell.portal.new_set_website_visibility(world.mentor, visible=True, reason="x"))
    assert (caught.value.attempts, caught.value.may_have_run, world.runs) == (1, True, Counter())


def test_a_look_that_fails_leaves_open_whether_the_row_was_created(shell: Shell, emulator: Emulator) -> None:
    shell(shell.portal.who_am_i())
    emulator.faults.drop_after_commit(method="POST")
    emulator.faults.throttle(times=9, method="GET")  # the look itself did not run
    with pytest.raises(RateLimitedError) as caught:
        shell(shell.portal.contacts.create({"firstname": "Kari"}))
    assert caught.value.may_have_run
    assert len(emulator.rows("contacts")) == 1


def test_one_throttled_answer_holds_back_every_call_of_the_identity(
    connect: Callable[..., Shell], emulator: Emulator, clock: Any
) -> None:
    first, second = connect(), connect()
    emulator.faults.throttle(retry_after="30")
    with pytest.raises(RateLimitedError):
        first(first.portal.with_options(retry=RetryPolicy(max_attempts=1)).who_am_i())
    sent = len(emulator.requests)
    with pytest.raises(RateLimitedError) as caught:
        second(second.portal.with_options(deadline=5).who_am_i())
    assert (caught.value.retry_after, len(emulator.requests)) == (30.0, sent)
    assert second(second.portal.who_am_i()).user_id
    assert clock.slept == [30.0]
