"""Whole nights against an emulated Dynamics and a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from examples.certification_check.job import Job, Limits, SuspendedError
from examples.certification_check.policy import Kind
from examples.certification_check.store import OvertakenError, Store
from tests.examples.certification_check.roster import (
    ACTION,
    ACTIVE,
    EXPIRED_CERT,
    PAUSED,
    REASON,
    TODAY,
    YESTERDAY,
    Made,
    Website,
    calls_made,
    calls_wanted,
    load,
    make_roster,
    rows_left,
    stored,
)
from tests.supabase.postgres import Database
from tests.unit.wrapper.support import Clock

from dynamics_portal import DynamicsPortalClient
from dynamics_portal_emulator.emulator import Emulator

Night = Callable[..., list[dict[str, Any]]]
Connect = Callable[..., DynamicsPortalClient]
ONE = UUID("11111111-0000-4000-8000-000000000001")
TWO = UUID("11111111-0000-4000-8000-000000000002")
TOMORROW = TODAY + dt.timedelta(days=1)
_PATCH = r"/contacts\("


def expired(identity: UUID = ONE, **others: Any) -> Made:
    return Made("expired", expires_on=YESTERDAY, id=identity, **others)


def put(emulator: Emulator, *mentors: Made) -> None:
    emulator.seed("contacts", [made.row() for made in mentors])


def row_of(emulator: Emulator, identity: UUID = ONE) -> dict[str, Any]:
    return rows_left(emulator)[str(identity)]


def note(database: Database, roster: list[Made]) -> None:
    """Let the job have paused those mentors of whom the roster says so."""
    noted = [(made.id, *made.noted) for made in roster if made.noted]
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany("insert into certification_check.pauses values ('hlf', %s, %s, %s)", noted)


def failures(database: Database) -> list[Any]:
    return database.run("select work, code, times, resolved_by from certification_check.failures order by id")


def test_a_night_leaves_each_sort_of_mentor_as_it_must_with_each_call_made_once(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    roster = make_roster(400, seed=7)
    load(emulator, (made.row() for made in roster))
    note(database, roster)
    [report] = night()
    assert rows_left(emulator) == {str(made.id): made.left() for made in roster}
    assert calls_made(emulator, website) == calls_wanted(roster)
    kept = database.run("select mentor_id, certification_expires_on, days from certification_check.notices")
    assert Counter(kept) == Counter((made.id, made.expires_on, made.notice) for made in roster if made.notice)
    sorts = Counter(made.sort for made in roster)
    assert report["paused"] == sorts["expired"] + sorts["expired, not shown"]
    assert report["hidden"] == sorts["still shown"]
    assert report["restored"] == sorts["renewed"] + sorts["renewed, not shown before"]
    assert (report["left_to_do"], report["open_failures"], report["dry_run"]) == (0, 0, False)


def test_the_nights_after_do_nothing_again_and_note_only_what_has_become_due(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, expired(), Made("ending", expires_on=TODAY + dt.timedelta(days=31), id=TWO))
    night()
    made = calls_made(emulator, website)
    assert night() == []  # queued and done already
    [report] = night(TOMORROW)
    assert calls_made(emulator, website) == made
    assert (report["paused"], report["notices_60"], report["notices_30"]) == (0, 0, 1)


def test_a_mentor_whom_the_job_paused_returns_with_the_renewal_and_can_expire_again(
    emulator: Emulator, website: Website, night: Night, portal: DynamicsPortalClient
) -> None:
    put(emulator, expired())
    night()
    assert row_of(emulator) | {"contactid": ""} == {
        "contactid": "",
        "statecode": 0,
        "new_mentor_status": EXPIRED_CERT,
        "new_certification_expiry": YESTERDAY.isoformat(),
        "new_website_visible": False,
        "new_pause_start_date": TODAY.isoformat(),
        "new_pause_reason": REASON,
    }
    _renew(emulator, TOMORROW)
    [report] = night(TOMORROW)
    assert report["restored"] == 1
    assert row_of(emulator) == expired().row() | {"new_certification_expiry": TOMORROW.isoformat()}
    [again] = night(TOMORROW + dt.timedelta(days=1))
    assert again["paused"] == 1
    assert website.calls == {(str(ONE), "hide"): 2, (str(ONE), "show"): 1}


def _renew(emulator: Emulator, until: dt.date, identity: UUID = ONE, **others: Any) -> None:
    """Change a mentor's row as somebody else in the organisation does."""
    emulator.service.writer.update(
        stored(emulator, str(identity)), {"new_certification_expiry": until.isoformat(), **others}
    )


