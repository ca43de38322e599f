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
