"""How long sessions took: the averages and maxima behind `qtime`, `ctime` and `ttime` of `show stat`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# The manual says 1024; HAProxy 2.6.12 beside which this was measured forgets after 512.
WINDOW = 512


class Times:
    """Sliding sums, in milliseconds, of a server's or a backend's sessions that have reached a server.

    As in HAProxy the sums are divided by how often the balance algorithm has chosen (`lbtot`), up to the window, so
    that attempts that fail count as quick ones, and sessions served from a queue as parts of others.
    """

    __slots__ = (
        "_connect", "_queue", "_response", "_total", "connect_max", "queue_max", "quick", "response_max", "total_max",
    )  # fmt: skip

    def __init__(self) -> None:
        self._queue = self._connect = self._response = self._total = 0
        self.quick = 0  # those of less than a millisecond that `add` was spared, since it was last called
        self.queue_max = self.connect_max = self.response_max = self.total_max = 0

    def add(self, queue_ms: int, connect_ms: int, total_ms: int, chosen: int, response_ms: int = 0) -> None:
        """Take in one session or request, when the algorithm has chosen `chosen` times."""
        if chosen > WINDOW:
            self._forget(self.quick + 1)
        self.quick = 0
        if not total_ms:  # the others are parts of it
            return
        self._queue += queue_ms
        self._connect += connect_ms
        self._response += response_ms
        self._total += total_ms
        if total_ms > self.total_max:
            self.total_max = total_ms
        if queue_ms > self.queue_max:
            self.queue_max = queue_ms
        if connect_ms > self.connect_max:
            self.connect_max = connect_ms
        if response_ms > self.response_max:
            self.response_max = response_ms

    def _forget(self, times: int) -> None:
        """Let that many sessions push out their shares of those before, rounded up."""
        while times and self._total:
            times -= 1
            self._queue -= (self._queue + WINDOW - 1) // WINDOW
            self._connect -= (self._connect + WINDOW - 1) // WINDOW
            self._response -= (self._response + WINDOW - 1) // WINDOW
            self._total -= (self._total + WINDOW - 1) // WINDOW

    def settle(self, chosen: int) -> None:
        """Take in those that `add` was spared; called before the averages are read."""
        if chosen > WINDOW:
            self._forget(self.quick)
        self.quick = 0

    def parts(self, chosen: int) -> list[int]:
        """Return what `together` makes times of again."""
        self.settle(chosen)
        highest = [self.queue_max, self.connect_max, self.response_max, self.total_max]
        return [chosen, self._queue, self._connect, self._response, self._total, *highest]

    @classmethod
    def together(cls, parts: Iterable[Sequence[int]], chosen: int) -> Times:
        """Return the times of several; each counts by how many of its sessions its averages are made of."""
        made, known = cls(), list(parts)
        samples = sum(min(part[0], WINDOW) for part in known) or 1
        sums = [sum(part[at] for part in known) * _samples(chosen) // samples for at in range(1, 5)]
        made._queue, made._connect, made._response, made._total = sums
        highest = [max((part[at] for part in known), default=0) for at in range(5, 9)]
        made.queue_max, made.connect_max, made.response_max, made.total_max = highest
        return made

    def clear_maxima(self) -> None:
        """Forget the longest times; the averages stay."""
        self.queue_max = self.connect_max = self.response_max = self.total_max = 0

    def queue_ms(self, chosen: int) -> int:
        """Return how long sessions waited for a server."""
        self.settle(chosen)
        return _share(self._queue, _samples(chosen))

    def connect_ms(self, chosen: int) -> int:
        """Return how long their connections took to make, retries included."""
        self.settle(chosen)
        return _share(self._connect, _samples(chosen))

    def response_ms(self, chosen: int) -> int:
        """Return how long servers took to begin their responses, in mode http."""
        self.settle(chosen)
        return _share(self._response, _samples(chosen))

    def total_ms(self, chosen: int) -> int:
        """Return how long they lasted, from accept to close."""
        self.settle(chosen)
        return _share(self._total, _samples(chosen))


def _samples(chosen: int) -> int:
    return chosen if 0 < chosen < WINDOW else WINDOW


def _share(total: int, parts: int) -> int:
    return -(-total // parts)
