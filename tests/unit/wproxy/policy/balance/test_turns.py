from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.policy.balance import Balancer, Candidates
from wproxy.policy.balance.turns import roundrobin, static_rr

BOTH = pytest.mark.parametrize("make", [roundrobin, static_rr])
Make = Callable[[Candidates], Balancer]


@BOTH
def test_shares_are_exact(make: Make) -> None:
    assert Counter(Servers(make, [30, 0, 70]).take(300)) == {0: 90, 2: 210}


@BOTH
def test_whoever_is_full_is_passed_over(make: Make) -> None:
    servers = Servers(make, [256, 256, 1], [1, 1, 2])
    assert sorted(servers.take(5)) == [-1, 0, 1, 2, 2]


@BOTH
def test_a_server_is_avoided_if_there_is_another(make: Make) -> None:
    servers = Servers(make, [256, 1, 0])
    assert set(servers.take(300, avoid=0)) == {1}
    assert Servers(make, [0, 4]).pick(avoid=1) == 1
    servers.loads[1].limit = 0
    assert servers.pick(avoid=0) == 0


@BOTH
def test_nobody(make: Make) -> None:
    assert Servers(make, []).pick() == -1
    assert Servers(make, [0, 0]).pick() == -1
