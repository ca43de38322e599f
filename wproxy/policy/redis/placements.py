"""Where each key of a moving slot was placed last, so that of two copies the right one is kept.

Every owner of a slot has a tenure. A key that was moved, or that commands were sent for, is placed in the tenure of
that moment; one that never was is where it was when the slot began to move. What another server has of a key is not its
newest copy: it came from a backup, from a command that arrived late, or from a move that broke half-way.

    Placements   one for all slots of a chain: pairs of a tenure and a key, in memory of a fixed size
    Tenures      one for each slot: its owners, oldest first
"""

from __future__ import annotations

from wproxy.policy.redis.actions import Key

_BITS = 1 << 23
_MOST_TENURES = 16  # of one slot; older ones are forgotten


class Placements:
    """A set of pairs that may say yes wrongly: of a million pairs, to one question in twenty (a Bloom filter of 1 MiB).

    A wrong yes matters only for a key of which there are two copies.
    """

    __slots__ = ("_bits", "_tenures")

    def __init__(self) -> None:
        self._bits = bytearray()
        self._tenures = 0

    def tenure(self) -> int:
        """Return a number that no other tenure has."""
        self._tenures += 1
        return self._tenures

    def add(self, tenure: int, key: Key) -> None:
        """Take note that `key` was placed in `tenure`."""
        if not self._bits:
            self._bits = bytearray(_BITS >> 3)
        number = hash((tenure, key))
        for _ in range(2):
            self._bits[(number & _BITS - 1) >> 3] |= 1 << (number & 7)
            number >>= 23

    def has(self, tenure: int, key: Key) -> bool:
        """Tell whether `key` was placed in `tenure`."""
        if not self._bits:
            return False
        number = hash((tenure, key))
        first, second = number & _BITS - 1, number >> 23 & _BITS - 1
        return bool(self._bits[first >> 3] >> (first & 7) & self._bits[second >> 3] >> (second & 7) & 1)

    def clear(self) -> None:
        """Forget all, and give the memory back."""
        self._bits = bytearray()


class Tenures:
    """The owners of one slot since it began to move; `known` tells whether its keys were all with `owner` then."""

    __slots__ = ("_known", "_placements", "_tenures")

    def __init__(self, placements: Placements, owner: str, *, known: bool) -> None:
        self._placements = placements
        self._tenures = [(placements.tenure(), owner)]
        self._known = known

    def begin(self, owner: str) -> None:
        """Take note that the slot has another owner."""
        self._tenures.append((self._placements.tenure(), owner))
        if len(self._tenures) > _MOST_TENURES:
            del self._tenures[0]
            self._known = False

    def forget(self, server: str) -> None:
        """Take note that `server`, which is not the owner, has no keys of the slot left."""
        self._known = self._known and self._tenures[0][1] != server
        self._tenures = [each for each in self._tenures if each[1] != server]

    def placed(self, key: Key) -> None:
        """Take note that `key` is where it should be: with the owner."""
        self._placements.add(self._tenures[-1][0], key)

    def used(self, server: str, key: Key) -> None:
        """Take note that `key`, of which nothing was known, is with `server`."""
        number = next((number for number, owner in reversed(self._tenures) if owner == server), None)
        if number is not None:
            self._placements.add(number, key)

    def place(self, key: Key) -> str | None:
        """Return the server that the newest copy of `key` is on, if there is one; None when that is not known."""
        for number, owner in reversed(self._tenures):
            if self._placements.has(number, key):
                return owner
        return self._tenures[0][1] if self._known else None
