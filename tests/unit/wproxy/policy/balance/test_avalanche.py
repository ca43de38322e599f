from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.balance.avalanche import avalanche

numbers = st.integers(0, 2**32 - 1)


@given(numbers, numbers)
def test_no_two_have_the_same(first: int, second: int) -> None:
    assert 0 <= avalanche(first) < 2**32
    assert (avalanche(first) == avalanche(second)) == (first == second)


def test_each_bit_depends_on_each_bit() -> None:
    for bit in range(32):
        changed = 0
        for number in range(2000):
            changed |= avalanche(number * 2654435761 % 2**32) ^ avalanche(number * 2654435761 % 2**32 ^ 1 << bit)
        assert changed == 2**32 - 1
