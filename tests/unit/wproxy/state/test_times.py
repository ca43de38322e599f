from __future__ import annotations

import pytest

from wproxy.state.times import WINDOW, Times


def totals(*durations_ms: int) -> list[int]:
    """Return the average after each session."""
    times, seen = Times(), []
    for chosen, duration_ms in enumerate(durations_ms, 1):
        times.add(0, 0, duration_ms, chosen)
        seen.append(times.total_ms(chosen))
    return seen


def test_the_average_of_few_sessions_is_that_of_all_rounded_up() -> None:
    # What HAProxy 2.6.12 showed after sessions of 100, 302, 50, 1, 0 and 0 ms.
    assert totals(100, 302, 50, 1, 0, 0) == [100, 201, 151, 114, 91, 76]


def test_the_longest_are_kept_until_cleared() -> None:
    times = Times()
    times.add(5, 7, 30, 1)
    times.add(9, 2, 20, 2)
    assert (times.queue_max, times.connect_max, times.total_max) == (9, 7, 30)
    assert (times.queue_ms(2), times.connect_ms(2), times.total_ms(2)) == (7, 5, 25)
    times.clear_maxima()
    assert (times.queue_max, times.connect_max, times.total_max) == (0, 0, 0)
    assert times.total_ms(2) == 25


def test_sessions_that_failed_count_as_quick_ones() -> None:
    times = Times()
    times.add(0, 0, 200, 1)
    assert [times.total_ms(chosen) for chosen in (1, 2, 4)] == [200, 100, 50]


def test_before_the_first_choice_the_window_divides() -> None:
    assert Times().total_ms(0) == 0


def test_old_sessions_are_forgotten() -> None:
    times = Times()
    for chosen in range(1, 101):
        times.add(0, 0, 2053, chosen)
    for chosen in range(101, 1552):
        times.add(0, 0, 0, chosen)
        if chosen == WINDOW:
            assert times.total_ms(chosen) == pytest.approx(401, abs=1)
    # Beside it HAProxy showed 53, of sessions that were not all of them quite as quick as 0 ms.
    assert times.total_ms(1551) == pytest.approx(53, abs=4)
