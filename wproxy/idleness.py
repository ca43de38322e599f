"""How much of its time the process waits: what `show info` tells as Idle_pct."""

from __future__ import annotations

from collections.abc import Callable

_LEAST_S = 1.0  # shorter stretches say more about chance than about load


class Idleness:
    """Compares the process's processor time with the clock, from one question to the next."""

    __slots__ = ("_at", "_clock", "_percent", "_spent", "_spent_s")

    def __init__(self, clock: Callable[[], float], spent_s: Callable[[], float]) -> None:
        """Begin; `spent_s` tells the processor time of the process so far."""
        self._clock = clock
        self._spent_s = spent_s
        self._at, self._spent = clock(), spent_s()
        self._percent = 100

    def percent(self) -> int:
        """Return it for the time since the last question, that of at least a second ago."""
        now, spent = self._clock(), self._spent_s()
        if now - self._at >= _LEAST_S:
            busy = (spent - self._spent) / (now - self._at)
            self._percent = round(100 * min(max(1 - busy, 0.0), 1.0))
            self._at, self._spent = now, spent
        return self._percent
