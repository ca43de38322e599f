"""Connections to one server that no exchange uses now, for others to use again."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from wproxy.config.acl.facts import Facts
from wproxy.config.tls import TlsServer
from wproxy.dataplane.tls import sni_for
from wproxy.state.server import Server

if TYPE_CHECKING:
    from wproxy.dataplane.http.server import ServerConnection

_PURGE_S = 5.0  # HAProxy's pool-purge-delay


class Pool:
    """The idle connections to one server; the last one that came is the first to go out again.

    No more are kept than have lately been in use at once. Who is idle for long is closed half by half.
    """

    __slots__ = ("_busiest", "_clock", "_idle", "_lately", "_limit", "_since", "_tls", "_uses", "server", "used")

    def __init__(self, server: Server, clock: Callable[[], float]) -> None:
        self.server = server
        self.used = 0  # connections with an exchange
        self._idle: list[ServerConnection] = []
        self._clock = clock
        self._limit = inf if server.line.pool_max is None else server.line.pool_max
        self._uses = inf if server.line.reuse_max is None else server.line.reuse_max + 1
        tls = server.line.tls
        self._tls = tls if tls is not None and tls.sni_of is not None else None
        self._busiest = 0  # most at once in the running period
        self._lately = 0  # and in the one before
        self._since = clock()

    def take(self, facts: Callable[[], Facts]) -> ServerConnection | None:
        """Return an idle connection, which counts as used from now on; None when there is none.

        Where the server is told a name that depends on the request, which `facts` are about, it is one with that name.
        """
        if not self._idle or (self._tls is not None and not self._bring_forward(self._tls, facts())):
            return None
        self.server.idle -= 1
        self.used = used = self.used + 1
        if used > self._busiest:
            self._busiest = used
        return self._idle.pop()

    def _bring_forward(self, tls: TlsServer, facts: Facts) -> bool:
        """Put the last idle connection whose server was told the right name at the end; False when there is none."""
        idle, sni = self._idle, sni_for(tls, facts)
        for position in range(len(idle) - 1, -1, -1):
            if idle[position].sni == sni:
                idle.append(idle.pop(position))
                return True
        return False

    @property
    def has_idle(self) -> bool:
        """Whether there is an idle connection."""
        return bool(self._idle)

    def began(self) -> None:
        """Count a connection that is in use now."""
        self.used += 1
        if self.used > self._busiest:
            self._busiest = self.used

    def give(self, connection: ServerConnection, now: float) -> None:
        """Take back a connection that is good for another exchange; or close it when there are enough."""
        self.used -= 1
        idle = self._idle
        together = self.used + len(idle)
        enough = (together >= self._busiest and together >= self._lately) or len(idle) >= self._limit
        if enough or connection.served >= self._uses:
            connection.close()
            return
        connection.idle_since = now
        idle.append(connection)
        self.server.idle += 1

    def ended(self) -> None:
        """Count the end of a connection that was in use."""
        self.used -= 1

    def discard(self, connection: ServerConnection) -> None:
        """Forget an idle connection that its server has closed."""
        if connection in self._idle:
            self._idle.remove(connection)
            self.server.idle -= 1

    def purge(self) -> None:
        """Close half of those that were not needed in the last period; called now and then."""
        now = self._clock()
        if now - self._since < _PURGE_S:
            return
        needless = len(self._idle) + self.used - max(self._busiest, self._lately)
        stale = [connection for connection in self._idle if now - connection.idle_since >= _PURGE_S]
        self._lately, self._busiest, self._since = self._busiest, self.used, now
        for connection in stale[: max(needless, (len(stale) + 1) // 2)]:
            self.discard(connection)
            connection.close()

    def close(self) -> None:
        """Close them all."""
        self.server.idle -= len(self._idle)
        while self._idle:
            self._idle.pop().close()
