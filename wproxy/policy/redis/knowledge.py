"""What servers say they can do: their answers to `COMMAND`, as the same rows that `builtin` has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wproxy.policy.redis.commands import Command, Flag

_COMMANDS_MAX = 8192  # subcommands included; Redis 7 with its modules has some 600
_NAME_MAX = 128
_FLAGS: Mapping[bytes, Flag] = {
    b"write": Flag.WRITE,
    b"readonly": Flag.READONLY,
    b"blocking": Flag.BLOCKING,
    b"pubsub": Flag.PUBSUB,
    b"movablekeys": Flag.MOVABLE_KEYS,
    b"admin": Flag.ADMIN,
    b"noscript": Flag.NOSCRIPT,
}
_SUBCOMMANDS = 9  # where they stand in a row, since Redis 7


def learn(rows: object) -> dict[bytes, Command]:
    """Return the table in a decoded answer to `COMMAND`, by upper-case name; what is no row is left out.

    A row is [name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands], the
    last four since Redis 6 and 7.
    """
    table: dict[bytes, Command] = {}
    _add(table, rows)
    return table


def merged(builtin: Mapping[bytes, Command], told: Sequence[Mapping[bytes, Command]]) -> dict[bytes, Command]:
    """Return one table: where several servers know a command the first one's row counts, else the built-in one."""
    table = dict(builtin)
    for each in reversed(told):
        table |= each
    return table


def _add(table: dict[bytes, Command], rows: object) -> None:
    for row in rows if isinstance(rows, list) else ():
        if len(table) >= _COMMANDS_MAX:
            return
        command = _command(row)
        if command is not None:
            table[command.name.upper().encode()] = command
            if len(row) > _SUBCOMMANDS:
                _add(table, row[_SUBCOMMANDS])


def _command(row: object) -> Command | None:
    if not isinstance(row, list) or len(row) < 6:
        return None
    name, arity, flags, first, last, step = row[:6]
    numbers = (arity, first, last, step)
    if not isinstance(name, bytes) or not all(type(number) is int for number in numbers) or not arity:
        return None
    if not 0 < len(name) <= _NAME_MAX or not name.isascii() or not name.decode().isprintable() or b" " in name:
        return None
    if first < 0 or (first and step < 1):
        return None
    known = Flag.NONE
    for flag in flags if isinstance(flags, list | set) else ():
        known |= _FLAGS.get(flag, Flag.NONE) if isinstance(flag, bytes) else Flag.NONE
    return Command(name.decode().lower(), arity, first, last, step, known)
