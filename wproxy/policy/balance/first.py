"""`balance first`: the first server that has room, so that the last ones can be switched off; weights do not matter.

The indices of servers that may have room stand in a heap; who turns out to be full leaves it until its load changes.
"""

from __future__ import annotations

import heapq

from wproxy.policy.balance.balancer import Candidates


class First:
    """Fills servers up in the configuration's order."""

    __slots__ = ("_heap", "_listed", "_loads", "_weights")

    def __init__(self, candidates: Candidates) -> None:
        self._loads = candidates.loads
        self._weights = candidates.weights
        self._heap = [index for index, weight in enumerate(candidates.weights) if weight]
        self._listed = [bool(weight) for weight in candidates.weights]

    def pick(self, key: int, avoid: int) -> int:
        """Return the first server with room."""
        first = self._top()
        if first != avoid or first < 0:
            return first
        heapq.heappop(self._heap)
        second = self._top()
        heapq.heappush(self._heap, first)
        return second if second >= 0 else first

    def changed(self, index: int) -> None:
        """List the server again, if it has room."""
        if not self._listed[index] and self._weights[index] and not self._loads[index].full:
            self._listed[index] = True
            heapq.heappush(self._heap, index)

    def _top(self) -> int:
        heap = self._heap
        while heap:
            if not self._loads[heap[0]].full:
                return heap[0]
            self._listed[heapq.heappop(heap)] = False
        return -1
