"""What is due at the end of a turn of the loop: one write for each server and each client that got something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Flushed(Protocol):
    """Something that gathers what it writes."""

    def flush(self) -> None:
        """Write what has been gathered."""


class Turn:
    """Flushes, in one call of the loop, whatever asked for it since the last one."""

    __slots__ = ("_deal", "_due", "_ending", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, deal: Callable[[], None] = lambda: None) -> None:
        """Have `deal` called before anything is flushed."""
        self._loop = loop
        self._deal = deal
        self._due: list[Flushed] = []
        self._ending = False

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
        try:
            self._deal()
        finally:
            self._ending = False
            self._flush()

    def _flush(self) -> None:
        due, self._due = iter(self._due), []
        try:
            for item in due:
                item.flush()
        finally:
            for item in due:  # only after a fault in one: the others are not to suffer from it
                self.add(item)
