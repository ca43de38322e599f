r"""Takes many short commands out of a read at once: what the request parser does in a loop, done by whole columns.

The bytes are matched by one regular expression, which cannot check that an argument is as long as its length says.
That is made up for column by column, each check a single pass in C. What is left out (longer arguments, CR inside one,
more than five, inline commands, faults) is the loop's business, which says what is wrong with it.

Why the checks suffice. The joined matches equal the read's beginning, so nothing between them was skipped. A match is
`*N`, then N times `$L` CRLF and bytes without CR, CRLF; the expression has fixed N and the name's length, and the other
lengths are compared as text, so that `03` and `3` differ. Each byte has thereby one meaning, the one the loop gives it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LONGEST = 1024  # bytes of an argument
_ROOM_BYTES = 160  # looked at per command that may be taken, so that no command is matched more than a few times
_CRLF = b"\r\n"

_ARGUMENT = rb"\$\d{1,4}\r\n[^\r]{0,%d}+\r\n" % _LONGEST
_NAME = b"|".join(rb"%d\r\n[^\r]{%d}" % (size, size) for size in range(2, 10))
_COMMAND = re.compile(
    rb"((\*(?:2|3()|4()|5())\r\n\$(?:"  # an empty group tells the conditions below how many arguments there are
    + _NAME
    + rb")\r\n)\$(\d{1,4})\r\n([^\r]{0,%d}+)\r\n(" % _LONGEST
    + b"(?(3)%b)(?(4)%b)(?(5)%b)))" % (_ARGUMENT, _ARGUMENT * 2, _ARGUMENT * 3)
)
_SIZES = [b"%d" % size for size in range(_LONGEST + 1)]
_size = _SIZES.__getitem__  # by length, as it is written
_bulk_size = [b"$" + size for size in _SIZES].__getitem__
_MOST_TOKENS = 2 * 5 + 2


class Run(NamedTuple):
    r"""Commands in a row, in columns: of each its head (`*3\r\n$3\r\nSET\r\n`), its first argument and its bytes."""

    heads: tuple[bytes, ...]
    keys: tuple[bytes, ...]
    raws: tuple[bytes, ...]
    whole: bytes  # the bytes of all

    def requests(self) -> list[tuple[list[bytes], bytes]]:
        """Return the arguments and the bytes of each command, as `RequestParser.take` does."""
        return [(raw.split(_CRLF)[2:-1:2], raw) for raw in self.raws]


def match_run(buffer: bytes, at: int, limit: int) -> Run | None:
    """Return at most `limit` commands that stand in `buffer` from `at` on; None when the loop has to look at them."""
    if _COMMAND.match(buffer, at) is None:
        return None
    rows = _COMMAND.findall(buffer, at, at + limit * _ROOM_BYTES)[:limit]
    if not rows:
        return None
    raws, heads, _, _, _, sizes, keys, rests = zip(*rows, strict=True)
    whole = b"".join(raws)
    if not buffer.startswith(whole, at) or tuple(map(_size, map(len, keys))) != sizes:
        return None
    rest = b"".join(rests).split(_CRLF)
    if list(map(_bulk_size, map(len, rest[1::2]))) != rest[:-1:2]:
        return None
    return Run(heads, keys, raws, whole)


def whole_command(data: bytes) -> list[bytes] | None:
    """Return the arguments of the one short command that `data` is, None when it is anything else."""
    if len(data) > _LONGEST:
        return None
    tokens = data.split(_CRLF, _MOST_TOKENS)
    arguments = tokens[2::2]
    if len(tokens) != 2 * len(arguments) + 2 or tokens[-1] or tokens[0] != b"*%d" % len(arguments):
        return None
    return arguments if list(map(_bulk_size, map(len, arguments))) == tokens[1:-1:2] else None


def head(name: bytes, count: int) -> bytes:
    """Return the head of a command called `name` with `count` arguments, the name included."""
    return b"*%d\r\n$%d\r\n%b\r\n" % (count, len(name), name)
