"""Events per second over a sliding second, as HAProxy's rate columns count them."""

from __future__ import annotations


class Rate:
    """The events of the running second, plus what the second before it weighs by the part that is still in the window.

    Times are seconds of any steady clock, never going back.
    """

    __slots__ = ("_current", "_previous", "_second", "maximum")

    def __init__(self) -> None:
        self._second = 0
        self._current = 0
        self._previous = 0
        self.maximum = 0

    def add(self, now: float, events: int = 1) -> None:
        """Count `events` at `now`."""
        second = int(now)
        if second != self._second:
            self._roll(second)
        self._current = current = self._current + events
        if current > self.maximum:  # not max(): four of these count every connection
            self.maximum = current

    def per_second(self, now: float) -> int:
        """Return the rate at `now`."""
        second = int(now)
        if second != self._second:
            self._roll(second)
        return self._current + int(self._previous * (1 - (now - second)))

    def in_second(self, now: float) -> int:
        """Return how many events the running second has had."""
        return self._current if int(now) == self._second else 0

    def _roll(self, second: int) -> None:
        self._previous = self._current if second == self._second + 1 else 0
        self._current = 0
        self._second = second
