"""What every source of frames does."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

Block: TypeAlias = list[tuple[bytes, int]]  # frames, each with its capture time in nanoseconds since 1970

SNAP_BYTES = 256  # enough for the ports behind every header that is met in practice


class SourceError(Exception):
    """A source that cannot be opened or read; its text is one line. Raised by sources, caught by `capture.__main__`."""


class Statistics(NamedTuple):
    """What a source counted since it was last asked."""

    packets: int
    drops: int


class Source(Protocol):
    """A source of frames, used by one thread. `link_type` is one of `decode.LINK_TYPES` after the first block."""

    link_type: int

    def read(self, timeout_s: float) -> Block | None:
        """Return the next frames; [] when none came within `timeout_s`; None when there will never be any more."""

    def statistics(self) -> Statistics:
        """Return what was counted since the last call."""

    def close(self) -> None:
        """Release what the source holds; may be called again."""
