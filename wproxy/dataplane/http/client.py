"""A client's connection: one exchange after the other, in the order of its requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.table_data import ERROR, REQUEST
from wproxy.dataplane.carriage import describe
from wproxy.dataplane.ends import ends_of
from wproxy.dataplane.http import captured
from wproxy.dataplane.http.exchange import Exchange
from wproxy.dataplane.http.route import Pools
from wproxy.protocols.http1.heads import Fault, RequestHead
from wproxy.protocols.proxy_header import WRITERS, Ends
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.session import Carriage, Session, Standing
from wproxy.state.transaction import Transaction

if TYPE_CHECKING:
    from wproxy.dataplane.http.site import Site
    from wproxy.dataplane.reception import Arrival

_PARTING_S = 2.0  # how long an idle client is waited for when the process stops
_AHEAD_BYTES = 16 * 1024  # what a client may send ahead of the exchange in hand before its reading stops


class ClientConnection(asyncio.Protocol):
    """The end towards a client. While an exchange is under way, what the client sends goes to it."""

    __slots__ = (
        "_advancing", "_arrival", "_facts", "_head_since", "_leaves_at", "_paused", "_pending", "active_at", "at_eof",
        "clock", "exchange", "idle_since", "keeps", "pools", "prefers_last", "served", "session", "site", "transport",
        "write",
    )  # fmt: skip

    def __init__(self, site: Site, arrival: Arrival | None = None) -> None:
        """Begin; there is an `arrival` where clients pass a reception first."""
        self.site = site
        self.clock = site.services.clock
        self.transport: asyncio.Transport | None = None
        self.session: Session = None  # type: ignore[assignment] # set when the connection is made
        self.exchange: Exchange | None = None
        self.keeps = True  # it may send another request
        self.served = False  # it has had a response
        self.active_at = 0.0  # when it last sent something, or took something
        self.idle_since = 0.0  # the end of the last exchange
        self._arrival = arrival
        self._facts: HttpFacts | None = None
        self.pools: Pools | None = None  # of connections to servers that serve nobody else
        self.prefers_last = False  # its next request goes where it has such a connection
        self._pending = b""  # what has come of the next requests
        self._head_since = 0.0  # since when a head is awaited whose time is limited
        self._paused = 0  # how many reasons there are not to read
        self.at_eof = False
        self._advancing = False
        self._leaves_at = 0.0  # when it ends unless a request comes, which is its last one; 0 while there is no end

    # -- the loop's side -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self.transport = cast("asyncio.Transport", transport)
        self.write = self.transport.write
        site, arrival = self.site, self._arrival
        now = self.active_at = self.idle_since = self._head_since = self.clock()
        sessions = site.services.sessions
        self.session = arrival.session if arrival else sessions.open(site.frontend, site.default.backend, now)
        self.session.carrier = self
        self.session.by_request = True
        if site.default.log is not None:
            site.default.log.began(self.session, self.transport, arrival.ends if arrival else None)
            self.known()  # while the addresses can be asked: a line may be due when the socket is gone
        site.services.wheel.watch(self)
        if sessions.parting:
            self.leave()

    def data_received(self, data: bytes) -> None:
        """Give bytes to the exchange that waits for them, or read the next request."""
        self.session.bytes_in += len(data)
        self.active_at = self.clock()
        exchange = self.exchange
        if exchange is None:
            self._pending = self._pending + data if self._pending else data
            self._advance()
        elif exchange.request_done:
            self.keep(data)
        else:
            exchange.from_client(data)

    def eof_received(self) -> bool:
        """Finish what is under way; a client that has sent all of its request may still take the response."""
        self.at_eof = True
        exchange = self.exchange
        if exchange is None:
            if self._pending or not (self.served or self.site.ignores_probes):
                self.refuse(Fault(400, "the client left before its request was complete"), "CR")
            return False
        return exchange.client_finished()

    def connection_lost(self, error: Exception | None) -> None:
        """End everything: the client is gone."""
        self.transport = None
        exchange = self.exchange
        if exchange is not None:
            exchange.client_lost()
        self.close("CR" if self._pending else "--")

    def pause_writing(self) -> None:
        """Have the server wait while the client does not take what it is sent."""
        if self.exchange is not None:
            self.exchange.pause_server()

    def resume_writing(self) -> None:
        """Have the server go on."""
        self.active_at = self.clock()
        if self.exchange is not None:
            self.exchange.resume_server()

    # -- one exchange after the other ----------------------------------------------------------------------------

    def _advance(self) -> None:
        """Begin the next exchange, and those after it that end at once."""
        if self._advancing:
            return
        self._advancing = True
        while self._pending and self.exchange is None and self.keeps and self.transport is not None:
            data = self._pending
            head = self.site.parser.request(data)
            if head is None:
                self._head_since = self._head_since or self.active_at
                if self.at_eof:
                    self.refuse(Fault(400, "the client left before its request was complete"), "CR")
                break
            if isinstance(head, Fault):
                captured.request(self, data, head.reason)
                self.refuse(head, "PR")
                break
            self._pending = data[head.size :] if len(data) > head.size else b""
            self._begin(head)
        self._advancing = False

    def _begin(self, head: RequestHead) -> None:
        exchange = self.exchange = Exchange(self, head, self.active_at)
        self._head_since = 0.0
        self.keeps = self.keeps and not self._leaves_at
        rest, self._pending = self._pending, b""
        exchange.start(rest)

    def keep(self, data: bytes) -> None:
        """Keep what belongs to the requests after the one in hand; stop reading when it is much."""
        self._pending += data
        if len(self._pending) > _AHEAD_BYTES and not self._paused & 2:
            self._paused |= 2
            self._read_or_not()

    def own_pools(self) -> Pools:
        """Return the pools of connections to servers that serve nobody else."""
        if self.pools is None:
            self.pools = Pools(self.clock)
        return self.pools

    def last_server(self, backend: Backend) -> Server | None:
        """Return the server of `backend` to which there is a connection that serves nobody else."""
        for server, pool in (self.pools or {}).items():
            if pool.has_idle and server.usable and backend.by_name.get(server.name) is server:
                return None if backend.algorithm.keyed else server
        return None

    def proxy_header(self, version: int) -> bytes:
        """Return the PROXY header that tells a server who the client is."""
        arrival = self._arrival
        if arrival is not None:
            return WRITERS[version](arrival.ends)
        return WRITERS[version](ends_of(self.transport)) if self.transport is not None else b""

    def ahead(self) -> bytes:
        """Return what came behind the request that has opened a tunnel: it belongs to that."""
        data, self._pending = self._pending, b""
        return data

    def finished(self, *, keep: bool) -> None:
        """Take note that the exchange in hand is over; `keep` tells whether another may follow."""
        self.exchange = None
        self.served = True
        self.active_at = self.idle_since = self.clock()
        self.keeps = keep
        if not keep or (self.at_eof and not self._pending):
            self._hang_up()
            return
        if self._paused:
            self._paused = 0
            self._read_or_not()
        if self._pending:
            self._advance()

    def _hang_up(self) -> None:
        """Close when the client has taken everything."""
        self.keeps = False
        if self.transport is not None:
            self.transport.close()

    def refuse(self, fault: Fault, cause: str) -> None:
        """Answer what is no request, and end the connection."""
        site = self.site
        self.exchange = None
        if self.session.tracks is not None:
            self.session.tracks.count(REQUEST)
            self.session.tracks.count(ERROR)
        counters = site.frontend.counters
        counters.requests += 1
        counters.request_rate.add(self.active_at)
        counters.request_errors += 1
        counters.responses[4] += 1
        self._log_unread(cause, fault.status)
        answer = site.refusals[fault.status]
        self.session.bytes_out += len(answer)
        self.write(answer)
        self._pending = b""
        self._hang_up()

    def turn_away(self) -> None:
        """End the connection without a word: its request has been rejected before it counted as one."""
        self.exchange = None
        counters = self.site.frontend.counters
        counters.denied_requests += 1
        counters.responses[0] += 1
        self._log_unread("PR", -1)
        self._pending = b""
        self._hang_up()

    def _log_unread(self, cause: str, status: int) -> None:
        """End the session for `cause`, and log a request of which there is nothing to tell."""
        site = self.site
        self.session.end(cause)
        if site.default.log is not None:
            transaction = Transaction(self.session, site.default.backend, self.idle_since, self.clock())
            transaction.status = status
            transaction.end(cause)
            site.default.log.finished(transaction)

    def facts(self, head: RequestHead) -> HttpFacts:
        """Return what rules may ask, with `head` as the request in hand."""
        facts = self.known()
        facts.first = not self.served
        facts.begin(head, self.site.slots)
        return facts

    def known(self) -> HttpFacts:
        """Return what is known of the connection; made once, when it is first asked for."""
        facts = self._facts
        if facts is None:
            arrival = self._arrival
            if arrival is not None:
                facts = self.site.facts(arrival.ends, by_header=arrival.facts.by_header)
                facts.tls = arrival.facts.tls
                facts.tracks = arrival.facts.tracks
                facts.variables = arrival.facts.variables
            else:
                ends = ends_of(self.transport) if self.transport is not None else Ends()
                facts = self.site.facts(ends, by_header=False)
            self._facts = facts
        return facts

    # -- reading or not ------------------------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Stop reading, because the server does not take what is sent."""
        self._paused |= 1
        self._read_or_not()

    def resume_reading(self) -> None:
        """Read again."""
        self._paused &= ~1
        self._read_or_not()

    def _read_or_not(self) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if self._paused and transport.is_reading():
            transport.pause_reading()
        elif not self._paused and not transport.is_reading():
            transport.resume_reading()

    # -- timeouts ------------------------------------------------------------------------------------------------

    def expires_at(self) -> float:
        """Return when to look again: its timeout, or earlier, because the next phase may have a shorter one."""
        return min(self.deadline(), self.clock() + self.site.shortest_s)

    def deadline(self) -> float:
        """Return when the timeout of the present phase is over."""
        exchange, site = self.exchange, self.site
        if exchange is not None:
            return exchange.deadline()
        if not self.keeps:
            return self.active_at + site.client_s
        deadline = self._head_since + site.request_s if self._head_since else self.idle_since + site.keep_alive_s
        return min(deadline, self._leaves_at) if self._leaves_at and not self._pending else deadline

    def expired(self) -> None:
        """Do what follows when a timeout is over; look again later when none is."""
        if self.deadline() > self.clock():
            self.site.services.wheel.watch(self)
        elif self.exchange is not None:
            self.exchange.expired()
            if self.session.carrier is self:
                self.site.services.wheel.watch(self)
        elif self.keeps and self._head_since and (self._pending or not (self._leaves_at or self.site.ignores_probes)):
            self.refuse(Fault(408, "the request took too long"), "cR")
            self.site.services.wheel.watch(self)
        else:
            self.close("--" if self.keeps else "cD")

    # -- asked by the stats socket (`state.session.Carrier`) -----------------------------------------------------

    def carriage(self) -> Carriage:
        """Describe the connection."""
        exchange = self.exchange
        server = None if exchange is None or exchange.connection is None else exchange.connection.transport
        phase = "EST" if server is not None else "INI"
        return describe(self.transport, server, phase, self.deadline(), self.clock())

    def standing(self) -> Standing | None:
        """Return None: its next request may go to another server anyway."""
        return None

    def owes_answer(self) -> bool:
        """Tell whether a request waits for its response."""
        return self.exchange is not None

    def kill(self) -> None:
        """End the connection because an administrator says so."""
        self.close("K-")

    def leave(self) -> None:
        """End after the request in hand or the next one, whose response says so, because the process stops.

        A client that is idle may be about to send: closed at once, it could not tell whether its request was served.
        """
        self._leaves_at = self.clock() + _PARTING_S
        if self.exchange is not None:
            self.keeps = False
        else:
            self.site.services.wheel.watch(self)

    # -- the end -------------------------------------------------------------------------------------------------

    def close(self, cause: str) -> None:
        """End the connection now and give back everything; only the first call does anything."""
        session = self.session
        if session.carrier is not self:
            return
        self.keeps = False
        exchange = self.exchange
        if exchange is not None:
            self.exchange = None
            exchange.abort(cause)
        session.end(cause)
        self.site.services.wheel.forget(self)
        if self.transport is not None:
            self.transport.abort() if self.transport.get_write_buffer_size() else self.transport.close()
        if self.pools is not None:
            self.pools.close()
        self.site.services.sessions.close(session)
