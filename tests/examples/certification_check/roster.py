"""A roster of mentors in an emulated Dynamics, HLF's half of the action, and what a night must leave of each mentor.

What must be left is told by how each mentor was made, and knows nothing of the job's policy.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import msgspec

from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.errors import DataverseError
from dynamics_portal_emulator.store import Row

ACTIVE, PAUSED, EXPIRED_CERT, RESIGNED = (100_000_000 + number for number in range(4))
TODAY = dt.date(2026, 11, 25)
YESTERDAY = TODAY - dt.timedelta(days=1)
LAST_MONTH = TODAY - dt.timedelta(days=30)
REASON = "Certification expired"
ACTION = "new_SetWebsiteVisibility"


@dataclass(slots=True)
class Made:
    """A mentor as made, what the job had noted of them, and what a night must leave: `calls` are the writes it takes,
    `notice` the days of the notice."""

    sort: str
    status: int = ACTIVE
    expires_on: dt.date | None = None
    visible: bool = True
    paused_on: dt.date | None = None
    reason: str | None = None
    noted: tuple[dt.date, bool] | None = None
    state: int = 0
    then: dict[str, Any] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    notice: int | None = None
    id: UUID = field(default_factory=uuid4)

    def row(self) -> dict[str, Any]:
        """The row as it is at first."""
        return {
            "contactid": str(self.id),
            "statecode": self.state,
            "new_mentor_status": self.status,
            "new_certification_expiry": self.expires_on and self.expires_on.isoformat(),
            "new_website_visible": self.visible,
            "new_pause_start_date": self.paused_on and self.paused_on.isoformat(),
            "new_pause_reason": self.reason,
        }

    def left(self) -> dict[str, Any]:
        """The row as it must be after the night."""
        return self.row() | self.then


def _ago(chance: random.Random) -> dt.date:
    return TODAY - dt.timedelta(days=chance.randint(1, 700))


def _ahead(chance: random.Random, least: int = 0, most: int = 700) -> dt.date:
    return TODAY + dt.timedelta(days=chance.randint(least, most))


_PAUSED = {
    "new_mentor_status": EXPIRED_CERT,
    "new_pause_start_date": TODAY.isoformat(),
    "new_pause_reason": REASON,
    "new_website_visible": False,
}
_BACK = {"new_mentor_status": ACTIVE, "new_pause_start_date": None, "new_pause_reason": None}
_HELD: dict[str, Any] = {"status": EXPIRED_CERT, "visible": False, "paused_on": LAST_MONTH, "reason": REASON}


def _fine(chance: random.Random) -> Made:
    return Made("fine", expires_on=_ahead(chance, 61))


def _unknown(_: random.Random) -> Made:
    return Made("without a certification")


def _expired(chance: random.Random) -> Made:
    return Made("expired", expires_on=_ago(chance), then=_PAUSED, calls=("write", "hide"))


def _expired_unseen(chance: random.Random) -> Made:
    return Made("expired, not shown", expires_on=_ago(chance), visible=False, then=_PAUSED, calls=("write",))


def _still_shown(chance: random.Random) -> Made:
    hidden = {"new_website_visible": False}
    return Made("still shown", EXPIRED_CERT, _ago(chance), reason="By hand", then=hidden, calls=("hide",))


def _renewed(chance: random.Random) -> Made:
    then = _BACK | {"new_website_visible": True}
    return Made(
        "renewed", expires_on=_ahead(chance, 61), **_HELD, noted=(LAST_MONTH, True), then=then, calls=("write", "show")
    )


def _renewed_unseen(chance: random.Random) -> Made:
    return Made(
        "renewed, not shown before", expires_on=_ahead(chance), **_HELD, noted=(LAST_MONTH, False), then=_BACK,
        calls=("write",),
    )  # fmt: skip


def _not_ours(chance: random.Random) -> Made:
    return Made("renewed, paused by hand", expires_on=_ahead(chance), **_HELD)


def _touched(chance: random.Random) -> Made:
    earlier = LAST_MONTH - dt.timedelta(days=chance.randint(1, 100))
    return Made("renewed, paused anew by hand", expires_on=_ahead(chance), **_HELD, noted=(earlier, True))


def _held(chance: random.Random) -> Made:
    return Made("expired and paused before", expires_on=_ago(chance), **_HELD, noted=(LAST_MONTH, True))


def _elsewhere(chance: random.Random) -> Made:
    status = chance.choice((PAUSED, RESIGNED))
    shown = chance.random() < 0.5
    return Made("paused or resigned", status, _ago(chance), visible=shown, paused_on=LAST_MONTH, reason="Illness")


def _inactive(chance: random.Random) -> Made:
    return Made("row not in use", expires_on=_ago(chance), state=1)


def _ending(chance: random.Random) -> Made:
    days = chance.choice((0, 1, 7, 8, 29, 30, 31, 59, 60))
    due = 7 if days <= 7 else 30 if days <= 30 else 60
    return Made("ending", expires_on=TODAY + dt.timedelta(days=days), notice=due)


SORTS: dict[Callable[[random.Random], Made], float] = {
    _expired: 0.004,
    _renewed: 0.002,
    _expired_unseen: 0.001,
    _renewed_unseen: 0.001,
    _still_shown: 0.001,
    _not_ours: 0.001,
    _touched: 0.001,
    _held: 0.01,
    _elsewhere: 0.02,
    _inactive: 0.005,
    _ending: 0.02,
    _unknown: 0.01,
    _fine: 0.924,
}
"""How many of a roster are of which sort, as shares."""


def make_roster(mentors: int, seed: int) -> list[Made]:
    """That many mentors, each sort with its share, in a random order."""
    chance = random.Random(seed)
    numbers = {make: max(1, round(mentors * share)) for make, share in SORTS.items()}
    numbers[_fine] = max(1, mentors - sum(numbers.values()) + numbers[_fine])
    roster = [make(chance) for make, number in numbers.items() for _ in range(number)]
    chance.shuffle(roster)
    for made in roster:
        made.id = UUID(int=chance.getrandbits(128), version=4)
    return roster


def stored(emulator: Emulator, mentor_id: str) -> Row:
    """A mentor's row as the emulator keeps it."""
    row = emulator._store.get(emulator._table("contacts").family, mentor_id)
    assert row is not None
    return row


