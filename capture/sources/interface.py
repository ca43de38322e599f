"""Packets from a network interface, through the ring, or one by one where there is none; a link may go and come."""

from __future__ import annotations

import logging
import os
import select
import time
from typing import Protocol

from capture.sieve import NOTHING, Haul, Sieve
from capture.sources.datagrams import Datagrams
from capture.sources.packet_socket import PacketSocket
from capture.sources.ring import Ring, RingRefused
from capture.sources.source import Statistics
from capture.targets import Filters

_MOST_BLOCKS = 16  # that one `read` takes before it returns
_LAST_PACKETS_S = 1.0

_log = logging.getLogger("wproxy.capture")


class Reader(Protocol):
    """What takes packets from a packet socket into a sieve."""

    def take(self) -> int:
        """Take some; return how many."""

    def take_error(self) -> int:
        """Return the number of the error that reading met, 0 for none, and forget it."""

    def close(self) -> None:
        """Release what it holds; may be called again."""


class InterfaceSource:
    """The packets that arrive on `interface` and pass the filter, each once, also on loopback."""

    def __init__(self, interface: str, filters: Filters, sieve: Sieve, *, with_ring: bool = True) -> None:
        self._sieve = sieve
        self._socket = PacketSocket(interface, filters)
        self._reader = self._opened(with_ring)
        self._poll = select.poll()
        self._poll.register(self._socket.socket, select.POLLIN)
        self._counted = Statistics(0, 0)
        self._unread = 0
        self._is_down = False
        self._stop_at: float | None = None
        self._socket.start()

    def read(self, timeout_s: float) -> Haul | None:
        """Return what the next packets hold; nothing when none came in time, or while the link is down."""
        taken = self._take()
        if not taken:
            if self._is_finished():
                return None
            self._wait(timeout_s)
            taken = self._take()
        self._unread -= taken
        return self._sieve.haul() if taken else NOTHING

    def statistics(self) -> Statistics:
        """Return the kernel's counts since the last call."""
        self._count()
        counted, self._counted = self._counted, Statistics(0, 0)
        return counted

    def stop(self) -> None:
        """Take in no more packets; those that have come are still read."""
        self._socket.mute()
        self._stop_at = time.monotonic() + _LAST_PACKETS_S

    def close(self) -> None:
        """Close the socket."""
        self._reader.close()
        self._socket.close()

    def _opened(self, with_ring: bool) -> Reader:
        held = self._socket
        if with_ring:
            try:
                return Ring(held.socket, held.link_type, self._sieve)
            except RingRefused as error:
                _log.warning("interface '%s': no ring (%s): packets are read one by one", held.interface, error)
        return Datagrams(held.socket, held.link_type, self._sieve)

    def _take(self) -> int:
        taken = 0
        for _ in range(_MOST_BLOCKS):
            more = self._reader.take()
            if not more:
                break
            taken += more
        return taken

    def _wait(self, timeout_s: float) -> None:
        """Return when there is something to read, after `timeout_s` at the latest."""
        if self._is_down and self._socket.is_up():
            _log.warning("interface '%s': up again", self._socket.interface)
            self._is_down = False
        self._poll.poll(timeout_s * 1000)
        error = self._socket.take_error() or self._reader.take_error()
        if error and not self._is_down:
            _log.warning("interface '%s': %s; going on when it is back", self._socket.interface, os.strerror(error))
            self._is_down = True

    def _is_finished(self) -> bool:
        """Tell whether all that came before `stop` has been read; a last block is ours after BLOCK_MS."""
        if self._stop_at is None:
            return False
        self._count()
        return self._unread <= 0 or time.monotonic() >= self._stop_at

    def _count(self) -> None:
        packets, drops = self._socket.statistics()
        self._counted = Statistics(self._counted.packets + packets, self._counted.drops + drops)
        self._unread += packets - drops
