from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.redis.sampling import Sampler

UNLIMITED = 10**9


@given(st.lists(st.integers(0, 50), max_size=40))
def test_one_in_one_is_all(batches: list[int]) -> None:
    sampler = Sampler(1, UNLIMITED, 0.0, 1)
    assert [sampler.places(commands, 0.0) for commands in batches] == [list(range(commands)) for commands in batches]
    assert (sampler.passed, sampler.looked, sampler.missed) == (sum(batches), sum(batches), 0)


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(2, 30), st.integers(0, 2**40))
def test_batches_change_nothing(batches: list[int], one_in: int, seed: int) -> None:
    """The same commands are looked at, however they come."""
    pieces, at_once = Sampler(one_in, UNLIMITED, 0.0, seed), Sampler(one_in, UNLIMITED, 0.0, seed)
    found, begun = [], 0
    for commands in batches:
        found += [begun + place for place in pieces.places(commands, 0.0)]
        begun += commands
    assert found == at_once.places(sum(batches), 0.0)
    assert all(0 < later - place < 2 * one_in for place, later in pairwise(found))


@pytest.mark.parametrize("one_in", [2, 10, 100])
def test_it_is_one_in_so_many(one_in: int) -> None:
    sampler = Sampler(one_in, UNLIMITED, 0.0, 7)
    looked = sum(len(sampler.places(100, 0.0)) for _ in range(1000))
    assert looked == sampler.looked == pytest.approx(100_000 / one_in, rel=0.1)


def test_clients_in_step_with_it_are_all_seen() -> None:
    """Every fourth command is another one's, and each gets its share."""
    sampler = Sampler(4, UNLIMITED, 0.0, 3)
    places = [place % 4 for place in sampler.places(40_000, 0.0)]
    for which in range(4):
        assert places.count(which) == pytest.approx(2500, rel=0.1)


def test_no_more_than_the_limit_is_looked_at() -> None:
    sampler = Sampler(1, 100, 0.0, 1)
    assert sampler.places(50, 0.0) == [*range(10)]  # a tenth of a second's worth at once
    assert (sampler.looked, sampler.missed) == (10, 40)
    assert sampler.places(50, 0.05) == [*range(5)]
    assert sampler.places(50, 9.0) == [*range(10)]  # what was not used is not saved
    assert sampler.passed == sampler.looked + sampler.missed == 150


def test_a_burst_may_be_larger() -> None:
    sampler = Sampler(1, 100, 0.0, 1, burst=60)
    assert len(sampler.places(100, 0.0)) == 60
    assert len(sampler.places(100, 0.2)) == 20
    assert len(sampler.places(100, 9.0)) == 60


def test_with_a_limit_distances_go_on() -> None:
    sampler = Sampler(10, 1, 0.0, 1)
    for _ in range(100):
        sampler.places(7, 0.0)
    assert sampler.looked == 1
    assert sampler.missed == pytest.approx(70, rel=0.3)
