"""Where a body ends (RFC 9112, section 6): its bytes are passed on as they are, only their end is found.

A `Body` is fed what comes and says how many bytes of it still belong to it. Chunk sizes are read strictly: hexadecimal
digits, then spaces or an extension; a bare line feed, which HAProxy takes as a line end and rewrites, is refused,
because here the bytes go on unchanged and the next in line might read them otherwise.
"""

from __future__ import annotations

import enum
import re
from typing import Protocol


class Progress(enum.Enum):
    """What became of a body."""

    OPEN = "open"
    DONE = "done"
    BROKEN = "broken"


class Body(Protocol):
    """A body that is passing through."""

    progress: Progress

    def take(self, data: bytes) -> int:
        """Return how many bytes at the beginning of `data` belong to it; look at `progress` afterwards."""


class Counted:
    """A body with a Content-Length."""

    __slots__ = ("left", "progress")

    def __init__(self, length: int) -> None:
        self.left = length
        self.progress = Progress.OPEN if length else Progress.DONE

    def take(self, data: bytes) -> int:
        """Take up to what is left."""
        size = len(data)
        if size < self.left:
            self.left -= size
            return size
        size, self.left = self.left, 0
        self.progress = Progress.DONE
        return size


class UntilClose:
    """A body that ends with its connection."""

    __slots__ = ("progress",)

    def __init__(self) -> None:
        self.progress = Progress.OPEN

    def take(self, data: bytes) -> int:
        """Take everything."""
        return len(data)


_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[^\x00\r\n]*)?\r\n")
_SIZE_BEGINS = re.compile(rb"(?:[0-9A-Fa-f]+[ \t]*(?:;[^\x00\r\n]*)?\r?)?")
_TRAILER = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00\r\n]*)?\r\n")
_TRAILER_BEGINS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?::[^\x00\r\n]*)?)?\r?")
_LINE_MAX = 15 * 1024  # of a chunk's size with its extension, and of a trailer
_TRAILERS_MAX = 101
_SIZE_MAX = 1 << 52


class Chunked:
    """A chunked body."""

    __slots__ = ("_held", "_left", "_trailers", "progress")

    def __init__(self) -> None:
        self.progress = Progress.OPEN
        self._held = b""  # the beginning of a line whose end has not come; its bytes have been taken already
        self._left = 0  # bytes of the chunk in hand, its CRLF included
        self._trailers = -1  # how many there have been, once the last chunk has come

    def take(self, data: bytes) -> int:
        """Take chunks and trailers as far as they have come."""
        at, size = 0, len(data)
        while at < size and self.progress is Progress.OPEN:
            at = self._chunk(data, at) if self._left else self._line(data, at)
        return at

    def _chunk(self, data: bytes, at: int) -> int:
        """Take bytes of a chunk; the last two must be its CRLF."""
        end = min(at + self._left, len(data))
        ahead = self._left - (end - at)
        if ahead < 2:
            ends = min(2, self._left) - ahead  # how many bytes of the CRLF are here
            if data[end - ends : end] != b"\r\n"[2 - ahead - ends : 2 - ahead]:
                self.progress = Progress.BROKEN
                return end - 1 if data[end - ends : end - 1] == b"\r" else end - ends
        self._left = ahead
        return end

    def _line(self, data: bytes, at: int) -> int:
        """Take a size or a trailer, or the beginning of one."""
        held, start = self._held, at
        trailer = self._trailers >= 0
        if held:
            data, start = held + data[at : at + _LINE_MAX], 0
        match = (_TRAILER if trailer else _SIZE_LINE).match(data, start)
        if match is None or match.end() - start > _LINE_MAX:
            begins = (_TRAILER_BEGINS if trailer else _SIZE_BEGINS).fullmatch(data, start)
            if begins is None or len(data) - start >= _LINE_MAX:
                self.progress = Progress.BROKEN
                return at
            self._held = data[start:]
            return at + len(data) - start - len(held)
        self._held = b""
        if trailer:
            self._trailer(match[0])
        else:
            self._size(match[1])
        return at + match.end() - start - len(held)

    def _size(self, digits: bytes) -> None:
        size = int(digits, 16)
        if size >= _SIZE_MAX:
            self.progress = Progress.BROKEN
        elif size:
            self._left = size + 2
        else:
            self._trailers = 0

    def _trailer(self, line: bytes) -> None:
        self._trailers += 1
        if line == b"\r\n":
            self.progress = Progress.DONE
        elif self._trailers > _TRAILERS_MAX:
            self.progress = Progress.BROKEN


def unchunked(data: bytes) -> bytes:
    """Return what the chunks in `data` hold; they have been found good, the last ones may be missing."""
    parts = []
    at = 0
    while (match := _SIZE_LINE.match(data, at)) is not None:
        size = int(match[1], 16)
        parts.append(data[match.end() : match.end() + size])
        at = match.end() + size + 2
        if not size:
            break
    return b"".join(parts)
