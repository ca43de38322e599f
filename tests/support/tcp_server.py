"""Small real TCP servers, and sockets to drive both ends of a connection by hand."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from tests.support.waiting import wait_for

TIMEOUT_S = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Serve = Callable[[socket.socket], None]


@contextmanager
def listening_socket(backlog: int = 128, port: int = 0) -> Iterator[socket.socket]:
    """Yield a listening socket on a free port; the test accepts by hand."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.settimeout(TIMEOUT_S)
        listening.bind(("127.0.0.1", port))
        listening.listen(backlog)
        yield listening


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


@contextmanager
def full_backlog() -> Iterator[int]:
    """Yield a port where connections are never completed: its queue is full and nobody accepts."""
    with listening_socket(0) as listening, ExitStack() as stack:
        while True:
            filler = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            filler.settimeout(0.2)
            try:
                filler.connect(("127.0.0.1", port_of(listening)))
            except TimeoutError:
                break
        yield port_of(listening)


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a connection with a timeout, so that no test hangs."""
    return socket.create_connection((host, port), TIMEOUT_S)


def accept(listening: socket.socket) -> socket.socket:
    """Return the next connection, with a timeout."""
    accepted, _ = listening.accept()
    accepted.settimeout(TIMEOUT_S)
    return accepted


def reset(connection: socket.socket) -> None:
    """Close with a reset instead of a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()


def wait_until_read(connection: socket.socket) -> None:
    """Return when the program at the other end, on this host, has taken all that was sent, or is gone."""
    ours, theirs = connection.getsockname()[1], connection.getpeername()[1]

    def waiting() -> int:
        """Return how many bytes wait on this side for an acknowledgement, and on the other to be read."""
        count = 0
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, queues, *_ = line.split()
            ports = tuple(int(address.partition(":")[2], 16) for address in (local, remote))
            if ports in ((ours, theirs), (theirs, ours)):
                count += int(queues.split(":")[ports == (theirs, ours)], 16)
        return count

    wait_for(lambda: not waiting(), what="all that was sent is read")


def ended(connection: socket.socket) -> None:
    """Return when nothing more will come: a goodbye or a reset, whichever the other side's kernel sends."""
    with suppress(ConnectionResetError):
        while connection.recv(1 << 16):
            pass


def read_all(connection: socket.socket) -> bytes:
    """Return everything up to the other side's goodbye."""
    data = bytearray()
    while chunk := connection.recv(1 << 20):
        data += chunk
    return bytes(data)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Return the next `size` bytes."""
    data = bytearray()
    while len(data) < size and (chunk := connection.recv(size - len(data))):
        data += chunk
    assert len(data) == size, f"{len(data)} of {size} bytes, then the end"
    return bytes(data)


def until(connection: socket.socket, ready: Callable[[bytes], bool]) -> bytes:
    """Return what comes until `ready` says that it is enough; fails when that does not come."""
    data = b""
    while not ready(data):
        more = connection.recv(65536)
        assert more, data
        data += more
    return data


class Sender:
    """Sends `data` from a thread of its own, then, unless `hang_up` says no, hangs up that direction.

    It gives up when the connection breaks.
    """

    def __init__(self, connection: socket.socket, data: bytes, *, hang_up: bool = True) -> None:
        self.sent = 0
        self._hang_up = hang_up
        self._connection = connection
        self._data = memoryview(data)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            while self.sent < len(self._data):
                self.sent += self._connection.send(self._data[self.sent : self.sent + (1 << 18)])
            if self._hang_up:
                self._connection.shutdown(socket.SHUT_WR)

    def wait_until_stuck(self) -> None:
        """Return when nothing more is taken for a while."""
        pause = threading.Event()

        def stuck() -> bool:
            before = self.sent
            pause.wait(0.2)
            return self.sent == before

        wait_for(stuck, what="the sender is stuck")
        assert self.sent < len(self._data), "everything was taken: more than the kernel's buffers hold is needed"

    def join(self) -> None:
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive(), f"still sending, {self.sent} bytes so far"


@contextmanager
def tcp_server(serve: Serve, port: int = 0) -> Iterator[int]:
    """Run a server that gives each connection to `serve`, one after the other, and closes it; yield its port."""
    with listening_socket(1024, port) as listening:
        listening.settimeout(None)
        thread = threading.Thread(target=_accept_for_ever, args=(listening, serve), daemon=True)
        thread.start()
        try:
            yield port_of(listening)
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes the thread out of accept
            thread.join(TIMEOUT_S)


def _accept_for_ever(listening: socket.socket, serve: Serve) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            connection.settimeout(TIMEOUT_S)
            serve(connection)


def identify(name: str) -> Serve:
    """Return what serves a connection by saying `name` and hanging up."""
    return lambda connection: connection.sendall(name.encode())


def named_server(name: str, port: int = 0) -> AbstractContextManager[int]:
    """Run a server that says its name to everybody."""
    return tcp_server(identify(name), port)


def ask_name(port: int) -> str:
    """Return the name of the server that a new connection to `port` ends at, "" for none."""
    with connect(port) as connection:
        try:
            return read_all(connection).decode()
        except ConnectionResetError:
            return ""
