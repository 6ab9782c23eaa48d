"""Text that is compared with a pattern, as `LIKE` of Dataverse's database does it.

It decides what the wildcards `%`, `_`, `[a-c]` and `[^a-c]` match, regardless of case ("Use wildcard characters in
conditions for string values"). Which functions and operators take patterns is decided by `functions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache


def matches(text: object, pattern: object) -> bool | None:
    """Whether all of a text fits a pattern; None, which is SQL's null, where one of them is missing."""
    if text is None or pattern is None:
        return None
    return _compiled(str(pattern)).fullmatch(str(text).casefold()) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_translated(pattern.casefold())), re.DOTALL)


def _translated(pattern: str) -> Iterator[str]:
    place = 0
    while place < len(pattern):
        character = pattern[place]
        place += 1
        if character == "%":
            yield ".*"
        elif character == "_":
            yield "."
        elif character == "[":
            end = pattern.find("]", place)
            yield _set(pattern[place:end]) if end > 0 else _NOTHING
            place = end + 1 if end > 0 else len(pattern)
        else:
            yield re.escape(character)


_NOTHING = r"(?!)"


def _set(content: str) -> str:
    """What stands between brackets: characters and ranges of them, all others after `^`."""
    others = content.startswith("^")
    content = content.removeprefix("^")
    if not content:
        return _NOTHING
    parts: list[str] = []
    while content:
        first, rest = content[0], content[1:]
        if len(rest) > 1 and rest[0] == "-":
            if first <= rest[1]:
                parts.append(f"{re.escape(first)}-{re.escape(rest[1])}")
            content = rest[2:]
        else:
            parts.append(re.escape(first))
            content = rest
    if not parts:  # ranges that end before they begin
        return "." if others else _NOTHING
    return f"[{'^' if others else ''}{''.join(parts)}]"
