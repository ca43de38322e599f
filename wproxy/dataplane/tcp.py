"""mode tcp: one client connection, from accept to close.

    client ──▶ ClientEnd ──write──▶ server's transport ──▶ server
    client ◀── client's transport ◀──write── ServerEnd ◀── server
                     └── TcpConnection: places, connects, times out, closes ──┘

Bytes go straight from one end's `data_received` to the other transport, which tries to write them at once and keeps the
rest. A transport whose buffer is full stops the other end's reading. What a client sends before its server is there
waits in `TcpConnection.early`.
"""

from __future__ import annotations

import asyncio
from math import inf

from wproxy.dataplane.carriage import describe, owes_answer
from wproxy.dataplane.connector import open_connection, secure_to
from wproxy.dataplane.ends import ends_of, peer_of
from wproxy.dataplane.keepalive import keep_alive
from wproxy.dataplane.reception import Arrival
from wproxy.dataplane.relay import ClientEnd, End, ServerEnd
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.dataplane.tls import WrongNameError
from wproxy.policy.balance import source_key
from wproxy.policy.retry import may_redispatch
from wproxy.protocols.proxy_header import WRITERS
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.session import Carriage, Session, Standing

_EARLY_BYTES = 64 * 1024  # what a client may send ahead of its server before its reading stops


