from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.policy.balance import ALGORITHMS, Balancer, Candidates

MADE = [make for row in ALGORITHMS.values() for make in (row.make, row.consistent) if make is not None]


@pytest.mark.parametrize("make", MADE)
def test_every_algorithm_keeps_the_interface(make: Callable[[Candidates], Balancer]) -> None:
    servers = Servers(make, [3, 0, 5])
    for key in range(50):
        assert servers.pick(key) in (0, 2)
        assert servers.pick(key, avoid=1) in (0, 2)
    assert Servers(make, [0, 0]).pick() == -1
    assert Servers(make, [2]).pick(avoid=0) == 0
