"""Waiting for a condition instead of for time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout_s: float = 10.0, what: str = "", pause_s: float = 0.01) -> T:
    """Return the first true answer of `condition`; raise TimeoutError after `timeout_s` seconds of false ones."""
    deadline = time.monotonic() + timeout_s
    pause = Event()
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {what or condition}")
        pause.wait(pause_s)
