"""Bytes of files, on disk.

It decides how they are kept: a file on disk each, in a folder that goes with the emulator, or stays beside its
database. Nothing of more than a piece is ever in memory. What the bytes belong to is the business of `attachments`.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PIECE = 1024 * 1024  # bytes that are in memory at a time


class Blobs:
    """Bytes by id. `database` is the store's file, beside which they stay; without one they go when it is closed."""

    def __init__(self, database: Path | None = None) -> None:
        self._kept = database is not None
        self._lock = threading.Lock()
        self._folder = database.with_name(f"{database.name}-files") if database is not None else None

    def new(self) -> str:
        """The id of an empty blob."""
        key = str(uuid.uuid4())
        self._path(key).touch()
        return key

    def write(self, key: str, offset: int, source: IO[bytes]) -> int:
        """Writes all that a source gives, from an offset on; how many bytes that was."""
        total = 0
        with self._path(key).open("r+b") as target:
            target.seek(offset)
            while piece := source.read(PIECE):
                target.write(piece)
                total += len(piece)
        return total

    def append(self, key: str, other: str) -> None:
        """Writes another blob behind what is there."""
        with self._path(other).open("rb") as source:
            self.write(key, self.size(key), source)

    def size(self, key: str) -> int:
        """How many bytes there are."""
        return self._path(key).stat().st_size

    def pieces(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, in pieces."""
        with self._path(key).open("rb") as source:
            source.seek(start)
            left = (self.size(key) if stop is None else stop) - start
            while left > 0 and (piece := source.read(min(PIECE, left))):
                left -= len(piece)
                yield piece

    def read(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """The same at once: for what is known to be small."""
        return b"".join(self.pieces(key, start, stop))

    def remove(self, key: str) -> None:
        """Removes a blob; one that is not there is removed already."""
        self._path(key).unlink(missing_ok=True)

    def clear(self) -> None:
        """Removes all."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            if not self._kept:
                self._folder = None

    def close(self) -> None:
        """Removes all, unless it is kept with a database."""
        if not self._kept:
            self.clear()

    def _path(self, key: str) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="dynamics-emulator-files-"))
            self._folder.mkdir(parents=True, exist_ok=True)
            return self._folder / str(uuid.UUID(key))
