from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.policy.balance.random_draws import RandomDraws


@pytest.mark.parametrize("draws", [1, 2, 5])
def test_draws_go_by_weight(draws: int) -> None:
    counts = Counter(Servers(RandomDraws, [20, 0, 80], draws=draws).take(4000))
    assert counts.keys() == {0, 2}
    assert abs(counts[0] - 800) < 5 * 26


def test_two_draws_are_smoother_than_one() -> None:
    def spread(draws: int) -> int:
        counts = Counter(Servers(RandomDraws, [1] * 20, draws=draws).take(4000))
        return max(counts.values()) - min(counts.values())

    assert spread(2) < spread(1) / 2


def test_whoever_is_full_is_passed_over() -> None:
    servers = Servers(RandomDraws, [9, 0, 1, 1], [1, 5, 2, 1])
    assert sorted(servers.take(6)) == [-1, -1, 0, 2, 2, 3]


def test_a_server_is_avoided_if_there_is_another() -> None:
    servers = Servers(RandomDraws, [9, 5, 9], [10**6, 2, 10**6])
    assert {servers.pick(avoid=1) for _ in range(200)} == {0, 2}
    assert Counter(servers.take(3000, avoid=0))[1] == 2
    assert Servers(RandomDraws, [0, 3]).pick(avoid=1) == 1
    full = Servers(RandomDraws, [1, 1], [1, 0])
    assert full.pick(avoid=0) == 0


def test_nobody() -> None:
    assert Servers(RandomDraws, []).pick() == -1
    assert Servers(RandomDraws, [0]).pick() == -1
