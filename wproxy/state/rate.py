"""Events per second over a sliding second, as HAProxy's rate columns count them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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

    def wait_s(self, now: float, limit: int) -> float:
        """Return for how long the rate, if nothing more is counted, will not be below `limit`."""
        rate, left_s = self.per_second(now), 1.0 - now % 1.0
        if rate < limit:
            return 0.0
        if self._current >= limit:  # at the end of the second it will be what the window still sees of it
            return left_s
        return min((rate - limit + 1) / self._previous, left_s)

    def in_second(self, now: float) -> int:
        """Return how many events the running second has had."""
        return self._current if int(now) == self._second else 0

    def parts(self) -> list[int]:
        """Return what `together` makes a rate of again."""
        return [self._second, self._current, self._previous, self.maximum]

    @classmethod
    def together(cls, parts: Iterable[Sequence[int]], maximum: int = 0) -> Rate:
        """Return the rate of several counters on the same clock; of the highest ones `maximum` was known before.

        What each has counted of the second that is over is whole, so that the highest is that of all together.
        """
        made, known = cls(), list(parts)
        second = made._second = max((part[0] for part in known), default=0)
        made._current = sum(part[1] for part in known if part[0] == second)
        made._previous = sum(part[2] if part[0] == second else part[1] for part in known if second - part[0] < 2)
        alone = max((part[3] for part in known), default=0)
        made.maximum = max(made._current, made._previous, maximum, alone)
        return made

    def _roll(self, second: int) -> None:
        self._previous = self._current if second == self._second + 1 else 0
        self._current = 0
        self._second = second
