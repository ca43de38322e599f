"""What is inside of chunks (RFC 9112, section 7.1), for bodies that do not go on as they came.

`bodies.Chunked` has checked the framing before; here it is only taken off and put on.
"""

from __future__ import annotations


def framed(data: bytes) -> bytes:
    """Return `data` as one chunk; nothing of nothing, because an empty chunk is the last."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class Unchunker:
    """Takes the data out of chunks that are well-formed; `trailers` are the lines behind the last, its end included."""

    __slots__ = ("_held", "_left", "trailers")

    def __init__(self) -> None:
        self._held = b""  # the beginning of a size line
        self._left = 0  # bytes of the chunk in hand, its CRLF included
        self.trailers: bytes | None = None  # once the last chunk has come

    def feed(self, data: bytes) -> bytes:
        """Return the data in the chunks, or parts of chunks, that `data` is."""
        parts: list[bytes] = []
        at, size = 0, len(data)
        while at < size and self.trailers is None:
            if self._left:
                end = min(at + self._left, size)
                parts.append(data[at : min(end, at + max(0, self._left - 2))])  # without the CRLF
                self._left -= end - at
                at = end
            else:
                at = self._size(data, at)
        if self.trailers is not None:
            self.trailers += data[at:]
        return b"".join(parts)

    def _size(self, data: bytes, at: int) -> int:
        """Read a size line; return where it ends in `data`."""
        end = data.find(b"\n", at) + 1
        if not end:
            self._held += data[at:]
            return len(data)
        line, self._held = self._held + data[at:end], b""
        number = int(line.partition(b";")[0], 16)
        if number:
            self._left = number + 2
        else:
            self.trailers = b""
        return end
