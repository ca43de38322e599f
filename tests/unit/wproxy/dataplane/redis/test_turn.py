from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import cast

import pytest

from wproxy.dataplane.redis.turn import Turn


class Loop:
    """Keeps what is to be called."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)


class Item:
    """Counts its flushes; may fail."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1
        if self.fails:
            raise RuntimeError("a fault")


def test_all_are_flushed_in_one_call_of_the_loop() -> None:
    loop, items = Loop(), [Item(), Item()]
    turn = Turn(cast("AbstractEventLoop", loop))
    for item in items:
        turn.add(item)
    (end,) = loop.due
    end()
    assert [item.flushed for item in items] == [1, 1]
    turn.add(items[0])
    assert len(loop.due) == 2


def test_a_fault_in_one_does_not_keep_the_others_waiting() -> None:
    loop, items = Loop(), [Item(), Item(fails=True), Item(), Item()]
    turn = Turn(cast("AbstractEventLoop", loop))
    for item in items:
        turn.add(item)
    with pytest.raises(RuntimeError):
        loop.due.pop()()
    (end,) = loop.due
    end()
    assert [item.flushed for item in items] == [1, 1, 1, 1]


def ended(loop: Loop) -> bool:
    """Let the loop make one turn; tell whether nothing is due any more."""
    due, loop.due = loop.due, []
    for callback in due:
        callback()
    return not loop.due


def test_a_turn_goes_on_while_commands_come_but_not_for_ever() -> None:
    loop, item = Loop(), Item()
    turn = Turn(cast("AbstractEventLoop", loop))
    turn.add(item)
    turn.commands += 2
    assert not ended(loop)
    turn.commands += 1
    assert not ended(loop)
    assert (ended(loop), item.flushed) == (True, 1)  # no more have come
    turn.add(item)
    for _ in range(3):
        turn.commands += 2
        assert not ended(loop)
    turn.commands += 2
    assert (ended(loop), item.flushed) == (True, 2)


@pytest.mark.parametrize("commands", [0, 1, 32])
def test_what_comes_alone_and_what_is_enough_goes_at_once(commands: int) -> None:
    loop, item = Loop(), Item()
    turn = Turn(cast("AbstractEventLoop", loop))
    turn.add(item)
    turn.commands += commands
    assert (ended(loop), item.flushed) == (True, 1)


def test_what_was_gathered_is_dealt_before_anything_is_flushed() -> None:
    loop, item = Loop(), Item()
    dealt: list[int] = []

    def deal() -> None:
        dealt.append(item.flushed)
        turn.add(item)
        turn.commands += 2

    turn = Turn(cast("AbstractEventLoop", loop), deal)
    turn.begin()
    turn.begin()
    assert (ended(loop), dealt, item.flushed) == (True, [0], 1)
    assert turn.commands == 0
