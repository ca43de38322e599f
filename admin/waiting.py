"""Waits until a proxy has brought something about, by asking it again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from admin.errors import UnfinishedError

POLL_S = 0.2


def wait_until(left: Callable[[], str], timeout_s: float | None) -> None:
    """Return when `left` says "", which tells what there is still to wait for.

    Raise UnfinishedError with those words when that takes longer than `timeout_s`; None waits for ever.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    never = Event()  # an Event's wait ends at once on Ctrl-C
    while words := left():
        if deadline is not None and time.monotonic() >= deadline:
            raise UnfinishedError(f"{words} after {timeout_s:g} s")
        never.wait(POLL_S)
