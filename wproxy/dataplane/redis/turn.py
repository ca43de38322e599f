"""What is due at the end of a turn of the loop: one write for each server and each client that got something."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Flushed(Protocol):
    """Something that gathers what it writes."""

    def flush(self) -> None:
        """Write what has been gathered."""


class Turn:
    """Flushes, in one call of the loop, whatever asked for it since the last one."""

    __slots__ = ("_due", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[Flushed] = []

    def add(self, item: Flushed) -> None:
        """Have `item` flushed; to be called once until it is."""
        if not self._due:
            self._loop.call_soon(self._end)
        self._due.append(item)

    def _end(self) -> None:
        due, self._due = iter(self._due), []
        try:
            for item in due:
                item.flush()
        finally:
            for item in due:  # only after a fault in one: the others are not to suffer from it
                self.add(item)