def load(emulator: Emulator, rows: Iterable[dict[str, Any]]) -> None:
    """Put many contacts into an emulator at once: the first is seeded, and the others are copies of it that have their
    own values in the columns that are given."""
    first, *others = rows
    emulator.seed("contacts", [first])
    store = emulator._store
    contacts = emulator._table("contacts")
    template = stored(emulator, first["contactid"])
    with store.transaction() as connection:
        connection.execute(
            store.family(contacts.family).insert(),
            [
                {
                    "key": row["contactid"],
                    "type": template.type,
                    "version": store.next_version(),
                    "document": msgspec.json.encode(template.document | row).decode(),
                }
                for row in others
            ],
        )


class Website:
    """HLF's half of the action: shows or hides a mentor, and lets the mentor's row tell of it."""

    def __init__(self, emulator: Emulator) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.answers = "synced"
        self._lock = threading.Lock()
        emulator.on_action(ACTION, self.answer)

    def answer(self, emulator: Emulator, parameters: dict[str, Any], mentor: dict[str, Any] | None) -> dict[str, Any]:
        if mentor is None:
            raise DataverseError(400, "0x80040203", "The action is bound to a contact.")
        visible = bool(parameters["Visible"])
        with self._lock:
            self.calls[mentor["contactid"], "show" if visible else "hide"] += 1
        if self.answers == "synced":
            contacts = emulator._table("contacts")
            store = emulator._store
            with store.transaction():
                row = stored(emulator, mentor["contactid"])
                document = {**row.document, "new_website_visible": visible}
                store.update(contacts.family, row, store.next_version(), document)
        return {
            "MentorId": mentor["contactid"],
            "WebsiteRecordId": mentor["contactid"],
            "IsVisible": visible if self.answers == "synced" else not visible,
            "SyncStatus": self.answers,
            "SyncedAt": None,
        }


def calls_made(emulator: Emulator, website: Website) -> Counter[tuple[str, str]]:
    """How often each mentor's row was written, and each mentor shown and hidden."""
    writes = Counter((effect.key, "write") for effect in emulator.effects if effect.message == "Update")
    return writes + website.calls


def calls_wanted(roster: Iterable[Made]) -> Counter[tuple[str, str]]:
    """How often it must have been: each call once."""
    return Counter((str(made.id), call) for made in roster for call in made.calls)


def rows_left(emulator: Emulator) -> dict[str, dict[str, Any]]:
    """The columns of all rows that a roster tells of."""
    names = list(Made("").row())
    return {row["contactid"]: {name: row.get(name) for name in names} for row in emulator.rows("contacts")}
