from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wproxy.state.downtime import Downtime


def test_outages_add_up() -> None:
    away = Downtime(True, 10.0)
    for there, now in ((False, 20.0), (False, 22.0), (True, 25.0), (True, 28.0), (False, 40.0)):
        away.note(there, now)
    assert away.seconds(42.5) == 7
    assert away.outages == 2


def test_away_from_the_start_is_no_outage() -> None:
    away = Downtime(False, 10.0)
    assert (away.seconds(15.0), away.outages) == (5, 0)
    away.note(True, 15.0)
    assert (away.seconds(99.0), away.outages) == (5, 0)


@given(st.booleans(), st.lists(st.tuples(st.booleans(), st.integers(0, 100))))
def test_it_is_the_sum_of_the_spans_away(there: bool, notes: list[tuple[bool, int]]) -> None:
    now, total, away = 0, 0, Downtime(there, 0.0)
    for next_there, passed in notes:
        total += 0 if there else passed
        now, there = now + passed, next_there
        away.note(there, float(now))
    assert away.seconds(float(now)) == total
