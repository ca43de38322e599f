from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.policy.balance.leastconn import LeastConn


def test_held_connections_go_by_weight() -> None:
    assert Counter(Servers(LeastConn, [10, 20, 0, 30]).take(600)) == {0: 100, 1: 200, 3: 300}


def test_idle_servers_take_turns_whatever_their_weights() -> None:
    servers = Servers(LeastConn, [1, 9, 5])
    found = []
    for _ in range(6):
        (index,) = servers.take()
        servers.load(index, -1)
        found.append(index)
    assert found == [0, 1, 2, 0, 1, 2]


def test_limits_and_the_queue_that_maxqueue_allows() -> None:
    servers = Servers(LeastConn, [1, 1], [1, 2])
    assert sorted(servers.take(4)) == [-1, 0, 1, 1]
    servers.load(0, -1)
    assert servers.take(2) == [0, -1]
    queued = Servers(LeastConn, [1, 1], [1, 1], maxqueue=1)
    queued.take(2)
    index = queued.pick()
    queued.loads[index].waiting += 1
    queued.balancer.changed(index)
    assert queued.pick() == 1 - index


def test_a_server_is_avoided_if_there_is_another() -> None:
    servers = Servers(LeastConn, [1, 1], [5, 1])
    assert servers.take(2, avoid=0) == [1, 0]
    assert Servers(LeastConn, [0]).pick(avoid=0) == -1


@settings(max_examples=60)
@given(st.lists(st.integers(1, 256), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_least_loaded_is_picked_after_any_history(weights: list[int], random: Random) -> None:
    servers = Servers(LeastConn, weights)
    for _ in range(300):
        busy = [index for index, load in enumerate(servers.loads) if load.current]
        if busy and random.random() < 0.5:
            servers.load(random.choice(busy), -1)
            continue
        burdens = [load.current and (load.current + 1) * 256 // weight
                   for load, weight in zip(servers.loads, weights, strict=True)]  # fmt: skip
        (index,) = servers.take()
        assert burdens[index] == min(burdens)


def test_who_changes_nothing_keeps_the_turn() -> None:
    servers = Servers(LeastConn, [1, 1])
    servers.balancer.changed(0)
    assert servers.pick() == 0
