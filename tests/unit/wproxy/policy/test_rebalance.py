"""policy.rebalance: how many sessions belong on each server, and which are too many."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.rebalance import FREE, Seat, Surplus, filled, quotas, seats_by_server


@dataclass(frozen=True)
class Fleet:
    weights: list[int]
    limits: list[int | None]
    seats: list[Seat]

    @property
    def seated(self) -> list[int]:
        return seats_by_server(self.seats, len(self.weights))

    def quotas(self, awaited: int = 0) -> list[int]:
        return quotas(self.weights, self.limits, len(self.seats) + awaited, self.seated)


@st.composite
def fleets(draw: st.DrawFn, *, limited: bool = True, tied: bool = True) -> Fleet:
    count = draw(st.integers(1, 6))
    servers = st.integers(0, count - 1)
    times = st.integers(0, 1000).map(float)
    return Fleet(
        draw(st.lists(st.integers(0, 256), min_size=count, max_size=count)),
        draw(st.lists(st.none() | st.integers(1, 30), min_size=count, max_size=count)) if limited else [None] * count,
        draw(st.lists(st.builds(Seat, servers, st.integers(FREE, count - 1) if tied else st.just(FREE), times))),
    )


@given(fleets(limited=False))
def test_a_quota_is_less_than_one_off_the_exact_share(fleet: Fleet) -> None:
    total, whole = len(fleet.seats), sum(fleet.weights)
    found = fleet.quotas()
    assert sum(found) == (total if whole else 0)
    for weight, quota in zip(fleet.weights, found, strict=True):
        assert abs(quota * whole - total * weight) < max(whole, 1)


@given(fleets())
def test_no_quota_is_above_its_limit_and_what_is_over_is_shared_by_the_others(fleet: Fleet) -> None:
    found = fleet.quotas()
    room = [limit for limit, weight in zip(fleet.limits, fleet.weights, strict=True) if weight]
    expected = len(fleet.seats) if None in room else min(len(fleet.seats), sum(limit or 0 for limit in room))
    assert sum(found) == expected
    for weight, limit, quota in zip(fleet.weights, fleet.limits, found, strict=True):
        assert 0 <= quota <= (len(fleet.seats) if limit is None else limit)
        assert weight or not quota


@given(fleets(limited=False))
def test_the_last_one_goes_where_a_session_is_already(fleet: Fleet) -> None:
    equal = [1] * len(fleet.weights)
    low, rest = divmod(len(fleet.seats), len(equal))
    found = quotas(equal, fleet.limits, len(fleet.seats), fleet.seated)
    fullest = sorted(fleet.seated, reverse=True)[:rest]
    assert sorted(have for have, quota in zip(fleet.seated, found, strict=True) if quota > low) == sorted(fullest)


@pytest.mark.parametrize(
    ("weights", "limits", "total", "expected"),
    [
        ([30, 70], [None, None], 100, [30, 70]),
        ([30, 70], [None, None], 99, [30, 69]),
        ([30, 70], [None, 60], 100, [40, 60]),
        ([0, 70], [None, 60], 100, [0, 60]),
        ([0, 0], [None, None], 100, [0, 0]),
        ([10, 10, 80], [None, 5, 50], 100, [45, 5, 50]),
    ],
)
def test_examples(weights: list[int], limits: list[int | None], total: int, expected: list[int]) -> None:
    assert quotas(weights, limits, total, [0] * len(weights)) == expected


def test_first_fills_one_server_after_the_other() -> None:
    assert filled([1, 9, 9], [10, 20, None], 25) == [10, 15, 0]
    assert filled([1, 0, 9], [10, 20, None], 25) == [10, 0, 15]
    assert filled([1, 1], [10, 10], 25) == [10, 10]


def leave_all(surplus: Surplus, seats: list[Seat]) -> list[int]:
    """Leave every seat that has to be left, in order; return which those are."""
    gone = []
    for index in surplus.order:
        if surplus.has_to_leave(seats[index]):
            surplus.left(seats[index])
            gone.append(index)
    return gone


@given(fleets(limited=False, tied=False).filter(lambda fleet: any(fleet.weights)))
def test_when_they_have_come_back_where_sessions_are_missing_all_is_right(fleet: Fleet) -> None:
    found = fleet.quotas()
    surplus = Surplus(fleet.seats, found)
    total = surplus.total
    gone = leave_all(surplus, fleet.seats)
    assert len(gone) == total == sum(max(0, have - quota) for have, quota in zip(fleet.seated, found, strict=True))
    assert surplus.total == 0
    left = [seat for index, seat in enumerate(fleet.seats) if index not in gone]
    for index, quota in enumerate(found):
        stay = sum(1 for seat in left if seat.server == index)
        assert stay == min(fleet.seated[index], quota)
    settled = [Seat(server, FREE, 0.0) for server, quota in enumerate(found) for _ in range(quota)]
    assert Surplus(settled, found).total == 0


@given(fleets(), st.integers(0, 20))
def test_never_more_leave_than_are_too_many_or_have_a_place_to_go(fleet: Fleet, awaited: int) -> None:
    found = fleet.quotas(awaited)
    seated = fleet.seated
    surplus = Surplus(fleet.seats, found, awaited)
    gone = [fleet.seats[index] for index in leave_all(surplus, fleet.seats)]
    strays = [seat for seat in fleet.seats if seat.home not in (FREE, seat.server)]
    assert [seat for seat in gone if seat.home != FREE] == sorted(strays, key=lambda seat: seat.active_at)
    free = [seat for seat in gone if seat.home == FREE]
    for index, quota in enumerate(found):
        assert sum(1 for seat in free if seat.server == index) <= max(0, seated[index] - quota)
    room = sum(max(0, quota - have) for have, quota in zip(seated, found, strict=True))
    assert len(free) <= max(0, room - awaited)


@given(fleets(limited=False, tied=False))
def test_who_leaves_a_server_has_been_silent_for_longer_than_who_stays(fleet: Fleet) -> None:
    surplus = Surplus(fleet.seats, fleet.quotas())
    gone = set(leave_all(surplus, fleet.seats))
    for index in range(len(fleet.weights)):
        here = [number for number, seat in enumerate(fleet.seats) if seat.server == index]
        left = [fleet.seats[number].active_at for number in here if number in gone]
        stay = [fleet.seats[number].active_at for number in here if number not in gone]
        assert not left or not stay or max(left) <= min(stay)


def test_who_is_tied_to_a_server_stays_there_or_goes_there() -> None:
    seats = [Seat(0, 0, 1.0), Seat(0, 0, 2.0), Seat(0, 1, 3.0), Seat(0, FREE, 4.0), Seat(1, 1, 5.0)]
    surplus = Surplus(seats, [1, 4], 0)
    assert (surplus.total, surplus.order, surplus.bound) == (2, [2, 3], [1, 0])
    assert leave_all(surplus, seats) == [2, 3]


def test_those_who_are_still_to_come_need_room_too() -> None:
    seats = [Seat(0, FREE, float(number)) for number in range(4)]
    assert Surplus(seats, [2, 2]).total == 2
    assert Surplus(seats, quotas([1, 1], [None, None], 6, [4, 0]), 2).total == 1
