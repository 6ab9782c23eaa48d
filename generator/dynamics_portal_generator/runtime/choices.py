"""Choices and enumerations: the bases of a package's own, which keep what the package does not know."""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum

from .decode import expect


class Choice(IntEnum):
    """Base of the choices (option sets) of a package: a number with a label.

    A number that the package does not know, because the organisation added it later, is kept as a member of its own
    without a name of the package's, so that one row never fails a page and the value survives a round trip.
    """

    @classmethod
    def _missing_(cls, value: object) -> Choice | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}".replace("-", "MINUS_")
        member._value_ = value
        return member

    @property
    def label(self) -> str | None:
        """The label in the organisation's base language. `None` for a value that the package does not know."""
        return getattr(type(self), "__labels__", {}).get(int(self))

    def label_in(self, language: int) -> str | None:
        """The label in a language by its code (LCID): 1044 is Norwegian Bokmål. `None` where the package has none."""
        labels: dict[int, dict[int, str]] = getattr(type(self), "__translations__", {})
        return labels.get(language, {}).get(int(self))


class Enumeration(StrEnum):
    """Base of the metadata's own enumerations: members by the name that the service sends.

    A name that the package does not know is kept as a member of its own.
    """

    @classmethod
    def _missing_(cls, value: object) -> Enumeration | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member


class Flags(IntFlag):
    """Base of the metadata's enumerations whose members combine: `EntityFilters.ENTITY | EntityFilters.ATTRIBUTES`."""

    @classmethod
    def parse(cls, text: str | int) -> Flags | str:
        """The combination that a comma-separated list of names, or a number, stands for; the text itself where a name
        is new."""
        if not isinstance(text, str):
            return cls(expect(text, int))
        names: dict[str, int] = getattr(cls, "__names__", {})
        parts = [part.strip() for part in text.split(",")]
        if not all(part in names for part in parts):
            return cls(int(text)) if text.isascii() and text.isdigit() else text
        result = cls(0)
        for part in parts:
            result |= cls(names[part])
        return result

    def format(self) -> str:
        """The fewest names that combine to it, divided by commas, or its number where a bit has no name."""
        names: dict[str, int] = getattr(type(self), "__names__", {})
        left = int(self)
        chosen: set[str] = set()
        for name, value in sorted(names.items(), key=lambda item: -item[1].bit_count()):
            if value == left or (value and value & left == value):
                chosen.add(name)
                left &= ~value
                if not left:
                    return ",".join(name for name in names if name in chosen)
        return str(int(self))
