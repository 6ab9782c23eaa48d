"""The base of what the generator raises for input that it cannot use."""

from __future__ import annotations


class InputError(Exception):
    """Input that cannot be used. The text is one line: file and line where known, what is wrong, what to do."""
