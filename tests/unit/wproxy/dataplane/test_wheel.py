from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from wproxy.dataplane.wheel import TICK_S, Wheel


class Timer:
    """What `call_at` returns."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """The two methods of an event loop that the wheel uses, on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self._order = count()
        self._timers: list[tuple[float, int, Timer]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        timer = Timer(call)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move the clock, calling what is due on the way."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if timer.call is not None:
                timer.call()
        self.now = end

    @property
    def timers(self) -> int:
        return sum(1 for _, _, timer in self._timers if timer.call is not None)


class Item:
    """Something with a timeout, which notes when it was over."""

    def __init__(self, loop: Loop, at: float) -> None:
        self.loop = loop
        self.at = at
        self.expirations: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def expires_at(self) -> float:
        return self.at

    def expired(self) -> None:
        self.expirations.append(self.loop.now)
        self.then()


def made() -> tuple[Loop, Wheel]:
    loop = Loop()
    return loop, Wheel(cast("asyncio.AbstractEventLoop", loop))


def test_a_timeout_comes_within_a_tick_and_once() -> None:
    loop, wheel = made()
    item = Item(loop, 105.003)
    wheel.watch(item)
    loop.advance(5.003)
    assert not item.expirations
    loop.advance(TICK_S)
    (at,) = item.expirations
    assert 105.003 <= at <= 105.003 + TICK_S
    loop.advance(100.0)
    assert len(item.expirations) == 1
    assert loop.timers == 0


def test_activity_puts_it_off_without_a_call() -> None:
    loop, wheel = made()
    item = Item(loop, 101.0)
    wheel.watch(item)
    for _ in range(50):
        loop.advance(0.5)
        item.at = loop.now + 1.0
    assert not item.expirations
    loop.advance(1.0 + TICK_S)
    assert len(item.expirations) == 1


def test_a_nearer_time_has_to_be_told() -> None:
    loop, wheel = made()
    item = Item(loop, 200.0)
    wheel.watch(item)
    item.at = 101.0
    wheel.watch(item)
    item.at = 102.0  # later again: looked at, and put off
    wheel.watch(item)
    loop.advance(1.5)
    assert not item.expirations
    loop.advance(0.5 + TICK_S)
    assert len(item.expirations) == 1
    loop.advance(200.0)
    assert len(item.expirations) == 1


def test_never_is_never() -> None:
    loop, wheel = made()
    item = Item(loop, inf)
    wheel.watch(item)
    assert loop.timers == 0
    item.at = 101.0
    wheel.watch(item)
    item.at = inf
    loop.advance(10.0)
    assert not item.expirations
    assert loop.timers == 0


def test_what_is_forgotten_does_not_expire() -> None:
    loop, wheel = made()
    first, second = Item(loop, 101.0), Item(loop, 101.0)
    wheel.watch(first)
    wheel.watch(second)
    wheel.forget(first)
    wheel.forget(first)
    loop.advance(2.0)
    assert (first.expirations, len(second.expirations)) == ([], 1)


def test_an_item_may_come_back_while_it_expires() -> None:
    loop, wheel = made()
    first, second = Item(loop, 101.0), Item(loop, 101.0)

    def again() -> None:
        first.at = second.at = loop.now + 1.0
        for item in (first, second):
            wheel.watch(item)

    first.then = again
    wheel.watch(first)
    wheel.watch(second)
    loop.advance(1.5)
    assert (len(first.expirations), len(second.expirations)) == (1, 0)
    first.then = lambda: None
    loop.advance(1.0)
    assert (len(first.expirations), len(second.expirations)) == (2, 1)


def test_items_that_come_and_go_leave_nothing_behind() -> None:
    """A link to a server is watched from a command to its reply: thousands of times before a timeout is over."""
    loop, wheel = made()
    item, stays = Item(loop, inf), Item(loop, 3700.0)
    wheel.watch(stays)
    for _ in range(10_000):
        item.at = loop.now + 3600.0
        wheel.watch(item)
        wheel.forget(item)
        loop.advance(0.001)
    assert len(wheel._ticks) < 2_000
    loop.advance(3600.0)
    assert (len(item.expirations), len(stays.expirations)) == (0, 1)


def test_the_sockets_come_first_when_the_process_was_held_up() -> None:
    loop, wheel = made()
    active, idle = Item(loop, 101.0), Item(loop, 101.0)
    wheel.watch(active)
    wheel.watch(idle)
    loop.now += 5.0  # nothing was called meanwhile
    loop.advance(0.0)
    assert (active.expirations, idle.expirations) == ([], [])
    active.at = 106.0  # something has come for it
    loop.advance(TICK_S)
    assert (active.expirations, len(idle.expirations)) == ([], 1)
    loop.advance(1.0)
    assert len(active.expirations) == 1


def test_one_timer_serves_all() -> None:
    loop, wheel = made()
    for second in (9, 3, 7, 3, 5):
        wheel.watch(Item(loop, 100.0 + second))
        assert loop.timers == 1


@given(st.lists(st.tuples(st.sampled_from("wfa"), st.integers(0, 4), st.floats(0.001, 3.0)), max_size=40))
def test_every_item_expires_in_time_unless_it_is_forgotten(steps: list[tuple[str, int, float]]) -> None:
    loop, wheel = made()
    items = [Item(loop, inf) for _ in range(5)]
    due: dict[int, float] = {}
    for what, index, seconds in steps:
        if what == "w":
            items[index].at = due[index] = loop.now + seconds
            wheel.watch(items[index])
        elif what == "f":
            wheel.forget(items[index])
            due.pop(index, None)
        else:
            loop.advance(seconds)
        for number, item in enumerate(items):
            if item.expirations:
                assert due.pop(number) <= item.expirations.pop() + 1e-9
                assert not item.expirations
        assert all(at + TICK_S + 1e-9 >= loop.now for at in due.values())
