"""The commands that wait while a connection to their server is being made: so many, so big, for so long."""

from __future__ import annotations

from collections import deque
from math import inf

from wproxy.dataplane.redis.slot import Waiting
from wproxy.dataplane.services import Services
from wproxy.state.server import Server

_MOST = 16384  # commands, unless the server has a `maxqueue`
_MOST_BYTES = 16 * 1024 * 1024  # beyond them nobody is taken in; a single big command always is


class Parking:
    """Owns them until they are handed out, in order. Those whose `timeout queue` is over get an error."""

    __slots__ = ("_bytes", "_commands", "_entries", "_most", "_queue_s", "_server", "_services")

    def __init__(self, server: Server, services: Services, queue_s: float | None) -> None:
        self._server = server
        self._services = services
        self._queue_s = inf if queue_s is None else queue_s
        self._most = server.line.maxqueue or _MOST
        self._entries: deque[tuple[float, int, bytes, Waiting]] = deque()  # each with when it came, and its database
        self._commands = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._commands

    def park(self, database: int, raw: bytes, waiting: Waiting) -> None:
        """Take in `raw`, commands of `waiting` for `database`; it gets them back at once when too much is here."""
        if self._commands >= self._most or self._bytes >= _MOST_BYTES:
            waiting.refused(raw, self._error("is not connected yet, and too many commands wait for it"))
            return
        self._entries.append((self._services.clock(), database, raw, waiting))
        self._commands += waiting.wanted
        self._bytes += len(raw)
        self._services.wheel.watch(self)

    def clear(self) -> list[tuple[int, bytes, Waiting]]:
        """Hand out all of them."""
        entries = [(database, raw, waiting) for _, database, raw, waiting in self._entries]
        if entries:
            self._services.wheel.forget(self)
            self._entries.clear()
            self._commands = self._bytes = 0
        return entries

    def expires_at(self) -> float:
        """Return when the one that has waited longest has waited too long (`wheel.Watched`)."""
        return self._entries[0][0] + self._queue_s if self._entries else inf

    def expired(self) -> None:
        """Hand back those that have waited too long (`wheel.Watched`)."""
        now = self._services.clock()
        while self._entries and self.expires_at() <= now:
            _, _, raw, waiting = self._entries.popleft()
            self._commands -= waiting.wanted
            self._bytes -= len(raw)
            waiting.refused(raw, self._error("was not connected within 'timeout queue'"))
        self._services.wheel.watch(self)

    def _error(self, reason: str) -> bytes:
        return f"-SERVERDOWN {self._server} {reason}\r\n".encode()
