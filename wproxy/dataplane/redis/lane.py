"""The way of actions of one kind between the same servers: those that come while others are under way go together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from wproxy.policy.redis.actions import Ask, Move

KEYS_AT_ONCE = 64
_ENOUGH = 16  # keys that do not wait for what is under way: more at a time gain little
_MOST_GROUPS = 4  # under way; of moves: their values are held here meanwhile

A = TypeVar("A", Ask, Move)


class Lane(Generic[A]):
    """Begins groups of actions that concern one database, at most four at a time.

    A key costs half as much in a group of sixteen as by itself; so where one group is under way the next one waits for
    its end or for so many keys, which is no longer than a question to the servers takes.
    """

    __slots__ = ("_begin", "_queue", "_under_way")

    def __init__(self, begin: Callable[[list[A]], None]) -> None:
        """Have groups begun by `begin`, which says by `ended` when one is over."""
        self._begin: Callable[[list[A]], None] = begin
        self._queue: deque[A] = deque()
        self._under_way = 0

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._queue and not self._under_way

    def add(self, action: A) -> None:
        """Have `action` done by one of the next calls of `go`."""
        self._queue.append(action)

    def go(self) -> None:
        """Begin what may begin."""
        queue = self._queue
        while queue and (not self._under_way or (len(queue) >= _ENOUGH and self._under_way < _MOST_GROUPS)):
            database = queue[0].key[0]
            group: list[A] = []
            while queue and len(group) < KEYS_AT_ONCE and queue[0].key[0] == database:
                group.append(queue.popleft())
            self._under_way += 1
            self._begin(group)

    def ended(self) -> None:
        """Take note that a group is over; `go` has to be called then."""
        self._under_way -= 1
