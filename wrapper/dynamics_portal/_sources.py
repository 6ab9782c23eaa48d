"""Sources: where the bytes of an upload come from. A path, bytes, a binary file, or whatever gives parts of bytes.

A source is read in order, a chunk at a time; where it can be read again from a place, it is. The service must be told
the size before the first byte, so what gives parts needs it said. Reading waits in the shells: `sync_pull` and
`async_pull` are one step of it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from io import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, cast

from ._concurrency import async_ask
from .errors import invalid

FileSource: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO | Iterable[bytes]
"""A file's bytes; a path; a file that was opened in binary mode; or anything that gives parts of bytes in order."""
AsyncFileSource: TypeAlias = FileSource | AsyncIterable[bytes]
"""The same, or what gives parts asynchronously."""

_PIECE: Final = 1024 * 1024  # bytes that are read at once while a place in a source is looked for


class Source:
    """The bytes of one upload. Raises `ValueError` or `TypeError` for what is none, or has no size.

    `size`: how many bytes there are in all; `name`: the file's name, where the source has one.
    """

    __slots__ = (
        "_buffer",
        "_ended",
        "_file",
        "_opened",
        "_parts",
        "_path",
        "_pulled",
        "_skip",
        "_start",
        "name",
        "size",
    )

    def __init__(self, source: Any, size: int | None, *, asynchronous: bool) -> None:
        self._buffer = bytearray()
        self._skip = 0
        self._pulled = 0
        self._ended = False
        self._start = 0
        self._opened = False
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._parts: Iterator[bytes] | AsyncIterator[bytes] | None = None
        self.name = ""
        found = self._look(source, asynchronous)
        if found is not None and size is not None and found != size:
            raise ValueError("size: the source has another size")
        if found is None and size is None:
            raise ValueError("size: say how many bytes the source gives; the service must know it beforehand")
        self.size = _size(size if found is None else found)

    def __repr__(self) -> str:
        return f"<Source: {self.size} bytes>"

    def _look(self, source: Any, asynchronous: bool) -> int | None:
        """Find out what the source is, and its size where it tells."""
        if isinstance(source, (bytes, bytearray, memoryview)):
            view = memoryview(source).cast("B")
            self._parts = (bytes(view[start : start + _PIECE]) for start in range(0, len(view), _PIECE))
            return len(view)
        if isinstance(source, (str, os.PathLike)):
            self._path = Path(source)
            self.name = self._path.name
            return os.stat(self._path).st_size
        if callable(getattr(source, "read", None)):
            self._file = cast("BinaryIO", source)
            return self._measure()
        if hasattr(source, "__aiter__"):
            if not asynchronous:
                raise TypeError("source: it gives its bytes asynchronously, which needs the asynchronous client")
            self._parts = aiter(source)
            return None
        if hasattr(source, "__iter__"):
            self._parts = iter(source)
            return None
        raise TypeError(f"source: expected a path, bytes, a binary file or parts of bytes, got {type(source).__name__}")

    def _measure(self) -> int | None:
        file = self._file
        if file is None or not (callable(getattr(file, "seekable", None)) and file.seekable()):
            return None
        self._start = file.tell()
        end = file.seek(0, SEEK_END)
        file.seek(self._start)
        return end - self._start

    @property
    def waits(self) -> bool:
        """Whether its parts have to be awaited."""
        return hasattr(self._parts, "__anext__")

    @property
    def parts(self) -> AsyncIterator[bytes]:
        """The parts of a source that has to be awaited."""
        return cast("AsyncIterator[bytes]", self._parts)

    def start_at(self, offset: int) -> None:
        """Pass over what was sent before. A source that cannot be read from a place is read up to it."""
        if self._path is not None:
            self._pulled = offset
        elif self._file is not None and self._file.seekable():
            self._file.seek(self._start + offset)
            self._pulled = offset
        else:
            self._skip = offset

    def lacks(self, count: int, *, whole: bool) -> bool:
        """Whether more must be pulled before `count` bytes can be taken; `whole`: and nothing may come after them."""
        return not self._ended and len(self._buffer) < count + whole

    def take(self, count: int, *, whole: bool) -> bytes:
        """The next bytes. Raises an invalid request where the source has fewer than it said, or more."""
        if len(self._buffer) < count:
            raise invalid("source: it ended before the size that was said")
        if whole and len(self._buffer) > count:
            raise invalid("source: it gives more bytes than the size that was said")
        taken = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return taken

    def feed(self, part: Any) -> None:
        """Take a part; an empty one says nothing. Raises an invalid request for what is no bytes."""
        if not isinstance(part, (bytes, bytearray, memoryview)):
            raise invalid(f"source: expected bytes, got {type(part).__name__}")
        skipped = min(self._skip, len(part))
        self._skip -= skipped
        self._pulled += len(part)
        self._buffer += part[skipped:]

    def end(self) -> None:
        """There is nothing more."""
        self._ended = True

    def pull(self) -> None:
        """Read on, where nothing has to be awaited."""
        if self._path is not None and self._file is None:
            self._file, self._opened = self._path.open("rb"), True
            self._file.seek(self._pulled)
        if self._file is not None:
            part: Any = self._file.read(_PIECE)
        else:
            part = next(cast("Iterator[bytes]", self._parts), None)
        if part is None or (self._file is not None and not part):
            self.end()
        else:
            self.feed(part)

    def close(self) -> None:
        """Close what was opened here; reading on opens it again."""
        if self._opened and self._file is not None:
            self._file.close()
            self._file, self._opened = None, False


def sync_source(source: Any, size: int | None) -> Source:
    """What a client that cannot wait reads from."""
    return Source(source, size, asynchronous=False)


def async_source(source: Any, size: int | None) -> Source:
    """What a client that can wait reads from."""
    return Source(source, size, asynchronous=True)


def sync_pull(source: Source) -> None:
    """One step of reading."""
    source.pull()


async def async_pull(source: Source) -> None:
    """One step of reading, beside other tasks: what would block them is done in a thread."""
    if source.waits:
        try:
            source.feed(await anext(source.parts))
        except StopAsyncIteration:
            source.end()
    else:
        await async_ask(source.pull)


def _size(size: Any) -> int:
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"size: expected a number of bytes, got {type(size).__name__}")
    if size < 0:
        raise ValueError("size must not be negative")
    return size
