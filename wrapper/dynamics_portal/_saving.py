"""Saving: a download's bytes in a file that appears when it is whole. What came of it so far stands in a neighbour."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import invalid


class PartialFile:
    """The neighbour of a file that is being written: `.name.part`.

    Raises `OSError` where it cannot be written, and an invalid request where the bytes that a download goes on from are
    not in it.
    """

    __slots__ = ("_file", "_neighbour", "_path")

    def __init__(self, path: str | os.PathLike[str], offset: int) -> None:
        self._path = Path(path)
        self._neighbour = self._path.with_name(f".{self._path.name}.part")
        kept = self._neighbour.stat().st_size if offset and self._neighbour.is_file() else 0
        if kept < offset:
            raise invalid(f"save: the {offset} bytes that were taken before are not beside the file; download it anew")
        self._file = self._neighbour.open("r+b" if offset else "wb", buffering=0)
        self._file.truncate(offset)
        self._file.seek(offset)

    def write(self, chunk: bytes) -> None:
        """Add a chunk. It is in the file when this returns; where it fails, part of it may be."""
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def close(self) -> None:
        """Leave the neighbour as it is."""
        self._file.close()

    def finish(self) -> None:
        """Give the file its name."""
        self._file.close()
        self._neighbour.replace(self._path)
