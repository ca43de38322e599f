"""mode tcp: one client connection, from accept to close.

    client ──▶ ClientEnd ──write──▶ server's transport ──▶ server
    client ◀── client's transport ◀──write── ServerEnd ◀── server
                     └── TcpConnection: places, connects, times out, closes ──┘

Bytes go straight from one end's `data_received` into the other transport's buffer, which the loop writes once a turn.
A transport whose buffer is full stops the other end's reading. What a client sends before its server is there waits in
`TcpConnection.early`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import cast

from wproxy.dataplane.connector import open_connection
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.policy.retry import may_redispatch
from wproxy.state.server import Server
from wproxy.state.session import Session

_EARLY_BYTES = 64 * 1024  # what a client may send ahead of its server before its reading stops


class End(asyncio.Protocol):
    """One of the two ends of a relayed connection; the subclasses differ in whose bytes they count."""

    __slots__ = ("at_eof", "connection", "transport", "write")

    def __init__(self, connection: TcpConnection, write: Callable[[bytes], None]) -> None:
        self.connection = connection
        self.transport: asyncio.Transport | None = None
        self.write = write  # where its bytes go
        self.at_eof = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def eof_received(self) -> bool:
        """Pass on that this side sends no more; the other direction stays open."""
        self.at_eof = True
        self.connection.half_closed(self)
        return True

    def pause_writing(self) -> None:
        """Stop reading what would have to be written here."""
        self.connection.pause(self)

    def resume_writing(self) -> None:
        """Read on."""
        self.connection.resume(self)


class ClientEnd(End):
    """The end towards the client."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        super().connection_made(transport)
        self.connection.start()

    def data_received(self, data: bytes) -> None:
        """Pass on what the client sent."""
        connection = self.connection
        connection.session.bytes_in += len(data)
        connection.active_at = connection.clock()
        self.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        """End the session: the client is gone."""
        self.connection.lost(self, error, "CD")


