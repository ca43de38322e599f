"""The spool as capture's publisher sees it: where batches are put aside, with the counting and the telling.

A disk that fails or is full costs what does not fit, is told once, and never ends the publisher.
"""

from __future__ import annotations

import logging

from capture.counters import Counters
from capture.spool import Position, Record, SpoolError, SpoolReader, SpoolWriter

_log = logging.getLogger("wproxy.capture")


class Shelf:
    """Writes to a spool, and reads it too when a `reader` is given; used by the publisher thread."""

    def __init__(self, counters: Counters, writer: SpoolWriter, reader: SpoolReader | None = None) -> None:
        self._counters = counters
        self._writer = writer
        self._reader = reader
        self._trouble = ""

    def put(self, payload: bytes, count: int) -> bool:
        """Append one encoded batch of `count` observations; when that cannot be, drop it and return False."""
        try:
            self._writer.append(payload)
        except SpoolError as error:
            self._counters.dropped_spool += count
            self._tell(f"{error}: dropping what does not fit")
            return False
        self._counters.spooled += count
        self._tell("")
        return True

    def take(self) -> Record | None:
        """Return the oldest record not taken yet; None when there is none, or it cannot be read now."""
        if self._reader is None:
            return None
        try:
            records = self._reader.read(1)
        except SpoolError as error:
            self._tell(str(error))
            return None
        self._count_torn(self._reader.torn)
        return records[0] if records else None

    def commit(self, position: Position) -> None:
        """Forget everything up to `position`; when the disk refuses, it comes again after a restart."""
        if self._reader is None:
            return
        try:
            self._reader.commit(position)
        except SpoolError as error:
            self._tell(str(error))

    def rewind(self) -> None:
        """Take again what was taken and not committed."""
        if self._reader is not None:
            self._reader.rewind()

    @property
    def backlog_bytes(self) -> int:
        """How many bytes wait to be taken and committed."""
        return self._reader.backlog_bytes if self._reader is not None else 0

    def _count_torn(self, torn: int) -> None:
        if torn > self._counters.torn:
            _log.warning("the spool held %d records that were cut off or damaged", torn - self._counters.torn)
            self._counters.torn = torn

    def _tell(self, trouble: str) -> None:
        """Log trouble when it begins, and its end."""
        if trouble and not self._trouble:
            _log.warning("%s", trouble)
        elif self._trouble and not trouble:
            _log.warning("the spool takes batches again")
        self._trouble = trouble
