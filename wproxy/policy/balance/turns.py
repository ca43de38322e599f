"""Servers in turn, passing over those that are full: roundrobin and static-rr, which differ in the order only."""

from __future__ import annotations

from typing import Protocol

from wproxy.policy.balance.balancer import Candidates, LoadBlind
from wproxy.policy.balance.roundrobin import RoundRobin
from wproxy.policy.balance.server_map import MapOrder, server_map


class Order(Protocol):
    """Who is next, room or not."""

    def pick(self) -> int:
        """Return an index, -1 for nobody."""


class InTurn(LoadBlind):
    """Takes the next of an order who has room."""

    __slots__ = ("_active", "_loads", "_order")

    def __init__(self, candidates: Candidates, order: Order) -> None:
        self._loads = candidates.loads
        self._active = [index for index, weight in enumerate(candidates.weights) if weight]
        self._order = order

    def pick(self, key: int, avoid: int) -> int:
        """Return the next server in turn that has room."""
        loads, order = self._loads, self._order
        for _ in range(2 * len(self._active)):
            index = order.pick()
            if not loads[index].full and index != avoid:
                return index
        # Heavy servers fill up the turns above; a light one may still have room.
        return self._any_with_room(avoid)

    def _any_with_room(self, avoid: int) -> int:
        with_room = [index for index in self._active if not self._loads[index].full]
        return next((index for index in with_room if index != avoid), with_room[0] if with_room else -1)


def roundrobin(candidates: Candidates) -> InTurn:
    """Return `balance roundrobin`."""
    return InTurn(candidates, RoundRobin(candidates.weights, candidates.shift))


def static_rr(candidates: Candidates) -> InTurn:
    """Return `balance static-rr`."""
    return InTurn(candidates, MapOrder(server_map(candidates.weights, candidates.configured)))