def test_a_mentor_whom_somebody_paused_meanwhile_is_not_restored(
    emulator: Emulator, website: Website, night: Night
) -> None:
    put(emulator, expired())
    night()
    _renew(emulator, TOMORROW, new_mentor_status=PAUSED, new_pause_reason="Illness")
    before = row_of(emulator)
    [report] = night(TOMORROW)
    assert report["restored"] == 0
    assert row_of(emulator) == before


def test_a_failing_dynamics_takes_nothing_back_and_the_next_success_resolves_the_failure(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, expired(), expired(TWO))
    emulator.faults.add(status=400, method="PATCH", path=str(ONE))
    [report] = night()
    assert (report["paused"], report["left_to_do"], report["open_failures"]) == (1, 1, 1)
    assert database.run("select count(*) from certification_check.pauses") == [(2,)]
    assert failures(database) == [("pause", "invalid_request", 1, None)]
    [following] = night(TOMORROW)
    assert (following["paused"], following["left_to_do"], following["open_failures"]) == (1, 0, 0)
    assert failures(database) == [("pause", "invalid_request", 1, "success")]
    assert row_of(emulator)["new_mentor_status"] == EXPIRED_CERT
    assert row_of(emulator)["new_pause_start_date"] == TODAY.isoformat()


def test_an_action_that_fails_after_the_row_was_written_is_made_up_for(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, expired())
    emulator.faults.add(status=403, path=ACTION)
    [report] = night()
    assert (report["paused"], report["open_failures"]) == (0, 1)
    assert row_of(emulator)["new_website_visible"]
    [following] = night(TOMORROW)
    assert (following["paused"], following["open_failures"]) == (1, 0)
    assert calls_made(emulator, website) == {(str(ONE), "write"): 1, (str(ONE), "hide"): 1}


def test_a_website_that_did_not_take_the_change_is_a_failure(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, expired())
    website.answers = "failed"
    night()
    assert failures(database) == [("pause", "not_applied", 1, None)]
    website.answers = "synced"
    night(TOMORROW)
    assert failures(database) == [("pause", "not_applied", 1, "success")]
    assert not row_of(emulator)["new_website_visible"]


def test_an_action_that_the_organisation_lacks_is_a_failure_and_not_a_mentor_who_is_gone(
    emulator: Emulator, database: Database, night: Night
) -> None:
    put(emulator, expired())
    emulator.faults.add(status=404, path=ACTION)
    [report] = night()
    assert (report["obsolete"], report["left_to_do"]) == (0, 1)
    assert failures(database) == [("pause", "not_found", 1, None)]


def test_a_mentor_who_was_deleted_before_the_step_is_struck_off(
    emulator: Emulator, database: Database, night: Night
) -> None:
    put(emulator, expired())
    emulator.faults.add(status=400, method="PATCH", path=str(ONE))
    night()
    emulator.service.writer.delete(stored(emulator, str(ONE)))
    [report] = night(TOMORROW)
    assert (report["obsolete"], report["left_to_do"], report["open_failures"]) == (1, 0, 0)
    assert database.run("select count(*) from certification_check.pauses") == [(0,)]


def test_a_row_that_changed_since_it_was_read_is_read_again(emulator: Emulator, website: Website, night: Night) -> None:
    put(emulator, expired())

    def meddle(*_: Any) -> None:
        _renew(emulator, YESTERDAY, firstname="Kari")

    _before_the_first_patch(emulator, meddle)
    [report] = night()
    assert (report["paused"], report["open_failures"]) == (1, 0)
    assert row_of(emulator)["new_mentor_status"] == EXPIRED_CERT


