"""What may be seen of a command: its first arguments, cut as Redis' SLOWLOG cuts them, without secrets, in ASCII."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wproxy.policy.redis.secrets import NAMES

MOST_ARGUMENTS = 32
MOST_BYTES = 128
_LENGTH_BYTES = 24  # more than a line `$536870912\r\n` has
_PLAIN = {byte: chr(byte) for byte in range(32, 127)} | {
    ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", 7: "\\a", 8: "\\b",
}  # fmt: skip
_QUOTED = [_PLAIN.get(byte, f"\\x{byte:02x}") for byte in range(256)]


class Glimpse(NamedTuple):
    """The first arguments of a command, of each the first bytes, and how many there are and how long they are."""

    arguments: list[bytes]
    lengths: list[int]
    total: int

    @property
    def name(self) -> bytes:
        """What the command is called, in capitals."""
        return self.arguments[0].upper()


def glimpse(raw: bytes, place: int = 0, most: int = MOST_ARGUMENTS, most_bytes: int = MOST_BYTES) -> Glimpse:
    """Return the beginning of the command behind `place` others in `raw`, valid commands as arrays of bulk strings.

    Nothing is copied but what is returned, however long the command is.
    """
    at = 0
    for _ in range(place):
        at = _behind(raw, at)
    count, at = _number(raw, at)
    arguments: list[bytes] = []
    lengths: list[int] = []
    for _ in range(min(count, most)):
        length, at = _number(raw, at)
        arguments.append(bytes(raw[at : at + min(length, most_bytes)]))
        lengths.append(length)
        at += length + 2
    return Glimpse(arguments, lengths, count)


def commands_in(raw: bytes) -> int:
    """Return how many commands `raw` consists of."""
    at = commands = 0
    while at < len(raw):
        at = _behind(raw, at)
        commands += 1
    return commands


def _behind(raw: bytes, at: int) -> int:
    """Return where the command ends that begins at `at`."""
    count, at = _number(raw, at)
    for _ in range(count):
        length, at = _number(raw, at)
        at += length + 2
    return at


def _number(raw: bytes, at: int) -> tuple[int, int]:
    r"""Return the number of `*N\r\n` or `$N\r\n` at `at`, and where the next line begins."""
    line = bytes(raw[at : at + _LENGTH_BYTES])
    end = line.index(b"\r\n")
    return int(line[1:end]), at + end + 2


def whole(seen: Glimpse) -> str:
    """Return a command as SLOWLOG shows it: long arguments and all behind the 31st are only counted, secrets too."""
    if seen.name in NAMES:
        return quoted(seen.arguments[0])
    last = MOST_ARGUMENTS - 1 if seen.total > MOST_ARGUMENTS else seen.total
    words = [_cut(text, length) for text, length in zip(seen.arguments[:last], seen.lengths, strict=False)]
    if seen.total > last:
        words.append(quoted(b"... (%d more arguments)" % (seen.total - last)))
    return " ".join(words)


def discreet(seen: Glimpse, keys: Sequence[bytes]) -> str:
    """Return a command with nothing but its `keys`, and how many arguments it has besides."""
    if seen.name in NAMES:
        return quoted(seen.arguments[0])
    shown = keys[:MOST_ARGUMENTS]
    more = seen.total - 1 - len(shown)
    words = [quoted(seen.arguments[0]), *(_cut(key, _length(seen, key)) for key in shown)]
    return " ".join(words) + (f" (+{more})" if more > 0 else "")


def _length(seen: Glimpse, key: bytes) -> int:
    return seen.lengths[seen.arguments.index(key)] if key in seen.arguments else len(key)


def _cut(text: bytes, length: int) -> str:
    return quoted(text + b"... (%d more bytes)" % (length - len(text)) if length > len(text) else text)


def quoted(text: bytes) -> str:
    r"""Return `text` in double quotes, in printable ASCII, as redis-cli shows it: `"a\x00\"b"`."""
    return '"' + "".join(map(_QUOTED.__getitem__, text)) + '"'
