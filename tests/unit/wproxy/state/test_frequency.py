from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wproxy.state.frequency import Frequency


def test_a_window_slides() -> None:
    rate = Frequency()
    for at in (5_000, 5_400, 5_999):
        rate.add(at, 1_000, 1)
    assert rate.rate(5_999, 1_000) == 3
    rate.add(6_500, 1_000, 1)
    assert rate.rate(6_500, 1_000) == 1 + 3 // 2
    assert rate.rate(7_500, 1_000) == 1  # of one event all or nothing is left
    assert rate.rate(8_001, 1_000) == 0


def test_what_is_long_over_is_forgotten() -> None:
    rate = Frequency()
    rate.add(5_000, 1_000, 7)
    rate.add(9_000, 1_000, 2)
    assert rate.rate(9_000, 1_000) == 2
    assert rate.parts() == [9_000, 2, 0]
    assert Frequency(*rate.parts()).rate(9_000, 1_000) == 2


def test_nothing_is_no_rate() -> None:
    assert Frequency().rate(123_456, 1_000) == 0


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 5))))
def test_a_rate_is_never_above_what_two_periods_have_had(steps: list[tuple[int, int]]) -> None:
    rate, now, events = Frequency(), 10_000, []
    for pause, number in steps:
        now += pause
        rate.add(now, 200, number)
        events.append((now, number))
        assert number <= rate.rate(now, 200) <= sum(count for at, count in events if at > now - 400)
