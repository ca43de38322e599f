"""HTTP servers that keep what they were sent and answer what the test says, byte by byte; and a client as plain."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.tcp_server import TIMEOUT_S, listening_socket, port_of

_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d+)")
_CHUNKED = re.compile(rb"(?im)^transfer-encoding:.*chunked")


@dataclass
class EchoServer:
    """A server that answers `answer` to each request; `%s` in it is replaced by the server's name.

    Connections stay open as long as the client likes, unless the answer is `closes`.
    """

    name: str
    port: int
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Server: %s\r\n\r\n"
    closes: bool = False
    requests: list[bytes] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT_S)
        reader = Reader(connection)
        with connection, suppress(OSError):
            while request := reader.message(has_body=True):
                self.requests.append(request)
                connection.sendall(self.answer.replace(b"%s", self.name.encode()))
                if self.closes:
                    return


class Reader:
    """Takes whole messages off a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""

    def message(self, *, has_body: bool) -> bytes:
        """Return the next message, b"" when the connection ends before it does."""
        while b"\r\n\r\n" not in self._data:
            if not self._more():
                return b""
        size = self._data.index(b"\r\n\r\n") + 4
        head = self._data[:size]
        if has_body and _CHUNKED.search(head):
            while not self._data[size:].startswith(b"0\r\n\r\n") and b"\r\n0\r\n\r\n" not in self._data[size - 2 :]:
                if not self._more():
                    return b""
            size = self._data.index(b"\r\n0\r\n\r\n", size - 2) + 7
        elif has_body and (length := _LENGTH.search(head)):
            size += int(length[1])
            while len(self._data) < size:
                if not self._more():
                    return b""
        message, self._data = self._data[:size], self._data[size:]
        return message

    def rest(self) -> bytes:
        """Return what comes until the peer says goodbye."""
        while self._more():
            pass
        return self._data

    def _more(self) -> bool:
        data = self._connection.recv(65536)
        self._data += data
        return bool(data)


@contextmanager
def echo_server(name: str = "a") -> Iterator[EchoServer]:
    """Run an echo server on a free port."""
    with listening_socket() as listening:
        server = EchoServer(name, port_of(listening))
        ended = threading.Event()
        thread = threading.Thread(target=_accept, args=(listening, server, ended))
        thread.start()
        try:
            yield server
        finally:
            ended.set()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S).close()  # wakes accept
            thread.join(TIMEOUT_S)


def _accept(listening: socket.socket, server: EchoServer, ended: threading.Event) -> None:
    listening.settimeout(None)
    while True:
        connection, _ = listening.accept()
        if ended.is_set():
            connection.close()
            return
        threading.Thread(target=server.serve, args=(connection,), daemon=True).start()


class HttpClient:
    """One connection to a proxy, on which requests follow one another."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (source, 0))
        self._reader = Reader(self.connection)

    def ask(self, request: bytes) -> bytes:
        """Send a request, return its response; b"" when the connection ends instead."""
        self.connection.sendall(request)
        return self._reader.message(has_body=not request.startswith(b"HEAD "))

    def rest(self) -> bytes:
        """Return what else comes until the connection ends."""
        return self._reader.rest()

    def close(self) -> None:
        self.connection.close()


@contextmanager
def http_client(port: int, source: str = "127.0.0.1") -> Iterator[HttpClient]:
    """Connect to a proxy for as long as the block lasts."""
    client = HttpClient(port, source)
    try:
        yield client
    finally:
        client.close()


def lines_of(message: bytes) -> list[bytes]:
    """Return the lines of a message's head: the first, and the fields as they stand."""
    return message.partition(b"\r\n\r\n")[0].split(b"\r\n")
