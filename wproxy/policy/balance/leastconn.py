"""`balance leastconn`: the server with the fewest sessions for its weight, those who are equal in turn.

The candidates stand in a heap by (sessions and waiting per weight, time of entry). A load that changes adds an entry
and makes the server's old one stale; stale ones go when they reach the top, or all together when they are the majority.
So a pick costs the logarithm of the number of servers, however many are busy. A server without sessions comes
first whatever its weight, as in HAProxy.
"""

from __future__ import annotations

import heapq

from wproxy.policy.balance.balancer import Candidates

_SCALE = 4096  # the highest weight in sixteenths: keeps the quotient an integer
_STALE_MAX = 64  # entries that may be stale besides one per server


class LeastConn:
    """Full servers are passed over, except that an explicit `maxqueue` lets some wait for them."""

    __slots__ = ("_entries", "_heap", "_loads", "_number", "_weights")

    def __init__(self, candidates: Candidates) -> None:
        self._loads = candidates.loads
        self._weights = candidates.weights
        self._heap: list[tuple[int, int, int]] = []  # load, number, index
        self._entries: list[tuple[int, int, int] | None] = [None] * len(candidates.weights)  # those that are not stale
        self._number = 0
        for index in range(len(candidates.weights)):
            self.changed(index)

    def pick(self, key: int, avoid: int) -> int:
        """Return the server with the least load."""
        first = self._top()
        if first != avoid or first < 0:
            return first
        entry = heapq.heappop(self._heap)
        second = self._top()
        heapq.heappush(self._heap, entry)
        return second if second >= 0 else first

    def changed(self, index: int) -> None:
        """Put the server where its load belongs."""
        weight, server = self._weights[index], self._loads[index]
        if not weight or server.crowded:
            self._entries[index] = None
            return
        sessions = server.current + server.waiting
        load = (sessions + 1) * _SCALE // weight if sessions else 0
        entry = self._entries[index]
        if entry is None or entry[0] != load:
            self._number += 1
            entry = self._entries[index] = (load, self._number, index)
            heapq.heappush(self._heap, entry)
            self._tidy()

    def _top(self) -> int:
        """Drop stale entries until the first one holds; return its index, -1 when none is left."""
        heap, entries = self._heap, self._entries
        while heap:
            entry = heap[0]
            if entries[entry[2]] == entry:  # each has a number of its own
                return entry[2]
            heapq.heappop(heap)
        return -1

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._entries) + _STALE_MAX:
            self._heap = [entry for entry in self._entries if entry is not None]
            heapq.heapify(self._heap)
