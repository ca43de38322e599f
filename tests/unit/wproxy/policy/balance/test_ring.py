from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.config.acl.hashes import avalanche
from wproxy.policy.balance.ring import Ring

KEYS = [Random(3).getrandbits(32) for _ in range(1)] + [Random(number).getrandbits(32) for number in range(3000)]


def test_shares_are_near_the_weights() -> None:
    servers = Servers(Ring, [30, 70])
    counts = Counter(servers.pick(key) for key in KEYS)
    assert abs(counts[0] / len(KEYS) - 0.3) < 0.05


def test_a_change_moves_only_what_has_to_move() -> None:
    before, after = Servers(Ring, [10, 20, 30]), Servers(Ring, [10, 20, 0])
    for key in KEYS:
        owner = before.pick(key)
        assert owner == 2 or after.pick(key) == owner


@given(st.integers(0, 2**32 - 1))
def test_the_nearest_place_wins(key: int) -> None:
    places = {avalanche(number * 4096 + place): number - 1 for number in (1, 2) for place in range(16)}
    near = min(places, key=lambda place: (min((key - place) % 2**32, (place - key) % 2**32), (key - place) % 2**32))
    assert Servers(Ring, [1, 1]).pick(key) == places[near]


def test_avoiding_takes_the_next_on_the_ring() -> None:
    servers = Servers(Ring, [3, 5, 7])
    for key in KEYS[:200]:
        owner = servers.pick(key)
        assert servers.pick(key, avoid=owner) not in (owner, -1)
        assert servers.pick(key, avoid=(owner + 1) % 3) == owner
    assert Servers(Ring, [3]).pick(1, avoid=0) == 0


def test_avalanche_and_nobody() -> None:
    plain, mixed = Servers(Ring, [1, 1, 1]), Servers(Ring, [1, 1, 1], avalanche=True)
    assert [mixed.pick(key) for key in range(50)] == [plain.pick(avalanche(key)) for key in range(50)]
    assert Servers(Ring, [0]).pick(1) == -1
