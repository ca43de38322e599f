"""How many sessions each worker has, in memory that all of them see: whoever is far ahead lets the others accept.

The kernel wakes all who wait for a client, and the first to ask gets it. Left alone, one worker may take fifty clients
in a row, because it is awake. Each writes its own number only; a number that is a little old makes nothing wrong.
"""

from __future__ import annotations

import mmap

PAUSE_S = 0.001  # for how long the others go first
_AHEAD = 2  # by how many sessions, and
_AHEAD_SHARE = 16  # by which part of what another has: one in so many
_BYTES = 8


class Headcount:
    """The numbers of `workers`, counted from 1; made before they are."""

    __slots__ = ("_cells", "_memory")

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, _BYTES * workers)
        self._cells = memoryview(self._memory).cast("q")

    def note(self, number: int, sessions: int) -> bool:
        """Take note of how many sessions a worker has; tell whether it is far ahead of another."""
        self._cells[number - 1] = sessions
        least = min(self._cells)
        return sessions > least + _AHEAD + least // _AHEAD_SHARE
