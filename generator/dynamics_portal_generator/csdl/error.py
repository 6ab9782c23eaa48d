"""The one error of reading CSDL. It says where in which file; what is wrong is for its raiser to say."""

from __future__ import annotations

from ..errors import InputError


class CsdlError(InputError):
    """A document that is no usable OData v4 CSDL. Its text is one line, `file:line: what is wrong`.

    `source` is the name of the document, `line` its line (from 1) where that is known.
    """

    def __init__(self, message: str, *, source: str, line: int | None = None) -> None:
        self.message = " ".join(message.split())
        self.source = source
        self.line = line
        super().__init__(located(self.message, source, line))


def located(message: str, source: str, line: int | None) -> str:
    """`file:line: message`, or `file: message` where no line is known."""
    return f"{source}:{line}: {message}" if line else f"{source}: {message}"
