"""Servers that say their names and then hold every connection until the client leaves; clients that hold theirs.

A server answers "!" to an "!", and nothing else.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.tcp_server import TIMEOUT_S, connect, listening_socket, port_of


@contextmanager
def holding_server(name: str) -> Iterator[int]:
    """Run a server that says `name` and hangs up when its client does; yield its port."""
    with listening_socket(1024) as listening:
        listening.settimeout(None)
        held: list[socket.socket] = []
        accepting = threading.Thread(target=_accept_for_ever, args=(listening, name.encode(), held), daemon=True)
        accepting.start()
        try:
            yield port_of(listening)
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            accepting.join(TIMEOUT_S)
            for connection in held:
                connection.close()


def _accept_for_ever(listening: socket.socket, name: bytes, held: list[socket.socket]) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        held.append(connection)
        threading.Thread(target=_hold, args=(connection, name), daemon=True).start()


def _hold(connection: socket.socket, name: bytes) -> None:
    with suppress(OSError):
        connection.sendall(name)
        while data := connection.recv(4096):
            connection.sendall(b"!" * data.count(b"!"))
        connection.close()


class Client:
    """A connection through a proxy that is held until it is closed; `name` is the server it ended at."""

    def __init__(self, port: int, source: str = "") -> None:
        if source:
            self.connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (source, 0))
        else:
            self.connection = connect(port)

    @property
    def name(self) -> str:
        """Return the server's name, "" when there was none; waits for it."""
        try:
            return self.connection.recv(64).decode()
        except ConnectionResetError:
            return ""

    def close(self) -> None:
        self.connection.close()