class TcpConnection:
    """Both ends of one connection, and what happens between them besides the bytes.

    While it looks for a server a task does the waiting; once joined there is none. `close` is the only end: it gives
    back all that was reserved, whatever state the connection is in.
    """

    __slots__ = (
        "active_at", "arrival", "client", "clock", "closed", "deadline", "early", "granted", "hopeless", "place",
        "route", "server", "services", "session", "stuck", "task", "timed_out", "waits_in",
    )  # fmt: skip

    def __init__(self, route: Route, services: Services, arrival: Arrival | None = None) -> None:
        """Begin a connection; there is an `arrival` where clients pass a reception first."""
        self.route = route
        self.services = services
        self.clock = services.clock
        self.arrival = arrival
        self.session: Session = None  # type: ignore[assignment] # set by `start`, before any byte can come
        self.stuck = False  # on the server that a rule or a stick table named
        self.early: list[bytes] = []
        self.client = ClientEnd(self, self.keep_early)
        self.server: ServerEnd | None = None
        self.place: Server | None = None  # the server on which a place is reserved
        self.granted: asyncio.Future[bool] | None = None  # while it waits in the queue
        self.waits_in: Server | Backend = route.backend  # whose queue that is
        self.task: asyncio.Task[None] | None = None  # while it looks for a server
        self.timed_out = self.hopeless = False  # the last attempt: too late, and no other one would fare better
        self.deadline = inf  # of the attempt in hand, until joined
        self.active_at = 0.0
        self.closed = False

    # -- looking for a server ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Find a server for the client that has just been accepted."""
        now = self.active_at = self.clock()
        backend = self.route.backend
        arrival = self.arrival
        self.session = arrival.session if arrival else self.services.sessions.open(self.route.frontend, backend, now)
        self.session.carrier = self
        backend.opened(now)
        if self.route.log is not None:
            self.route.log.began(self.session, self.client.transport, arrival.ends if arrival else None)
        self.task = self.services.loop.create_task(self._establish())

    def keep_early(self, data: bytes) -> None:
        """Keep what the client sends before its server is there."""
        self.early.append(data)
        if self.session.bytes_in > _EARLY_BYTES and self.client.transport is not None:
            self.client.transport.pause_reading()

    async def _establish(self) -> None:
        """Reserve a place on a server and connect to it; retry as `retries` and `option redispatch` say."""
        retries = self.route.backend.config.retries
        stays = False
        fault = ""  # of the first attempt, which decides what is logged
        for retry in range(retries + 1):
            if not stays and not await self._reserve():
                return
            if await self._connect():
                self.task = None
                return
            fault = fault or ("s" if self.timed_out else "S")
            if self.hopeless:
                self.session.retries = retries  # as HAProxy has it in the log
                break
            if retry < retries:
                self.session.retries = retry + 1
                stays = await self._turn_around(retry + 1)
        self._count("connect_errors", self.place)
        self._give_up(self._first_cause(fault) + "C")

    async def _turn_around(self, retry: int) -> bool:
        """Tell whether retry number `retry` stays on the same server, after the pause that this takes."""
        assert self.place is not None
        stays = not self._may_leave(self.place, retry)
        if stays:
            self._count("retries", self.place)
            self.place.counters.sessions += 1  # as HAProxy: one per attempt
        # A timeout has been a pause itself, and another server need not be waited for.
        backend = self.route.backend
        if not self.timed_out and (stays or backend.active <= 1):
            self.deadline = inf
            await asyncio.sleep(self.route.turn_around_s)
        return stays

    def _may_leave(self, server: Server, retry: int) -> bool:
        """Tell whether retry number `retry` may go to another server than the one that was tried last."""
        backend = self.route.backend
        interval = backend.config.redispatch
        # Without a key any server is as good as another: no need to insist on this one.
        any_will_do = not backend.algorithm.keyed and backend.active > 1 and not self.stuck
        return interval is not None and (
            not server.running or any_will_do or may_redispatch(retry, backend.config.retries, interval)
        )

    async def _reserve(self) -> bool:
        """Get a place on a server, in the queue if all are full; False when there is none to be had."""
        backend, previous = self.route.backend, self.place
        self._release()
        key = self._key() if backend.algorithm.keyed else 0
        bound = self._bound(previous)
        if bound is None:
            self.place = backend.assign(previous, key)
        elif not bound.full and not bound.queue:
            backend.take(bound)
            self.place = bound
        if self.place is None:
            cause = await self._queue(previous, key, bound)
            if cause:
                self._give_up(cause)
                return False
        assert self.place is not None
        if previous is not None:
            self._count("retries" if previous is self.place else "redispatches", previous)
            self.session.redispatched |= previous is not self.place
        now = self.session.assigned_at = self.clock()
        self.session.server = self.place
        self.session.placed = True
        self.place.opened(now)
        return True

    def _bound(self, previous: Server | None) -> Server | None:
        """Return the server that a rule or a table binds the client to; None when any will do."""
        stickiness, arrival = self.route.stickiness, self.arrival
        bound = stickiness.bound_to(arrival.facts) if stickiness and arrival and previous is None else None
        self.stuck = bound is not None
        return bound

    def _key(self) -> int:
        """Return what a keyed algorithm goes by: the client's address."""
        if self.arrival is not None:
            source = self.arrival.ends.source
            return 0 if source is None else source_key(source.host)
        assert self.client.transport is not None
        peer = peer_of(self.client.transport)
        return source_key(peer[0]) if peer is not None else 0

    async def _queue(self, avoid: Server | None, key: int, bound: Server | None) -> str:
        """Wait for a place; return why there is none: no server, too many who wait, or `timeout queue` was first."""
        backend, cause = self.route.backend, ""
        until = self.clock() + self.route.queue_s
        while self.place is None and not cause:
            server = self.session.server = bound or backend.to_wait_for(avoid, key)
            cause = await self._wait_for(server, key, until)
            if cause:
                self._count("connect_errors", server)
            elif self.place is None:  # sent away: the server waited for serves no more
                bound, self.stuck = None, False
                self.place = backend.assign(avoid, key)
        return cause

    async def _wait_for(self, server: Server | None, key: int, until: float) -> str:
        """Wait in the queue of `server` or of the backend until called; return why that was not to be."""
        backend = self.route.backend
        if not backend.usable and server is None:
            return "SC"
        if server is not None and server.queue_full:
            return "SQ"
        granted = self.granted = self.services.loop.create_future()
        line = server or backend
        self.session.queued(line is server, -line.served)  # until it leaves, when those served by then are added
        self.waits_in = line
        backend.wait(self, server, key)
        self._wait_until(until)
        return "" if await granted else self._first_cause("s") + "Q"

    def grant(self, server: Server | None) -> None:
        """Leave the queue with a place on `server`, or to ask again (`state.queue.Waiter`)."""
        self.place = server
        self._leave_queue(granted=True)

    def _leave_queue(self, *, granted: bool) -> None:
        """End the wait, once: its time may be over in the same moment in which a place is free."""
        self.deadline = inf
        if self.granted is not None:
            future, self.granted = self.granted, None
            # Who leaves without a server counts itself, as who gets one does.
            self.session.queued(self.waits_in is not self.route.backend, self.waits_in.served + (self.place is None))
            self.session.assigned_at = self.clock()
            future.set_result(granted)

    async def _connect(self) -> bool:
        """Connect to the reserved server; False when it refuses or takes longer than `timeout connect`."""
        assert self.place is not None
        self.place.counters.connects += 1
        self.timed_out = False
        self._wait_until(self.clock() + self.route.connect_s)
        try:
            facts = None if self.arrival is None else self.arrival.facts
            secure = secure_to(self.place, self.services, facts, self._header)
            await open_connection(self.services.loop, self.place, self._server_end, secure)
        except OSError as error:
            self.hopeless = isinstance(error, WrongNameError) and not error.retried
            return False
        except asyncio.CancelledError:
            if not self.timed_out:
                raise
            return False
        return True

    def _header(self, place: Server) -> bytes:
        """Return the PROXY header that the connection to `place` begins with, if it does."""
        version, client = place.line.send_proxy, self.client.transport
        if version is None or client is None:
            return b""
        return WRITERS[version](self.arrival.ends if self.arrival else ends_of(client))

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

    def _first_cause(self, otherwise: str) -> str:
        """Return who was late first: the client's time, over meanwhile, ends nothing but is told, as by HAProxy."""
        over = not self.client.at_eof and self.active_at + self.route.client_s <= self.clock()
        return "c" if over else otherwise

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
        if self.route.keepalive is not None:
            keep_alive(transport.get_extra_info("socket"), self.route.keepalive)
        if self.route.stickiness is not None and self.arrival is not None and self.place is not None:
            self.route.stickiness.store(self.arrival.facts, self.place)
        if self.place is not None and self.place.line.send_proxy is not None and self.place.line.tls is None:
            transport.write(self._header(self.place))
        if self.arrival is not None:
            self.arrival.facts.contents = None  # nothing asks about them any more
        if self.early:
            # In this order: what is written may fill the server's buffer, which stops the client again.
            client.transport.resume_reading()
            transport.writelines(self.early)
            self.early = []
        client.write = transport.write
        if client.at_eof:
            transport.write_eof()
        self.active_at = self.session.connected_at = self.clock()
        self.services.wheel.watch(self)
        if self.route.log is not None:
            self.route.log.connected(self.session)

    def other(self, end: End) -> End | None:
        """Return the end opposite to `end`."""
        return self.server if end is self.client else self.client

    def half_closed(self, end: End) -> None:
        """Pass on that `end` sends no more; finish when neither does."""
        other = self.other(end)
        if other is None or other.transport is None:
            if not self.early:
                self.close(
                    "CC" if self.granted is None else "CQ"
                )  # it has said nothing and hears nothing: no server is needed any more
            return
        if other.at_eof:
            self._finish()
            return
        other.transport.write_eof()
        if self.route.idle.fin:
            self.active_at = self.clock()
            self.services.wheel.watch(self)

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

    # -- asked by the stats socket (`state.session.Carrier`) -----------------------------------------------------

    def carriage(self) -> Carriage:
        """Describe both ends."""
        server = None if self.server is None else self.server.transport
        phase = "QUE" if self.granted is not None else "CON" if server is None else "EST"
        return describe(self.client.transport, server, phase, self.expires_at(), self.clock())

    def standing(self) -> Standing | None:
        """Return how it stands between its ends; None while it has no server."""
        client, server = self.client, self.server
        if server is None or self.place is None:
            return None
        busy = client.at_eof or server.at_eof or _unsent(client) > 0 or _unsent(server) > 0
        return Standing(self.active_at, busy, self._home(self.place))

    def owes_answer(self) -> bool:
        """Tell whether the server has still to answer."""
        return self.server is not None and owes_answer(self.server.transport)

    def _home(self, place: Server) -> Server | None:
        """Return where its client would be sent now if it came back, whatever the weights; None for anywhere."""
        route, home = self.route, None
        if route.stickiness is not None and self.arrival is not None:
            home = route.stickiness.expected(self.arrival.facts)
        if home is None and route.backend.algorithm.keyed:
            home = route.backend.meant_for(self._key()) or place
        # A full server has no room for it: let it stay.
        return place if home is not None and home.full else home

    def kill(self) -> None:
        """End the session because an administrator says so."""
        self.close("KQ" if self.granted is not None else "KC" if self.server is None else "K-")

    # -- the end -------------------------------------------------------------------------------------------------

    def expires_at(self) -> float:
        """Return when the timeout of the present phase is over."""
        if self.granted is not None and not self.early:
            return min(self.deadline, self.active_at + self.route.client_s)
        if self.server is None:
            return self.deadline
        # A side that owes nothing now is looked at again one timeout later.
        now = self.clock()
        return min(
            (self.active_at if _owes(self.client) else now) + self._patience_s(self.client),
            (self.active_at if _owes(self.server) else now) + self._patience_s(self.server),
        )

    def _patience_s(self, end: End) -> float:
        """Return how long `end` may be silent."""
        idle = self.route.idle
        if end is self.client:
            return idle.client_fin_s if self.server is not None and self.server.at_eof else idle.client_s
        return idle.server_fin_s if self.client.at_eof else idle.server_s

    def expired(self) -> None:
        """End the phase whose timeout is over: the wait in the queue, the attempt to connect, or the session."""
        if self.granted is not None and self.deadline > self.clock():
            self.close("cQ")
        elif self.granted is not None:
            self.route.backend.leave(self)
            self._leave_queue(granted=False)
        elif self.task is not None:
            self.timed_out = True
            self.task.cancel()
        else:
            self._idled()

    def _idled(self) -> None:
        """End what the silent side began: as HAProxy, only its own direction if it merely sends nothing."""
        assert self.server is not None
        late = [end for end in (self.client, self.server) if self._is_late(end)]
        if not late:
            self.services.wheel.watch(self)
            return
        silent = min(late, key=self._patience_s)
        other = self.other(silent)
        cause = "cD" if silent is self.client else "sD"
        if len(late) > 1 or _unsent(silent) or other is None or other.at_eof:
            self.close(cause)
            return
        self.session.end(cause)
        silent.at_eof = True
        if silent.transport is not None:
            silent.transport.pause_reading()
        self.half_closed(silent)
        self.services.wheel.watch(self)

    def _is_late(self, end: End) -> bool:
        return _owes(end) and self.active_at + self._patience_s(end) <= self.clock()

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
        if self.server is None or not (_unsent(self.client) or _unsent(self.server)):
            self.close("--")
            return
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.close()  # once it is flushed, `lost` is called

    def close(self, cause: str) -> None:
        """End the session now and give back everything; only the first call does anything."""
        if self.closed:
            return
        self.closed = True
        self.session.end(cause)
        if self.granted is not None:
            self.route.backend.leave(self)
            self._leave_queue(granted=False)
            if cause == "cQ":
                self.session.assigned_at = None  # as in HAProxy's log, which tells the wait of all others who leave
        self.services.wheel.forget(self)
        if self.task is not None:
            self.task.cancel()
        self.early = []
        for end in (self.client, self.server):
            if end is not None and end.transport is not None:
                _drop(end.transport)
        backend = self.route.backend
        if self.route.log is not None:
            self.route.log.ended(self.session)
        self.session.measure(self.clock())
        self.services.sessions.close(self.session)
        self._release()  # first, as HAProxy: limits that follow the load still count this session
        backend.current -= 1

    def _release(self) -> None:
        """Give back the place, if there is one."""
        if self.place is not None:
            place, self.place = self.place, None
            self.session.placed = False
            self.route.backend.release(place)


def _unsent(end: End) -> int:
    """Return how many bytes the peer of `end` has still to take."""
    return 0 if end.transport is None else end.transport.get_write_buffer_size()


def _owes(end: End) -> bool:
    """Tell whether something is awaited from the peer of `end`: that it sends, or that it takes what was written."""
    return (not end.at_eof and end.transport is not None and end.transport.is_reading()) or _unsent(end) > 0


def _drop(transport: asyncio.Transport) -> None:
    """Close `transport`; with bytes left that nobody takes, a close would wait for ever."""
    if transport.get_write_buffer_size():
        transport.abort()
    else:
        transport.close()
