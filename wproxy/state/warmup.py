"""A server's slow start: how much of its weight and of its `maxconn` it has had since it came back.

As in HAProxy the share grows with whole seconds: the weight by sixteenths, beginning with one, the `maxconn` by per
cent (configuration manual, section 5.2, "slowstart").
"""

from __future__ import annotations

WHOLE = 16  # sixteenths
STEP_S = 0.25  # between two looks: shares grow with whole seconds, and servers come back at any part of one
_EARLY_S = 0.05  # by which a timer of the loop may come too early


class Warmup:
    """Times are seconds of any steady clock."""

    __slots__ = ("_duration_s", "_elapsed_s", "_weighted", "since")

    def __init__(self, duration_s: int, now: float, *, weighted: bool) -> None:
        """Begin at `now`; `weighted` tells that the algorithm is not static, whose weights stay whole."""
        self._duration_s = duration_s
        self.since = now
        self._weighted = weighted
        self._elapsed_s = 0

    def advance(self, now: float) -> bool:
        """Take the share that is due at `now`; tell whether it is another than before."""
        before, self._elapsed_s = self._elapsed_s, min(int(now - self.since + _EARLY_S), self._duration_s)
        return before != self._elapsed_s

    @property
    def over(self) -> bool:
        """Whether the share is the whole."""
        return self._elapsed_s == self._duration_s

    @property
    def sixteenths(self) -> int:
        """The share of the weight."""
        if not self._weighted:
            return WHOLE
        return min((WHOLE * self._elapsed_s + self._duration_s) // self._duration_s, WHOLE)

    @property
    def percent(self) -> int:
        """The share of `maxconn`."""
        return 100 * self._elapsed_s // self._duration_s
