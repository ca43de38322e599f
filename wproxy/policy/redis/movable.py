"""Where the keys stand in commands whose key positions depend on their arguments: a row per command.

Source: the redis.io command reference and `COMMAND GETKEYS` of redis-server 7.0, which the tests ask. A finder returns
None where the arguments make no sense; the owner of any slot then says what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Arguments: TypeAlias = Sequence[bytes]
Finder: TypeAlias = Callable[[Arguments], "list[bytes] | None"]
_COUNT_DIGITS = 6  # more keys than any client sends


def movable_keys(name: str, arguments: Arguments) -> list[bytes] | None:
    """Return the keys in the `arguments` of command `name` (lower case; the name itself is `arguments[0]`).

    An empty list is a command without keys; None is one whose arguments are wrong, or that is not in the table.
    """
    finder = MOVABLE.get(name)
    return None if finder is None else finder(arguments)


def foreign_keys(name: str, arguments: Arguments) -> bool:
    """Tell whether the command reads keys that stand nowhere in it: SORT with the pattern of BY or GET."""
    if name not in ("sort", "sort_ro"):
        return False
    words = [argument.upper() for argument in arguments]
    patterns = [
        arguments[at + 1] for at in range(2, len(words) - 1) if words[at] in (b"BY", b"GET") and arguments[at + 1]
    ]
    return any(b"*" in pattern for pattern in patterns)


def _counted(count_at: int, *before: int) -> Finder:
    """Return the finder of `… numkeys key …`, with single keys `before` the count."""

    def find(arguments: Arguments) -> list[bytes] | None:
        if count_at >= len(arguments):
            return None
        text = arguments[count_at]
        if not text.isdigit() or len(text) > _COUNT_DIGITS:
            return None
        keys = arguments[count_at + 1 : count_at + 1 + int(text)]
        if len(keys) != int(text):
            return None
        return [*(arguments[at] for at in before), *keys]

    return find


def _streams(arguments: Arguments) -> list[bytes] | None:
    """XREAD and XREADGROUP: as many keys as IDs follow the word STREAMS."""
    for at, argument in enumerate(arguments):
        if argument.upper() == b"STREAMS":
            rest = arguments[at + 1 :]
            return list(rest[: len(rest) // 2]) if rest and not len(rest) % 2 else None
    return None


def _storing(first_option: int, *words: bytes) -> Finder:
    """Return the finder of `key … STORE destination`: the last one counts, as with the server."""

    def find(arguments: Arguments) -> list[bytes] | None:
        destination: list[bytes] = []
        for at in range(first_option, len(arguments) - 1):
            if arguments[at].upper() in words:
                destination = [arguments[at + 1]]
        return [arguments[1], *destination]

    return find


_NUMKEYS_FIRST = _counted(1)
_NUMKEYS_SECOND = _counted(2)
_STORED = _counted(2, 1)

MOVABLE: Mapping[str, Finder] = {
    "blmpop": _NUMKEYS_SECOND,
    "bzmpop": _NUMKEYS_SECOND,
    "eval": _NUMKEYS_SECOND,
    "eval_ro": _NUMKEYS_SECOND,
    "evalsha": _NUMKEYS_SECOND,
    "evalsha_ro": _NUMKEYS_SECOND,
    "fcall": _NUMKEYS_SECOND,
    "fcall_ro": _NUMKEYS_SECOND,
    "georadius": _storing(6, b"STORE", b"STOREDIST"),
    "georadiusbymember": _storing(5, b"STORE", b"STOREDIST"),
    "lmpop": _NUMKEYS_FIRST,
    "sintercard": _NUMKEYS_FIRST,
    "sort": _storing(2, b"STORE"),
    "sort_ro": lambda arguments: [arguments[1]],
    "xread": _streams,
    "xreadgroup": _streams,
    "zdiff": _NUMKEYS_FIRST,
    "zdiffstore": _STORED,
    "zinter": _NUMKEYS_FIRST,
    "zintercard": _NUMKEYS_FIRST,
    "zinterstore": _STORED,
    "zmpop": _NUMKEYS_FIRST,
    "zunion": _NUMKEYS_FIRST,
    "zunionstore": _STORED,
}
