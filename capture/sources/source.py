"""What every source of packets does."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from capture.sieve import Haul

SNAP_BYTES = 256  # enough for the ports behind every header that is met in practice


class SourceError(Exception):
    """A source that cannot be opened or read; its text is one line. Raised by sources, caught by `capture.__main__`."""


class Statistics(NamedTuple):
    """What a source counted since it was last asked."""

    packets: int
    drops: int


class Source(Protocol):
    """A source of packets, used by one thread."""

    def read(self, timeout_s: float) -> Haul | None:
        """Return what the next frames hold; nothing when none came in time; None when none will ever come again."""

    def statistics(self) -> Statistics:
        """Return what was counted since the last call."""

    def stop(self) -> None:
        """Take in no more packets: `read` returns None as soon as it has returned those that have come."""

    def close(self) -> None:
        """Release what the source holds; may be called again."""
