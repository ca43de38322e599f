"""For how long something has been away, all its outages together."""

from __future__ import annotations


class Downtime:
    """Told each time whether it is there; times are seconds of any steady clock."""

    __slots__ = ("_since", "_total_s")

    def __init__(self) -> None:
        self._since: float | None = None
        self._total_s = 0.0

    def note(self, there: bool, now: float) -> None:
        """Take note that it is there, or is not, from `now` on."""
        if there and self._since is not None:
            self._total_s += now - self._since
            self._since = None
        elif not there and self._since is None:
            self._since = now

    def seconds(self, now: float) -> int:
        """Return the seconds of all outages, the present one included."""
        return int(self._total_s + (0.0 if self._since is None else now - self._since))
