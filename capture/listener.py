"""The listening ports that capture opens itself: accepts, reads and discards, so that there are packets to watch.

Bounded: when MAX_CONNECTIONS are open, the one that has been silent longest is closed for a new one.
"""

from __future__ import annotations

import selectors
import socket
from collections import OrderedDict
from collections.abc import Iterable
from threading import Thread

from capture.counters import Counters
from capture.options import Address

MAX_CONNECTIONS = 1000
BACKLOG = 1024
_READ_BYTES = 1 << 16


class ListenError(Exception):
    """An address that cannot be listened on. Raised by `Listener`, caught by `capture.__main__`."""


class Listener:
    """Holds the ports from construction on, accepts connections between `start` and `close`, in a thread of its own."""

    def __init__(self, addresses: Iterable[Address], counters: Counters) -> None:
        self._counters = counters
        self._connections: OrderedDict[socket.socket, None] = OrderedDict()  # the longest silent first
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._servers: list[socket.socket] = []
        self._thread = Thread(target=self._run, name="listener")
        try:
            for address in addresses:
                self._servers.append(_bound(address))
        except ListenError:
            self.close()
            raise

    def start(self) -> None:
        """Begin to accept: to be called when the packets are being watched."""
        for server in self._servers:
            server.listen(BACKLOG)
            self._selector.register(server, selectors.EVENT_READ, self._accept)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> None:
        """Close the ports and every connection; may be called again."""
        self._waker.close()  # which ends the thread
        if self._thread.ident is not None:
            self._thread.join()
        for held in (*self._servers, *self._connections, self._wake):
            held.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake:
                    return
                key.data(key.fileobj)

    def _accept(self, server: socket.socket) -> None:
        try:
            connection, _ = server.accept()
        except OSError:  # the client has gone again, or this process has no descriptor left: then one is made free
            self._drop_oldest()
            return
        connection.setblocking(False)
        if len(self._connections) >= MAX_CONNECTIONS:
            self._drop_oldest()
        self._connections[connection] = None
        self._selector.register(connection, selectors.EVENT_READ, self._drain)
        self._counters.connections += 1

    def _drain(self, connection: socket.socket) -> None:
        if connection not in self._connections:  # closed for another one in this same turn
            return
        try:
            if connection.recv(_READ_BYTES):
                self._connections.move_to_end(connection)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(connection)

    def _drop_oldest(self) -> None:
        if self._connections:
            self._drop(next(iter(self._connections)))

    def _drop(self, connection: socket.socket) -> None:
        del self._connections[connection]
        self._selector.unregister(connection)
        connection.close()


def _bound(address: Address) -> socket.socket:
    """Return a socket bound to `address`, not listening yet; [::] takes IPv6 only."""
    server = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if server.family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(tuple(address))
        server.setblocking(False)
    except OSError as error:
        server.close()
        raise ListenError(
            f"cannot listen on {address}: {error.strerror}: when another service owns it, add --no-listen"
        ) from error
    return server
