"""`balance random(n)`: the least loaded of n servers that are drawn by weight.

Source: Mitzenmacher, "The power of two choices in randomized load balancing", 2001.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from wproxy.policy.balance.balancer import Candidates, LoadBlind

_BITS = 32


class RandomDraws(LoadBlind):
    """Draws cost the logarithm of the number of servers, for any weights."""

    __slots__ = ("_draw", "_draws", "_ends", "_loads", "_total", "_weights")

    def __init__(self, candidates: Candidates) -> None:
        self._loads = candidates.loads
        self._weights = candidates.weights
        self._ends = list(accumulate(candidates.weights))  # of each server's stretch of the numbers below the total
        self._total = self._ends[-1] if self._ends else 0
        self._draw = candidates.draw
        self._draws = candidates.draws

    def pick(self, key: int, avoid: int) -> int:
        """Return the drawn server with the fewest sessions for its weight, or any with room if that one is full."""
        if not self._total:
            return -1
        best = self._one(avoid)
        for _ in range(self._draws - 1):
            other = self._one(avoid)
            if self._burden(other, best) < self._burden(best, other):
                best = other
        return best if not self._loads[best].full else self._any_with_room(best, avoid)

    def _burden(self, index: int, other: int) -> int:
        """Return the sessions of a server, multiplied by the other one's weight so that two can be compared."""
        return self._loads[index].current * self._weights[other]

    def _one(self, avoid: int) -> int:
        """Draw a server; the stretch of `avoid` is left out, if it is not the only one."""
        left_out = self._weights[avoid] if avoid >= 0 else 0
        if left_out == self._total:
            return avoid
        number = (self._total - left_out) * self._draw(_BITS) >> _BITS
        if left_out and number >= self._ends[avoid] - left_out:
            number += left_out
        return bisect_right(self._ends, number)

    def _any_with_room(self, start: int, avoid: int) -> int:
        """Return the next server behind `start` with room, `avoid` last; HAProxy would let the client wait."""
        count = len(self._weights)
        around = ((start + step) % count for step in range(1, count + 1))
        with_room = [index for index in around if self._weights[index] and not self._loads[index].full]
        return next((index for index in with_room if index != avoid), with_room[0] if with_room else -1)
