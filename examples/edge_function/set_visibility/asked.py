"""What a request asks for: its body, checked. No I/O.

What is wrong is said by the names of fields, never by what was in them: an answer may be logged on its way.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from uuid import UUID

MAX_REASON = 500  # characters; a reason is a sentence, and HLF keeps it as free text
FIELDS = ("mentor_id", "visible", "reason")
_SHAPE = "a JSON object with the fields mentor_id, visible and reason"


class BadRequest(Exception):
    """A body that asks for nothing that can be done. `problems`: a sentence for each thing that is wrong."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


class Asked(NamedTuple):
    """Which mentor is to be shown or hidden, and why."""

    mentor_id: UUID
    visible: bool
    reason: str


def read(body: str) -> Asked:
    """What a body asks for. Raises `BadRequest`, which names everything that is wrong."""
    try:
        document = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadRequest(f"the body has to be {_SHAPE}") from None
    if not isinstance(document, dict):
        raise BadRequest(f"the body has to be {_SHAPE}")
    problems = [f"{name} is missing" for name in FIELDS if name not in document]
    if document.keys() - set(FIELDS):
        problems.append(f"the body has fields other than {', '.join(FIELDS)}")
    mentor_id = _uuid(document.get("mentor_id"))
    visible, reason = document.get("visible"), document.get("reason")
    if "mentor_id" in document and mentor_id is None:
        problems.append("mentor_id has to be a UUID in its usual form, with hyphens")
    if "visible" in document and not isinstance(visible, bool):
        problems.append("visible has to be true or false")
    if "reason" in document and not _is_sentence(reason):
        problems.append(f"reason has to be text of 1 to {MAX_REASON} characters, without control characters")
    if problems or mentor_id is None:
        raise BadRequest(*problems)
    return Asked(mentor_id, bool(visible), str(reason).strip())


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no name comes twice: of two, readers of JSON take different ones."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _uuid(value: object) -> UUID | None:
    try:
        found = UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and str(found) == str(value).lower() else None


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= MAX_REASON and value.isprintable()
