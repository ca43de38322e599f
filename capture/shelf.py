"""The spool as capture's publisher sees it: where batches are put aside, with the counting and the telling.

A disk that fails or is full costs what does not fit, is told once, and never ends the publisher. What has waited longer
than its time to live is dropped and counted: nobody would store it any more, and it takes the room of what is young.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing

from capture.counters import Counters
from capture.messages import Extent, MessageError, extent
from capture.notices import Outage
from capture.spool import Position, Record, SpoolError, SpoolFull, SpoolReader, SpoolWriter

_EXPIRE_AT_ONCE = 1000  # records; reading them takes a second or so
_EXPIRE_EVERY_S = 1.0

_log = logging.getLogger("wproxy.capture")


class Shelf:
    """Writes to a spool, and reads it too when a `reader` is given; used by the publisher thread.

    Without a reader the consumer is the one who drops what has expired, and if there is none now, the shelf itself is.
    """

    def __init__(
        self, counters: Counters, writer: SpoolWriter, reader: SpoolReader | None = None, ttl_s: float = 300.0
    ) -> None:
        self._counters = counters
        self._writer = writer
        self._reader = reader
        self._ttl_ns = int(ttl_s * 1e9)
        self._expired_at = float("-inf")
        self._torn = 0
        self._outage = Outage("queue on disk", "what does not fit is dropped", _log.warning)

    def put(self, payload: bytes, count: int) -> bool:
        """Append one encoded batch of `count` observations; when that cannot be, drop it and return False."""
        try:
            self._append(payload)
        except SpoolError as error:
            self._counters.dropped_spool += count
            self._outage.failed(str(error))
            return False
        self._counters.spooled += count
        self._outage.recovered()
        return True

    def take(self) -> Record | None:
        """Return the oldest record not taken yet; None when there is none, or it cannot be read now."""
        if self._reader is None:
            return None
        try:
            records = self._reader.read(1)
        except SpoolError as error:
            self._outage.failed(str(error))
            return None
        self._count_torn(self._reader.torn)
        return records[0] if records else None

    def is_expired(self, size: Extent) -> bool:
        """Tell whether all of a record is older than its time to live."""
        return size.newest_ns < time.time_ns() - self._ttl_ns

    def expire(self) -> None:
        """Drop and count the oldest records as far as they have expired; only while none is taken and not committed."""
        position = None
        for _ in range(_EXPIRE_AT_ONCE):
            record = self.take()
            if record is None or not self.is_expired(size := extent_of(record.payload)):
                break
            self._counters.expired += size.observations
            self._counters.drained += size.observations
            position = record.position
        if position is not None:
            self.commit(position)
        self.rewind()

    def commit(self, position: Position) -> None:
        """Forget everything up to `position`; when the disk refuses, it comes again after a restart."""
        if self._reader is None:
            return
        try:
            self._reader.commit(position)
        except SpoolError as error:
            self._outage.failed(str(error))

    def rewind(self) -> None:
        """Take again what was taken and not committed."""
        if self._reader is not None:
            self._reader.rewind()

    @property
    def backlog_bytes(self) -> int:
        """How many bytes wait to be taken and committed."""
        return self._reader.backlog_bytes if self._reader is not None else 0

    def _append(self, payload: bytes) -> None:
        try:
            self._writer.append(payload)
        except SpoolFull:
            if not self._expired_without_consumer():
                raise
            self._writer.append(payload)

    def _expired_without_consumer(self) -> bool:
        """Read the spool in the place of a consumer that is not there; tell whether that was possible."""
        now = time.monotonic()
        if self._reader is not None or now - self._expired_at < _EXPIRE_EVERY_S:
            return False
        self._expired_at = now
        try:
            reader = SpoolReader(self._writer.folder)
        except SpoolError:  # a consumer has it
            return False
        with closing(reader):
            Shelf(self._counters, self._writer, reader, self._ttl_ns / 1e9).expire()
        return True

    def _count_torn(self, torn: int) -> None:
        if torn > self._torn:
            _log.warning("the spool held %d records that were cut off or damaged", torn - self._torn)
            self._counters.torn += torn - self._torn
            self._torn = torn


def extent_of(payload: bytes) -> Extent:
    """Return how much a record of the spool holds; one that is whole and still no batch was not written by us."""
    try:
        return extent(payload)
    except MessageError:
        return Extent(0, 0)