class ServerEnd(End):
    """The end towards the server."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the two ends."""
        super().connection_made(transport)
        self.connection.join(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what the server sent."""
        connection = self.connection
        connection.session.bytes_out += len(data)
        connection.active_at = connection.clock()
        self.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        """End the session: the server is gone."""
        self.connection.lost(self, error, "SD")


class TcpConnection:
    """Both ends of one connection, and what happens between them besides the bytes.

    While it looks for a server a task does the waiting; once joined there is none. `close` is the only end: it gives
    back all that was reserved, whatever state the connection is in.
    """

    __slots__ = (
        "active_at", "client", "clock", "closed", "deadline", "early", "granted", "place", "route", "server",
        "services", "session", "task", "timed_out",
    )  # fmt: skip

    def __init__(self, route: Route, services: Services) -> None:
        self.route = route
        self.services = services
        self.clock = services.clock
        self.session: Session = None  # type: ignore[assignment] # set by `start`, before any byte can come
        self.early: list[bytes] = []
        self.client = ClientEnd(self, self.keep_early)
        self.server: ServerEnd | None = None
        self.place: Server | None = None  # the server on which a place is reserved
        self.granted: asyncio.Future[None] | None = None  # while it waits in the queue
        self.task: asyncio.Task[None] | None = None  # while it looks for a server
        self.timed_out = False
        self.deadline = inf  # of the attempt in hand, until joined
        self.active_at = 0.0
        self.closed = False

    # -- looking for a server ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Find a server for the client that has just been accepted."""
        now = self.active_at = self.clock()
        backend = self.route.backend
        self.session = self.services.sessions.open(self.route.frontend, backend, now)
        self.session.carrier = self
        backend.opened(now)
        self.task = self.services.keep(self.services.loop.create_task(self._establish()))

    def keep_early(self, data: bytes) -> None:
        """Keep what the client sends before its server is there."""
        self.early.append(data)
        if self.session.bytes_in > _EARLY_BYTES and self.client.transport is not None:
            self.client.transport.pause_reading()

    async def _establish(self) -> None:
        """Reserve a place on a server and connect to it; retry as `retries` and `option redispatch` say."""
        retries = self.route.backend.config.retries
        stays = False
        for retry in range(retries + 1):
            if not stays and not await self._reserve():
                return
            if await self._connect():
                self.task = None
                return
            if retry < retries:
                stays = await self._turn_around(retry + 1)
        self._count("connect_errors", self.place)
        self._give_up("SC")

    async def _turn_around(self, retry: int) -> bool:
        """Tell whether retry number `retry` stays on the same server, after the pause that this takes."""
        assert self.place is not None
        stays = not self._may_leave(self.place, retry)
        if stays:
            self._count("retries", self.place)
            self.place.counters.sessions += 1  # as HAProxy: one per attempt
        # A timeout has been a pause itself, and another server need not be waited for.
        if not self.timed_out and (stays or self.route.backend.usable <= 1):
            self.deadline = inf
            await asyncio.sleep(self.route.turn_around_s)
        return stays

    def _may_leave(self, server: Server, retry: int) -> bool:
        """Tell whether retry number `retry` may go to another server than the one that was tried last."""
        backend = self.route.backend
        interval = backend.config.redispatch
        # In turn any server is as good as another: no need to insist on this one.
        return interval is not None and (
            not server.running or backend.usable > 1 or may_redispatch(retry, backend.config.retries, interval)
        )

    async def _reserve(self) -> bool:
        """Get a place on a server, in the queue if all are full; False when there is none to be had."""
        backend, previous = self.route.backend, self.place
        self._release()
        self.place = backend.assign(avoid=previous)
        if self.place is None and not backend.usable:
            self._count("connect_errors", None)
            self._give_up("SC")
            return False
        if self.place is None and not await self._queue():
            self._give_up("sQ")
            return False
        assert self.place is not None
        if previous is not None:
            self._count("retries" if previous is self.place else "redispatches", previous)
        self.session.server = self.place
        self.place.opened(self.clock())
        return True

    async def _queue(self) -> bool:
        """Wait for a place on any server; False when `timeout queue` is over first."""
        granted = self.granted = self.services.loop.create_future()
        self.route.backend.wait(self)
        self._wait_until(self.clock() + self.route.queue_s)
        await granted
        return self.place is not None

    def grant(self, server: Server) -> None:
        """Leave the queue with a place on `server` (`state.backend.Waiter`)."""
        self.place = server
        self._leave_queue()

    def _leave_queue(self) -> None:
        """End the wait, once: its time may be over in the same moment in which a place is free."""
        self.deadline = inf
        if self.granted is not None:
            granted, self.granted = self.granted, None
            granted.set_result(None)

    async def _connect(self) -> bool:
        """Connect to the reserved server; False when it refuses or takes longer than `timeout connect`."""
        assert self.place is not None
        self.place.counters.connects += 1
        self.timed_out = False
        self._wait_until(self.clock() + self.route.connect_s)
        try:
            await open_connection(self.services.loop, self.place.line.address, self._server_end)
        except OSError:
            return False
        except asyncio.CancelledError:
            if not self.timed_out:
                raise
            return False
        return True

    def _server_end(self) -> ServerEnd:
        assert self.client.transport is not None
        return ServerEnd(self, self.client.transport.write)

    def _wait_until(self, deadline: float) -> None:
        self.deadline = deadline
        self.services.wheel.watch(self)

    def _give_up(self, cause: str) -> None:
        """Close from within the task, which must not cancel itself."""
        self.task = None
        self.close(cause)

    def _count(self, counter: str, server: Server | None) -> None:
        """Increment a counter that `server` and the backend both have."""
        for party in (server, self.route.backend):
            if party is not None:
                setattr(party.counters, counter, getattr(party.counters, counter) + 1)

    # -- joined --------------------------------------------------------------------------------------------------

    def join(self, server: ServerEnd) -> None:
        """Let the bytes flow: the server's end is connected."""
        transport, client = server.transport, self.client
        assert transport is not None
        if self.closed or self.timed_out or client.transport is None:
            transport.abort()
            return
        self.server = server
        if self.early:
            # In this order: what is written may fill the server's buffer, which stops the client again.
            client.transport.resume_reading()
            transport.writelines(self.early)
            self.early = []
        client.write = transport.write
        if client.at_eof:
            transport.write_eof()
        self.active_at = self.clock()
        self.services.wheel.watch(self)

    def other(self, end: End) -> End | None:
        """Return the end opposite to `end`."""
        return self.server if end is self.client else self.client

    def half_closed(self, end: End) -> None:
        """Pass on that `end` sends no more; finish when neither does."""
        other = self.other(end)
        if other is None or other.transport is None:
            if not self.early:
                self.close("CC")  # it has said nothing and hears nothing: no server is needed any more
            return
        if other.at_eof:
            self._finish()
        else:
            other.transport.write_eof()

    def pause(self, end: End) -> None:
        """Stop reading from the end opposite to `end`, whose peer does not take what is written."""
        other = self.other(end)
        if other is not None and other.transport is not None:
            other.transport.pause_reading()

    def resume(self, end: End) -> None:
        """Read again from the end opposite to `end`."""
        other = self.other(end)
        if other is not None and other.transport is not None and not other.transport.is_closing():
            other.transport.resume_reading()

    # -- the end -------------------------------------------------------------------------------------------------

    def expires_at(self) -> float:
        """Return when the timeout of the present phase is over."""
        return self.deadline if self.server is None else self.active_at + self.route.idle_s

    def expired(self) -> None:
        """End the phase whose timeout is over: the wait in the queue, the attempt to connect, or the session."""
        if self.granted is not None:
            self.route.backend.leave(self)
            self._leave_queue()
        elif self.task is not None:
            self.timed_out = True
            self.task.cancel()
        else:
            self.close(self.route.idle_cause)

    def lost(self, end: End, error: Exception | None, cause: str) -> None:
        """Take note that the transport of `end` is gone, with `error` when it did not say goodbye."""
        end.transport = None
        if self.closed or (end is not self.client and end is not self.server):
            return
        if error is None:
            self.session.end("--")
            self._finish()
            return
        if end is self.client:
            self._count("client_aborts", self.place)
        else:
            self._count("server_aborts", self.place)
            self._count("response_errors", self.place)
        self.close(cause)

    def _finish(self) -> None:
        """Close when what was sent has been taken; until then the timeouts go on."""
        self.active_at = self.clock()
        transports = [end.transport for end in (self.client, self.server) if end is not None]
        if self.server is None or not any(transport and transport.get_write_buffer_size() for transport in transports):
            self.close("--")
            return
        for transport in transports:
            if transport is not None:
                transport.close()  # once it is flushed, `lost` is called

    def close(self, cause: str) -> None:
        """End the session now and give back everything; only the first call does anything."""
        if self.closed:
            return
        self.closed = True
        self.session.end(cause)
        self.services.wheel.forget(self)
        if self.task is not None:
            self.task.cancel()
        self.early = []
        for end in (self.client, self.server):
            if end is not None and end.transport is not None:
                _drop(end.transport)
        backend = self.route.backend
        backend.leave(self)
        self.services.sessions.close(self.session)
        backend.current -= 1
        self._release()

    def _release(self) -> None:
        """Give back the place, if there is one."""
        if self.place is not None:
            place, self.place = self.place, None
            self.route.backend.release(place)


def _drop(transport: asyncio.Transport) -> None:
    """Close `transport`; with bytes left that nobody takes, a close would wait for ever."""
    if transport.get_write_buffer_size():
        transport.abort()
    else:
        transport.close()
