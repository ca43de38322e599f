"""Algorithms that go by a hash of the request: what has something to hash is led by map or ring, the rest in turn."""

from __future__ import annotations

from wproxy.policy.balance.balancer import Balancer, Candidates, LoadBlind
from wproxy.policy.balance.ring import Ring, RingOrder
from wproxy.policy.balance.server_map import HashMap, MapOrder, server_map
from wproxy.policy.balance.turns import InTurn


class Keyed(LoadBlind):
    """One of two choices, by whether there is a key."""

    __slots__ = ("_led", "_turns")

    def __init__(self, led: Balancer, turns: Balancer) -> None:
        self._led = led
        self._turns = turns

    def pick(self, key: int, avoid: int) -> int:
        """Return the server that `key` leads to, the next in turn with room for NO_KEY."""
        return (self._turns if key < 0 else self._led).pick(key, avoid)


def by_map(candidates: Candidates) -> Keyed:
    """Return `hash-type map-based`."""
    turns = MapOrder(server_map(candidates.weights, candidates.configured))
    return Keyed(HashMap(candidates), InTurn(candidates, turns))


def by_ring(candidates: Candidates) -> Keyed:
    """Return `hash-type consistent`."""
    ring = Ring(candidates)
    return Keyed(ring, InTurn(candidates, RingOrder(ring)))
