from __future__ import annotations

from wproxy.policy.balance.draws import Draws


def test_a_seed_is_a_sequence() -> None:
    first, second, other = Draws(1), Draws(1), Draws(2)
    numbers = [first(64) for _ in range(100)]
    assert numbers == [second(64) for _ in range(100)]
    assert numbers != [other(64) for _ in range(100)]


def test_bits_are_even() -> None:
    draws = Draws(2**70 + 5)
    numbers = [draws(8) for _ in range(20_000)]
    assert set(numbers) == set(range(256))
    assert abs(sum(numbers) / len(numbers) - 127.5) < 5 * 73.9 / 20_000**0.5


def test_the_first_number_of_the_published_sequence() -> None:
    assert Draws(0)(64) == 0xE220A8397B1DCDAF
