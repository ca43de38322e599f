from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy import login_pace
from wproxy.policy.login_pace import ADDRESSES, FREE, PACE_S, LoginPace


def failing(pace: LoginPace, client: str, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        pace.failed(client, now)


def test_some_mistakes_cost_nothing() -> None:
    pace = LoginPace()
    failing(pace, "192.0.2.1", FREE)
    assert pace.wait_s("192.0.2.1", 0.0) == 0.0


def test_then_each_costs_its_pace_and_time_heals() -> None:
    pace = LoginPace()
    failing(pace, "192.0.2.1", FREE + 3)
    assert [pace.wait_s("192.0.2.1", now) for now in (0.0, 1.0, 6.0, 60.0)] == [3 * PACE_S, 3 * PACE_S - 1, 0.0, 0.0]


def test_others_do_not_wait() -> None:
    pace = LoginPace()
    failing(pace, "192.0.2.1", 1000)
    assert pace.wait_s("192.0.2.2", 0.0) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unix:1", "unix:1", True),
        ("unix:1", "unix:2", False),
    ],
)
def test_what_counts_as_one_client(one: str, other: str, together: bool) -> None:
    pace = LoginPace()
    failing(pace, one, 2 * FREE)
    assert (pace.wait_s(other, 0.0) > 0) is together


def test_the_memory_is_bounded_and_the_quiet_are_forgotten_first() -> None:
    pace = LoginPace()
    failing(pace, "a", 2 * FREE)
    failing(pace, "b", 2 * FREE)
    for number in range(ADDRESSES - 2):
        pace.failed(f"client {number}", 0.0)
    pace.failed("a", 0.0)
    pace.failed("one more", 0.0)
    assert len(pace) == ADDRESSES
    assert pace.wait_s("a", 0.0) > 0
    assert pace.wait_s("b", 0.0) == 0.0


@given(st.lists(st.floats(0, 5), max_size=60))
def test_nobody_tries_faster_than_the_pace_for_long(gaps: list[float]) -> None:
    """A client that waits as it is told, and no longer than it must, has tried no more than the allowance permits."""
    pace, now, tries = LoginPace(), 0.0, 0
    for gap in gaps:
        now += gap
        wait_s = pace.wait_s("x", now)
        if wait_s > login_pace.PATIENCE_S:
            continue
        pace.failed("x", now)
        tries += 1
        assert tries <= FREE + (now + login_pace.PATIENCE_S) / PACE_S + 2
