"""Gathers runs of observations into batches: one is full at `size`, or due `time_s` after its first observation."""

from __future__ import annotations

from collections.abc import Iterator

from capture.messages import PackedBatch
from capture.runs import Joined, Run


class Batcher:
    """Numbers observations and groups them. The clock's reading, in seconds, is an argument."""

    def __init__(self, sensor: str, size: int, time_s: float) -> None:
        self._sensor = sensor
        self._size = size
        self._time_s = time_s
        self._sequence = 0
        self._runs: list[Run] = []
        self._held = 0
        self._due = 0.0

    def add(self, run: Run, now: float) -> Iterator[PackedBatch]:
        """Take a run; yield the batches that it fills."""
        start, stop = 0, len(run)
        while start < stop:
            if not self._runs:
                self._due = now + self._time_s
            end = min(stop, start + self._size - self._held)
            self._runs.append(run if end - start == stop else run.part(start, end))
            self._held += end - start
            start = end
            if self._held >= self._size:
                yield self._taken()

    def take_due(self, now: float) -> PackedBatch | None:
        """Return the batch whose time has come."""
        return self.take() if now >= self._due else None

    def take(self) -> PackedBatch | None:
        """Return what has gathered, full or not; None when nothing has."""
        return self._taken() if self._runs else None

    def _taken(self) -> PackedBatch:
        runs = self._runs[0] if len(self._runs) == 1 else Joined(tuple(self._runs))
        batch = PackedBatch(self._sensor, self._sequence, runs)
        self._sequence += self._held
        self._runs, self._held = [], 0
        return batch
