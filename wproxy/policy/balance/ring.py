"""`balance source` with `hash-type consistent`: servers stand many times on a ring of 32 bits, the nearest one serves.

A server's places depend on its number only, and it has as many of them as its weight in sixteenths: a change of weight
moves only what goes to or comes from that server. Places and distances are HAProxy's, so that an address leads to the
same server on both.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from wproxy.config.acl.hashes import avalanche
from wproxy.policy.balance.balancer import Candidates, LoadBlind

_PLACES_MAX = 4096  # per server: weight 256 in sixteenths


class Ring(LoadBlind):
    """Insists on the nearest server, full or not; if that is to be avoided, the next one on the ring serves."""

    __slots__ = ("_avalanche", "_owners", "_places")

    def __init__(self, candidates: Candidates) -> None:
        self._avalanche = candidates.avalanche
        places = sorted(
            (avalanche(candidates.ids[index] * _PLACES_MAX + number), index)
            for index, weight in enumerate(candidates.weights)
            for number in range(weight)
        )
        self._places = [place for place, _ in places]
        self._owners = [index for _, index in places]

    def pick(self, key: int, avoid: int) -> int:
        """Return the server that is nearest to `key`, the one before it on a tie."""
        if not self._places:
            return -1
        hashed = avalanche(key) if self._avalanche else key
        at = self._nearest(hashed)
        owner = self._owners[at]
        return owner if owner != avoid else self._after(at, avoid)

    @property
    def owners(self) -> Sequence[int]:
        """The servers as they follow one another on the ring."""
        return self._owners

    def _nearest(self, hashed: int) -> int:
        """Return the position of the nearest place; HAProxy compares distances of 32 bits that wrap around."""
        places = self._places
        after = bisect_left(places, hashed) % len(places)
        before = after - 1  # -1 is the last: it is a ring
        to_before = (hashed - places[before]) & 0xFFFFFFFF
        to_after = (places[after] - hashed) & 0xFFFFFFFF
        return before % len(places) if to_before <= to_after else after

    def _after(self, at: int, avoid: int) -> int:
        """Return the owner of the first place behind `at` that is not `avoid`; `avoid` when there is no other."""
        owners = self._owners
        for step in range(1, len(owners)):
            owner = owners[(at + step) % len(owners)]
            if owner != avoid:
                return owner
        return avoid


class RingOrder:
    """Walks the ring, place by place."""

    __slots__ = ("_at", "_owners")

    def __init__(self, ring: Ring) -> None:
        self._owners = ring.owners
        self._at = 0

    def pick(self) -> int:
        """Return the owner of the next place, -1 when there is none."""
        if not self._owners:
            return -1
        index = self._owners[self._at]
        self._at = (self._at + 1) % len(self._owners)
        return index
