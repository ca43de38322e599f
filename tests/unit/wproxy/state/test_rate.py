from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wproxy.state.rate import Rate


def test_the_second_before_fades() -> None:
    rate = Rate()
    for _ in range(10):
        rate.add(5.9)
    assert [rate.per_second(now) for now in (5.95, 6.0, 6.25, 6.5, 7.0)] == [10, 10, 7, 5, 0]
    assert rate.maximum == 10


def test_after_a_pause_nothing_is_left() -> None:
    rate = Rate()
    rate.add(5.0, 100)
    rate.add(9.0, 3)
    assert rate.per_second(9.0) == 3
    assert rate.maximum == 100


@given(st.lists(st.floats(0, 5), max_size=30).map(sorted))
def test_a_rate_is_never_more_than_the_events_of_two_seconds(times: list[float]) -> None:
    rate = Rate()
    for now in times:
        rate.add(now)
        recent = sum(1 for time in times if now - 2 <= time <= now)
        assert 1 <= rate.per_second(now) <= recent
    assert rate.maximum <= len(times)


def test_how_long_a_limit_is_reached() -> None:
    rate = Rate()
    rate.add(5.25, 4)
    assert [rate.wait_s(5.25, limit) for limit in (5, 4, 2)] == [0.0, 0.75, 0.75]
    assert rate.wait_s(6.0, 4) == 0.25  # the second before fades: three of four are left by then
    assert rate.wait_s(6.0, 0) == 1.0
    rate.add(6.5, 1)
    assert rate.wait_s(6.5, 3) == 0.25
