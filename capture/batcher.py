"""Gathers observations into batches: one is full at `size`, or due `time_s` after its first observation."""

from __future__ import annotations

from capture.messages import Batch, Observation


class Batcher:
    """Numbers observations and groups them. The clock's reading, in seconds, is an argument."""

    def __init__(self, sensor: str, size: int, time_s: float) -> None:
        self._sensor = sensor
        self._size = size
        self._time_s = time_s
        self._sequence = 0
        self._observations: list[Observation] = []
        self._due = 0.0

    def add(self, observation: Observation, now: float) -> Batch | None:
        """Take one observation; return the batch that it fills."""
        if not self._observations:
            self._due = now + self._time_s
        self._observations.append(observation)
        return self.take() if len(self._observations) >= self._size else None

    def take_due(self, now: float) -> Batch | None:
        """Return the batch whose time has come."""
        return self.take() if self._observations and now >= self._due else None

    def take(self) -> Batch | None:
        """Return what has gathered, full or not; None when nothing has."""
        if not self._observations:
            return None
        batch = Batch(self._sensor, self._sequence, tuple(self._observations))
        self._sequence += len(self._observations)
        self._observations = []
        return batch
