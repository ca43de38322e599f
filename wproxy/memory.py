"""Gives memory back to the system after a crowd has gone: the C library keeps what it once had, for the next one."""

from __future__ import annotations

from collections.abc import Callable, Sized

STEP_S = 0.5  # a crowd that does not stay for as long leaves little behind
_CROWD = 32  # sessions; less is not worth the time that looking through the heap takes


class Trimmer:
    """Has the heap looked through when at least half of the sessions, and a crowd, have gone since the last time."""

    __slots__ = ("_most", "_sessions", "_trim")

    def __init__(self, sessions: Sized, trim: Callable[[], None]) -> None:
        """Take the live sessions, and what gives memory back."""
        self._sessions = sessions
        self._trim = trim
        self._most = 0  # sessions since memory was given back

    def step(self) -> bool:
        """Look how many are left; True, there is always more to come (`dataplane.stepper.Stepper`)."""
        now = len(self._sessions)
        if self._most - now >= max(_CROWD, self._most // 2):
            self._most = now
            self._trim()
        self._most = max(self._most, now)
        return True


def trim() -> None:
    """Have the C library give back what it does not use; nothing where it cannot (malloc_trim(3) is glibc's)."""
    import ctypes  # only here: most processes never have a crowd

    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
