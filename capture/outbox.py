"""The bounded queue from the capture thread to the publisher thread."""

from __future__ import annotations

from queue import Empty, Full, Queue

from capture.counters import Counters
from capture.messages import Batch, PackedBatch

CAPACITY_BATCHES = 256


class Outbox:
    """Takes batches from the capture thread without ever making it wait for the queue's sake.

    `put` and `put_patiently` are the capture thread's, `take` is the publisher's.
    """

    def __init__(self, counters: Counters, capacity: int = CAPACITY_BATCHES) -> None:
        self._counters = counters
        self._capacity = capacity
        self._batches: Queue[Batch | PackedBatch] = Queue(capacity)

    def put(self, batch: Batch | PackedBatch, timeout_s: float = 0.0) -> bool:
        """Hand `batch` over, waiting up to `timeout_s` for room; tell whether there was any. Counts it if so."""
        try:
            self._batches.put(batch, block=timeout_s > 0, timeout=timeout_s or None)
        except Full:
            return False
        self._counters.queued += len(batch.observations)
        return True

    def take(self, timeout_s: float = 0.0) -> Batch | PackedBatch | None:
        """Return the oldest batch, waiting up to `timeout_s` for one; None when there is none."""
        try:
            return self._batches.get(block=timeout_s > 0, timeout=timeout_s or None)
        except Empty:
            return None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits; certain once the capture thread has stopped."""
        return self._batches.empty()

    @property
    def is_pressed(self) -> bool:
        """Tell whether so much waits that the publisher should put some aside."""
        return self._batches.qsize() > self._capacity // 2
