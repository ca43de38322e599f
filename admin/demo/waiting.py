"""Waiting for a condition that another process brings about, and being interrupted while doing so."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from admin.errors import DemoError

POLL_S = 0.05


class Interrupted(Exception):  # noqa: N818 - no error: the user has seen enough
    """The user asked the demo to end. Raised by every wait; caught by `admin.demo.command`, which exits 130."""


class Patience:
    """Waits that end at once when the stop event is set, as Ctrl-C and SIGTERM set it."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop

    def pause(self, seconds: float) -> None:
        """Let `seconds` pass; raise Interrupted when asked to stop meanwhile."""
        if self._stop.wait(seconds):
            raise Interrupted

    def until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Return when `condition` is true; raise DemoError, which names `what`, when it is not within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise DemoError(f"{what}: not within {timeout_s:g} s")
            self.pause(POLL_S)
