"""Command knowledge: arity, key positions and flags, as redis-server's own `COMMAND` tells them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Flag(enum.Flag):
    """What routing has to know of a command; the letters stand in `builtin.ROWS`."""

    NONE = 0
    WRITE = enum.auto()
    READONLY = enum.auto()
    BLOCKING = enum.auto()
    PUBSUB = enum.auto()
    MOVABLE_KEYS = enum.auto()
    ADMIN = enum.auto()
    NOSCRIPT = enum.auto()


FLAGS: Mapping[str, Flag] = {
    "-": Flag.NONE,
    "w": Flag.WRITE,
    "r": Flag.READONLY,
    "b": Flag.BLOCKING,
    "p": Flag.PUBSUB,
    "m": Flag.MOVABLE_KEYS,
    "a": Flag.ADMIN,
    "n": Flag.NOSCRIPT,
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `arity` counts the name; negative means at least. Key positions count arguments, 0 is the name."""

    name: str
    arity: int
    first_key: int
    last_key: int
    step: int
    flags: Flag

    def fits(self, count: int) -> bool:
        """Tell whether `count` arguments, the name included, are a legal number."""
        return count == self.arity if self.arity > 0 else count >= -self.arity

    def keys(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        """Return the keys in `arguments`; empty when the command has none at a fixed place."""
        if not self.first_key:
            return ()
        last = self.last_key if self.last_key >= 0 else len(arguments) + self.last_key
        return arguments[self.first_key : last + 1 : self.step]


def parse_rows(rows: str) -> dict[bytes, Command]:
    """Return the table in `rows`, by upper-case name; see `builtin` for the format."""
    table: dict[bytes, Command] = {}
    for row in rows.split("\n"):
        if row:
            name, arity, first, last, step, letters = row.split()
            flags = Flag.NONE
            for letter in letters:
                flags |= FLAGS[letter]
            table[name.upper().encode()] = Command(name, int(arity), int(first), int(last), int(step), flags)
    return table
