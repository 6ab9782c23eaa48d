"""Secrets: a text that no representation shows.

`Secret` decides how a secret looks to everything that prints, formats, copies or stores objects. Who may hold one, and
for how long, is the business of `credentials` and `_tokens`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, Final, NoReturn

MASK: Final = "***"
"""What stands in the place of something that is not shown, everywhere in this package."""


class Secret:
    """A secret text. `repr`, `str` and `format` show `***`; it cannot be pickled or written as JSON.

    `reveal()` gives the text, for the one place that sends it.

    >>> secret = Secret("s3cr3t")
    >>> f"{secret} {secret!r}"
    "*** Secret('***')"
    >>> secret.reveal()
    's3cr3t'
    """

    __slots__ = ("reveal",)

    reveal: Callable[[], str]
    """The text itself."""

    def __init__(self, text: str | Secret) -> None:
        value: Any = text.reveal() if isinstance(text, Secret) else text
        if not isinstance(value, str):
            kind = type(value).__name__
            del text, value  # so that no printer of this frame finds it
            raise TypeError(f"expected the secret as text, got {kind}")
        # in a closure: printers that walk through attributes find a function there, not the text
        object.__setattr__(self, "reveal", lambda: value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_encoded(self), _encoded(other))  # in a time that says nothing of where they differ

    __hash__ = None  # type: ignore[assignment] # a hash of the text would be a way to guess it

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


def _encoded(secret: Secret) -> bytes:
    """The text in bytes, whatever it holds: the error of an encoder would hold it as well."""
    return secret.reveal().encode("utf-8", "surrogatepass")
