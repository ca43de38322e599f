"""The log lines worth printing: whatever happens a thousand times a second is told a few times a minute.

`report` prints one line; the clock is an argument. Each object belongs to one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

INTERVAL_S = 10.0


class Outage:
    """Follows another end (`what`, as the log names it): a line when it goes, reminders, a line when it is back.

    However differently attempts fail, and however fast it comes and goes, there are at most two lines per interval.
    """

    def __init__(
        self, what: str, advice: str, report: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._advice = advice
        self._report = report
        self._clock = clock
        self._began: float | None = None
        self._reported: float | None = None
        self._is_known = False  # whether the log has heard of the outage that is on

    def failed(self, reason: str) -> None:
        """Note that an attempt failed for `reason`."""
        now = self._clock()
        if self._began is None:
            self._began = now
        if self._reported is not None and now - self._reported < INTERVAL_S:
            return
        self._reported = now
        self._is_known = True
        self._report(f"{self._what}: {reason}; {self._advice}")

    def recovered(self, more: str = "") -> None:
        """Note that an attempt succeeded; `more` is what to say with it."""
        if self._began is None:
            return
        if self._is_known:
            self._report(f"{self._what}: back after {self._clock() - self._began:.1f} s{more}")
        self._began, self._is_known = None, False


class Recurrence:
    """Tells of an event at once, and of those that follow within the interval by their number, in the next line."""

    def __init__(self, report: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._clock = clock
        self._reported: float | None = None
        self._untold = 0

    def happened(self, line: str) -> None:
        """Note one event, which `line` describes."""
        now = self._clock()
        if self._reported is not None and now - self._reported < INTERVAL_S:
            self._untold += 1
            return
        more = f" ({self._untold} more since the last such line)" if self._untold else ""
        self._report(line + more)
        self._reported, self._untold = now, 0
