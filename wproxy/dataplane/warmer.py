"""The clock of slow starts: while a server warms up, its share is computed anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

STEP_S = 0.25  # shares grow with whole seconds, and servers come back at any part of one


class Warmer:
    """Calls `step` four times a second from `start` on, until it returns False: nobody warms up any more."""

    __slots__ = ("_loop", "_step", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, step: Callable[[], bool]) -> None:
        self._loop = loop
        self._step = step
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Make sure that the steps go on."""
        if self._timer is None:
            self._timer = self._loop.call_later(STEP_S, self._turn)

    def stop(self) -> None:
        """Make no more steps."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self._timer = None
        if self._step():
            self.start()
