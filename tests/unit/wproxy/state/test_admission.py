from __future__ import annotations

import pytest

from wproxy.state.admission import SCARCE, Admission, RateLimit


class Doors:
    """Counts how often accepting may have to change."""

    def __init__(self, admission: Admission) -> None:
        self.changes = 0
        admission.on_change = self.note

    def note(self) -> None:
        self.changes += 1


def test_the_last_place_closes_the_doors_and_the_first_free_one_opens_them() -> None:
    admission = Admission(2)
    doors = Doors(admission)
    admission.opened(1.0)
    assert (admission.full, doors.changes) == (False, 0)
    admission.opened(1.0)
    assert (admission.full, doors.changes) == (True, 1)
    admission.closed()
    assert (admission.full, doors.changes) == (False, 2)
    admission.closed()
    assert doors.changes == 2


def test_coming_near_the_limit_and_going_away_from_it_is_told() -> None:
    admission = Admission(SCARCE + 2)
    doors = Doors(admission)
    admission.opened(1.0)
    assert (admission.scarce, doors.changes) == (False, 0)
    admission.opened(1.0)
    admission.opened(1.0)
    assert (admission.scarce, doors.changes) == (True, 1)
    admission.closed()
    admission.closed()
    assert (admission.scarce, doors.changes) == (False, 2)


def test_under_a_rate_limit_clients_are_taken_one_by_one() -> None:
    admission = Admission(10_000)
    admission.set_rate(RateLimit.SESSIONS, 1_000)
    assert admission.scarce
    admission.set_rate(RateLimit.SESSIONS, 0)
    assert not admission.scarce


def test_a_lower_limit_counts_at_once_and_zero_is_the_first_one() -> None:
    admission = Admission(5)
    doors = Doors(admission)
    admission.opened(1.0)
    admission.set_maxconn(1)
    assert (admission.full, doors.changes) == (True, 1)
    admission.set_maxconn(0)
    assert (admission.full, admission.maxconn, admission.hard_maxconn) == (False, 5, 5)


@pytest.mark.parametrize("kind", [RateLimit.CONNECTIONS, RateLimit.SESSIONS])
def test_a_rate_holds_until_the_next_second(kind: RateLimit) -> None:
    admission = Admission(100)
    doors = Doors(admission)
    admission.set_rate(kind, 2)
    admission.opened(7.25)
    assert (admission.wait_s(7.25), doors.changes) == (0.0, 1)
    admission.opened(7.25)
    assert (admission.wait_s(7.25), doors.changes) == (0.75, 2)
    assert admission.wait_s(8.0) == 0.0
    admission.set_rate(kind, 0)
    assert admission.wait_s(7.25) == 0.0


def test_the_lower_of_two_rates_counts() -> None:
    admission = Admission(100)
    admission.set_rate(RateLimit.CONNECTIONS, 5)
    admission.set_rate(RateLimit.SESSIONS, 1)
    admission.opened(3.5)
    assert admission.wait_s(3.5) == 0.5


def test_limits_on_what_does_not_exist_are_remembered() -> None:
    admission = Admission(100)
    admission.set_rate(RateLimit.TLS_SESSIONS, 1)
    admission.opened(1.5)
    assert (admission.wait_s(1.5), admission.limits[RateLimit.TLS_SESSIONS]) == (0.0, 1)
