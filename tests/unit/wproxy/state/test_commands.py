from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.state.commands import Latencies


@given(st.lists(st.integers(0, 2**34), min_size=1, max_size=50), st.sampled_from([0.0, 0.5, 0.99, 0.999, 1.0]))
def test_a_quantile_is_at_most_an_eighth_too_much(values: list[int], share: float) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    found = latencies.quantile(share)
    exact = min(next(value for place, value in enumerate(sorted(values), 1) if place >= share * len(values)), 2**32 - 1)
    assert found is not None
    assert exact <= found <= exact * 9 / 8


def test_none_and_many_and_together() -> None:
    latencies, other = Latencies(), Latencies()
    assert latencies.quantile(0.5) is None
    latencies.add(10, 99)
    other.add(15)
    assert (latencies.quantile(0.99), latencies.quantile(0.999)) == (10, 10)
    both = Latencies().merge([latencies, other])
    assert (both.quantile(0.99), both.quantile(0.999)) == (10, 15)


@given(st.lists(st.integers(0, 2**33), max_size=30))
def test_how_many_took_less_than_a_power_of_two(times: list[int]) -> None:
    latencies = Latencies()
    for microseconds in times:
        latencies.add(microseconds)
    powers = range(4, 33)
    assert latencies.under(powers) == [sum(min(each, 2**32 - 1) < 2**power for each in times) for power in powers]
    total = sum(min(each, 2**32 - 1) for each in times)
    assert latencies.total_us() == pytest.approx(total, rel=1 / 16)
