"""A TCP relay in front of a server, whose connections a test may break or hold up without touching either end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import TypeAlias

Look: TypeAlias = Callable[[bytes, socket.socket, socket.socket], None]


class Relay:
    """Listens on `port` and passes what it gets on to another port of this machine."""

    def __init__(self, target: int, words: tuple[bytes, ...]) -> None:
        self._target = target
        self._words = words
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._marked: set[socket.socket] = set()  # of these, those whose client has said one of the words
        self._word: bytes | None = None
        self._released = Event()
        self.held = 0  # connections, ever
        self._accepting = Thread(target=self._accept, name="relay", daemon=True)
        self._accepting.start()

    def hold(self, word: bytes) -> None:
        """Hold up the first connection whose client sends `word`, from that read on: it arrives late, or never."""
        self._released.clear()
        self._word = word

    def release(self) -> None:
        """Deliver what was held up, whether or not its sender has gone meanwhile."""
        self._word = None
        self._released.set()

    def cut(self, *, marked: bool = False) -> int:
        """Reset every connection, or every marked one; return how many sockets that were."""
        with self._lock:
            broken = self._open & self._marked if marked else set(self._open)
            self._open -= broken
            self._marked -= broken
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
            for source, sink, look in ((near, far, self._look), (far, near, None)):
                Thread(target=self._pass_on, args=(source, sink, look), daemon=True).start()

    def _look(self, data: bytes, near: socket.socket, far: socket.socket) -> None:
        """Mark or hold up a connection because of what its client says."""
        if any(word in data for word in self._words):
            with self._lock:
                self._marked |= {near, far} & self._open
        word = self._word
        if word is not None and word in data:
            self._word = None
            self.held += 1
            self._released.wait()

    def _pass_on(self, source: socket.socket, sink: socket.socket, look: Look | None) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if look is not None:
                    look(data, source, sink)
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source, sink}
            self._marked -= {source, sink}
        source.close()  # each direction closes the one it reads from


@contextmanager
def relay(target: int, *words: bytes) -> Iterator[Relay]:
    """Yield a relay to `target`, which marks connections whose client says one of `words`."""
    made = Relay(target, words)
    try:
        yield made
    finally:
        made.close()
