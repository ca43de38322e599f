from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.policy.balance import NO_KEY, Balancer, Candidates
from wproxy.policy.balance.keyed import by_map, by_ring
from wproxy.policy.balance.ring import Ring, RingOrder
from wproxy.policy.balance.server_map import HashMap

BOTH = pytest.mark.parametrize(("make", "led"), [(by_map, HashMap), (by_ring, Ring)])


@BOTH
def test_a_key_leads_as_without_turns(
    make: Callable[[Candidates], Balancer], led: Callable[[Candidates], Balancer]
) -> None:
    keyed, plain = Servers(make, [3, 5, 7]), Servers(led, [3, 5, 7])
    for key in range(0, 2**32, 2**26 + 1):
        assert keyed.pick(key) == plain.pick(key)
        keyed.pick(NO_KEY)  # moves nothing of it


@BOTH
def test_without_a_key_servers_with_room_serve_in_turn(
    make: Callable[[Candidates], Balancer], led: Callable[[Candidates], Balancer]
) -> None:
    servers = Servers(make, [1, 1, 1], [10**9, 0])
    picked = {servers.pick(NO_KEY) for _ in range(48)}
    assert picked == {0, 2}
    assert Servers(make, [1, 0]).pick(NO_KEY, avoid=0) == 0
    assert Servers(make, [0]).pick(NO_KEY) == -1


def test_the_ring_is_walked_place_by_place() -> None:
    servers = Servers(Ring, [1, 2])
    ring = servers.balancer
    assert isinstance(ring, Ring)
    order = RingOrder(ring)
    assert [order.pick() for _ in range(96)] == list(ring.owners) * 2
    empty = Servers(Ring, [0]).balancer
    assert isinstance(empty, Ring)
    assert RingOrder(empty).pick() == -1
