"""A `Cookie` field: which cookies of one name it has, and what is left of it when those are not for the server.

Clients write `name=value` pairs with semicolons between them; old ones use commas, quote values and add attributes that
begin with `$`. What is taken out takes the attributes that follow it along.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# A value ends at a delimiter that is not quoted; a quote that is never closed reaches to the end of the line.
VALUE = rb'(?:[^;,"]+|"(?:[^"\\]+|\\.)*(?:"|\\?\Z))*'
_COOKIE = re.compile(rb"([ \t]*)([^=;,]*)(?:=[ \t]*(" + VALUE + rb"))?", re.DOTALL)
_SPACED = re.compile(rb"[ \t]=|=[ \t]")
_SPACES = b" \t"

Change = Callable[[bytes], bytes | None]
"""What becomes of the value of the cookie that is looked for; None takes the cookie out."""


class Line(NamedTuple):
    """What was found in one field: the cookie's values, and the field's value as it goes on, None for not at all."""

    value: bytes | None
    found: tuple[bytes, ...]


class _Kept:
    """The pieces that go on, each with the delimiter in front of it."""

    __slots__ = ("_pieces", "empty", "gap", "removes")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.empty = True
        self.gap = False  # something has been taken out, and nothing has followed yet
        self.removes = False

    def add(self, piece: bytes) -> None:
        if self.gap:
            self.gap = False
            if self.empty:
                self._pieces.clear()
                piece = piece[1:].lstrip(_SPACES)
            else:
                self._pieces[-1] = self._pieces[-1].rstrip(_SPACES)
                piece = b"%b %b" % (piece[:1], piece[1:].lstrip(_SPACES))
        if piece:
            self.empty = False
            self._pieces.append(piece)

    def remove(self) -> None:
        self.gap = self.removes = True

    def joined(self) -> bytes:
        return b"".join(self._pieces)


def read(line: bytes, name: bytes, change: Change) -> Line:
    """Find the cookies called `name` in a field's value and let `change` have the value of each."""
    spaced = _SPACED.search(line) is not None
    if name not in line and not spaced:
        return Line(line, ())
    found: list[bytes] = []
    kept = _Kept()
    others = False  # whether there is anything for the server but attributes
    at = 0
    while at <= len(line):
        match = _COOKIE.match(line, at)
        assert match is not None  # nothing matches, too
        piece = line[max(at - 1, 0) : match.end()]
        at = match.end() + 1
        if match[2].startswith(b"$"):
            if not kept.gap:
                kept.add(piece)
            continue
        if match[3] is None or not (spaced or name in piece):
            others = True
        else:
            key, value = match[2].rstrip(_SPACES), match[3].rstrip(_SPACES)
            head, rest = line[match.start() - 1 : match.start(2)] if match.start() else match[1], match[3][len(value) :]
            sent: bytes | None = value
            if key == name:
                found.append(value)
                sent = change(value)
            else:
                others = True
            if sent is None:
                kept.remove()
                continue
            piece = b"%b%b=%b%b" % (head, key, sent, rest)
        kept.add(piece)
    nothing = (kept.removes and kept.empty) or (kept.gap and not others)
    return Line(None if nothing else kept.joined(), tuple(found))
