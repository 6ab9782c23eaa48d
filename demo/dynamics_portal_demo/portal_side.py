"""HLF's half of `new_SetWebsiteVisibility`, as far as the contract describes it: the emulator answers by this."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID, uuid5

from dynamics_portal_emulator import DataverseError, Emulator

ACTION = "new_SetWebsiteVisibility"
_WEBSITE = UUID("8f1f6d9a-4a53-4b0f-8b5e-6f0d3d5f2c77")


class Website:
    """The chapter's website: which mentors it shows. Tables stay untouched; only the action reaches it."""

    def __init__(self, mentors: list[UUID]) -> None:
        self.shown = set(mentors)

    def answer(self, emulator: Emulator, parameters: dict[str, Any], mentor: dict[str, Any] | None) -> dict[str, Any]:
        """Show or hide the mentor that the action was called on."""
        if mentor is None:
            raise DataverseError(400, "0x80040203", "The action is bound to a contact.")
        identity = UUID(mentor["contactid"])
        (self.shown.add if parameters["Visible"] else self.shown.discard)(identity)
        return {
            "MentorId": str(identity),
            "WebsiteRecordId": str(uuid5(_WEBSITE, str(identity))),
            "IsVisible": bool(parameters["Visible"]),
            "SyncStatus": "synced",
            "SyncedAt": dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z"),
        }
