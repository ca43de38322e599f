"""The map of `hash-type map-based` and `static-rr`: every server as often as its weight says, in HAProxy's order.

Both proxies have to lay out the map alike, so that a client's address leads to the same server on both. The rule: at
position t (from 1) each server has a score of t times its weight, less the sum of all weights for each position it
owns. Its level is the whole number of sums in that score; the highest level gets the position, the first server of
the configuration among equals. A server reaches level L, with k positions, at t = ceil(sum · (k + L) / weight): so
the levels are kept as events in time, and a position costs the logarithm of the number of servers.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Sequence
from math import gcd

from wproxy.config.acl.hashes import avalanche
from wproxy.policy.balance.balancer import Candidates, LoadBlind


def server_map(weights: Sequence[int], configured: Sequence[int]) -> array[int]:
    """Return the map: positions to indices; empty when no server has a weight.

    `configured`, whose greatest common divisor shortens the map, are the weights of all servers, present or not.
    """
    divisor = gcd(*configured) or 1
    shares = [weight and configured[index] // divisor for index, weight in enumerate(weights)]
    return array("H", _positions(shares))


def _positions(shares: list[int]) -> list[int]:
    total = sum(shares)
    owned = [0] * len(shares)
    events = [(0, index, 0, 0) for index, share in enumerate(shares) if share]  # when, who, level, positions owned
    ready: list[tuple[int, int, int]] = []  # minus the level, who, positions owned
    positions = []
    for now in range(1, total + 1):
        while events and events[0][0] <= now:
            _, index, level, count = heapq.heappop(events)
            if count == owned[index]:
                heapq.heappush(ready, (-level, index, count))
                due = -(-total * (count + level + 1) // shares[index])
                heapq.heappush(events, (due, index, level + 1, count))
        index = _pop_current(ready, owned)
        positions.append(index)
        owned[index] += 1
        heapq.heappush(events, (-(-total * owned[index] // shares[index]), index, 0, owned[index]))
    return positions


def _pop_current(ready: list[tuple[int, int, int]], owned: list[int]) -> int:
    """Take the first entry that was made since its server got its last position."""
    while True:
        _, index, count = heapq.heappop(ready)
        if count == owned[index]:
            return index


class MapOrder:
    """Walks the map, round and round."""

    __slots__ = ("_at", "_map")

    def __init__(self, positions: Sequence[int]) -> None:
        self._map = positions
        self._at = 0

    def pick(self) -> int:
        """Return the next index, -1 when the map is empty."""
        if not self._map:
            return -1
        index = self._map[self._at]
        self._at = (self._at + 1) % len(self._map)
        return index


class HashMap(LoadBlind):
    """`balance source` with `hash-type map-based`: the key is the position. It insists on its server, full or not."""

    __slots__ = ("_avalanche", "_map")

    def __init__(self, candidates: Candidates) -> None:
        self._map = server_map(candidates.weights, candidates.configured)
        self._avalanche = candidates.avalanche

    def pick(self, key: int, avoid: int) -> int:
        """Return the server of `key`; there is no other one for it, so `avoid` cannot be respected."""
        if not self._map:
            return -1
        return self._map[(avalanche(key) if self._avalanche else key) % len(self._map)]
