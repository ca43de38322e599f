"""The counters of one capture process: plain ints, each changed by one thread only and read by any.

packets = kernel_drops + parsed + unparsed + ignored              (once the socket is read empty)
parsed  = queued + dropped_queue                                  (once the last batch is handed on)
queued + drained = confirmed + expired + spooled + dropped_spool  (once nothing is in flight)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Packets up to `ignored`, observations from `parsed` on; `torn` is records of the spool."""

    # Changed by the capture thread.
    packets: int = 0
    kernel_drops: int = 0
    parsed: int = 0
    unparsed: int = 0
    ignored: int = 0
    queued: int = 0
    dropped_queue: int = 0
    # Changed by the publisher thread.
    confirmed: int = 0
    spooled: int = 0
    drained: int = 0
    expired: int = 0
    dropped_spool: int = 0
    torn: int = 0
    # Changed by the listener thread.
    connections: int = 0

    @property
    def dropped(self) -> int:
        """Return how many observations were given up for want of room."""
        return self.dropped_queue + self.dropped_spool

    def summary(self) -> str:
        """Return the line that is printed at the end."""
        return (
            f"{self.packets} packets, {self.kernel_drops} dropped by the kernel, {self.parsed} parsed, "
            f"{self.unparsed} unparsed, {self.ignored} ignored, {self.queued} queued, {self.dropped} dropped, "
            f"{self.confirmed} confirmed, {self.spooled} spooled, {self.drained} drained, {self.expired} expired"
        )
