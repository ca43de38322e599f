"""Which commands are looked at: one in so many, at random distances, and never more than so many a second."""

from __future__ import annotations


class Sampler:
    """Says of commands that pass, by the number, which are to be looked at.

    Distances are random, because clients send the same few commands again and again: every tenth might always be the
    same one. `seed` is what they grow from. Up to `burst` are looked at in one moment, without it as many as in a tenth
    of a second. Times are seconds of any steady clock.
    """

    __slots__ = ("_at", "_burst", "_distance", "_most", "_one_in", "_random", "_tokens", "looked", "missed", "passed")

    def __init__(self, one_in: int, most_per_s: int, now: float, seed: int, burst: int = 0) -> None:
        self._one_in = one_in
        self._most = float(most_per_s)
        self._burst = float(burst) or max(self._most / _BURSTS, 1.0)
        self._tokens = self._burst
        self._at = now
        self._random = seed % _MODULUS or 1
        self._distance = 0  # how many pass before the next one
        self._distance = self._next()
        self.passed = 0
        self.looked = 0
        self.missed = 0  # would have been looked at, were it not for the limit

    def places(self, commands: int, now: float) -> list[int]:
        """Return which of the next `commands` are to be looked at: 0 is the first."""
        self.passed += commands
        at = self._distance
        if at >= commands:
            self._distance = at - commands
            return []
        found: list[int] = []
        self._refill(now)
        while at < commands:
            if self._tokens < 1.0:
                missed = -(-(commands - at) // self._one_in)
                self.missed += missed
                at += missed * self._one_in
                break
            self._tokens -= 1.0
            found.append(at)
            at += 1 + self._next()
        self._distance = max(at - commands, 0)
        self.looked += len(found)
        return found

    def _refill(self, now: float) -> None:
        self._tokens = min(self._tokens + (now - self._at) * self._most, self._burst)
        self._at = now

    def _next(self) -> int:
        """Return a random distance, `one_in` - 1 on average."""
        if self._one_in == 1:
            return 0
        self._random = self._random * _FACTOR % _MODULUS
        return self._random % (2 * self._one_in - 1)


_BURSTS = 10  # so many times a second what may be looked at comes anew
_FACTOR, _MODULUS = 48271, 2**31 - 1  # Park and Miller's; good enough to be out of step with anybody