def test_a_renewal_between_reading_and_writing_wins(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, expired())
    _before_the_first_patch(emulator, lambda: _renew(emulator, TODAY))
    [report] = night()
    assert (report["paused"], report["obsolete"], report["open_failures"]) == (0, 1, 0)
    assert row_of(emulator)["new_mentor_status"] == ACTIVE
    assert database.run("select count(*) from certification_check.pauses") == [(0,)]
    assert website.calls == {}


def test_a_mentor_who_returned_since_the_page_was_read_is_not_hidden(
    emulator: Emulator, website: Website, night: Night
) -> None:
    shown = Made("still shown", EXPIRED_CERT, YESTERDAY, id=TWO)
    put(emulator, expired(), shown)
    _before_the_first_patch(emulator, lambda: _renew(emulator, TODAY, TWO, new_mentor_status=ACTIVE))
    [report] = night()
    assert (report["paused"], report["hidden"], report["obsolete"]) == (1, 0, 1)
    assert row_of(emulator, TWO)["new_website_visible"]


def _before_the_first_patch(emulator: Emulator, meddle: Callable[[], None]) -> None:
    taken = emulator.faults.take

    def take(method: str, path: str, *, web_api: bool) -> Any:
        if method == "PATCH" and emulator.faults.take is take:
            emulator.faults.take = taken  # type: ignore[method-assign]
            meddle()
        return taken(method, path, web_api=web_api)

    emulator.faults.take = take  # type: ignore[method-assign]


def test_an_answer_that_was_lost_is_not_a_second_change(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, expired())
    emulator.faults.drop_after_commit(method="PATCH", path=_PATCH)
    [report] = night()
    assert (report["paused"], report["open_failures"]) == (1, 0)
    assert calls_made(emulator, website) == {(str(ONE), "write"): 1, (str(ONE), "hide"): 1}


def test_a_service_that_is_down_suspends_the_run_and_another_process_goes_on(
    emulator: Emulator, website: Website, database: Database, night: Night, open_store: Callable[[], Store]
) -> None:
    roster = [expired(UUID(int=number + 1, version=4)) for number in range(9)]
    put(emulator, *roster)
    emulator.faults.add(status=503, times=3 * 5, method="PATCH", path=_PATCH)  # three attempts for each of five calls
    with pytest.raises(SuspendedError, match="server error"):
        night()
    assert database.run("select count(*) from certification_check.failures where resolved_at is null") == [(5,)]
    assert website.calls == {}
    [report] = night()
    assert (report["attempts"], report["paused"], report["open_failures"]) == (2, 9, 0)
    assert set(calls_made(emulator, website).values()) == {1}


def test_a_secret_that_is_refused_suspends_the_run_at_once(
    emulator: Emulator, database: Database, night: Night
) -> None:
    put(emulator, expired())
    emulator.faults.add(status=401, times=9)
    with pytest.raises(SuspendedError):
        night()
    assert failures(database) == [("read", "auth_failure", 1, None)]
    emulator.faults.clear()
    night()
    assert ("read", "auth_failure", 1, "success") in failures(database)


def test_reading_goes_on_where_it_had_come_to(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, *[expired(UUID(int=number + 1, version=4)) for number in range(6)])
    with pytest.raises(SuspendedError):
        night(limits=_failing_on_the_second_page(emulator, website))
    pages = _pages_read(emulator)
    [report] = night(limits=Limits(page_size=2))
    assert _pages_read(emulator) - pages == 2
    assert (report["mentors"], report["paused"]) == (6, 6)


