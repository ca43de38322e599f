"""Finds a server with room for one exchange, and a connection to it: an idle one, or a new one with all its retries."""

from __future__ import annotations

import asyncio
from functools import partial
from math import inf
from typing import Protocol

from wproxy.config.acl.facts import HttpFacts
from wproxy.dataplane.connector import open_connection, secure_to
from wproxy.dataplane.http.pool import Pool
from wproxy.dataplane.http.route import HttpRoute
from wproxy.dataplane.http.server import ServerConnection
from wproxy.dataplane.services import Services
from wproxy.dataplane.tls import WrongNameError
from wproxy.policy.retry import may_redispatch
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.transaction import Transaction


class Seeker(Protocol):
    """Who is told what became of the search."""

    def found(self, connection: ServerConnection) -> None:
        """Go on with `connection`, on which a place is reserved."""

    def pool_of(self, server: Server) -> Pool:
        """Return the pool in which connections to `server` are that may be used."""

    def known_facts(self) -> HttpFacts:
        """Return what may be asked about the client, for the name that a server is told."""

    def unbound(self) -> None:
        """Take note that any server will do from now on."""

    def unfound(self, cause: str) -> None:
        """Give up, for `cause` (the termination state)."""


class Search:
    """One exchange's way to a server where none is there at once; the place is in the record, which the exchange owns.

    A task waits in the queue, connects and retries, as `retries` and `option redispatch` say; `close` ends it in any
    state.
    """

    __slots__ = (
        "_connecting", "_hopeless", "_key", "_leaves", "_made", "_may_reuse", "_record", "_route", "_seeker",
        "_services", "_stuck", "_task", "_waits_in", "deadline", "granted", "timed_out",
    )  # fmt: skip

    def __init__(self, seeker: Seeker, record: Transaction, route: HttpRoute, services: Services) -> None:
        self._seeker = seeker
        self._record = record
        self._route = route
        self._services = services
        self._key = 0
        self._stuck = False
        self._leaves = False  # the server that has the place
        self._may_reuse = False
        self._task: asyncio.Task[None] | None = None
        self._connecting = False
        self._hopeless = False  # the last attempt: no other one would fare better
        self._made: ServerConnection | None = None  # by the attempt to connect in hand
        self._waits_in: Server | Backend = route.backend
        self.granted: asyncio.Future[bool] | None = None  # while it waits in a queue
        self.timed_out = False
        self.deadline = inf

    @property
    def waiting(self) -> bool:
        """Whether it waits in a queue."""
        return self.granted is not None

    @property
    def running(self) -> bool:
        """Whether it is still under way."""
        return self._task is not None

    def begin(self, preferred: Server | None, key: int, *, may_reuse: bool) -> None:
        """Begin: the record's place, if it has one, is a server to which there is no idle connection.

        `preferred` is the server that the client is bound to, `key` what a keyed algorithm goes by.
        """
        self._key, self._may_reuse = key, may_reuse
        self._stuck = preferred is not None
        self._task = self._services.loop.create_task(self._establish(preferred))

    def again(self, key: int, *, stuck: bool, may_reuse: bool, doubtful: bool) -> None:
        """Begin once more: the server on which the record has its place has had the request, and failed it.

        Counted as HAProxy does: a retry for the failure, and one more where the server stays the same. There is no
        pause before it. Where the connection's end was `doubtful`, idle ones to that server may be no better.
        """
        self._key, self._stuck = key, stuck
        record = self._record
        place = record.place
        assert place is not None
        record.retries += 1
        self._count("retries", place)
        self._leaves = self._may_leave(place, record.retries)
        self._may_reuse = may_reuse and (self._leaves or not doubtful)
        if not self._leaves:
            self._count("retries", place)
            place.counters.sessions += 1
        self._task = self._services.loop.create_task(self._establish(None))

    async def _establish(self, preferred: Server | None) -> None:
        """Reserve a place, unless there is one, and connect; retry as `retries` and `option redispatch` say."""
        retries = self._route.backend.config.retries
        stays = self._record.place is not None and not self._leaves
        fault = ""  # of the first attempt, which decides what is logged
        for retry in range(self._record.retries, retries + 1):
            if not stays and not await self._reserve(preferred if not retry else None):
                return
            connection = await self._connect()
            if connection is not None:
                self._task = None
                self._record.connected_at = self._services.clock()
                self._seeker.found(connection)
                return
            fault = fault or ("s" if self.timed_out else "S")
            if self._hopeless:
                self._record.retries = retries  # as HAProxy has it in the log
                break
            if not self._route.retry_on.connect:
                break
            if retry < retries:
                self._record.retries = retry + 1
                stays = await self._turn_around(retry + 1)
        self._count("connect_errors", self._record.place)
        self._give_up(fault + "C")

    async def _turn_around(self, retry: int) -> bool:
        """Tell whether retry number `retry` stays on the same server, after the pause that this takes."""
        place = self._record.place
        assert place is not None
        stays = not self._may_leave(place, retry)
        if stays:
            self._count("retries", place)
            place.counters.sessions += 1  # as HAProxy: one per attempt
        # A timeout has been a pause itself, and another server need not be waited for.
        if not self.timed_out and (stays or self._route.backend.active <= 1):
            self.deadline = inf
            await asyncio.sleep(self._route.turn_around_s)
        return stays

    def _may_leave(self, server: Server, retry: int) -> bool:
        """Tell whether retry number `retry` may go to another server than the one that was tried last."""
        backend = self._route.backend
        interval = backend.config.redispatch
        any_will_do = not backend.algorithm.keyed and backend.active > 1 and not self._stuck
        return interval is not None and (
            not server.running or any_will_do or may_redispatch(retry, backend.config.retries, interval)
        )

    async def _reserve(self, preferred: Server | None) -> bool:
        """Get a place on a server, in the queue if all are full; False when there is none to be had."""
        backend, record = self._route.backend, self._record
        previous = record.place
        if previous is not None:
            record.place = None
            self._stuck = False
            self._seeker.unbound()
            backend.release(previous)
        if preferred is None:
            record.place = backend.assign(previous, self._key)
        if record.place is None:
            cause = await self._queue(previous, preferred)
            if cause:
                self._give_up(cause)
                return False
        place = record.place
        assert place is not None
        if previous is not None:
            self._count("retries" if previous is place else "redispatches", previous)
            record.redispatched |= previous is not place
        now = record.assigned_at = self._services.clock()
        record.server = place
        place.opened(now)
        return True

    async def _queue(self, avoid: Server | None, preferred: Server | None) -> str:
        """Wait for a place; return why there is none: no server, too many who wait, or `timeout queue` was first."""
        backend, record = self._route.backend, self._record
        until = self._services.clock() + self._route.queue_s
        while True:
            server = record.server = preferred or backend.to_wait_for(avoid, self._key)
            cause = await self._wait_for(server, until)
            if cause:
                self._count("connect_errors", server)
                return cause
            if record.place is not None:
                return ""
            preferred = None  # sent away: the server waited for serves no more
            record.place = backend.assign(avoid, self._key)
            if record.place is not None:
                return ""

    async def _wait_for(self, server: Server | None, until: float) -> str:
        """Wait in the queue of `server` or of the backend until called; return why that was not to be."""
        backend = self._route.backend
        if not backend.usable and server is None:
            return "SC"
        if server is not None and server.queue_full:
            return "SQ"
        granted = self.granted = self._services.loop.create_future()
        line = server or backend
        self._record.queued(line is server, -line.served)  # until it leaves, when those served by then are added
        self._waits_in = line
        backend.wait(self, server, self._key)
        self._wait_until(until)
        return "" if await granted else "sQ"

    def grant(self, server: Server | None) -> None:
        """Leave the queue with a place on `server`, or to ask again (`state.queue.Waiter`)."""
        self._record.place = server
        self._leave_queue(granted=True)

    def _leave_queue(self, *, granted: bool) -> None:
        """End the wait, once: its time may be over in the same moment in which a place is free."""
        self.deadline = inf
        if self.granted is not None:
            future, self.granted = self.granted, None
            # Who leaves without a server counts itself, as who gets one does.
            served = self._waits_in.served + (self._record.place is None)
            self._record.queued(self._waits_in is not self._route.backend, served)
            self._record.assigned_at = self._services.clock()
            future.set_result(granted)

    async def _connect(self) -> ServerConnection | None:
        """Connect to the reserved server; None when it refuses or takes longer than `timeout connect`."""
        place = self._record.place
        assert place is not None
        pool = self._seeker.pool_of(place)
        if self._may_reuse and (idle := pool.take(self._seeker.known_facts)) is not None:
            place.counters.reuses += 1
            return idle
        place.counters.connects += 1
        self.timed_out = False
        self._hopeless = False
        self._made = None
        self._wait_until(self._services.clock() + self._route.connect_s)
        self._connecting = True
        try:
            facts = self._seeker.known_facts() if place.line.tls is not None else None
            secure = secure_to(place, self._services, facts)
            made = partial(self._made_for, pool)
            connection = await open_connection(self._services.loop, place, made, secure)
        except OSError as error:
            self._hopeless = isinstance(error, WrongNameError) and not error.retried
            return None
        except asyncio.CancelledError:
            if not self.timed_out:
                raise
            return None
        finally:
            self._connecting = False
            self.deadline = inf
            if self.timed_out:
                self._drop()
        connection.sni = None if secure is None else secure.sni
        pool.began()
        return connection

    def _made_for(self, pool: Pool) -> ServerConnection:
        self._made = ServerConnection(pool)
        return self._made

    def _drop(self) -> None:
        """Close a connection that was made in the moment in which nobody wanted it any more."""
        if self._made is not None:
            self._made.close()

    def _wait_until(self, deadline: float) -> None:
        self.deadline = deadline

    def _give_up(self, cause: str) -> None:
        self._task = None
        self._seeker.unfound(cause)

    def _count(self, counter: str, server: Server | None) -> None:
        """Increment a counter that `server` and the backend both have."""
        for party in (server, self._route.backend):
            if party is not None:
                setattr(party.counters, counter, getattr(party.counters, counter) + 1)

    def expired(self) -> None:
        """End the phase whose time is over: the wait in the queue, or the attempt to connect."""
        self.deadline = inf  # what follows takes a turn of the loop
        if self.granted is not None:
            self._route.backend.leave(self)
            self._leave_queue(granted=False)
        elif self._connecting and self._task is not None:
            self.timed_out = True
            self._task.cancel()

    def close(self) -> None:
        """End the search wherever it is; the place is the exchange's to give back."""
        if self.granted is not None:
            self._route.backend.leave(self)
            self._leave_queue(granted=False)
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._drop()
