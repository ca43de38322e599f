"""Weighted round robin that is exact: at any moment each server has had its share of the picks, give or take one.

The j-th pick of a server of weight w, out of a sum W, may not come before pick (j-1)·W/w and has to come by pick j·W/w.
Among the servers whose next pick may come, the one that has to come first is picked ("earliest deadline first"). With
one pick a turn and shares that add up to one this always works out, so that no server is ever a whole pick ahead or
behind. Source: Baruah, Cohen, Plaxton, Varvel, "Proportionate progress", 1996 (the pfair windows), on one processor.

The order repeats after W picks (weights divided by their greatest common divisor), so it is computed once, a block at a
time as it is first needed, and a pick is a look into a list.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from math import gcd

_BLOCK = 256  # picks computed at a time: a fraction of a millisecond


class RoundRobin:
    """Picks indices into the weights it was built from."""

    __slots__ = ("_at", "_order", "_rest", "size")

    def __init__(self, weights: Sequence[int], shift: int = 0) -> None:
        """Take the weight of each server; 0 is never picked. The order begins anew with each object.

        Of servers that are equally due the first one is picked, counted from the `shift`th: so that several who pick
        from the same weights do not all begin with the same server.
        """
        divisor = gcd(*weights) or 1
        shift %= len(weights) or 1
        reduced = [weight // divisor for weight in (*weights[shift:], *weights[:shift])]
        self.size = sum(1 for weight in weights if weight)
        self._rest = _deadline_order(reduced, shift)
        self._order: list[int] = []
        self._at = 0

    def pick(self) -> int:
        """Return the next server's index, -1 when no server has a weight."""
        if self._at == len(self._order) and not self._next_block():
            return -1
        index = self._order[self._at]
        self._at += 1
        return index

    def _next_block(self) -> bool:
        """Compute more of the order, or begin it again at its end; False when there is none."""
        block = list(islice(self._rest, _BLOCK))
        self._order += block
        if not block:
            self._at = 0
        return bool(self._order)


def _deadline_order(weights: list[int], shift: int) -> Iterator[int]:
    """Yield one period of indices; `weights` begin with that of the `shift`th."""
    total = sum(weights)
    # Each heap holds, per server, its next pick: (time it may come, …) and (time it has to come, …).
    waiting = [(0, index, 1) for index, weight in enumerate(weights) if weight]
    ready: list[tuple[int, int, int]] = []
    for now in range(total):
        while waiting and waiting[0][0] <= now:
            _, index, turn = heapq.heappop(waiting)
            deadline = -(-turn * total // weights[index])
            heapq.heappush(ready, (deadline, index, turn))
        _, index, turn = heapq.heappop(ready)
        yield (index + shift) % len(weights)
        heapq.heappush(waiting, (turn * total // weights[index], index, turn + 1))
