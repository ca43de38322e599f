"""Commands with several keys of several slots: taken apart, sent to each owner, and their replies put together again.

    MGET a b c d     a and d are A's, b and c are B's
    A: MGET a d  ──▶ *2 x w      B: MGET b c ──▶ *2 y z      client: *4 x y z w

The parts are executed in order but not at once: another client may see one done and the other not yet, which one Redis
would not show. Commands for which that would be wrong (MSETNX) are not in the table.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wproxy.protocols.resp.elements import elements
from wproxy.protocols.resp.values import array, bulk, integer


class Merging(enum.Enum):
    """How the replies of the parts become one."""

    VALUES = "a value for each key, in the order of the keys"
    SUM = "the sum of numbers"
    OK = "OK, or what is wrong"


@dataclass(frozen=True, slots=True)
class Splitting:
    """How a command is taken apart: arguments per key (2 where a value follows), and how replies are merged."""

    step: int
    merging: Merging


SPLITTINGS: Mapping[str, Splitting] = {
    "mget": Splitting(1, Merging.VALUES),
    "mset": Splitting(2, Merging.OK),
    "del": Splitting(1, Merging.SUM),
    "unlink": Splitting(1, Merging.SUM),
    "exists": Splitting(1, Merging.SUM),
    "touch": Splitting(1, Merging.SUM),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What goes to one group: the command as bytes, its keys, and the places of the keys among all keys."""

    group: int
    keys: tuple[bytes, ...]
    places: tuple[int, ...]
    raw: bytes


def split(splitting: Splitting, arguments: Sequence[bytes], group_of: Callable[[bytes], int]) -> list[Part]:
    """Take a command apart by the groups of its keys, first come first; the order of keys stays within a part."""
    step = splitting.step
    groups: dict[int, list[int]] = {}
    keys = arguments[1::step]
    for place, key in enumerate(keys):
        groups.setdefault(group_of(key), []).append(place)
    parts = []
    for group, places in groups.items():
        words = [arguments[0]]
        for place in places:
            words += arguments[1 + place * step : 1 + (place + 1) * step]
        parts.append(Part(group, tuple(keys[place] for place in places), tuple(places), array([*map(bulk, words)])))
    return parts


def merge_parts(splitting: Splitting, parts: Sequence[Part], replies: Sequence[bytes]) -> bytes:
    """Return the one reply that the `replies` to `parts` make; the first error, where there is one."""
    for reply in replies:
        if reply.startswith(b"-"):
            return reply
    match splitting.merging:
        case Merging.OK:
            return replies[0]
        case Merging.SUM:
            return integer(sum(int(reply[1:]) for reply in replies))
    return _interleave(parts, replies)


def _interleave(parts: Sequence[Part], replies: Sequence[bytes]) -> bytes:
    values = [b""] * sum(len(part.places) for part in parts)
    for part, reply in zip(parts, replies, strict=True):
        for place, value in zip(part.places, elements(reply), strict=True):
            values[place] = value
    return array(values)
