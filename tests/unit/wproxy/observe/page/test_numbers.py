from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.observe.page.numbers import grouped, in_bytes, lasting, percent


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1000, "1\u202f000"), (12345678, "12\u202f345\u202f678")]
)
def test_groups_of_three(number: int, text: str) -> None:
    assert grouped(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (9994, "9.99 kB"), (9996, "10.0 kB"), (99_960, "100 kB"),
        (999_499, "999 kB"), (999_500, "1.00 MB"), (57_000, "57.0 kB"), (10**18, "1000 PB"),
    ],
)  # fmt: skip
def test_bytes(number: int, text: str) -> None:
    assert in_bytes(number) == text


@given(st.integers(0, 10**17))
def test_bytes_are_never_off_by_more_than_half_a_percent(number: int) -> None:
    amount, unit = in_bytes(number).split()
    scale = 1000 ** ("B", "kB", "MB", "GB", "TB", "PB").index(unit)
    assert abs(float(amount) * scale - number) <= 0.005 * number + 0.5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (130, "2m10s"), (3600, "1h"), (3660, "1h1m"), (86_400 * 3 + 14_400, "3d4h")],
)
def test_durations(seconds: int, text: str) -> None:
    assert lasting(seconds) == text


def test_percent() -> None:
    assert percent(0.3) == "30.0 %"
