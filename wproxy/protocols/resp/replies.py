r"""Finds where a server's replies end; the replies themselves are passed on as the bytes they came in.

Decoding would lose what the client must see: `+OK` against `$2\r\nOK`, `1.10`, the three spellings of null. Knows every
type of RESP2 and RESP3; pushes (`>`) answer no command and are told apart, attributes (`|`) stay with their reply.

Rules: redis.io "RESP protocol spec".
"""

from __future__ import annotations

import re

from wproxy.errors import WproxyError
from wproxy.protocols.resp.lengths import sized


class ReplyError(WproxyError):
    """Bytes that are no RESP. Raised by `ReplySplitter.split`; the link that reads them breaks the connection."""


_OK = b"+OK\r\n"
_LINES = frozenset(b"+-:,#_(")
_BULKS = frozenset(b"$!=")
_AGGREGATES = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}
_ATTRIBUTE = ord("|")
_PUSH = ord(">")
_LONGEST_LENGTH = 19  # digits of a 64-bit number
_LONGEST_LINE = 64 * 1024 * 1024  # an error or a big number is short; this only bounds a server gone mad

# What most commands are answered with, a whole read of it taken in one step: short strings, and lines.
_SHORT = re.compile(rb"\$%b\r\n|(?:[+:-][^\r]*|\$-1|_)\r\n" % sized(511), re.DOTALL)


class ReplySplitter:
    """Fed any split of a server's bytes, returns the same replies."""

    __slots__ = ("_at", "_buffer", "_chunks", "_chunks_size", "_left", "_missing", "_parts", "pushes")

    def __init__(self) -> None:
        self._buffer = b""
        self._chunks: list[bytes] = []
        self._chunks_size = 0
        self._missing = 0  # bytes that must come before another look is worth it
        self._parts: list[bytes] = []  # the beginning of the reply in hand, read in earlier turns
        self._at = 0  # how far into the buffer the reply in hand has been read
        self._left = 1  # values that the reply in hand still misses
        self.pushes: list[bytes] = []  # out-of-band messages; whoever cares takes them from here

    def split(self, data: bytes) -> list[bytes]:
        """Take `data`, return the replies that are complete now, each as its raw bytes; raise ReplyError."""
        self._chunks.append(data)
        self._chunks_size += len(data)
        if self._chunks_size < self._missing:
            return []
        if self._buffer:
            self._chunks.insert(0, self._buffer)
        buffer = self._buffer = b"".join(self._chunks) if len(self._chunks) > 1 else data
        self._chunks.clear()
        self._chunks_size = self._missing = 0
        replies = [] if self._parts else _short_replies(buffer)
        start = self._at = sum(map(len, replies))
        size = len(buffer)
        while start < size:
            if not self._advance(buffer):
                break
            reply = buffer[start : self._at]
            if self._parts:
                reply = b"".join([*self._parts, reply])
                self._parts = []
            (self.pushes if reply[0] == _PUSH else replies).append(reply)
            start = self._at
            self._left = 1
        if self._at > start:
            # Set aside, so that a reply of many values is joined once and not in every turn.
            self._parts.append(buffer[start : self._at])
        self._buffer = buffer[self._at :]
        self._at = 0
        return replies

    def _advance(self, buffer: bytes) -> bool:
        """Read values until the reply in hand is whole; False for "need more"."""
        while self._left:
            at = self._at
            end = buffer.find(b"\r\n", at)
            if end < 0:
                if len(buffer) - at > _LONGEST_LINE:
                    raise ReplyError("a line without an end")
                return False
            kind = buffer[at] if at < end else 0
            if kind in _LINES:
                self._at = end + 2
                self._left -= 1
            elif kind in _BULKS:
                after = end + 2 + _length(buffer, at, end) + 2
                if after <= end + 3:  # $-1: null, no payload follows
                    after = end + 2
                if after > len(buffer):
                    self._missing = after - len(buffer)
                    return False
                self._at = after
                self._left -= 1
            elif kind in _AGGREGATES:
                self._at = end + 2
                self._left += max(_length(buffer, at, end), 0) * _AGGREGATES[kind] - (kind != _ATTRIBUTE)
            else:
                raise ReplyError(f"a reply that begins with {buffer[at : at + 1]!r}")
        return True


def _short_replies(buffer: bytes) -> list[bytes]:
    """Return the replies that `buffer` begins with when they are all short, [] when the loop has to look at them."""
    if buffer.startswith(_OK) and (count := buffer.count(_OK)) * len(_OK) == len(buffer):
        return [_OK] * count
    if _SHORT.match(buffer) is None:
        return []
    replies: list[bytes] = _SHORT.findall(buffer)
    return replies if buffer.startswith(b"".join(replies)) else []  # otherwise, something between them was skipped


def _length(buffer: bytes, at: int, end: int) -> int:
    """Return N of a `$N` or `*N` line; -1 means null."""
    text = buffer[at + 1 : end]
    if text == b"-1":
        return -1
    if not text.isdigit() or len(text) > _LONGEST_LENGTH:
        raise ReplyError(f"a length of {text[:32]!r}")
    return int(text)
