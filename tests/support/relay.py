"""A TCP relay in front of a server, whose connections a test may break or hold up without touching either end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread


class Relay:
    """Listens on `port` and passes what it gets on to another port of this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._word: bytes | None = None
        self._released = Event()
        self.held = 0  # connections, ever
        self._accepting = Thread(target=self._accept, name="relay", daemon=True)
        self._accepting.start()

    def hold(self, word: bytes) -> None:
        """Hold up a connection as soon as its client sends `word`, from that read on: it arrives late, or never."""
        self._released.clear()
        self._word = word

    def release(self) -> None:
        """Deliver what was held up, whether or not its sender has gone meanwhile."""
        self._word = None
        self._released.set()

    def cut(self) -> int:
        """Reset every connection; return how many sockets that were."""
        with self._lock:
            broken, self._open = self._open, set()
        for one in broken:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close() resets
                one.shutdown(socket.SHUT_RDWR)
        return len(broken)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()
        self.cut()
        self._accepting.join(5.0)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 5.0)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for source, sink, held in ((near, far, True), (far, near, False)):
                Thread(target=self._pass_on, args=(source, sink, held), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, may_be_held: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                word = self._word
                if may_be_held and word is not None and word in data:
                    self.held += 1
                    self._released.wait()
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source, sink}
        source.close()  # each direction closes the one it reads from


@contextmanager
def relay(target: int) -> Iterator[Relay]:
    """Yield a relay to `target`."""
    made = Relay(target)
    try:
        yield made
    finally:
        made.close()
