from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.config.acl.hashes import avalanche
from wproxy.policy.balance.server_map import HashMap, MapOrder, server_map

weights = st.lists(st.integers(0, 40), min_size=1, max_size=7)


def by_scores(shares: list[int]) -> list[int]:
    """Lay out the map by the rule itself: every score at every position."""
    total, scores, positions = sum(shares), [0] * len(shares), []
    for _ in range(total):
        levels = []
        for index, share in enumerate(shares):
            scores[index] += share
            levels.append(scores[index] // total if share else -2)
        owner = levels.index(max(levels))
        scores[owner] -= total
        positions.append(owner)
    return positions


@settings(max_examples=200)
@given(weights)
def test_the_events_follow_the_rule(shares: list[int]) -> None:
    found = server_map(shares, [*shares, 1])
    assert list(found) == by_scores(shares)
    assert Counter(found) == {index: shares[index] for index in found} or not any(shares)


def test_the_divisor_is_that_of_all_configured_weights() -> None:
    assert len(server_map([4, 0, 2], [4, 0, 2])) == 3
    assert len(server_map([4, 0, 2], [4, 3, 2])) == 6
    assert list(server_map([0, 0], [0, 0])) == []


def test_the_key_is_the_position() -> None:
    servers = Servers(HashMap, [2, 1])
    assert [servers.pick(key, avoid=0) for key in range(6)] == [0, 0, 1, 0, 0, 1]
    mixed = Servers(HashMap, [2, 1], avalanche=True)
    assert [mixed.pick(key) for key in range(9)] == [servers.pick(avalanche(key)) for key in range(9)]
    assert Servers(HashMap, [0]).pick(5) == -1


def test_the_map_is_walked_round_and_round() -> None:
    order = MapOrder([0, 1, 0])
    assert [order.pick() for _ in range(5)] == [0, 1, 0, 0, 1]
    assert MapOrder([]).pick() == -1
