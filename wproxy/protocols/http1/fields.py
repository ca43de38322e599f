"""Header fields: one line of a head, split, checked and ready to be sent on.

Clients and servers send the same lines again and again. `Lines` remembers what it made of each, so that an ordinary
line costs one look into a dictionary; that is several times faster than any parser that hands out name and value.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# RFC 9110, section 5.6.2 "token"; section 5.5: a value has no control character but tabs.
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*([^\x00\r\n]*)", re.DOTALL)

_LENGTH = re.compile(rb"[0-9]{1,18}")  # a longer one is looked at more closely
_REMEMBERED = 4096  # lines
_LONGEST = 512  # bytes of a line that is remembered
_NAME_MAX = 255  # bytes, as in HAProxy


# What a field means to a proxy; most mean nothing, which is 0. Plain numbers: they are compared for each field.
CONNECTION: Final = 1
CONTENT_LENGTH: Final = 2
TRANSFER_ENCODING: Final = 4
HOST: Final = 8
UPGRADE: Final = 16
EXPECT: Final = 32
TE: Final = 64

_MARKS = {
    b"connection": CONNECTION,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"host": HOST,
    b"upgrade": UPGRADE,
    b"expect": EXPECT,
    b"te": TE,
}


class Field(NamedTuple):
    """One field: its name in lower case, its value without spaces around it, the line to send (with CRLF), its mark.

    `number` is the value of a Content-Length that is nothing but a sensible number, else -1.
    """

    name: bytes
    value: bytes
    line: bytes
    mark: int
    number: int = -1

    @classmethod
    def of(cls, name: bytes, value: bytes) -> Field:
        """Return the field `name` (in lower case) with `value`."""
        mark = _MARKS.get(name, 0)
        number = int(value) if mark == CONTENT_LENGTH and _LENGTH.fullmatch(value) else -1
        return cls(name, value, b"%b: %b\r\n" % (name, value), mark, number)


class Lines(dict[bytes, "Field | None"]):
    """What each line of a head is: a Field, or None for one that is no field. `lines[line]` always has an answer.

    Bounded: when it is full it is emptied, and long lines are not kept at all. Python's own hashing is keyed, so nobody
    outside can make lines collide.
    """

    __slots__ = ()

    def __missing__(self, line: bytes) -> Field | None:
        match = _LINE.fullmatch(line)
        if match is None or len(match[1]) > _NAME_MAX:
            field = None
        else:
            field = Field.of(match[1].lower(), match[2].rstrip(b" \t"))
        if len(line) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[line] = field
        return field
