"""Connections to servers that belong to one client for a while: to WATCH, to wait for data, to listen to channels.

    taken ──▶ connecting ──▶ in use ──▶ idle in the pool ──▶ in use …
                  │             │            └─ lost, or one too many: closed
                  └─ refused    └─ lost, or dropped: closed, whoever waits gets an error

A connection that is given back is in no transaction, watches nothing and listens to nothing: its user sees to that, and
drops it where that is not sure.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Protocol, cast

from wproxy.config.model import Timeouts
from wproxy.dataplane.connector import open_connection, secure_to
from wproxy.dataplane.redis.login import greetings
from wproxy.dataplane.redis.slot import One, Waiting
from wproxy.dataplane.redis.watcher import Watcher
from wproxy.dataplane.services import Services
from wproxy.protocols.resp import ReplySplitter, pack
from wproxy.protocols.resp.replies import ReplyError
from wproxy.state.server import Server

MOST = 4096  # connections of this kind per backend
_MOST_IDLE = 8  # kept per server and protocol
TOO_MANY = (
    b"-ERR the proxy has no more connections for clients that watch, wait for data or listen: %d are in use\r\n"
    % (MOST)
)


class Tenant(Protocol):
    """Who uses a connection, as far as he must hear of more than replies."""

    def pushed(self, push: bytes) -> None:
        """Take an out-of-band message, as raw bytes."""

    def lost(self) -> None:
        """Take note that the connection is gone; whoever waited for a reply has got an error before."""


class Dedicated(asyncio.Protocol):
    """One connection to `server` that speaks RESP `protocol`. Replies go to those who wait, in order."""

    __slots__ = (
        "_connect_s", "_database", "_due_at", "_out", "_pool", "_server_s", "_services", "_splitter", "_transport",
        "_waiting", "closed", "identity", "protocol", "server", "tenant", "when_known",
    )  # fmt: skip

    def __init__(self, server: Server, services: Services, protocol: int, timeouts: Timeouts, pool: Pool) -> None:
        self.server = server
        self.protocol = protocol
        self.tenant: Tenant | None = None
        self.identity = 0  # what the server calls it, once it is known
        self.when_known: Callable[[], None] | None = None  # called once when it is
        self.closed = False
        self._services = services
        self._pool = pool
        self._connect_s = timeouts.connect_s
        self._server_s = inf if timeouts.server_s is None else timeouts.server_s
        self._transport: asyncio.Transport | None = None
        self._splitter = ReplySplitter()
        self._out: list[bytes] = []  # until it is connected
        self._waiting: deque[Waiting] = deque()
        self._database = 0
        self._due_at = inf

    def open(self) -> None:
        """Connect; what is sent meanwhile follows."""
        self._services.keep(self._services.loop.create_task(self._connect()))
        for raw, _ in greetings(self.server, self.protocol, None):
            self.send(raw, _Expected(self))
        self.send(b"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n", _Identity(self))

    def select(self, database: int) -> None:
        """Have what follows executed in `database`."""
        if database != self._database:
            self._database = database
            self.send(pack([b"SELECT", b"%d" % database]), _Expected(self))

    def send(self, raw: bytes, waiting: Waiting, patience_s: float = 0.0) -> None:
        """Send `raw`, whose reply may take `patience_s` longer than `timeout server` allows."""
        if self.closed:
            waiting.refused(raw, self._down())
            return
        self._waiting.append(waiting)
        watcher = self._pool.watcher
        if watcher is not None and watcher.samples:
            watcher.sent(self.server, [raw], [waiting], waiting.wanted, monotonic())
        self._due_at = self._services.clock() + self._server_s + patience_s
        if self._transport is None:
            self._out.append(raw)
        else:
            self._write(raw)

    def drop(self) -> None:
        """Close the connection at once; nobody hears of it."""
        self.tenant = None
        self._waiting.clear()
        self._end()

    def lose(self) -> None:
        """Close the connection at once; its user hears of it as of one that was lost."""
        self._end()

    def tell(self, raw: bytes) -> None:
        """Send `raw`, which is answered by pushes only."""
        if self._transport is None:
            self._out.append(raw)
        else:
            self._write(raw)

    # -- the loop's side -----------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        self.server.counters.connects += 1
        try:
            async with asyncio.timeout(self._connect_s):
                await open_connection(
                    self._services.loop, self.server, lambda: self, secure_to(self.server, self._services)
                )
        except OSError:  # TimeoutError is one
            self.server.counters.connect_errors += 1
            self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what has been waiting."""
        self._transport = cast("asyncio.Transport", transport)
        if self.closed:  # given up meanwhile
            self._transport.abort()
            return
        keep_alive(self._transport)
        self.server.current += 1
        self.server.counters.sessions_max = max(self.server.counters.sessions_max, self.server.current)
        out, self._out = self._out, []
        self._write(b"".join(out))

    def _write(self, raw: bytes) -> None:
        assert self._transport is not None
        self.server.counters.bytes_in += len(raw)
        self._transport.write(raw)
        self._services.wheel.watch(self)

    def data_received(self, data: bytes) -> None:
        """Hand out replies and messages."""
        self.server.counters.bytes_out += len(data)
        try:
            replies = self._splitter.split(data)
        except ReplyError:
            self._break_off()
            return
        pushes, self._splitter.pushes = self._splitter.pushes, []
        for push in pushes:
            if self.tenant is not None:
                self.tenant.pushed(push)
        at = 0
        while at < len(replies) and self._waiting:
            first = self._waiting[0]
            if first.wanted == 1:
                self._waiting.popleft()
                first.answer(replies[at])
                at += 1
            else:
                at = first.take(replies, at)
                if not first.wanted and self._waiting and self._waiting[0] is first:
                    self._waiting.popleft()
        if at < len(replies) and not self.closed:
            self._break_off()  # it answers what nobody asked
        if not self._waiting:
            self._due_at = inf

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody concerned."""
        if self._transport is not None and not self.closed:
            self._end()

    def expires_at(self) -> float:
        """Return when `timeout server` is over for the reply that is due."""
        return self._due_at if self._waiting else inf

    def expired(self) -> None:
        """Drop the connection of a server that does not answer."""
        self._break_off()

    def _break_off(self) -> None:
        self.server.counters.response_errors += 1
        self._end()

    def _end(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._pool.forget(self)
        self._services.wheel.forget(self)
        sent = self._transport is not None
        if self._transport is not None:
            self.server.current -= 1
            self._transport.abort()
        waiting, self._waiting = self._waiting, deque()
        tenant, self.tenant = self.tenant, None
        for who in waiting:
            if sent:
                who.answer(self._lost())
            else:
                who.refused(b"", self._down())
        if tenant is not None:
            tenant.lost()

    def _lost(self) -> bytes:
        return b"-SERVERDOWN connection to %s lost: the command may have been executed\r\n" % str(self.server).encode()

    def _down(self) -> bytes:
        return b"-SERVERDOWN %s does not answer\r\n" % str(self.server).encode()


def keep_alive(transport: asyncio.Transport) -> None:
    """Have the kernel notice within two minutes that the peer has vanished, where nobody waits for it to speak."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)


