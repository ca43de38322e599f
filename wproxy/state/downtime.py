"""For how long and how often something has been away."""

from __future__ import annotations


class Downtime:
    """Told each time whether it is there; times are seconds of any steady clock.

    `outages` counts how often it went away; to be away from the start is none.
    """

    __slots__ = ("_since", "_total_s", "outages")

    def __init__(self, there: bool, now: float) -> None:
        self._since = None if there else now
        self._total_s = 0.0
        self.outages = 0

    def note(self, there: bool, now: float) -> None:
        """Take note that it is there, or is not, from `now` on."""
        if there and self._since is not None:
            self._total_s += now - self._since
            self._since = None
        elif not there and self._since is None:
            self._since = now
            self.outages += 1

    def count_on(self, seconds: float, outages: int, *, there: bool, now: float) -> None:
        """Go on from what a process before this one has counted; it is there, or not, by now."""
        self._total_s = seconds
        self.outages = outages
        self._since = None if there else now

    def seconds(self, now: float) -> int:
        """Return the seconds of all outages, the present one included."""
        return int(self.elapsed_s(now))

    def elapsed_s(self, now: float) -> float:
        """Return the same with its fraction."""
        return self._total_s + (0.0 if self._since is None else now - self._since)
