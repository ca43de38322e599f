"""The sockets of all health checks, in an epoll set of their own that the loop watches as one descriptor.

So a descriptor that is closed and used again at once cannot be mistaken for a transport of the loop, and a check costs
three quarters of a task with `sock_connect` (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from contextlib import suppress
from typing import Protocol

from wproxy.config.model import Address
from wproxy.dataplane.source import bind_to

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


class Reader(Protocol):
    """Who waits for a socket."""

    def ready(self, events: int) -> None:
        """Take note of epoll's `events`; each is told once."""


class ProbeSockets:
    """Opens, watches and closes them; `close` releases all that are left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._readers: dict[int, tuple[socket.socket, Reader]] = {}
        loop.add_reader(self._epoll.fileno(), self.turn)

    def open(self, address: Address, reader: Reader, *, linger: bool, source: Address | None = None) -> socket.socket:
        """Begin to connect to `address`, from `source`, and tell `reader` what happens; raise OSError.

        Its host is a literal.
        """
        family = socket.AF_UNIX if address.path else socket.AF_INET6 if ":" in address.host else socket.AF_INET
        probe = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            if not linger:
                # A reset instead of a goodbye: the server is done with the probe at once, and so is the local port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            if source is not None and not address.path:
                bind_to(probe, source)
            if address.path:
                probe.connect(address.path)  # at once, or never: EAGAIN says that the server's backlog is full
            else:
                with suppress(BlockingIOError):  # it goes on in the background
                    probe.connect((address.host, address.port))
            self._epoll.register(probe, _EVENTS)
        except OSError:
            probe.close()
            raise
        self._readers[probe.fileno()] = (probe, reader)
        return probe

    def drop(self, probe: socket.socket) -> None:
        """Close `probe`, which also takes it out of the epoll set."""
        self._readers.pop(probe.fileno(), None)
        probe.close()

    def close(self) -> None:
        """Close everything."""
        self._loop.remove_reader(self._epoll.fileno())
        for probe, _ in list(self._readers.values()):
            self.drop(probe)
        self._epoll.close()

    def turn(self) -> None:
        """Tell each reader whose socket has something to tell; one may have gone by the doing of another."""
        for descriptor, events in self._epoll.poll(0):
            entry = self._readers.get(descriptor)
            if entry is not None:
                entry[1].ready(events)
