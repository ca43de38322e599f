"""What is due at the end of a turn of the loop: one write for each server and each client that got something.

While commands come one upon the other a turn goes on for a few looks at the sockets: a look costs a fraction of what a
write to a server does, and what has come meanwhile goes with the same write. A command that comes alone goes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Flushed(Protocol):
    """Something that gathers what it writes."""

    def flush(self) -> None:
        """Write what has been gathered."""


_MOST_LOOKS = 3
_MANY = 32  # commands: a write for so many is cheap for each already


class Turn:
    """Flushes, in one call of the loop, whatever asked for it since the last one."""

    __slots__ = ("_deal", "_due", "_ending", "_looks", "_loop", "_seen", "commands")

    def __init__(self, loop: asyncio.AbstractEventLoop, deal: Callable[[], None] = lambda: None) -> None:
        """Have `deal` called before anything is flushed."""
        self._loop = loop
        self._deal = deal
        self._due: list[Flushed] = []
        self._ending = False
        self.commands = 0  # how many have come in this turn, counted by who takes them
        self._seen = 0  # how many there were at the last look
        self._looks = 0

    def begin(self) -> None:
        """Have the turn end, whether there will be anything to flush or not."""
        if not self._ending:
            self._ending = True
            self._loop.call_soon(self._end)

    def add(self, item: Flushed) -> None:
        """Have `item` flushed; to be called once until it is."""
        if not self._ending:
            self.begin()
        self._due.append(item)

    def _end(self) -> None:
        commands = self.commands
        if max(self._seen, 1) < commands < _MANY and self._looks < _MOST_LOOKS:
            self._seen = commands
            self._looks += 1
            self._loop.call_soon(self._end)
            return
        try:
            self._deal()
        finally:
            self._ending = False
            self.commands = self._seen = self._looks = 0
            self._flush()

    def _flush(self) -> None:
        due, self._due = iter(self._due), []
        try:
            for item in due:
                item.flush()
        finally:
            for item in due:  # only after a fault in one: the others are not to suffer from it
                self.add(item)
