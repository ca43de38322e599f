"""One request and its response, from the moment in which the request's head is there.

    start ──▶ rules of the frontend ──▶ route ──▶ rules of the backend ──▶ Search ──▶ found: the request goes out
      └── answered by the proxy itself ──┴──────────────┘                  └── unfound: 503
    from_server ──▶ head of the response ──▶ rules ──▶ to the client ──▶ body ──▶ complete

What the client sends meanwhile waits in `_early`, up to a limit, until there is a connection. Both bodies are passed on as they are.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.model import Answer, Closing, Reuse, Service
from wproxy.dataplane.http import outgoing
from wproxy.dataplane.http.search import Search
from wproxy.dataplane.http.site import first_outcome
from wproxy.policy.balance.source import folded
from wproxy.protocols.http1.bodies import Body, Chunked, Counted, Progress, UntilClose
from wproxy.protocols.http1.heads import CHUNKED, Fault, RequestHead, ResponseHead
from wproxy.state.server import Server
from wproxy.state.transaction import Transaction

if TYPE_CHECKING:
    from wproxy.dataplane.http.client import ClientConnection
    from wproxy.dataplane.http.route import HttpRoute
    from wproxy.dataplane.http.server import ServerConnection

_EARLY_BYTES = 16 * 1024  # of a body that come before there is a server


class Exchange(Transaction):
    """One request and its response; `complete`, `_answer` or `abort` end it, each exactly once."""

    __slots__ = (
        "_body", "_early", "_facts", "_held", "_over", "_reused", "_search", "_server_keeps", "active_at", "client",
        "connection", "keeps", "request", "request_done", "response", "response_body", "route", "tunnel",
    )  # fmt: skip

    def __init__(self, client: ClientConnection, request: RequestHead, now: float) -> None:
        super().__init__(client.session, client.site.default.backend, client.idle_since, now)
        self.client = client
        self.request = request
        self.route: HttpRoute = client.site.default
        self.response: ResponseHead | None = None
        self.response_body: Body | None = None
        self.connection: ServerConnection | None = None
        self.keeps = not request.closes  # the client may send another request
        self.tunnel = False
        self.active_at = now  # when the server last sent something, or got something to do
        length = request.length
        self._body: Body | None = None if not length else Chunked() if length == CHUNKED else Counted(length)
        self.request_done = self._body is None
        self._early: list[bytes] = []
        self._held = b""  # the beginning of the response's head
        self._facts: HttpFacts | None = None
        self._search: Search | None = None
        self._reused = False
        self._server_keeps = False
        self._over = False

    # -- from the request's head to a server ---------------------------------------------------------------------

    def start(self, rest: bytes) -> None:
        """Begin with what has come behind the head; let the rules have their say, then look for a server."""
        client = self.client
        site = client.site
        counters = site.frontend.counters
        counters.requests += 1
        counters.request_rate.add(self.request_at)
        if rest:
            if self.request_done:
                client.keep(rest)
            else:
                self.from_client(rest)
                if self._over:
                    return
        if site.asks and not self._ask():
            return
        route = self.route
        self.backend = route.backend
        self.session.backend = route.backend
        route.backend.opened(self.request_at)
        if route.request_rules and not self._obey(first_outcome(route.request_rules, self.facts)):
            return
        self._seek()

    @property
    def facts(self) -> HttpFacts:
        """What rules may ask about this exchange."""
        if self._facts is None:
            self._facts = self.client.facts(self.request)
        return self._facts

    def _ask(self) -> bool:
        """Apply the frontend's rules and choose the route; False when that was the end."""
        site, facts = self.client.site, self.facts
        answer = site.monitor(facts)
        if answer is not None:
            self._answer(answer)
            return False
        if not self._obey(first_outcome(site.request_rules, facts)):
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
            outcome = self.client.site.serve(outcome, self.facts, b"")
        elif outcome.cause == "PR":
            self.client.site.frontend.counters.denied_requests += 1
        self._answer(outcome)
        return False

    def _seek(self) -> None:
        """Look for a server, and send the request when there is one at once."""
        route, client = self.route, self.client
        backend = route.backend
        search = self._search = Search(self, self, route, client.site.services)
        reuse = route.reuse
        may_reuse = (
            reuse is Reuse.ALWAYS or (client.idle_since != self.session.accepted_at and reuse is not Reuse.NEVER)
        ) and route.closing is Closing.KEEP_ALIVE
        preferred = self._preferred() if route.stickiness is not None else None
        connection = search.begin(preferred, self._key() if backend.algorithm.keyed else 0, may_reuse)
        if connection is not None:
            self._reused = True
            self.found(connection)

    def _preferred(self) -> Server | None:
        stickiness = self.route.stickiness
        return None if stickiness is None else stickiness.server_of(self.facts)

    def _key(self) -> int:
        """Return what a keyed algorithm goes by: the client's address."""
        source = self.facts.source
        return 0 if source is None else folded(source)

    def found(self, connection: ServerConnection) -> None:
        """Send the request, as far as it has come (`search.Seeker`)."""
        if self._over:
            connection.pool.ended()
            connection.close()
            return
        connection.exchange = self
        connection.served += 1
        self.connection = connection
        self.active_at = self.client.clock()
        head = outgoing.request(self.request, self.route, self.client)
        if self._early:
            early, self._early = self._early, []
            connection.write(b"".join([head, *early]))
            self.client.resume_reading()
        else:
            connection.write(head)

    def unfound(self, cause: str) -> None:
        """Tell the client that there is no server (`search.Seeker`)."""
        self.end(cause)
        self._fail(503)

    # -- bytes from the client -----------------------------------------------------------------------------------

    def from_client(self, data: bytes) -> None:
        """Take more of the request's body, or of what is said in a tunnel."""
        connection = self.connection
        if self.tunnel:
            self.bytes_in += len(data)
            if connection is not None:
                connection.write(data)
            return
        body = self._body
        assert body is not None
        size = body.take(data)
        if body.progress is Progress.BROKEN:
            self._malformed()
            return
        mine = data if size == len(data) else data[:size]
        self.bytes_in += size
        if connection is not None:
            connection.write(mine)
        elif self.response is None:
            self._early.append(mine)
            if self.bytes_in > _EARLY_BYTES:
                self.client.pause_reading()
        if body.progress is Progress.DONE:
            self.request_done = True
            if size < len(data):
                self.client.keep(data[size:])
            self.active_at = self.client.clock()
            if self.response is not None and self.response_body is None:
                self._complete()

    def _malformed(self) -> None:
        """End an exchange whose request has a body that is none."""
        self.client.site.frontend.counters.request_errors += 1
        self.end("CD" if self.connection is not None else "PR")
        self.keeps = False
        if self.response is None:
            self._fail(400)
        else:
            self.client.close("CD")

    def client_finished(self) -> bool:
        """Take note that the client sends no more; False closes its connection."""
        if self.tunnel:
            connection = self.connection
            if connection is not None and connection.transport is not None:
                connection.transport.write_eof()
            return True
        if not self.request_done:
            self.end("CD")
            self.client.close("CD")
            return False
        return not (self.route.abort_on_close and self.connection is None)

    def client_lost(self) -> None:
        """Give up, because nobody waits for the response any more."""
        for party in (self.server, self.backend):
            if party is not None:
                party.counters.client_aborts += 1
        self.abort("C" + self._where())

    def _where(self) -> str:
        """Return the second letter of the termination state: in which phase the exchange is."""
        search = self._search
        if search is None:
            return "R"
        if self.connection is None:
            return "Q" if search.waiting else "C"
        return "H" if self.response is None else "D"

    # -- bytes from the server -----------------------------------------------------------------------------------

    def from_server(self, data: bytes) -> None:
        """Take a response, or more of it."""
        self.active_at = self.client.clock()
        if self.response is None:
            self._response_head(self._held + data if self._held else data)
        else:
            self._pass_on(data, b"")

    def _response_head(self, data: bytes) -> None:
        """Read the response's head; pass on those of status 1xx that come before it."""
        while data:
            head = self.client.site.parser.response(data)
            if head is None:
                break
            if isinstance(head, Fault):
                self._bad_response("PH" if self._held else "SH")
                return
            data = data[head.size :] if len(data) > head.size else b""
            if 100 <= head.status < 200 and head.status != 101:
                self._interim(head)
                continue
            self._held = b""
            self._respond(head, data)
            return
        self._held = data

    def _interim(self, head: ResponseHead) -> None:
        if head.status == 100 and self.request.minor == 0:
            return
        self._write(head.to_bytes())

    def _respond(self, head: ResponseHead, rest: bytes) -> None:
        """Send the response's head, as rules have changed it, and what has come of its body."""
        self.response = head
        self.responded_at = self.active_at
        if head.status == 101 and not self.request.upgrades:
            self._bad_response("SH")
            return
        route = self.route
        if route.response_rules:
            self.facts.response = head
            outcome = first_outcome(route.response_rules, self.facts)
            if isinstance(outcome, Answer):
                self._replaced(outcome)
                return
        self._count_status(head.status)
        self._frame(head)
        closing = route.closing
        if head.closes or closing is not Closing.KEEP_ALIVE or isinstance(self.response_body, UntilClose):
            self._server_keeps = False
        else:
            self._server_keeps = True
        if isinstance(self.response_body, UntilClose) or closing is Closing.CLOSE or not self.client.keeps:
            self.keeps = False
        lead = outgoing.response(head, self.request, keeps=self.keeps, tunnel=self.tunnel)
        if self.response_body is None and not self.tunnel:
            self._write(lead)
            self._server_keeps = self._server_keeps and not rest
            self._response_complete()
        else:
            self._pass_on(rest, lead)

    def _frame(self, head: ResponseHead) -> None:
        """Find out where the body ends (RFC 9112, section 6.3)."""
        method, status = self.request.method, head.status
        if status == 101 or (method == b"CONNECT" and 200 <= status < 300):
            self.tunnel = True
            self.request_done = False  # whatever the client sends belongs to the tunnel
            self.keeps = False
        elif method == b"HEAD" or status in (204, 304):
            if status == 204:
                head.remove(b"content-length")
        elif head.length is None:
            self.response_body = UntilClose()
        elif head.length:
            self.response_body = Chunked() if head.length == CHUNKED else Counted(head.length)

    def _pass_on(self, data: bytes, lead: bytes) -> None:
        """Send more of the response's body, behind `lead`."""
        body = self.response_body
        if body is None:  # of a tunnel, or after the end
            if self.tunnel:
                self._write(lead + data if lead else data)
            else:
                self._server_keeps = False  # it says more than it has been asked for
            return
        size = body.take(data) if data else 0
        if body.progress is Progress.BROKEN:
            if not lead:
                self._write(data[:size])
            self._bad_response("SD")
            return
        if size < len(data):
            data = data[:size]
            self._server_keeps = False
        if lead or data:
            self._write(lead + data if lead else data)
        if body.progress is Progress.DONE:
            self._response_complete()

    def _response_complete(self) -> None:
        """End the exchange, unless the request has still to come to its end."""
        self.response_body = None
        if self.request_done:
            self._complete()

    def server_finished(self) -> bool:
        """Take note that the server sends no more; False closes its connection."""
        connection = self.connection
        if self.tunnel:
            transport = self.client.transport
            if transport is not None:
                transport.write_eof()
            return not self.client.at_eof
        if connection is not None:
            connection.exchange = None
            connection.pool.ended()
            self.connection = None
        self._server_gone()
        return False

    def server_lost(self, error: Exception | None) -> None:
        """Take note that the connection to the server is gone."""
        self.connection = None
        if self.tunnel:
            self.end("SD" if error is not None else "--")
            self._close_client()
        else:
            self._server_gone()

    def _server_gone(self) -> None:
        """End what the server began, in the way that fits to how far it came."""
        self._server_keeps = False
        if isinstance(self.response_body, UntilClose):
            self._response_complete()
            if not self._over:  # the request goes on for nobody
                self._complete()
        elif self.response is None:
            self._bad_response("SH")
        elif self.response_body is not None:
            self._server_aborted()
            self.end("SD")
            self._close_client()
        # else: the response is complete, the client still sends: it is heard out, and answered already.

    def _server_aborted(self) -> None:
        for party in (self.server, self.backend):
            if party is not None:
                party.counters.server_aborts += 1

    def _bad_response(self, cause: str) -> None:
        """Tell the client that the server has not said anything sensible."""
        for party in (self.server, self.backend):
            if party is not None:
                party.counters.response_errors += 1
        self.end(cause)
        if self._reused and self.response is None and not self._held:
            # As HAProxy: a kept connection that ends under a request ends the client's, which may then try again.
            self._close_client()
        elif self.responded:
            self._close_client()
        else:
            self.response = None
            self._fail(502)

    def _close_client(self) -> None:
        self.client.close(self.termination)

    # -- the client's and the server's pace ----------------------------------------------------------------------

    def pause_server(self) -> None:
        """Stop reading from the server, because the client does not take what is sent."""
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.pause_reading()

    def resume_server(self) -> None:
        """Read from the server again."""
        connection = self.connection
        if connection is not None and connection.transport is not None and not connection.transport.is_closing():
            connection.transport.resume_reading()

    # -- answers of the proxy itself -----------------------------------------------------------------------------

    def _fail(self, status: int) -> None:
        """Answer with an error page."""
        page = self.route.errors.get(status)
        if page is None:
            self._answer(outgoing.error(status))
            return
        self._give_back()
        self.keeps = False
        self._count_status(status)
        self._write(page)
        self._over_and_out()

    def _replaced(self, answer: Answer) -> None:
        """Answer in the place of the server's response, which a rule has denied."""
        counters = self.client.site.frontend.counters
        counters.denied_responses += 1
        self.response = None
        self.end("PH")
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        """Answer in the place of a server, and end the exchange."""
        self._give_back()
        client = self.client
        self.keeps = (
            self.keeps and client.keeps and self.request_done and not answer.closes
            and answer.status not in outgoing.LAST and self.route.closing is not Closing.CLOSE
        )  # fmt: skip
        self.end(answer.cause)
        self._count_status(answer.status)
        self._write(outgoing.answer(answer, self.request, keeps=self.keeps))
        self._over_and_out()

    # -- the end -------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if data:
            self.bytes_out += len(data)
            self.session.bytes_out += len(data)
            self.client.write(data)

    def _count_status(self, status: int) -> None:
        self.status = status
        kind = status // 100 if 100 <= status < 600 else 0
        self.client.site.frontend.counters.responses[kind] += 1
        if self._search is not None:
            self.backend.counters.responses[kind] += 1
            if self.server is not None:
                self.server.counters.responses[kind] += 1

    def _complete(self) -> None:
        """End an exchange whose request and response have both come to their end."""
        self.end("--")
        self._give_back()
        self._over_and_out()

    def _give_back(self) -> None:
        """Give back the connection and the place on the server."""
        connection, search = self.connection, self._search
        if connection is not None:
            self.connection = None
            connection.detach(keep=self._server_keeps)
        if search is not None:
            search.close()

    def _over_and_out(self) -> None:
        """Tell everybody that it is over."""
        self._account()
        self.client.finished(keep=self.keeps)

    def _account(self) -> None:
        """Settle the books; only the first call does anything."""
        if self._over:
            return
        self._over = True
        session = self.session
        session.server = self.server
        if self.route.log is not None:
            self.route.log.finished(self)
        session.settle()
        session.server = None
        self.measure(self.client.clock())
        if self.backend is self.route.backend and self._search is not None:
            self.backend.current -= 1

    def abort(self, cause: str) -> None:
        """End it wherever it is; the client's connection is about to be closed."""
        if self._over:
            return
        self.end(cause)
        self._server_keeps = False
        self._give_back()
        self._account()

    def deadline(self) -> float:
        """Return when the timeout of the present phase is over."""
        search, route, client = self._search, self.route, self.client
        if search is not None and search.running:
            return search.deadline
        if self.tunnel:
            last = max(self.active_at, client.active_at)
            return last + min(route.idle.client_s, route.idle.server_s)
        if not self.request_done or (client.transport is not None and client.transport.get_write_buffer_size()):
            return client.active_at + route.client_s
        return self.active_at + route.server_s if self.connection is not None else inf

    def expired(self) -> None:
        """End the phase whose time is over."""
        search, client = self._search, self.client
        if search is not None and search.running:
            search.expired()
        elif self.tunnel:
            client.close("cD" if self.route.idle.client_s <= self.route.idle.server_s else "sD")
        elif not self.request_done:
            self.end("cD")
            self.keeps = False
            if self.response is None:
                self._fail(408)
            else:
                client.close("cD")
        elif client.transport is not None and client.transport.get_write_buffer_size():
            client.close("cD")
        elif self.response is None:
            self.end("sH")
            self._server_keeps = False
            for party in (self.server, self.backend):
                if party is not None:
                    party.counters.response_errors += 1
            self._fail(504)
        else:
            self.end("sD")
            client.close("sD")
