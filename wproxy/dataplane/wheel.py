"""One timer for all timeouts of the process.

A timeout that is put off by every byte would cost a timer per byte. Here an item is looked at only when the time it
named last has come; if it has been active since, it names a later time and is put aside again. So activity costs the
item one assignment of the time, and nothing else.

The loop looks at its clock before its sockets. So after a while in which the process was held up, the sockets have a
turn first: what has come meanwhile is activity, too.
"""

from __future__ import annotations

import asyncio
import heapq
from math import inf
from typing import Protocol

TICK_S = 0.01  # timeouts are at most this late
_SOCKETS_FIRST_S = 0.001  # the least that the loop takes for a time: less would be before its sockets, too
_STALE_TICKS = 1024  # so many may stay in the heap before it is made anew


class Watched(Protocol):
    """Something with a timeout."""

    def expires_at(self) -> float:
        """Return when its time is over, on the loop's clock; infinity for never."""

    def expired(self) -> None:
        """Do what has to be done when the time is over."""


class Wheel:
    """Calls `expired` on the items whose `expires_at` has come."""

    __slots__ = ("_at", "_buckets", "_loop", "_sockets_had_a_turn", "_ticks", "_timer", "_where")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._buckets: dict[int, dict[Watched, None]] = {}
        self._ticks: list[int] = []  # heap of the keys of _buckets, and of keys that were
        self._where: dict[Watched, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0  # the tick for which the timer is set
        self._sockets_had_a_turn = False  # since the loop was found to be late

    def watch(self, item: Watched) -> None:
        """Watch `item` from now on; call again when its time may have come nearer."""
        at = item.expires_at()
        if at == inf:
            return
        tick = int(at / TICK_S) + 1
        known = self._where.get(item)
        if known is not None:
            if known <= tick:
                return  # it will be looked at in time, and asked again then
            self._take_out(item, known)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
            self._note(tick)
            if self._timer is None or tick < self._at:
                self._set_timer()
        bucket[item] = None
        self._where[item] = tick

    def _note(self, tick: int) -> None:
        """Add `tick` to the heap; leave out the ticks without a bucket before they outnumber the others."""
        heapq.heappush(self._ticks, tick)
        if len(self._ticks) > 2 * len(self._buckets) + _STALE_TICKS:
            # In place of a pop per forgotten item, which would have to search the heap.
            self._ticks = list(self._buckets)
            heapq.heapify(self._ticks)

    def forget(self, item: Watched) -> None:
        """Watch `item` no longer."""
        tick = self._where.pop(item, None)
        if tick is not None:
            self._take_out(item, tick)

    def _take_out(self, item: Watched, tick: int) -> None:
        """Remove `item` from its bucket, and the bucket with its last item: nobody need wake up for it."""
        bucket = self._buckets[tick]
        del bucket[item]
        if not bucket:
            del self._buckets[tick]

    def _set_timer(self) -> None:
        """Wake up at the first tick that has a bucket."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._ticks and self._ticks[0] not in self._buckets:
            heapq.heappop(self._ticks)
        if self._ticks:
            self._at = self._ticks[0]
            self._timer = self._loop.call_at(self._at * TICK_S, self._turn)

    def _turn(self) -> None:
        """Look at the items whose tick has come; what one of them does may forget another."""
        self._timer = None
        now = self._loop.time()
        if now - self._at * TICK_S > TICK_S and not self._sockets_had_a_turn:
            self._sockets_had_a_turn = True
            self._timer = self._loop.call_at(now + _SOCKETS_FIRST_S, self._turn)
            return
        self._sockets_had_a_turn = False
        while self._ticks and self._ticks[0] * TICK_S <= now:
            tick = heapq.heappop(self._ticks)
            while bucket := self._buckets.get(tick):
                item = next(iter(bucket))
                self.forget(item)
                self._look(item, now)
        self._set_timer()

    def _look(self, item: Watched, now: float) -> None:
        if item.expires_at() <= now:
            item.expired()
        else:
            self.watch(item)
