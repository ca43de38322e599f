from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wproxy.policy.balance import RoundRobin

weights = st.lists(st.integers(0, 256), min_size=1, max_size=8)


def picks(order: RoundRobin, count: int) -> list[int]:
    return [order.pick() for _ in range(count)]


@settings(max_examples=100)
@given(weights.filter(any))
def test_after_every_prefix_each_count_is_within_one_of_its_share(weights: list[int]) -> None:
    total = sum(weights)
    counts = [0] * len(weights)
    order = RoundRobin(weights)
    for made in range(1, total + 2):
        counts[order.pick()] += 1
        for count, weight in zip(counts, weights, strict=True):
            assert abs(count * total - made * weight) < total
    assert not any(count for count, weight in zip(counts, weights, strict=True) if not weight)


@given(weights.filter(any))
def test_the_period_repeats(weights: list[int]) -> None:
    order = RoundRobin(weights)
    first = picks(order, sum(weights))
    assert picks(order, sum(weights)) == first
    assert [first.count(index) for index in range(len(weights))] == weights


@given(st.lists(st.just(0), max_size=5))
def test_without_weight_nobody_is_picked(weights: list[int]) -> None:
    order = RoundRobin(weights)
    assert picks(order, 3) == [-1, -1, -1]
    assert order.size == 0


def test_30_to_70_over_100_is_30_to_70() -> None:
    order = RoundRobin([30, 70])
    for _ in range(5):
        hundred = picks(order, 100)
        assert (hundred.count(0), hundred.count(1)) == (30, 70)
    assert order.size == 2


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([1], [0, 0, 0]), ([256, 256], [0, 1, 0, 1]), ([1, 0, 1], [0, 2, 0, 2]), ([2, 1], [0, 0, 1, 0, 0, 1])],
)
def test_order(weights: list[int], expected: list[int]) -> None:
    assert picks(RoundRobin(weights), len(expected)) == expected
