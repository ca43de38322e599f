"""Many clients with persistent connections, who come back whenever theirs is closed."""

from __future__ import annotations

import selectors
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.tcp_server import TIMEOUT_S
from tests.support.waiting import wait_for

_BEAT_S = 0.05  # busy clients send something that often


class Member:
    """One client: the server that it is on, as that has said, and how many connections it has lost."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.server = ""
        self.lost = 0
        self.busy = False
        self.answers = 0
        self.connection: socket.socket | None = None


class Crowd:
    """`members` are connected to `port`, one after the other; a thread keeps them so."""

    def __init__(self, port: int, sources: list[str]) -> None:
        self.members = [Member(source) for source in sources]
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        for member in self.members:
            self._connect(member)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def servers(self) -> dict[str, int]:
        """Return how many are on each server; waits until all are on one."""
        wait_for(lambda: all(member.server for member in self.members), what="everybody is connected")
        return dict(Counter(member.server for member in self.members))

    def say(self, members: list[Member], words: bytes) -> None:
        """Have each of `members` send `words`; return when every "!" in them is answered."""
        wanted = sum(member.answers for member in members) + len(members) * words.count(b"!")
        for member in members:
            assert member.connection is not None
            member.connection.sendall(words)
        wait_for(lambda: sum(member.answers for member in members) >= wanted, what="everybody is answered")

    def on(self, server: str) -> list[Member]:
        return [member for member in self.members if member.server == server]

    @property
    def lost(self) -> int:
        return sum(member.lost for member in self.members)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(TIMEOUT_S)
        for member in self.members:
            if member.connection is not None:
                member.connection.close()
        self._selector.close()

    def _connect(self, member: Member) -> None:
        member.server = ""
        member.connection = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S, (member.source, 0))
        self._selector.register(member.connection, selectors.EVENT_READ, member)

    def _run(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(_BEAT_S):
                self._read(key.data)
            for member in self.members:
                if member.busy and member.connection is not None:
                    with suppress(OSError):
                        member.connection.send(b".")

    def _read(self, member: Member) -> None:
        assert member.connection is not None
        try:
            data = member.connection.recv(100)
        except ConnectionResetError:
            data = b""
        if data:
            member.answers += data.count(b"!")
            member.server += data.decode().replace("!", "")
            return
        member.lost += 1
        self._selector.unregister(member.connection)
        member.connection.close()
        self._connect(member)


@contextmanager
def crowd(port: int, sources: list[str]) -> Iterator[Crowd]:
    """Yield one client from each of `sources`, connected through `port`."""
    made = Crowd(port, sources)
    try:
        yield made
    finally:
        made.close()