class Pool:
    """Owns the connections of this kind of one backend."""

    __slots__ = ("_idle", "_open", "_services", "_timeouts", "watcher")

    def __init__(self, services: Services, timeouts: Timeouts) -> None:
        self.watcher: Watcher | None = None  # while somebody wants to see commands
        self._services = services
        self._timeouts = timeouts
        self._open: set[Dedicated] = set()
        self._idle: dict[tuple[Server, int], list[Dedicated]] = {}

    def take(self, server: Server, protocol: int) -> Dedicated | None:
        """Return a connection to `server`, None when there are too many."""
        idle = self._idle.get((server, protocol))
        if idle:
            return idle.pop()
        if len(self._open) >= MOST:
            self._drop_idle()
            if len(self._open) >= MOST:
                return None
        connection = Dedicated(server, self._services, protocol, self._timeouts, self)
        self._open.add(connection)
        connection.open()
        return connection

    def give_back(self, connection: Dedicated) -> None:
        """Take back a connection that is as good as new, for whoever needs one next."""
        connection.tenant = connection.when_known = None
        idle = self._idle.setdefault((connection.server, connection.protocol), [])
        if connection.closed or len(idle) >= _MOST_IDLE:
            connection.drop()
        else:
            idle.append(connection)

    def forget(self, connection: Dedicated) -> None:
        """Take note that a connection is closed."""
        self._open.discard(connection)
        idle = self._idle.get((connection.server, connection.protocol), [])
        if connection in idle:
            idle.remove(connection)

    def leave(self, server: Server) -> None:
        """Close all connections to the address that `server` had."""
        for connection in [each for each in self._open if each.server is server]:
            connection.expired()

    def evict(self) -> None:
        """Close all that a tenant has: servers have come or gone, and he knows them by their numbers."""
        for connection in [each for each in self._open if each.tenant is not None]:
            connection.lose()

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            connection.drop()

    def _drop_idle(self) -> None:
        for idle in [list(each) for each in self._idle.values()]:
            for connection in idle:
                connection.drop()


class _Expected(One):
    """Waits for an answer without which the connection is not what it is taken for."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Dedicated) -> None:
        self._connection = connection

    def answer(self, reply: bytes) -> None:
        if reply.startswith(b"-"):
            self._connection.expired()

    def refused(self, raw: bytes, error: bytes) -> None:
        """Nothing to do: whoever waits behind it hears of it."""


class _Identity(_Expected):
    """Waits for the number by which the server knows the connection."""

    __slots__ = ()

    def answer(self, reply: bytes) -> None:
        if reply.startswith(b":"):
            self._connection.identity = int(reply[1:])
        tell, self._connection.when_known = self._connection.when_known, None
        if tell is not None:
            tell()
