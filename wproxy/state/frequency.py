"""Events in a period of any length, as stick tables count them: a sliding window of two periods' counts."""

from __future__ import annotations


class Frequency:
    """The events of the period that runs, and those of the one before it; a period begins with the first event.

    Times are milliseconds of any steady clock; whoever asks says how long a period is, always the same.
    """

    __slots__ = ("current", "previous", "since_ms")

    def __init__(self, since_ms: int = 0, current: int = 0, previous: int = 0) -> None:
        self.since_ms = since_ms
        self.current = current
        self.previous = previous

    def add(self, now_ms: int, period_ms: int, events: int) -> None:
        """Count `events`."""
        age_ms = now_ms - self.since_ms
        if age_ms >= period_ms:
            recent = age_ms < 2 * period_ms
            self.previous = self.current if recent else 0
            self.since_ms = self.since_ms + period_ms if recent else now_ms
            self.current = 0
        self.current += events

    def rate(self, now_ms: int, period_ms: int) -> int:
        """Return the events of the last period: those of the one that runs, and a part of those before."""
        current, previous = self.current, self.previous
        left_ms = self.since_ms + period_ms - now_ms
        if left_ms < 0:
            current, previous = 0, current
            left_ms += period_ms
            if left_ms < 0:
                return 0
        if not current and previous <= 1:
            return previous  # a rate of next to nothing does not flap
        return current + previous * left_ms // period_ms

    def parts(self) -> list[int]:
        """Return what another one is made of."""
        return [self.since_ms, self.current, self.previous]
