"""The compressing of one body, bytes in and bytes out; what has been fed is out at once: no client waits for it.

The memory of a stream is bounded: 64 KiB, by a window of 8 KiB and zlib's memory level 6, at its fastest level, which
is HAProxy's (tune.comp.maxlevel 1).
"""

from __future__ import annotations

import zlib
from typing import Protocol

from wproxy.config.http.squeezing import Algorithm

_LEVEL = 1
_WINDOW_BITS = 13
_MEMORY_LEVEL = 6
_GZIP = 16  # what zlib adds to the bits of the window for each format; its sign is that of raw deflate

_BITS = {
    Algorithm.GZIP: _GZIP + _WINDOW_BITS,
    Algorithm.DEFLATE: _WINDOW_BITS,
    Algorithm.RAW_DEFLATE: -_WINDOW_BITS,
}


class Stream(Protocol):
    """One body on its way."""

    def feed(self, data: bytes) -> bytes:
        """Return what `data` becomes, whole."""

    def finish(self) -> bytes:
        """Return the end."""


class _Deflated:
    __slots__ = ("_compressor",)

    def __init__(self, bits: int) -> None:
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, bits, _MEMORY_LEVEL)

    def feed(self, data: bytes) -> bytes:
        compressor = self._compressor
        return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH) if data else b""

    def finish(self) -> bytes:
        return self._compressor.flush()


class _Identical:
    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


def stream(algorithm: Algorithm) -> Stream:
    """Return the stream of one body."""
    return _Identical() if algorithm is Algorithm.IDENTITY else _Deflated(_BITS[algorithm])
