"""Made-up values in place of real ones: of the same form, so that they still decode, and equal where those are equal.

A made-up value is the number of the order in which the real one first appeared, and nothing else: no dictionary of
names or birth dates brings the real one back, as it would from a hash. Numbering what is numbered already changes
nothing, so scrubbing may be repeated, and whatever it would change is something that was never scrubbed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Final

_EPOCH: Final = dt.datetime(2000, 1, 1)
_CONSTANTS: Final = frozenset({"", "INF", "-INF", "NaN"})  # the last three are numbers that JSON lacks
_NUMBER: Final = re.compile(r"-?\d+(?:\.(\d+))?")
_FORMS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("guid", re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("moment", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(?:\.(\d{1,12}))?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)),
    ("date", re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)),
    ("time", re.compile(r"\d\d:\d\d(:\d\d(?:\.(\d{1,12}))?)?()", re.ASCII)),
    ("duration", re.compile(r"-?P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?", re.ASCII)),
    ("person", re.compile(r"[^@\s]+@[^@\s]+")),
    ("page", re.compile(r"https?://\S+", re.IGNORECASE)),
)
_PLAIN: Final = re.compile(
    r"-?\d+(?:[.,]\d+)*|\d{4}-\d\d-\d\d(?:T[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d)?)?|\d\d:[\d:.]{2,16}", re.ASCII
)
_MADE_UP: Final = re.compile(
    r"00000000-0000-4000-8000-\d{12}|text(?:\d{4})+|person-\d+@example\.org|W/\"version-\d+\"|https://example\.org/\d+"
)


class Names:
    """The made-up values of one cassette. `given` lists, in order, the real values for which one was asked."""

    __slots__ = ("_numbers", "given")

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        self.given: list[str] = []

    def number_of(self, kind: str, value: str) -> int:
        """The number of a value among those of its kind, from 1."""
        self.given.append(value)
        known = self._numbers.setdefault(kind, {})
        return known.setdefault(value, len(known) + 1)

    def text(self, value: str) -> str:
        """Text of the same form: a GUID for a GUID, a date for a date, an address for an address, a word for the rest.

        A word has a length that also makes it base64, as columns of binary values need it.
        """
        if value in _CONSTANTS:
            return value
        if all(map(_NUMBER.fullmatch, value.split(","))):  # a number, or the numbers of a multi-select choice
            return ",".join(self.number(item) for item in value.split(","))
        for kind, pattern in _FORMS:
            match = pattern.fullmatch(value)
            if match is not None:
                key = value.lower() if kind == "guid" else value
                return _MAKERS[kind](self.number_of(kind, key), match)
        number = str(self.number_of("text", value))
        return "text" + number.zfill(-len(number) // 4 * -4)

    def number(self, value: str) -> str:
        """The digits of a number with as many decimal places."""
        match = _NUMBER.fullmatch(value)
        places = len(match[1] or "") if match else 0
        return str(self.number_of("number", value)) + ("." + "0" * places if places else "")

    def version(self, value: str) -> str:
        """A row's version."""
        return f'W/"version-{self.number_of("version", value)}"'

    def host(self, value: str) -> str:
        """The name of an organisation's host, of a domain that is nobody's. Source: RFC 2606."""
        number = self.number_of("host", value.lower())
        return "organisation.example" if number == 1 else f"organisation-{number}.example"

    def label(self, value: str) -> str:
        """What stands for something where a name of the schema was expected. It looks like none, so that it is never
        taken for one."""
        return f"***{self.number_of('label', value)}"


def is_made_up(value: str) -> bool:
    """Whether a value has a form that only made-up values have. Numbers, dates and times have none of their own."""
    return _MADE_UP.fullmatch(value) is not None


def is_plain(value: str) -> bool:
    """Whether text is a number, a date or a time: what may stay of a column that the recorder names."""
    return _PLAIN.fullmatch(value) is not None


def _moment(number: int, match: re.Match[str]) -> str:
    return _clock(_EPOCH + dt.timedelta(seconds=number), match, "%Y-%m-%dT%H:%M")


def _time(number: int, match: re.Match[str]) -> str:
    return _clock(_EPOCH + dt.timedelta(seconds=number), match, "%H:%M")


def _clock(moment: dt.datetime, match: re.Match[str], form: str) -> str:
    """With seconds, a fraction and a zone where the real value has them; a minute each where it has no seconds."""
    seconds, fraction, zone = match[1], match[2], match[3]
    if seconds is None:
        moment = _EPOCH + (moment - _EPOCH) * 60
    text = (
        moment.strftime(form) + (f":{moment:%S}" if seconds else "") + ("." + "0" * len(fraction) if fraction else "")
    )
    return text + ("" if not zone else "Z" if zone == "Z" else "+00:00")


_MAKERS: Final[dict[str, Callable[[int, re.Match[str]], str]]] = {
    "guid": lambda number, _: f"00000000-0000-4000-8000-{number:012d}",
    "moment": _moment,
    "date": lambda number, _: f"{_EPOCH + dt.timedelta(days=number):%Y-%m-%d}",
    "time": _time,
    "duration": lambda number, _: f"PT{number}S",
    "person": lambda number, _: f"person-{number}@example.org",
    "page": lambda number, _: f"https://example.org/{number}",
}
