r"""Takes commands out of a read, many at once: what the request parser does byte by byte, by one expression.

The expression gives each byte the one meaning that the parser's loop gives it: N of `*N` and every length are part of
it (`lengths.sized`), so that what it matches is valid without another look. Where arguments behind the first are
longer, `match_long` reads their lengths one by one. What both leave out (a long first argument, more than five, inline
commands, faults) is the loop's business, which also says what is wrong.
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
_BEGIN = re.compile(rb"(\*([2-5])\r\n\$%b\r\n)\$(%b)\r\n" % (sized(_LONGEST_NAME), sized(_LONGEST)), re.DOTALL)
_LENGTH = re.compile(rb"\$(0|[1-9]\d{0,8})\r\n")
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
    """Return the head and the first argument, a short one, of the command that `data` is; None when it is not one."""
    if len(data) > _LONGEST_COMMAND:
        longs = match_long(data, 0, 1, len(data))
        return longs[0][:2] if longs and len(longs[0].raw) == len(data) else None
    match = _COMMAND.fullmatch(data)
    if match is None:
        return None
    key: bytes = match[6]
    return match[2], key[_payload(len(key))]


class Long(NamedTuple):
    """A command with a long argument: its head, its first argument, and its bytes."""

    head: bytes
    key: bytes
    raw: bytes


def match_long(buffer: bytes, at: int, limit: int, longest: int) -> list[Long]:
    """Return at most `limit` commands that stand whole in `buffer` from `at` on.

    Only the first argument has to be short, the others have up to `longest` bytes; [] when the loop has to look.
    """
    found: list[Long] = []
    while len(found) < limit and (begin := _BEGIN.match(buffer, at)) is not None:
        end = begin.end()
        for _ in range(int(begin[2]) - 2):
            length = _LENGTH.match(buffer, end)
            if length is None or (size := int(length[1])) > longest:
                return found
            end = length.end() + size + 2
            if not buffer.startswith(b"\r\n", end - 2):  # or it has not come yet
                return found
        key: bytes = begin[3]
        found.append(Long(begin[1], key[_payload(len(key))], buffer[at:end]))
        at = end
    return found


def arguments_of(raw: bytes) -> list[bytes]:
    """Return the arguments of a command that one of the above has found."""
    if len(raw) > _LONGEST_COMMAND:
        return _arguments(raw)
    tokens = raw.split(b"\r\n")
    if len(tokens) == 2 * int(raw[1:2]) + 2:  # no CRLF but those around the arguments and their lengths
        return tokens[2:-1:2]
    return _payloads(_ARGUMENTS.findall(raw))


def _arguments(raw: bytes) -> list[bytes]:
    """Return the arguments of a command, of any length."""
    arguments: list[bytes] = []
    at = raw.index(b"\n") + 1
    while at < len(raw):
        begin = raw.index(b"\n", at) + 1
        end = begin + int(raw[at + 1 : begin - 2])
        arguments.append(raw[begin:end])
        at = end + 2
    return arguments


def head(name: bytes, count: int) -> bytes:
    """Return the head of a command called `name` with `count` arguments, the name included."""
    return b"*%d\r\n$%d\r\n%b\r\n" % (count, len(name), name)


def _payloads(counted: tuple[bytes, ...] | list[bytes]) -> list[bytes]:
    """Return the bytes of strings with their lengths in front."""
    return list(map(bytes.__getitem__, counted, map(_payload, map(len, counted))))
