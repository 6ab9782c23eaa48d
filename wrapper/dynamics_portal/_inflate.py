"""Compressed answers: what comes decompressed, in bounded parts, as `Accept-Encoding` asks for it. No I/O.

An encoding that was not asked for is left as it is, and what reads the body says that it cannot.

Source: RFC 9110, "Content-Encoding"; RFC 1950, RFC 1951, RFC 1952.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import httpx2

MAX_PART: Final = 1 << 20  # bytes that are decompressed at once, however many a few compressed ones stand for
MAX_LAYERS: Final = 5  # times that a body may have been compressed: as many as httpx2 undoes
_GZIP: Final = zlib.MAX_WBITS | 16


class Inflater:
    """Decompresses one body, part by part. Raises `httpx2.DecodingError` for what is not compressed so."""

    __slots__ = ("_begun", "_plain_deflate", "_zlib")

    def __init__(self, encoding: str) -> None:
        self._plain_deflate = encoding == "deflate"  # "deflate" means zlib's format, but some send it without its head
        self._begun = False
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS if self._plain_deflate else _GZIP)

    def through(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """What some parts of the body stand for."""
        for part in parts:
            try:
                yield from self._drained(self._first(part))
            except zlib.error:
                pass  # raised below, without the original error, which has the body in its frames
            else:
                continue
            raise httpx2.DecodingError("the body is not compressed as its header says")

    def _first(self, data: bytes) -> bytes:
        """The next decompressed bytes; at the first ones it is found which kind of deflate they are."""
        begun, self._begun = self._begun, True
        try:
            return self._zlib.decompress(data, MAX_PART)
        except zlib.error:
            if begun or not self._plain_deflate:
                raise
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._zlib.decompress(data, MAX_PART)

    def _drained(self, part: bytes) -> Iterator[bytes]:
        while part:
            yield part
            part = self._zlib.decompress(self._zlib.unconsumed_tail, MAX_PART)


def inflaters(encodings: str) -> tuple[Inflater, ...]:
    """What undoes the value of a `Content-Encoding` header, in the order in which to undo it.

    Raises `httpx2.DecodingError` where it names too many.
    """
    named = [name for text in encodings.split(",") if (name := text.strip().lower()) in ("gzip", "deflate")]
    if len(named) > MAX_LAYERS:
        raise httpx2.DecodingError("the body was compressed too many times")
    return tuple(Inflater(name) for name in reversed(named))
