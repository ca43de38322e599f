"""The side of an exchange that looks to its server: the response's head, its body, and what servers do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.model import Answer, Closing, Rule
from wproxy.config.http.squeezing import Algorithm
from wproxy.config.table_data import FAILURE
from wproxy.dataplane.http import captured, outgoing
from wproxy.dataplane.http.site import first_outcome
from wproxy.dataplane.http.ties import NOTHING_ASKED
from wproxy.policy.compression import CompressedBody
from wproxy.policy.cookies import Presented
from wproxy.protocols.http1.bodies import Body, Chunked, Counted, Progress, UntilClose
from wproxy.protocols.http1.heads import CHUNKED, Fault, RequestHead, ResponseHead
from wproxy.state.server import Server
from wproxy.state.transaction import Transaction

if TYPE_CHECKING:
    from wproxy.dataplane.http.client import ClientConnection
    from wproxy.dataplane.http.route import HttpRoute
    from wproxy.dataplane.http.server import ServerConnection


class ServerSide(Transaction):
    """What an `Exchange` does with what its server sends.

    `active_at` is when the server last had something to do or did something.
    """

    __slots__ = (
        "_again", "_body_out", "_counted", "_facts", "_held", "_over", "_server_at_eof", "_server_keeps",
        "_server_last", "_server_paused", "_squeezed", "_squeezing", "_unheard", "active_at", "asked", "bound",
        "client", "connection", "keeps", "request", "request_done", "response", "route", "tunnel",
    )  # fmt: skip

    response: ResponseHead | None
    connection: ServerConnection | None
    bound: Server | None
    _again: bytes | None  # the body of a request that may be sent again, None of one that may not
    _body_out: Body | None  # of the response
    _facts: HttpFacts | None
    _squeezing: Algorithm | None  # how the response may be compressed
    _squeezed: CompressedBody | None
    _counted: bool  # as a session of its backend
    _server_last: bool  # no other request is sent on the connection
    _server_at_eof: bool  # of a tunnel
    _unheard: bool  # its client is told nothing, and the log neither

    def __init__(self, client: ClientConnection, request: RequestHead, now: float) -> None:
        route = client.site.default
        super().__init__(client.session, route.backend, client.idle_since, now)
        self.client = client
        self.request = request
        self.route: HttpRoute = route
        self.active_at = now
        self.keeps = not request.closes  # the client may send another request
        self.request_done = True
        self.asked: Presented[Server] = NOTHING_ASKED
        self.response = self.connection = self.bound = None
        self._again = self._body_out = self._facts = self._squeezing = self._squeezed = None
        self.tunnel = self._over = self._unheard = self._counted = False
        self._server_keeps = self._server_last = self._server_paused = self._server_at_eof = False
        self._held = b""  # the beginning of the response's head

    @property
    def facts(self) -> HttpFacts:
        """What rules may ask about this exchange."""
        raise NotImplementedError

    @property
    def _answered(self) -> bool:
        """Whether the whole response has come."""
        return self.response is not None and self._body_out is None

    def complete(self) -> None:
        """End the exchange: request and response have both come to their end."""
        raise NotImplementedError

    def _sent_again(self, wanted: bool, *, keep: bool = False) -> bool:
        """Tell whether the request goes out again, if that is `wanted`."""
        raise NotImplementedError

    def fail(self, status: int) -> None:
        """End the exchange with an error page."""
        raise NotImplementedError

    def answer(self, answer: Answer) -> None:
        """End the exchange with an answer of the proxy itself."""
        raise NotImplementedError

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
                captured.response(self, data, head.reason)
                if self._sent_again(self.route.retry_on.junk):
                    self._count_error()
                else:
                    self._bad_response("PH")
                return
            data = data[head.size :] if len(data) > head.size else b""
            if 100 <= head.status < 200 and head.status != 101:
                self._interim(head)
                continue
            self._held = b""
            if head.status >= 400:
                if self._again is not None and self._status_repeats(head, data):
                    return
                if self._facts is not None:
                    self._facts.heard(head.status)
            self._respond(head, data)
            return
        self._held = data

    def _status_repeats(self, head: ResponseHead, rest: bytes) -> bool:
        """Tell whether the request goes out again because of the response's status; `rest` has come of its body."""
        size = 0 if self.request.method == b"HEAD" else head.length
        whole = size == len(rest) and not (head.closes or self._server_last)
        return self._sent_again(head.status in self.route.retry_on.statuses, keep=whole and self.route.shares)

    def _interim(self, head: ResponseHead) -> None:
        self._again = None  # the client has heard of the server
        head.unframe()
        self._server_last |= head.closes and head.minor == 1
        self._write(head.to_bytes())

    def _respond(self, head: ResponseHead, rest: bytes) -> None:
        """Send the response's head, as rules have changed it, and what has come of its body."""
        self.response = head
        self.responded_at = self.active_at
        if head.status == 101 and not self._switches(head):
            self._bad_response("PH")
            return
        route, status = self.route, head.status
        if (status == 401 or status == 407) and outgoing.is_for_connection(head):
            self._bind_connection()
        if (route.response_rules or self.client.site.captures is not None) and not self._approve(head):
            return
        if route.ties is not None:
            route.ties.responded(self, head)
        if route.after_rules:
            self._amend(head, route.after_rules)
        self._count_status(head.status)
        until_close = not self._frame(head, status)
        if self._facts is not None and (status != head.status or self._facts.method != self.request.method):
            self._reconcile(head)
        self._server_keeps = route.shares and not (head.closes or until_close or self._server_last)
        doubtful = head.length == CHUNKED and not head.minor
        if until_close or doubtful or route.closing is Closing.CLOSE or not self.client.keeps:
            self.keeps = False
        length = head.length
        if self._squeezing is not None and self._squeeze(head, self._squeezing):
            length = CHUNKED
        lead = head.to_bytes(outgoing.response_end(head, self.request, keeps=self.keeps, tunnel=self.tunnel))
        if route.log is not None:
            self.bytes_out += len(lead)  # which is about to be sent, and part of what is logged now
            route.log.responded(self)
            self.bytes_out -= len(lead)
        if length is not None and 0 < length <= len(rest) and self._body_out is not None:
            self._server_keeps = self._server_keeps and length == len(rest)  # or it says more than it was asked for
            self._write(lead + (rest if length == len(rest) else rest[:length]))
            self._response_complete()
        elif self._body_out is None and not self.tunnel:
            self._write(lead)
            self._server_keeps = self._server_keeps and not rest
            self._response_complete()
        else:
            self._pass_on(rest, lead)

    def _bind_connection(self) -> None:
        """Have the connection to the server serve this client alone from now on, and this client by it."""
        connection, client = self.connection, self.client
        client.prefers_last = True
        if connection is not None:
            own = client.own_pools()[connection.pool.server]
            if connection.pool is not own:
                connection.pool.ended()
                own.began()
                connection.pool = own

    def _approve(self, head: ResponseHead) -> bool:
        """Let the rules have their say; False when they answer in the place of the server."""
        facts, captures = self.facts, self.client.site.captures
        facts.answered(head)
        if self.server is not None:
            facts.server_name, facts.server_id = self.server.name, self.server.server_id
        if captures is not None and captures.response is not None:
            captures.response(facts)
        outcome = first_outcome(self.route.response_rules, facts)
        if isinstance(outcome, Answer):
            self._replaced(outcome)
            return False
        return True

    def _amend(self, head: ResponseHead, rules: tuple[Rule, ...]) -> None:
        """Let the rules change a response that is about to be sent."""
        facts = self.facts
        if facts.response is not head:
            facts.answered(head)
        first_outcome(rules, facts)

    def _switches(self, head: ResponseHead) -> bool:
        """Tell whether the server may speak another protocol from here: both have asked for it."""
        if not (head.upgrades and self.request.upgrades):
            return False
        to_websocket = b"websocket" in [value.lower() for value in head.values(b"upgrade")]
        return not to_websocket or bool(head.values(b"sec-websocket-accept"))

    def _squeeze(self, head: ResponseHead, algorithm: Algorithm) -> bool:
        """Have the body compressed, if it is one that may be."""
        choice = self.route.compression
        if choice is None or self._body_out is None or not choice.applies(head, self.request):
            return False
        self._squeezed = CompressedBody(algorithm, chunked=head.length == CHUNKED)
        choice.mark(head, algorithm)
        for counters in (self.client.site.frontend.counters, self.backend.counters):
            counters.compressed_responses += 1
        return True

    def _compressed(self, squeezed: CompressedBody, data: bytes, *, last: bool) -> bytes:
        """Return what to send for a part of the body."""
        taken, made = squeezed.taken, squeezed.made
        out = squeezed.pass_on(data, last=last)
        for counters in (self.client.site.frontend.counters, self.backend.counters):
            if squeezed.algorithm is Algorithm.IDENTITY:
                counters.uncompressed += squeezed.taken - taken
            else:
                counters.compressed_in += squeezed.taken - taken
                counters.compressed_out += squeezed.made - made
        return out

    def _reconcile(self, head: ResponseHead) -> None:
        """Have the client find the end of a response that rules have made one to another method or status."""
        assert self._facts is not None
        bodiless = self._facts.method == b"HEAD" or head.status in (204, 304)
        if bodiless and self._body_out is not None:
            self._body_out = None  # nobody reads on: the connection to the server is not used again
            self._server_last = True
        elif not bodiless and not self.tunnel and self._body_out is None and head.length != 0:
            head.unframe()
            head.set(b"content-length", b"0")

    def _frame(self, head: ResponseHead, status: int) -> bool:
        """Find out where the body ends (RFC 9112, section 6.3); False when that is the connection's end.

        `status` is the server's, and the method the one it was asked by, whatever rules have made of them.
        """
        method, length = self.request.method, head.length
        if status == 101 or (method == b"CONNECT" and 200 <= status < 300):
            if status == 101:
                head.unframe()
            self.tunnel = True
            self.request_done = False  # whatever the client sends belongs to the tunnel
            self.keeps = False
        elif method == b"HEAD" or status in (204, 304):
            if status == 204:
                head.unframe()
        elif length is None:
            self._body_out = UntilClose()
            return False
        elif length:
            self._body_out = Chunked() if length == CHUNKED else Counted(length)
        return True

    def _pass_on(self, data: bytes, lead: bytes) -> None:
        """Send more of the response's body, behind `lead`."""
        body = self._body_out
        if body is None:  # of a tunnel, or after the end
            if self.tunnel:
                self._write(lead + data if lead else data)
                if lead and self.connection is not None:
                    self.connection.write(self.client.ahead())
            else:
                self._server_keeps = False  # it says more than it has been asked for
            return
        size = body.take(data) if data else 0
        if body.progress is Progress.BROKEN:
            captured.response(self, data, "a body that is none", size)
            if lead:
                self.status = 0  # nothing of it has been sent
            else:
                self._write(data[:size])
            self._bad_response("PH" if lead else "PD")
            return
        if size < len(data):
            data = data[:size]
            self._server_keeps = False
        if self._squeezed is not None:
            data = self._compressed(self._squeezed, data, last=body.progress is Progress.DONE)
        if lead or data:
            self._write(lead + data if lead else data)
        if body.progress is Progress.DONE:
            self._response_complete()

    def _response_complete(self) -> None:
        """End the exchange, unless the request has still to come to its end."""
        self._body_out = None
        if self.request_done:
            self.complete()

    def server_finished(self) -> bool:
        """Take note that the server sends no more; False closes its connection."""
        connection = self.connection
        if self.tunnel:
            transport = self.client.transport
            if transport is None or self.client.at_eof:
                self.client.close("--")
                return False
            self._server_at_eof = True
            transport.write_eof()
            return True
        if connection is not None:
            connection.exchange = None
            connection.pool.ended()
            self.connection = self.session.server = None
        self._server_gone()
        return False

    def server_lost(self, error: Exception | None) -> None:
        """Take note that the connection to the server is gone."""
        self.connection = self.session.server = None
        if self.tunnel:
            self.end("SD" if error is not None else "--")
            self._close_client()
        else:
            self._server_gone()

    def _server_gone(self) -> None:
        """End what the server began, in the way that fits to how far it came."""
        self._server_keeps = False
        if isinstance(self._body_out, UntilClose):
            self._response_complete()
            if not self._over:  # the request goes on for nobody
                self.complete()
        elif self.response is None:
            if not self._sent_again(self.route.retry_on.empty):
                self._bad_response("SH")
        elif self._body_out is not None:
            self._server_aborted()
            self.end("SD")
            self._close_client()
        # else: the response is complete, the client still sends: it is heard out, and answered already.

    def _close_client(self) -> None:
        self.client.close(self.termination)

    def _server_aborted(self) -> None:
        for party in (self.server, self.backend):
            if party is not None:
                party.counters.server_aborts += 1

    def _count_error(self) -> None:
        for party in (self.server, self.backend):
            if party is not None:
                party.counters.response_errors += 1

    def _bad_response(self, cause: str) -> None:
        """Tell the client that the server has not said anything sensible."""
        unheard = cause == "SH" and self.client.served and not self._held
        if not unheard:
            self._count_error()
        if self._facts is not None:
            self._facts.count(FAILURE)
        self.end(cause)
        if unheard:
            # As HAProxy: who has had an answer on its connection sees it end, and may then try again.
            self._unheard = True
            self._close_client()
        elif self.status:
            self._close_client()
        else:
            self.response = self.responded_at = None
            self.fail(502)

    def pause_server(self) -> None:
        """Stop reading from the server, because the client does not take what is sent."""
        connection = self.connection
        if connection is not None and connection.transport is not None:
            self._server_paused = True
            connection.transport.pause_reading()

    def resume_server(self) -> None:
        """Read from the server again."""
        connection = self.connection
        if connection is not None and connection.transport is not None and not connection.transport.is_closing():
            self._server_paused = False
            connection.transport.resume_reading()

    def _write(self, data: bytes) -> None:
        if data:
            self.bytes_out += len(data)
            self.session.bytes_out += len(data)
            self.client.write(data)

    def _count_status(self, status: int) -> None:
        self.status = status
        kind = status // 100 if 100 <= status < 600 else 0
        self.client.site.frontend.counters.responses[kind] += 1
        if self._counted:
            self.backend.counters.responses[kind] += 1
            if self.server is not None and self.response is not None:  # what the proxy says is not the server's
                self.server.counters.responses[kind] += 1

    def _replaced(self, answer: Answer) -> None:
        """Answer in the place of the server's response, which a rule has denied."""
        counters = self.client.site.frontend.counters
        counters.denied_responses += 1
        self.response = self.responded_at = None
        self.end("PH")
        self.answer(answer)
