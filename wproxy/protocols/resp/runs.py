r"""Takes short commands out of a read, many at once: what the request parser does byte by byte, by one expression.

The expression gives each byte the one meaning that the parser's loop gives it: N of `*N` and every length are part of
it (`lengths.sized`), so that what it matches is valid without another look. What it leaves out (longer arguments, more
than five, inline commands, faults) is the loop's business, which also says what is wrong.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wproxy.protocols.resp.lengths import payloads, sized

_LONGEST = 255  # bytes of an argument
_LONGEST_NAME = 9  # PEXPIREAT; few names are longer
_LONGEST_COMMAND = 1500  # more than five arguments of _LONGEST bytes take
_LOOKED_AT = 160  # bytes per command that may be taken, so that no command is matched more than a few times

_ARGUMENT = rb"\$%b\r\n" % sized(_LONGEST)
_COMMAND = re.compile(
    # An empty group tells the conditions below that there is a fifth, a fourth, a third argument.
    rb"((\*(?:2|(?:3|(?:4|5())())())\r\n\$%b\r\n)\$(%b)\r\n(?(3)%b)(?(4)%b)(?(5)%b))"
    % (sized(_LONGEST_NAME), sized(_LONGEST), _ARGUMENT, _ARGUMENT, _ARGUMENT),
    re.DOTALL,
)
_ARGUMENTS = re.compile(rb"\$(%b)\r\n" % sized(_LONGEST), re.DOTALL)
_payload = payloads(_LONGEST).__getitem__


class Run(NamedTuple):
    r"""Commands in a row, in columns: of each its head (`*3\r\n$3\r\nSET\r\n`), its first argument and its bytes."""

    heads: tuple[bytes, ...]
    keys: list[bytes]
    raws: tuple[bytes, ...]
    whole: bytes  # the bytes of all

    def requests(self) -> list[tuple[list[bytes], bytes]]:
        """Return the arguments and the bytes of each command, as `RequestParser.take` does."""
        return [(arguments_of(raw), raw) for raw in self.raws]


def match_run(buffer: bytes, at: int, limit: int) -> Run | None:
    """Return at most `limit` commands that stand in `buffer` from `at` on; None when the loop has to look at them."""
    rows = _COMMAND.findall(buffer, at, at + limit * _LOOKED_AT)[:limit]
    if not rows:
        return None
    raws, heads, _, _, _, keys = zip(*rows, strict=True)
    whole = b"".join(raws)
    if not buffer.startswith(whole, at):  # something between them was skipped
        return None
    return Run(heads, _payloads(keys), raws, whole)


def match_command(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the head and the first argument of the one short command that `data` is, None when it is not one."""
    if len(data) > _LONGEST_COMMAND:
        return None
    match = _COMMAND.fullmatch(data)
    if match is None:
        return None
    found, key = match.group(2, 6)
    return found, key[_payload(len(key))]


def arguments_of(raw: bytes) -> list[bytes]:
    """Return the arguments of a command that `match_run` or `match_command` has found."""
    tokens = raw.split(b"\r\n")
    if len(tokens) == 2 * int(raw[1:2]) + 2:  # no CRLF but those around the arguments and their lengths
        return tokens[2:-1:2]
    return _payloads(_ARGUMENTS.findall(raw))


def head(name: bytes, count: int) -> bytes:
    """Return the head of a command called `name` with `count` arguments, the name included."""
    return b"*%d\r\n$%d\r\n%b\r\n" % (count, len(name), name)


def _payloads(counted: tuple[bytes, ...] | list[bytes]) -> list[bytes]:
    """Return the bytes of strings with their lengths in front."""
    return list(map(bytes.__getitem__, counted, map(_payload, map(len, counted))))
