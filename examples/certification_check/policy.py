"""What is to be done with a mentor, given the day, the mentor's row and what this job has noted. No I/O.

A mentor whose certification has expired is paused and hidden. One whom this job has paused, and nobody has touched
since, returns with a renewal. Mentors who are paused for another reason, or have resigned, are left alone.

A step takes several calls, and the process may be killed between any two of them, or between a call and its record.
So what is left of a step is told from the mentor's row as it is now, never from what was done: `next_move`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from dynamics_portal_api.models import ContactMentorStatus

HLF = "hlf"
"""The one organisation whose mentors are in this Dynamics. Runs of others are skipped."""
REASON = "Certification expired"
NOTICES = (7, 30, 60)
"""Days before the expiry at which a notice is recorded, each once for each certification."""


class Kind(StrEnum):
    """What a step is to bring about."""

    PAUSE = "pause"
    """The mentor is paused, and hidden."""
    HIDE = "hide"
    """A mentor who is paused for the certification is still shown, or again: hide them."""
    RESTORE = "restore"
    """The mentor is active again, and shown if they were when they were paused."""


class Move(StrEnum):
    """One call of a step, or its end."""

    WRITE_PAUSE = "write pause"
    HIDE = "hide"
    WRITE_ACTIVE = "write active"
    SHOW = "show"
    DONE = "done"
    OBSOLETE = "obsolete"
    """Somebody has changed the mentor, so that nothing is to be done any more."""


@dataclass(frozen=True, slots=True)
class Mentor:
    """What of a mentor's row decides. A certification is valid to the end of `expires_on`."""

    status: int | None
    expires_on: date | None
    visible: bool
    paused_on: date | None = None
    reason: str | None = None

    def has_expired(self, today: date) -> bool:
        """Whether there is a certification, and it is over."""
        return self.expires_on is not None and self.expires_on < today

    def is_certified(self, today: date) -> bool:
        """Whether there is a certification, and it is valid."""
        return self.expires_on is not None and self.expires_on >= today


@dataclass(frozen=True, slots=True)
class Pause:
    """What this job has noted of a pause: the day it wrote into the row, and whether the mentor was shown before."""

    paused_on: date
    was_visible: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done: a step, or a notice of so many days, or neither."""

    step: Kind | None = None
    notice: int | None = None


def decide(mentor: Mentor, pause: Pause | None, today: date) -> Decision:
    """What is to be done with a mentor whom the job has paused, as `pause` notes, or has not."""
    if mentor.status == ContactMentorStatus.ACTIVE:
        if mentor.has_expired(today):
            return Decision(step=Kind.PAUSE)
        return Decision(notice=due_notice(mentor.expires_on, today))
    if mentor.status == ContactMentorStatus.EXPIRED_CERT:
        if not mentor.is_certified(today):
            return Decision(step=Kind.HIDE if mentor.visible else None)
        return Decision(step=Kind.RESTORE if pause is not None and holds(mentor, pause) else None)
    return Decision()


def due_notice(expires_on: date | None, today: date) -> int | None:
    """The notice for which it is time. A night that was missed costs no notice: each is due until the next one is."""
    if expires_on is None or expires_on < today:
        return None
    return next((days for days in NOTICES if (expires_on - today).days <= days), None)


def holds(mentor: Mentor, pause: Pause) -> bool:
    """Whether the mentor is paused as this job left them: status, day and reason are what it wrote."""
    written = (ContactMentorStatus.EXPIRED_CERT, pause.paused_on, REASON)
    return (mentor.status, mentor.paused_on, mentor.reason) == written


def next_move(kind: Kind, pause: Pause, mentor: Mentor, today: date) -> Move:
    """What comes next of a step, by the mentor's row as it is now. `pause` is the step's own note."""
    if kind is Kind.RESTORE:
        return _next_of_restoring(pause, mentor, today)
    if mentor.is_certified(today):
        return Move.OBSOLETE
    if mentor.status == ContactMentorStatus.ACTIVE:
        return Move.WRITE_PAUSE if kind is Kind.PAUSE and mentor.has_expired(today) else Move.OBSOLETE
    if mentor.status != ContactMentorStatus.EXPIRED_CERT:
        return Move.OBSOLETE
    return Move.HIDE if mentor.visible else Move.DONE


def _next_of_restoring(pause: Pause, mentor: Mentor, today: date) -> Move:
    if not mentor.is_certified(today):
        return Move.OBSOLETE
    if holds(mentor, pause):
        return Move.WRITE_ACTIVE
    if mentor.status != ContactMentorStatus.ACTIVE:
        return Move.OBSOLETE
    return Move.SHOW if pause.was_visible and not mentor.visible else Move.DONE


def after(move: Move, pause: Pause, mentor: Mentor) -> Mentor:
    """The mentor's row once a move has been made, so that it need not be read again."""
    if move is Move.WRITE_PAUSE:
        return replace(mentor, status=ContactMentorStatus.EXPIRED_CERT, paused_on=pause.paused_on, reason=REASON)
    if move is Move.WRITE_ACTIVE:
        return replace(mentor, status=ContactMentorStatus.ACTIVE, paused_on=None, reason=None)
    if move in (Move.HIDE, Move.SHOW):
        return replace(mentor, visible=move is Move.SHOW)
    return mentor
