from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.leases import Leases


class Holder:
    """A process that uses what it has a lease for, and is told late."""

    def __init__(self) -> None:
        self.version = 0
        self.lease = 0
        self.current = 0
        self.waiting = 0
        self.inbox: list[tuple[int, int]] = []

    def take(self) -> None:
        while self.waiting and self.current < self.lease:
            self.waiting -= 1
            self.current += 1

    @property
    def held(self) -> int:
        return max(self.current, self.lease)


class World:
    """Leases and holders with messages on the way in both directions."""

    def __init__(self, total: int, holders: int) -> None:
        self.total = total
        self.leases = Leases()
        self.holders = [Holder() for _ in range(holders)]
        self.reports: list[list[tuple[int, int, int]]] = [[] for _ in range(holders)]
        self.version = 0
        for number in range(holders):
            self.leases.admit(number)
        self.settle()

    def settle(self) -> None:
        self.version += 1
        for number, lease in self.leases.settle(self.total, self.version).items():
            self.holders[number].inbox.append((self.version, lease))

    def come(self, number: int) -> None:
        self.holders[number].waiting += 1
        self.holders[number].take()
        self.tell(number)

    def go(self, number: int) -> None:
        holder = self.holders[number]
        if holder.current:
            holder.current -= 1
            holder.take()
        self.tell(number)

    def tell(self, number: int) -> None:
        holder = self.holders[number]
        self.reports[number].append((holder.version, holder.held, holder.current + holder.waiting))

    def deliver_lease(self, number: int) -> None:
        holder = self.holders[number]
        if holder.inbox:
            holder.version, holder.lease = holder.inbox.pop(0)
            holder.take()
            self.tell(number)

    def deliver_report(self, number: int) -> None:
        if self.reports[number]:
            self.leases.report(number, *self.reports[number].pop(0))
            self.settle()

    def calm(self) -> None:
        """Deliver everything that is on the way."""
        for _ in range(60):
            for number in range(len(self.holders)):
                while self.holders[number].inbox:
                    self.deliver_lease(number)
                while self.reports[number]:
                    self.deliver_report(number)
            self.settle()

    @property
    def used(self) -> int:
        return sum(holder.current for holder in self.holders)


ACTIONS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=200)


@given(st.integers(0, 9), ACTIONS)
def test_never_more_than_all_are_used_and_all_when_wanted(total: int, actions: list[tuple[int, int]]) -> None:
    world = World(total, 3)
    steps = (world.come, world.come, world.go, world.deliver_lease, world.deliver_report)
    for action, number in actions:
        steps[action](number)
        assert world.used <= total
    world.calm()
    wanted = sum(holder.current + holder.waiting for holder in world.holders)
    assert world.used == min(total, wanted) or (total < 3 and world.used == total)


def test_one_place_goes_round_among_those_who_wait_for_it() -> None:
    world = World(1, 2)
    served = [0, 0]
    for _ in range(50):
        for number in (0, 1):
            if not world.holders[number].waiting:
                world.come(number)
        world.leases.next_turn()
        world.calm()
        for number, holder in enumerate(world.holders):
            if holder.current:
                served[number] += 1
                world.go(number)
    assert min(served) >= 10


def test_everybody_is_told_even_that_he_has_nothing() -> None:
    leases = Leases()
    leases.admit(1)
    assert leases.settle(7, 1) == {1: 7}
    leases.admit(2)
    assert leases.settle(7, 2) == {2: 0}
    assert leases.settle(7, 3) == {}


def test_places_of_one_that_has_gone_are_given_out_again() -> None:
    leases = Leases()
    leases.admit(1)
    leases.settle(7, 1)
    leases.admit(2)
    leases.settle(7, 2)
    leases.leave(1)
    assert leases.settle(7, 3) == {2: 7}


def test_a_lower_total_is_taken_from_those_who_have() -> None:
    leases = Leases()
    leases.admit(1)
    leases.settle(7, 1)
    leases.report(1, 1, 7, 7)
    assert leases.settle(3, 2) == {1: 3}
    leases.report(1, 2, 7, 7)
    leases.admit(2)
    leases.report(2, 0, 0, 1)
    assert leases.settle(3, 3).get(2, 0) == 0  # the first one still uses seven


def test_who_is_here_already_keeps_what_it_has() -> None:
    leases = Leases()
    leases.admit(1)
    assert leases.settle(3, 1) == {1: 3}
    leases.admit(1)
    assert leases.settle(3, 2) == {}


def test_a_report_of_one_that_has_gone_counts_for_nothing() -> None:
    leases = Leases()
    leases.admit(1)
    leases.report(2, 0, 3, 3)
    assert not leases.contended
    assert leases.settle(3, 1) == {1: 3}


def test_without_holders_nothing_is_given_out() -> None:
    assert Leases().settle(3, 1) == {}
