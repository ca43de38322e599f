"""The on-disk spool as the queue: read a few records ahead, committed when those are done; poison goes to `dead/`.

One consumer reads a spool. A commit waits for the disk, so one covers all that was read ahead: a consumer that dies is
given those batches again. What was in hand then cannot be told from what was not: nothing is marked as redelivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from capture.spool import Position, Record, SpoolError, SpoolReader, SpoolWriter
from consumer.broker.graves import letter_record
from consumer.broker.queue import Delivery, Events, QueueError

_IDLE_WAIT_S = 0.05


class SpooledQueue:
    """The spool in `folder`, read `prefetch` records ahead; `wait(seconds)` returns early when the consumer stops."""

    def __init__(self, folder: Path, prefetch: int, events: Events, wait: Callable[[float], object]) -> None:
        self._folder = folder
        self._prefetch = prefetch
        self._events = events
        self._wait = wait
        self._ahead: deque[Record] = deque()
        self._settled: Position | None = None  # up to here everything is done, but not committed yet
        self._acknowledged = 0
        self._torn = 0
        self._dead: SpoolWriter | None = None
        with _queue_errors():
            self._reader = SpoolReader(folder)
        events.opened()

    def take(self) -> Delivery | None:
        """Return the next record; see `Queue`."""
        if not self._ahead:
            self._read_ahead()
        if not self._ahead:
            self._wait(_IDLE_WAIT_S)
            return None
        record = self._ahead.popleft()
        return Delivery(record.payload, record.position)

    def acknowledge(self, delivery: Delivery) -> None:
        """Have the next commit cover it; see `Queue`."""
        self._settled = Position(*delivery.position)
        self._acknowledged += 1

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Append it to the spool in `dead/` and commit at once, so that it rarely gets there twice; see `Queue`."""
        with _queue_errors():
            if self._dead is None:
                self._dead = SpoolWriter(self._folder / "dead")
            self._dead.append(letter_record(reason, delivery.body))
        self._settled = Position(*delivery.position)
        self._commit()

    def close(self) -> None:
        """Commit what was settled and release the spool; see `Queue`."""
        try:
            self._commit()
        finally:
            self._reader.close()
            if self._dead is not None:
                self._dead.close()

    def _read_ahead(self) -> None:
        self._commit()
        with _queue_errors():
            self._ahead.extend(self._reader.read(self._prefetch))
        if self._reader.torn > self._torn:
            self._events.torn(self._reader.torn - self._torn)
            self._torn = self._reader.torn

    def _commit(self) -> None:
        if self._settled is None:
            return
        try:
            self._reader.commit(self._settled)
        except SpoolError as error:
            self._events.lost(f"{error}: what is done may come again")
            return
        self._events.opened()
        self._events.acknowledged(self._acknowledged)
        self._settled, self._acknowledged = None, 0


@contextmanager
def _queue_errors() -> Iterator[None]:
    try:
        yield
    except SpoolError as error:
        raise QueueError(str(error)) from error
