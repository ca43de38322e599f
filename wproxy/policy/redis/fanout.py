"""Commands that every server executes, and the one reply that is made of all of theirs: a row per command.

A server that is away makes these an error: half of DBSIZE is not DBSIZE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from wproxy.protocols.resp.elements import elements
from wproxy.protocols.resp.values import array, integer

Merge: TypeAlias = Callable[[Sequence[bytes]], bytes]


def merge_all(name: str, replies: Sequence[bytes | None]) -> bytes:
    """Return the reply to the fan-out `name` (`container|subcommand`, lower case); None is a server that is away."""
    there = [reply for reply in replies if reply is not None]
    if len(there) < len(replies):
        return AWAY
    for reply in there:
        if reply.startswith(b"-"):
            return reply
    return FANOUTS[name](there)


AWAY = b"-SERVERDOWN a server is away, and this command is for all of them\r\n"


def _sum(replies: Sequence[bytes]) -> bytes:
    return integer(sum(int(reply[1:]) for reply in replies))


def _distinct(replies: Sequence[bytes]) -> bytes:
    """Return the elements of all arrays in one, each once."""
    return array([*dict.fromkeys(element for reply in replies for element in elements(reply))])


def _most(replies: Sequence[bytes]) -> bytes:
    """Return the largest number: a pattern is listened to on every server, so each of them counts all."""
    return integer(max(int(reply[1:]) for reply in replies))


def _sums(replies: Sequence[bytes]) -> bytes:
    """Return an array of names and numbers with the numbers of all servers added up."""
    rows = [elements(reply) for reply in replies]
    sums = (
        integer(sum(int(number[1:]) for number in column)) for column in zip(*(row[1::2] for row in rows), strict=True)
    )
    return array([value for pair in zip(rows[0][::2], sums, strict=True) for value in pair])


def _first(replies: Sequence[bytes]) -> bytes:
    return replies[0]


def _any_key(replies: Sequence[bytes]) -> bytes:
    """Return the first reply that is not nil."""
    return next((reply for reply in replies if reply not in _NILS), replies[0])


def _everywhere(replies: Sequence[bytes]) -> bytes:
    """Return an array of numbers, each the least that a server told: SCRIPT EXISTS is true when all have the script."""
    columns = zip(*(elements(reply) for reply in replies), strict=True)
    return array([integer(min(int(number[1:]) for number in column)) for column in columns])


_NILS = frozenset({b"$-1\r\n", b"_\r\n"})

FANOUTS: Mapping[str, Merge] = {
    "config|resetstat": _first,
    "config|rewrite": _first,
    "config|set": _first,
    "dbsize": _sum,
    "flushall": _first,
    "flushdb": _first,
    "function|delete": _first,
    "function|flush": _first,
    "function|load": _first,
    "function|restore": _first,
    "keys": _distinct,
    "pubsub|channels": _distinct,
    "pubsub|numpat": _most,
    "pubsub|numsub": _sums,
    "randomkey": _any_key,
    "script|exists": _everywhere,
    "script|flush": _first,
    "script|load": _first,
}
