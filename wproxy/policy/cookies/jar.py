"""A `Cookie` field: which cookies of one name it has, and what is left of it when those are not for the server.

Clients write `name=value` pairs with semicolons between them; old ones use commas, quote values and add attributes that
begin with `$`. What is taken out takes the attributes that follow it along.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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


class _Cookie(NamedTuple):
    """One piece of a line: the delimiter and the spaces in front of it, its name, its value if it has one."""

    lead: bytes
    name: bytes
    value: bytes | None
    rest: bytes  # spaces behind the value
    whole: bytes

    @property
    def text(self) -> bytes:
        """The piece without spaces around the equals sign."""
        if self.value is None or self.name.startswith(b"$"):
            return self.whole
        return b"%b%b=%b%b" % (self.lead, self.name.rstrip(_SPACES), self.value, self.rest)


def read(line: bytes, name: bytes, change: Change) -> Line:
    """Find the cookies called `name` in a field's value and let `change` have the value of each."""
    if name not in line and not _SPACED.search(line):
        return Line(line, ())
    found: list[bytes] = []
    kept = b""
    removed_at: int | None = None  # where in `kept` something has been taken out and nothing has followed yet
    removes = False
    others = False  # whether there is anything for the server but attributes
    for cookie in _cookies(line):
        text = cookie.text
        if cookie.name.startswith(b"$"):
            kept += text if removed_at is None else b""
            continue
        if cookie.value is not None and cookie.name.rstrip(_SPACES) == name:
            found.append(cookie.value)
            value = change(cookie.value)
            if value is None:
                removed_at = len(kept) if removed_at is None else removed_at
                removes = True
                continue
            text = cookie._replace(value=value).text
        else:
            others = True
        kept = kept + text if removed_at is None else _closed(kept, removed_at, text)
        removed_at = None
    nothing = (removes and not kept) or (removed_at is not None and not others)
    return Line(None if nothing else kept, tuple(found))


def _cookies(line: bytes) -> Iterator[_Cookie]:
    at = 0
    while at <= len(line):
        match = _COOKIE.match(line, at)
        assert match is not None  # nothing matches, too
        delimiter = line[max(at - 1, 0) : at]
        value, rest = match[3], b""
        if value is not None:
            value = match[3].rstrip(_SPACES)
            rest = match[3][len(value) :]
        yield _Cookie(delimiter + match[1], match[2], value, rest, delimiter + match[0])
        at = match.end() + 1


def _closed(kept: bytes, removed_at: int, text: bytes) -> bytes:
    """Return `kept` and `text`, which begins with a delimiter, after something between them was taken out."""
    if removed_at == 0:
        return text[1:].lstrip(_SPACES)
    return b"%b%b %b" % (kept.rstrip(_SPACES), text[:1], text[1:].lstrip(_SPACES))
