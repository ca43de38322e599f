"""One end of the stream between the supervisor and a worker: messages in and out, in the loop or waited for."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from wproxy.protocols import bus
from wproxy.protocols.bus import Kind, Message

_AT_ONCE = 256 * 1024
_MOST_WAITING = 2 * bus.LONGEST  # bytes that the other side has not taken: then it is no longer alive


class Channel:
    """Owns `sock`. `on_message` gets what comes, `on_lost` is called once when the other side is gone."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        on_message: Callable[[Channel, Message], None],
        on_lost: Callable[[Channel], None],
    ) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._loop = loop
        self._reader = bus.Reader()
        self._on_message = on_message
        self._on_lost = on_lost
        self._out = bytearray()
        self._watched = False  # for room
        self.open = True
        loop.add_reader(sock, self.receive)

    @property
    def waiting(self) -> int:
        """How many bytes the other side has not taken yet."""
        return len(self._out)

    def send(self, kind: Kind, body: object) -> None:
        """Send a message, or have it wait until there is room."""
        self.send_bytes(bus.encode(kind, body))

    def send_bytes(self, data: bytes) -> None:
        """Send what `bus.encode` has made."""
        if not self.open:
            return
        self._out += data
        self.flush()
        if len(self._out) > _MOST_WAITING:
            self.lost()

    def flush(self) -> None:
        """Send what waits, as far as there is room."""
        try:
            while self._out:
                del self._out[: self.sock.send(memoryview(self._out)[:_AT_ONCE].tobytes())]
        except BlockingIOError:
            pass
        except OSError:
            self.lost()
            return
        if bool(self._out) != self._watched:
            self._watched = bool(self._out)
            if self._watched:
                self._loop.add_writer(self.sock, self.flush)
            else:
                self._loop.remove_writer(self.sock)

    def receive(self) -> None:
        """Take all that has come: after a reset uvloop calls a reader once and never again, data or not."""
        while self.open:
            try:
                data = self.sock.recv(_AT_ONCE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.lost()
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                if self.open:
                    self._on_message(self, message)
        except bus.BusError:
            self.lost()

    def lost(self) -> None:
        """Close, and tell that the other side is gone."""
        if self.open:
            self.close()
            self._on_lost(self)

    def close(self) -> None:
        """Close; what waits is not sent any more."""
        if self.open:
            self.open = False
            self._loop.remove_reader(self.sock)
            self._loop.remove_writer(self.sock)
            self.sock.close()

    def finish(self, timeout_s: float) -> None:
        """Send all that waits, then close; for the end of a process."""
        wait([self], lambda: not self._out, timeout_s)
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self.close()


def wait(channels: Collection[Channel], done: Callable[[], bool], timeout_s: float) -> bool:
    """Serve nothing but `channels` until `done`; tell whether it is, in time.

    The loop stands still meanwhile. It is for the supervisor, which serves no clients, and for a worker that begins.
    """
    ends_at = time.monotonic() + timeout_s
    over = False
    while not done():
        alive = [channel for channel in channels if channel.open]
        if over or not alive:
            return False
        left_s = max(ends_at - time.monotonic(), 0.0)
        over = not left_s  # one more look: when it was this process that was held up, the answer is there
        poll = select.poll()
        by_descriptor = {channel.sock.fileno(): channel for channel in alive}
        for descriptor, channel in by_descriptor.items():
            poll.register(descriptor, select.POLLIN | (select.POLLOUT if channel.waiting else 0))
        for descriptor, events in poll.poll(left_s * 1000):
            channel = by_descriptor[descriptor]
            if events & select.POLLOUT and channel.open:
                channel.flush()
            if events & ~select.POLLOUT and channel.open:
                channel.receive()
    return True