def test_a_place_in_the_pages_that_is_no_longer_known_lets_reading_begin_anew(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    put(emulator, *[expired(UUID(int=number + 1, version=4)) for number in range(6)])
    with pytest.raises(SuspendedError):
        night(limits=_failing_on_the_second_page(emulator, website))
    emulator.faults.add(status=400, method="GET", path=r"/contacts$")
    [report] = night(limits=Limits(page_size=2))
    assert (report["mentors"], report["paused"], report["left_to_do"]) == (6, 6, 0)
    assert set(calls_made(emulator, website).values()) == {1}


def _failing_on_the_second_page(emulator: Emulator, website: Website) -> Limits:
    """Limits with which the second page is asked for after the first call of the action; all attempts then fail."""
    answer = website.answer

    def last_answer(*arguments: Any) -> Any:
        emulator.on_action(ACTION, answer)
        emulator.faults.add(status=503, times=3, method="GET", path=r"/contacts$")
        return answer(*arguments)

    emulator.on_action(ACTION, last_answer)
    return Limits(page_size=2)


def _pages_read(emulator: Emulator) -> int:
    return sum(
        request.method == "GET" and request.path.endswith("/contacts") and request.status == 200
        for request in emulator.requests
    )


def _slow(emulator: Emulator, website: Website, clock: Clock, seconds: float) -> None:
    """Let each call of the action take that long."""

    def answer(*arguments: Any) -> Any:
        clock.now += seconds
        return website.answer(*arguments)

    emulator.on_action(ACTION, answer)


def test_batches_end_within_their_budget_however_slow_the_service_is(
    emulator: Emulator, website: Website, database: Database, night: Night, clock: Clock
) -> None:
    put(emulator, *[expired(UUID(int=number + 1, version=4)) for number in range(40)])
    _slow(emulator, website, clock, 4.5)
    [report] = night()
    seconds = [float(row[0]) for row in database.run("select seconds from certification_check.batches order by number")]
    assert max(seconds) <= 60
    assert [round(taken) for taken in seconds[:3]] == [58, 58, 58]  # 13 calls, since 5 seconds have to be left for one
    assert report["paused"] == 40
    assert set(calls_made(emulator, website).values()) == {1}


def test_a_process_ends_within_its_budget_and_the_next_goes_on(
    emulator: Emulator, website: Website, night: Night, clock: Clock
) -> None:
    put(emulator, *[expired(UUID(int=number + 1, version=4)) for number in range(40)])
    _slow(emulator, website, clock, 4.5)
    began, limits = clock.now, Limits(run_seconds=90)
    with pytest.raises(SuspendedError, match="time of this process"):
        night(limits=limits)
    assert 85 <= clock.now - began <= 90
    with pytest.raises(SuspendedError, match="time of this process"):
        night(limits=limits)
    [report] = night(limits=limits)
    assert (report["attempts"], report["paused"]) == (3, 40)
    assert set(calls_made(emulator, website).values()) == {1}


def test_a_call_that_hangs_is_cut_off_when_the_time_is_up(
    emulator: Emulator, website: Website, database: Database, store: Store, connect: Connect
) -> None:
    put(emulator, expired())
    emulator.faults.hold(method="PATCH")
    store.enqueue("hlf", due_on=TODAY)
    limits = Limits(batch_seconds=1.0, run_seconds=1.0, reserve_seconds=0.4)
    began = time.monotonic()
    with pytest.raises(SuspendedError):
        Job(connect(), store, limits).work()
    assert time.monotonic() - began < 10  # an answer would be waited for two minutes; one second is the budget
    [[seconds]] = database.run("select max(seconds) from certification_check.batches")
    assert seconds >= 0.5
    assert failures(database) == [("pause", "network_error", 1, None)]
    emulator.faults.release()
    [report] = Job(connect(), store).work()
    assert (report["paused"], report["open_failures"]) == (1, 0)
    assert set(calls_made(emulator, website).values()) == {1}


def test_no_page_is_read_with_no_time_left_for_it(
    emulator: Emulator, website: Website, database: Database, night: Night, clock: Clock
) -> None:
    put(emulator, expired())
    emulator.faults.add(status=503, times=3, path=ACTION)
    with pytest.raises(SuspendedError):
        night(limits=Limits(failures_in_a_row=1))
    database.run("update certification_check.steps set tries = 0")
    _slow(emulator, website, clock, 58.0)
    night(TOMORROW)
    batches = database.run("select mentors, steps from certification_check.batches where run_id = 2 order by number")
    assert batches == [(0, 1), (1, 0), (0, 0)]


def test_mentors_who_always_fail_keep_nobody_waiting(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    poisoned = [expired(UUID(int=number + 1, version=4)) for number in range(7)]
    put(emulator, *poisoned)
    emulator.faults.add(status=503, times=1000, method="PATCH", path="contacts.*00000000-0000-4000")
    with pytest.raises(SuspendedError):
        night()
    put(emulator, expired())
    with pytest.raises(SuspendedError):
        night(TOMORROW)
    assert row_of(emulator)["new_mentor_status"] == EXPIRED_CERT
    assert database.run("select count(*) from certification_check.steps where tries = 0 and state = 'planned'") == [
        (0,)
    ]


def test_organisations_other_than_hlf_are_skipped_without_a_call(
    emulator: Emulator, store: Store, portal: DynamicsPortalClient, database: Database
) -> None:
    put(emulator, expired())
    store.enqueue("another", due_on=TODAY)
    [report] = Job(portal, store).work()
    assert report == {"organisation": "another", "due_on": TODAY.isoformat(), "skipped": True}
    assert emulator.requests == ()
    assert emulator.token_requests == 0
    assert database.run("select state from certification_check.runs") == [("skipped",)]


def test_a_dry_run_changes_nothing_and_says_what_the_night_will_do(
    emulator: Emulator, website: Website, database: Database, night: Night
) -> None:
    roster = make_roster(400, seed=8)
    load(emulator, (made.row() for made in roster))
    note(database, roster)
    before = rows_left(emulator)
    [said] = night(dry_run=True)
    assert rows_left(emulator) == before
    assert calls_made(emulator, website) == {}
    assert database.run("select count(*) from certification_check.steps") == [(0,)]
    assert database.run("select count(*) from certification_check.notices") == [(0,)]
    [done] = night()
    assert said == done | {"dry_run": True}
    assert done["paused"]


def test_switched_off_each_run_is_a_dry_one(emulator: Emulator, website: Website, night: Night) -> None:
    put(emulator, expired())
    [report] = night(enabled=False)
    assert (report["dry_run"], report["paused"]) == (True, 1)
    assert calls_made(emulator, website) == {}


def test_switched_off_it_leaves_what_was_planned_before(
    emulator: Emulator, website: Website, database: Database, store: Store, night: Night, clock: Clock
) -> None:
    put(emulator, expired())
    emulator.faults.add(status=400, method="PATCH", path=_PATCH)
    night()
    with DynamicsPortalClient.no_op() as nothing:
        store.enqueue("hlf", due_on=TOMORROW)
        [report] = Job(nothing, store, clock=clock, enabled=False).work()
    assert (report["mentors"], report["left_to_do"], report["dry_run"]) == (0, 1, True)
    [following] = night(TOMORROW + dt.timedelta(days=1))
    assert (following["paused"], following["open_failures"]) == (1, 0)


def test_two_processes_never_work_on_the_same_organisation(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    one.enqueue("hlf", due_on=TODAY)
    one.enqueue("hlf", due_on=YESTERDAY)
    run = one.claim()
    assert run is not None
    assert run.due_on == TODAY
    assert other.claim() is None
    one.close()  # as when the process is killed: the run can be taken at once
    again = other.claim()
    assert again is not None
    assert (again.id, again.attempt) == (run.id, 2)


def test_a_run_that_has_a_newer_one_is_closed(database: Database, night: Night) -> None:
    for day in (TODAY, YESTERDAY):
        night(day)
    states = database.run("select due_on, state from certification_check.runs order by due_on")
    assert states == [(YESTERDAY, "superseded"), (TODAY, "finished")]


def test_a_process_that_was_overtaken_can_write_no_more(database: Database, store: Store) -> None:
    store.enqueue("hlf", due_on=TODAY)
    run = store.claim()
    assert run is not None
    database.run("update certification_check.runs set attempt = attempt + 1")
    writes: list[Callable[[], Any]] = [
        lambda: store.plan(run, {}, {}, None),
        lambda: store.fail_reading(run, "server_error", None),
        lambda: store.end_batch(run, mentors=0, steps=0, seconds=0.0),
        lambda: store.begin_anew(run),
        lambda: store.finish(run),
        lambda: store.skip(run),
    ]
    for write in writes:
        with pytest.raises(OvertakenError):
            write()
    assert database.run("select state, scanned, counts from certification_check.runs") == [("running", False, {})]


def test_an_operator_can_give_a_failure_up(emulator: Emulator, database: Database, night: Night) -> None:
    put(emulator, expired())
    emulator.faults.add(status=400, method="PATCH", path=_PATCH)
    night()
    give_up = "select certification_check.give_up(id) from certification_check.failures"
    assert database.as_role("service_role", give_up) == [(True,)]
    assert database.as_role("service_role", give_up) == [(False,)]
    assert failures(database) == [("pause", "invalid_request", 1, "hand")]
    assert database.run("select state from certification_check.steps") == [("obsolete",)]


def test_nothing_personal_is_logged_or_reported(
    emulator: Emulator, website: Website, database: Database, night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    put(emulator, expired(reason="Unwell since spring"), expired(TWO))
    emulator.faults.add(status=400, method="PATCH", path=str(ONE), body={"error": {"code": "0x0", "message": str(ONE)}})
    with caplog.at_level(logging.DEBUG):
        reports = night()
    ours = [record for record in caplog.records if record.name.startswith(("examples.", "dynamics_portal"))]
    told = json.dumps(reports) + "".join(record.getMessage() for record in ours)
    assert {record.name.partition(".")[0] for record in ours} == {"examples", "dynamics_portal"}
    for secret in (str(ONE), str(TWO), "Unwell", emulator.client_secret, YESTERDAY.isoformat()):
        assert secret not in told


@pytest.mark.parametrize(
    "values",
    [
        {"batch_seconds": 5.0},
        {"reserve_seconds": 0.0},
        {"run_seconds": 59.0},
        {"page_size": 0},
        {"page_size": 5001},
        {"failures_in_a_row": 0},
    ],
)
def test_limits_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values)).partition("=")[0].replace("batch", "(batch|reserve)")):
        Limits(**values)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("name", ["batches", "failures", "notices", "pauses", "runs", "steps"])
def test_nobody_but_the_service_role_reads_a_table(database: Database, role: str, name: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.as_role(role, f"select from certification_check.{name}")
    database.as_role("service_role", f"select from certification_check.{name}")


@pytest.mark.parametrize("call", ["enqueue()", "claim()", "give_up(1)"])
def test_nobody_but_the_service_role_calls_a_function(database: Database, call: str) -> None:
    for role in ("anon", "authenticated"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.as_role(role, f"select certification_check.{call}")
    database.as_role("service_role", f"select certification_check.{call}")


def test_row_level_security_lets_nobody_in_who_is_given_a_privilege_by_mistake(cluster: Any) -> None:
    own = cluster.database()
    own.run("select certification_check.enqueue()")
    own.run("grant usage on schema certification_check to authenticated", user="postgres")
    own.run("grant all on all tables in schema certification_check to authenticated", user="postgres")
    assert own.as_role("authenticated", "select id from certification_check.runs") == []
    assert len(own.as_role("service_role", "select id from certification_check.runs")) == 1


def test_the_migration_can_be_applied_again(cluster: Any) -> None:
    own = cluster.database()
    own.run("select certification_check.enqueue()")
    own.migrate()
    assert len(own.run("select id from certification_check.runs")) == 1


def test_steps_are_of_the_kinds_that_the_table_takes(database: Database) -> None:
    [[allowed]] = database.run("select pg_get_constraintdef(oid) from pg_constraint where conname = 'steps_kind_check'")
    assert all(f"'{kind}'" in allowed for kind in Kind)
