"""The clock of what goes on in steps for a while: slow starts, sessions to be closed one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Stepper:
    """Calls `step` every `step_s` seconds from `start` on, until it returns False: there is nothing to go on with."""

    __slots__ = ("_loop", "_step", "_step_s", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, step: Callable[[], bool], step_s: float) -> None:
        self._loop = loop
        self._step = step
        self._step_s = step_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Make sure that the steps go on."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._step_s, self._turn)

    def stop(self) -> None:
        """Make no more steps."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self._timer = None
        if self._step():
            self.start()
