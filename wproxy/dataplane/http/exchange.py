"""One request and its response, from the moment in which the request's head is there.

    start ──▶ rules of the frontend ──▶ route ──▶ rules of the backend ──▶ Search ──▶ found: the request goes out
      └── answered by the proxy itself ──┴──────────────┘                  └── unfound: 503
    from_server ──▶ head of the response ──▶ rules ──▶ to the client ──▶ body ──▶ complete

What the client sends meanwhile waits in `_early`, up to a limit, until there is a connection.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from wproxy.config.acl.facts import SILENT, HttpFacts
from wproxy.config.http.model import Answer, Reuse, Service
from wproxy.dataplane.http import captured, outgoing
from wproxy.dataplane.http.repeating import Repeating
from wproxy.dataplane.http.search import Search
from wproxy.dataplane.http.site import first_outcome
from wproxy.dataplane.http.visit import Visit
from wproxy.dataplane.stats_desk import Desk
from wproxy.protocols.http1.bodies import Body, Chunked, Counted, Progress
from wproxy.protocols.http1.heads import CHUNKED, Fault, RequestHead
from wproxy.state.server import Server

if TYPE_CHECKING:
    from wproxy.dataplane.http.client import ClientConnection
    from wproxy.dataplane.http.server import ServerConnection

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_EARLY_BYTES = 16 * 1024  # of a body that come before there is a server


class Exchange(Repeating):
    """One request and its response; `complete`, `answer` or `abort` end it, each exactly once."""

    __slots__ = ("_body_in", "_body_until", "_then", "_visit")

    _body_in: Body | None  # of the request
    _visit: Visit | None  # of a statistics page
    _then: Callable[[], None] | None  # what is done when a body is there that is waited for, until `_body_until`

    def __init__(self, client: ClientConnection, request: RequestHead, now: float) -> None:
        super().__init__(client, request, now)
        self.bytes_in = request.size
        self._body_in = self._early = self._search = self._visit = self._pause = self._then = None
        length = request.length
        if length:
            self._body_in = Chunked() if length == CHUNKED else Counted(length)
            self.request_done = False
            # Chunks are more than HTTP/1.0 knows: what its server makes of them is not to be found out twice.
            self._server_last = length == CHUNKED and not request.minor

    # -- from the request's head to a server ---------------------------------------------------------------------

    def start(self, rest: bytes) -> None:
        """Begin with what has come behind the head; let the rules have their say, then look for a server."""
        client = self.client
        site = client.site
        if site.content_rules and self._turned_away(site.content_rules):
            return
        if rest:
            if self.request_done:
                client.keep(rest)
            else:
                self.from_client(rest)
                if self._over:
                    return
        counters = site.frontend.counters
        counters.requests += 1
        counters.request_rate.add(self.request_at)
        if site.buffers and not self.request_done:
            self._wait_for_body(self._go, site.request_s)
        else:
            self._go()

    def _wait_for_body(self, then: Callable[[], None], time_s: float) -> None:
        """Do `then` when the whole body is there, or as much of it as there is room for."""
        self._then = then
        self.awaited = True
        self._body_until = self.client.clock() + time_s
        if self.request.expects:
            self.request.remove(b"expect")
            if not self._early:
                self._write(_CONTINUE)
        self._look_at_body()

    def _look_at_body(self) -> None:
        """Go on if there is nothing more to wait for."""
        if self._then is not None and (self.request_done or self.bytes_in >= self.client.site.room):
            then, self._then = self._then, None
            self.awaited = False
            self.request_at = self.client.clock()
            then()

    def _go(self) -> None:
        """Let the frontend's rules have their say, and choose the route."""
        if self.client.site.asks and not self._ask():
            return
        route = self.route
        self.backend = route.backend
        self._counted = self.routed = True
        route.backend.opened(self.request_at)
        if route.buffers and not self.request_done:
            self._wait_for_body(self._go_on, route.buffer_s)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Let the backend's rules have their say, and look for a server."""
        route = self.route
        if route.content_rules and not self._obey(self._inspected(route.content_rules)):
            return
        if route.request_rules and not self._obey(first_outcome(route.request_rules, self.facts)):
            return
        if route.desk is not None and self._calls_at(route.desk):
            return
        self._seek()

    @property
    def facts(self) -> HttpFacts:
        """What rules may ask about this exchange."""
        if self._facts is None:
            self._facts = self.client.facts(self.request)
            self._facts.exchange = self
        return self._facts

    def _ask(self) -> bool:
        """Apply the frontend's rules and choose the route; False when that was the end."""
        site, facts = self.client.site, self.facts
        if site.captures is not None and site.captures.request is not None:
            site.captures.request(facts)
        if site.monitored:
            answer = site.monitor(facts)
            if answer is not None:
                site.frontend.counters.intercepted += 1
                facts.log_level = SILENT
                self.answer(answer)
                return False
        if site.request_rules and not self._obey(first_outcome(site.request_rules, facts)):
            return False
        if site.desk is not None and self._calls_at(site.desk):
            return False
        self.route = site.route(facts)
        facts.backend = self.route.backend
        facts.backend_name = self.route.backend.name
        return True

    def _obey(self, outcome: Answer | Service | None) -> bool:
        """Answer what rules answer; True when they let the request go on."""
        if outcome is None:
            return True
        if isinstance(outcome, Service):
            self._serves("<PROMEX>")
            outcome = self.client.site.serve(outcome, self.facts, b"")
        elif outcome.cause in ("PR", "PT"):
            self.client.site.frontend.counters.denied_requests += 1
        elif outcome.cause == "LR":
            self._intercepted()
        ties, backend = self.route.ties, self.route.backend
        # While the frontend's rules act, only a `listen` section knows its backend already.
        if ties is not None and (self._counted or backend.name == self.client.site.frontend.name):
            ties.unasked(self, denied=outcome.cause == "PR")
        if outcome.late:
            self.answer_later(outcome, self.route.tarpit_s if self.routed else self.client.site.tarpit_s)
        else:
            self.answer(outcome)
        return False

    def _serves(self, servant: str) -> None:
        """Note that a part of the proxy is the server; as in HAProxy it takes no time to reach."""
        self.servant = servant
        self.assigned_at = self.connected_at = self.responded_at = self.request_at
        self._intercepted()

    def _intercepted(self) -> None:
        """Count a request that goes no further than the frontend."""
        if not self.routed:
            self.client.site.frontend.counters.intercepted += 1

    def _calls_at(self, desk: Desk) -> bool:
        """Answer a request for a statistics page, once its form is there; False of any other request."""
        if not desk.serves(self.request.target.decode("latin-1")):
            return False
        client = self.client
        self._visit = Visit(desk, self.request, self.facts, client.clock())
        if self._early:
            self._visit.take(b"".join(self._early))
            self._early = None
            client.resume_reading()
        if self.request_done or not self._visit.expects_form:
            self._tell()
        elif self.request.expects:
            self._write(_CONTINUE)
        return True

    def _tell(self) -> None:
        """Answer what a visit asks, now or after the pause that it has earned."""
        assert self._visit is not None
        answer, delay_s = self._visit.answer()
        self._serves("<STATS>")
        if delay_s:
            self._pause = self.client.site.services.loop.call_later(delay_s, self.answer, answer)
        else:
            self.answer(answer)

    def _seek(self) -> None:
        """Look for a server, and send the request when there is an idle connection to one."""
        route, client = self.route, self.client
        backend, reuse = route.backend, route.reuse
        may_reuse = route.shares and (client.served or reuse is Reuse.ALWAYS)
        ties, key = route.ties, 0
        preferred: Server | None = None
        if ties is not None:
            preferred = ties.choose(self)
            key = ties.key(self)
        if preferred is None and client.pools is not None and (route.prefers_last or client.prefers_last):
            preferred = client.last_server(backend)
        if route.compression is not None:
            self._squeezing = route.compression.wanted(self.request)
        if preferred is None:
            place = self.place = backend.assign(None, key)
        elif not preferred.full and not preferred.queue:  # some may wait where a `minconn` has just made room
            place = self.place = preferred
            backend.take(preferred)
        else:
            place = None
        if place is not None:
            self.server = place
            self.assigned_at = self.request_at
            place.opened(self.request_at)
            connection = self.pool_of(place).take(self.known_facts) if may_reuse else None
            if connection is not None:
                place.counters.reuses += 1
                self.connected_at = self.request_at
                self.found(connection)
                return
        self._search = Search(self, self, route, client.site.services)
        self._search.begin(preferred, key, may_reuse=may_reuse)

    def found(self, connection: ServerConnection) -> None:
        """Send the request, as far as it has come (`search.Seeker`)."""
        if self.route.repeats:
            self._remember()
        if self._over or not connection.usable:  # or: its server has closed it in the turn in which it was made
            connection.pool.ended()
            connection.close()
            if not self._over:
                self._server_gone()
            return
        connection.exchange = self
        if not connection.served and (version := connection.pool.server.line.send_proxy) is not None:
            connection.write(self.client.proxy_header(version))
        connection.served += 1
        self.connection = connection
        self.session.server = connection.pool.server  # for who asks by the stats socket
        self.active_at = self.client.clock()
        head = self.request.to_bytes(self._request_end())
        if self._early:
            connection.write(b"".join([head, *self._early]))
            self._early = None
            self.client.resume_reading()
        else:
            connection.write(head)

    def _request_end(self) -> bytes:
        """Return the lines that the request gets at its end."""
        route, request = self.route, self.request
        end = outgoing.request_end(request, route)
        if route.address_lines is not None:
            facts = self._facts or self.client.known()
            end = route.address_lines(request, facts.source, facts.destination) + end
        if self.client.site.unique_field is not None:
            end = outgoing.identity(self.facts, self.client.site.unique_field) + end
        if route.name_field is not None and self.server is not None:
            request.remove(route.name_field)
            end += b"%b: %b\r\n" % (route.name_field, self.server.name.encode())
        return end

    # -- bytes from the client -----------------------------------------------------------------------------------

    def from_client(self, data: bytes) -> None:
        """Take more of the request's body, or of what is said in a tunnel."""
        connection = self.connection
        if self.tunnel:
            self.bytes_in += len(data)
            if connection is not None:
                connection.write(data)
            return
        body = self._body_in
        assert body is not None
        size = body.take(data)
        if body.progress is Progress.BROKEN:
            captured.request_body(self, data, "a body that is none", size)
            self._malformed()
            return
        self.bytes_in += size
        self._take(data if size == len(data) else data[:size])
        if body.progress is Progress.DONE:
            self.request_done = True
            if size < len(data):
                self.client.keep(data[size:])
            self._request_complete()

    def _take(self, data: bytes) -> None:
        """Pass on a part of the body, or keep it until it can be."""
        if self.connection is not None:
            self.connection.write(data)
        elif self._visit is not None:
            self._visit.take(data)
        elif self.response is None:
            self._early = [*self._early, data] if self._early else [data]
            if self._then is not None:
                self._look_at_body()
            elif self.bytes_in > _EARLY_BYTES:
                self.client.pause_reading()

    def _request_complete(self) -> None:
        self.active_at = self.client.clock()
        if self._then is not None:
            self._look_at_body()
        elif self._visit is not None:
            if self._pause is None:
                self._tell()
        elif self._answered:
            if self.connection is None:  # the server left before it had the whole request
                self.end("SD")
            self.complete()

    def _malformed(self) -> None:
        """End an exchange whose request has a body that is none."""
        if not self._counted and self._visit is None and self._then is None:  # it has come with the head
            self._over = True
            self.client.refuse(Fault(400, "a body that is none"), "PR")
            return
        self.client.site.frontend.counters.request_errors += 1
        self.end("PR" if self._then is not None else "PH" if self.response is None else "PD")
        self.keeps = False
        if self.response is None:
            self.fail(400)
        else:
            self.client.close("PD")

    def client_finished(self) -> bool:
        """Take note that the client sends no more; False closes its connection."""
        if self.tunnel:
            connection = self.connection
            if self._server_at_eof or connection is None or connection.transport is None:
                self.client.close("--")
                return False
            connection.transport.write_eof()
            return True
        if not self.request_done:
            cause = "CD" if self._then is None else "CR"
            self.awaited = False
            self.end(cause)
            self.client.close(cause)
            return False
        if self.route.abort_on_close and self.response is None:
            self._give_up()
        return not self._over

    def _give_up(self) -> None:
        """End what its client has left, as far as can be known (`option abortonclose`)."""
        for party in (self.server, self.backend):
            if party is not None:
                party.counters.client_aborts += 1
        cause = "C" + self._where()
        self.end(cause)
        self.keeps = False
        if cause == "CQ":
            self.client.close(cause)
        else:
            self.fail(400)

    def client_lost(self) -> None:
        """Give up, because nobody waits for the response any more."""
        for party in (self.server, self.backend):
            if party is not None:
                party.counters.client_aborts += 1
        self.abort("C" + self._where())

    def _where(self) -> str:
        """Return the second letter of the termination state: in which phase the exchange is."""
        search = self._search
        if self.connection is None:
            return "R" if search is None else "Q" if search.waiting else "C"
        return "H" if self.response is None else "D"

    # -- the end -------------------------------------------------------------------------------------------------

    def complete(self) -> None:
        """End an exchange whose request and response have both come to their end."""
        self.termination = self.termination or "--"
        self._settle()
        self.client.finished(keep=self.keeps)

    def abort(self, cause: str) -> None:
        """End it wherever it is; the client's connection is about to be closed."""
        self._server_keeps = False
        self.end(cause)
        self._settle()

    def _settle(self) -> None:
        """Log it, give back connection and place, and settle the books; only the first call does anything."""
        if self._over:
            return
        self._over = True
        if self._search is not None:
            self._search.close()
        if self.route.log is not None and not self._unheard:
            self.route.log.finished(self)
        if self._facts is not None:
            self._facts.ended()
        connection, place, server, backend = self.connection, self.place, self.server, self.backend
        if connection is not None:
            self.connection = self.session.server = None
            if self._server_paused and connection.transport is not None:
                connection.transport.resume_reading()
            connection.detach(self.active_at, keep=self._server_keeps)
        if self._pause is not None:
            self._pause.cancel()
        if place is not None:
            self.place = None
            backend.release(place)
        if self._counted:
            backend.current -= 1
            counters = backend.counters
            counters.bytes_in += self.bytes_in
            counters.bytes_out += self.bytes_out
        if server is not None:
            counters = server.counters
            counters.bytes_in += self.bytes_in
            counters.bytes_out += self.bytes_out
            self.measure(self.active_at)

    # -- timeouts ------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """Return when the timeout of the present phase is over."""
        if self._pause is not None:
            return inf
        search, route, client = self._search, self.route, self.client
        if search is not None and search.running:
            return search.deadline
        if self.tunnel:
            last = max(self.active_at, client.active_at)
            return last + min(route.idle.client_s, route.idle.server_s)
        if client.transport is not None and client.transport.get_write_buffer_size():
            return client.active_at + route.client_s
        if self.connection is not None and not self._answered:  # as in HAProxy, even when the client is the slow one
            return max(self.active_at, client.active_at) + route.server_s
        if self._then is not None:
            return min(self._body_until, client.active_at + route.client_s)
        return inf if self.request_done else client.active_at + route.client_s

    def expired(self) -> None:
        """End the phase whose time is over."""
        search, client = self._search, self.client
        if search is not None and search.running:
            search.expired()
        elif self.tunnel:
            client.close("cD" if self.route.idle.client_s <= self.route.idle.server_s else "sD")
        elif client.transport is not None and client.transport.get_write_buffer_size():
            client.close("cD")
        elif self.connection is None or self._answered:
            self.end("cD" if self._then is None else "cR")
            self.keeps = False
            if self.response is None:
                self.fail(408)
            else:
                client.close("cD")
        elif self.response is None:
            if not self._sent_again(self.route.retry_on.timeout):
                self.end("sH")
                self._count_error()
                self.fail(504)
        else:
            self.end("sD")
            client.close("sD")
