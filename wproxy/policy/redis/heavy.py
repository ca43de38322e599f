"""Which keys are asked for most, in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi 2005).

A sketch knows `capacity` keys. One that it does not know takes the place of the one with the lowest count, and counts
on from that number, which is then what its count may be too high by. So with `total` keys taken in

    true count <= count <= true count + error,    error <= total / capacity,

and every key that came more than total / capacity times is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappush, heapreplace
from typing import NamedTuple, TypeAlias


class Hitter(NamedTuple):
    """A key that came so many times, or up to `error` times less."""

    key: bytes
    times: int
    error: int


Parts: TypeAlias = "tuple[int, list[Hitter]]"
"""The lowest count of a full sketch, else 0, and all that it knows."""


class HeavyHitters:
    """Takes in keys, one by one."""

    __slots__ = ("_capacity", "_counts", "_heap", "total")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._counts: dict[bytes, list[int]] = {}  # of each key its count, and how much that may be too high
        self._heap: list[tuple[int, bytes]] = []  # each of them, with a count that it had: it may be higher by now
        self.total = 0

    def add(self, key: bytes) -> None:
        """Take in a key."""
        self.total += 1
        known = self._counts.get(key)
        if known is not None:
            known[0] += 1
        elif len(self._counts) < self._capacity:
            self._counts[key] = [1, 0]
            heappush(self._heap, (1, key))
        else:
            lowest, loser = self._lowest()
            del self._counts[loser]
            self._counts[key] = [lowest + 1, lowest]
            heapreplace(self._heap, (lowest + 1, key))

    def _lowest(self) -> tuple[int, bytes]:
        """Return the first of the heap, once its count is what it has now."""
        while True:
            count, key = self._heap[0]
            now = self._counts[key][0]
            if now == count:
                return count, key
            heapreplace(self._heap, (now, key))

    def parts(self) -> Parts:
        """Return what `together` makes one of."""
        floor = self._lowest()[0] if len(self._counts) == self._capacity else 0
        return floor, [Hitter(key, count, error) for key, (count, error) in self._counts.items()]


def together(parts: Iterable[tuple[int, Sequence[Hitter]]]) -> list[Hitter]:
    """Return what several sketches know of what all have taken in, the highest counts first.

    A key that a full one does not know may have come to it as often as its lowest count says.
    """
    known = list(parts)
    floors = sum(floor for floor, _ in known)
    made: dict[bytes, list[int]] = {}
    for floor, hitters in known:
        for key, count, error in hitters:
            sums = made.setdefault(key, [floors, floors])
            sums[0] += count - floor
            sums[1] += error - floor
    return sorted((Hitter(key, *sums) for key, sums in made.items()), key=lambda each: (-each.times, each.key))
