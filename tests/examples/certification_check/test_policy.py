"""The policy alone: what it does to any mentor, wherever it is interrupted, night after night."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from examples.certification_check.policy import (
    NOTICES,
    REASON,
    Decision,
    Kind,
    Mentor,
    Move,
    Pause,
    after,
    decide,
    due_notice,
    holds,
    next_move,
)
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_api.models import ContactMentorStatus

TODAY = dt.date(2026, 11, 25)
ACTIVE, EXPIRED = ContactMentorStatus.ACTIVE, ContactMentorStatus.EXPIRED_CERT
OTHERS = (ContactMentorStatus.PAUSED, ContactMentorStatus.RESIGNED, None, 100_000_099)
days = st.integers(-90, 90).map(lambda days: TODAY + dt.timedelta(days=days))
mentors = st.builds(
    Mentor,
    status=st.sampled_from([ACTIVE, EXPIRED, *OTHERS]),
    expires_on=st.none() | days,
    visible=st.booleans(),
    paused_on=st.none() | st.just(TODAY) | days,
    reason=st.sampled_from([None, REASON, "Illness"]),
)
pauses = st.builds(Pause, paused_on=st.just(TODAY) | days, was_visible=st.booleans())


def note_of(kind: Kind, mentor: Mentor, pause: Pause | None) -> Pause:
    """The note that a step is planned with."""
    if kind is Kind.RESTORE:
        assert pause is not None
        return pause
    return Pause(TODAY, mentor.visible)


def moves_of(kind: Kind, note: Pause, mentor: Mentor) -> tuple[list[Move], Mentor]:
    """The moves of a step from a mentor's row on, and what becomes of the row."""
    made: list[Move] = []
    while (move := next_move(kind, note, mentor, TODAY)) not in (Move.DONE, Move.OBSOLETE):
        made.append(move)
        assert len(made) <= 2
        mentor = after(move, note, mentor)
    return [*made, move], mentor


@given(mentors, st.none() | pauses)
def test_after_its_step_a_mentor_is_as_the_day_wants_and_nothing_is_left_to_do(
    mentor: Mentor, pause: Pause | None
) -> None:
    kind = decide(mentor, pause, TODAY).step
    if kind is None:
        return
    note = note_of(kind, mentor, pause)
    moves, then = moves_of(kind, note, mentor)
    assert moves[-1] is Move.DONE
    assert decide(then, None if kind is Kind.RESTORE else note, TODAY).step is None
    if kind is Kind.RESTORE:
        assert then == replace(mentor, status=ACTIVE, paused_on=None, reason=None, visible=then.visible)
        assert then.visible == (mentor.visible or note.was_visible)
    else:
        assert then.status == EXPIRED
        assert not then.visible


@given(mentors, st.none() | pauses, st.integers(0, 2))
def test_a_step_that_is_taken_up_after_any_move_makes_each_move_once(
    mentor: Mentor, pause: Pause | None, made: int
) -> None:
    kind = decide(mentor, pause, TODAY).step
    if kind is None:
        return
    note = note_of(kind, mentor, pause)
    whole, _ = moves_of(kind, note, mentor)
    for move in whole[:made]:
        mentor = after(move, note, mentor)
    rest, _ = moves_of(kind, note, mentor)
    assert whole[:made][: len(whole) - 1] + rest == whole


@given(mentors, st.none() | pauses)
def test_only_mentors_who_are_active_or_paused_for_the_certification_are_touched(
    mentor: Mentor, pause: Pause | None
) -> None:
    if mentor.status in OTHERS:
        assert decide(mentor, pause, TODAY) == Decision()


@given(mentors, st.none() | pauses)
def test_only_whom_the_job_has_paused_and_nobody_touched_is_restored(mentor: Mentor, pause: Pause | None) -> None:
    if decide(mentor, pause, TODAY).step is Kind.RESTORE:
        assert pause is not None
        assert (mentor.status, mentor.paused_on, mentor.reason) == (EXPIRED, pause.paused_on, REASON)
        assert mentor.expires_on is not None
        assert mentor.expires_on >= TODAY


@given(mentors, st.none() | pauses)
def test_no_mentor_with_an_expired_certification_stays_in_sight(mentor: Mentor, pause: Pause | None) -> None:
    if mentor.expires_on is None or mentor.expires_on >= TODAY or not mentor.visible:
        return
    step = decide(mentor, pause, TODAY).step
    assert step is {ACTIVE: Kind.PAUSE, EXPIRED: Kind.HIDE}.get(mentor.status)  # type: ignore[call-overload] # any int


@given(st.sampled_from(list(Kind)), pauses, mentors)
def test_a_step_changes_nobody_whom_somebody_else_has_moved_on(kind: Kind, note: Pause, mentor: Mentor) -> None:
    if mentor.status in OTHERS:
        assert next_move(kind, note, mentor, TODAY) is Move.OBSOLETE


@given(st.sampled_from(list(Kind)), pauses, mentors)
def test_a_step_ends_after_two_moves_at_the_most_and_never_shows_the_uncertified(
    kind: Kind, note: Pause, mentor: Mentor
) -> None:
    moves, then = moves_of(kind, note, mentor)
    if not mentor.is_certified(TODAY):
        assert Move.SHOW not in moves
        assert Move.WRITE_ACTIVE not in moves
    if mentor.is_certified(TODAY):
        assert Move.WRITE_PAUSE not in moves
        assert Move.HIDE not in moves
    assert then.expires_on == mentor.expires_on


@pytest.mark.parametrize(
    ("left", "notice"), [(-1, None), (0, 7), (7, 7), (8, 30), (30, 30), (31, 60), (60, 60), (61, None)]
)
def test_a_notice_is_due_from_its_day_to_the_next_ones(left: int, notice: int | None) -> None:
    assert due_notice(TODAY + dt.timedelta(days=left), TODAY) == notice


@given(st.sets(st.integers(0, 90), min_size=1), days)
def test_a_notice_is_due_if_and_only_if_a_night_ran_within_its_days(nights: set[int], expires_on: dt.date) -> None:
    due = {due_notice(expires_on, expires_on - dt.timedelta(days=left)) for left in nights} - {None}
    bands = {7: range(8), 30: range(8, 31), 60: range(31, 61)}
    assert due == {notice for notice, band in bands.items() if nights & set(band)}
    assert set(NOTICES) == set(bands)


def test_a_certification_is_valid_on_its_last_day() -> None:
    last_day = Mentor(ACTIVE, TODAY, visible=True)
    assert decide(last_day, None, TODAY).step is None
    assert decide(last_day, None, TODAY + dt.timedelta(days=1)).step is Kind.PAUSE


def test_a_certification_that_was_withdrawn_hides_but_does_not_restore() -> None:
    withdrawn = Mentor(EXPIRED, None, visible=True, paused_on=TODAY, reason=REASON)
    assert holds(withdrawn, Pause(TODAY, was_visible=True))
    assert decide(withdrawn, Pause(TODAY, was_visible=True), TODAY).step is Kind.HIDE


def test_a_renewal_between_plan_and_call_makes_a_pause_obsolete() -> None:
    renewed = Mentor(ACTIVE, TODAY + dt.timedelta(days=700), visible=True)
    assert next_move(Kind.PAUSE, Pause(TODAY, was_visible=True), renewed, TODAY) is Move.OBSOLETE
