"""A server on a port that answers each request and keeps what each connection has sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.http_beside import OK, request_end


@dataclass
class RecordingServer:
    """Answers with `reply`, whatever it is asked, after `delay_s` seconds, and not while `may_answer` is cleared."""

    listener: socket.socket
    reply: bytes = OK
    delay_s: float = 0.0
    may_answer: threading.Event = field(default_factory=threading.Event)
    _heard: list[bytearray] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_answer.set()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def heard(self) -> list[bytes]:
        """Return what each connection has sent, in the order in which they came."""
        return [bytes(each) for each in self._heard]

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            data = bytearray()
            self._heard.append(data)
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, data), daemon=True).start()

    def _serve(self, connection: socket.socket, data: bytearray) -> None:
        at = 0
        with connection:
            while True:
                end = request_end(bytes(data[at:]))
                try:
                    if end is not None:
                        at += end
                        threading.Event().wait(self.delay_s)
                        self.may_answer.wait()
                        connection.sendall(self.reply)
                        continue
                    if not (chunk := connection.recv(65536)):
                        return
                except OSError:
                    return
                data += chunk

    def stop(self) -> None:
        self.may_answer.set()
        for each in (self.listener, *self._open):
            with suppress(OSError):  # it is closed already
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def recording_server(reply: bytes = OK, delay_s: float = 0.0) -> Iterator[RecordingServer]:
    """Run a server on a free port of 127.0.0.1."""
    server = RecordingServer(socket.create_server(("127.0.0.1", 0), backlog=1024), reply, delay_s)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5.0)
