"""A client of the statistics page: one small HTTP request in, one response out, then the connection is closed."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import cast

import httptools

from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.dataplane.stats_desk import FORM_MAX, HEADERS, Answer, Desk, Query, problem
from wproxy.state.session import Session

_HEAD_MAX = 16 * 1024  # HAProxy's tune.bufsize, which bounds its requests too
_PATIENCE_S = 30.0  # for a client whose frontend has no `timeout client`
_INVALID = "Your browser sent an invalid request."


class PageConnection(asyncio.Protocol):
    """Parses one request, has `desk` answer it; of bodies only an administrator's form is read.

    `client` is the address that counts as the client's, `admin` whether it may change servers.
    """

    __slots__ = (
        "_admin", "_answered", "_client", "_complete", "_deadline", "_desk", "_form", "_headers", "_held", "_parser",
        "_received", "_route", "_services", "_session", "_transport", "_url", "_whole",
    )  # fmt: skip

    def __init__(
        self,
        route: Route,
        desk: Desk,
        services: Services,
        session: Session | None = None,
        client: str = "",
        *,
        admin: bool = False,
    ) -> None:
        self._route = route
        self._desk = desk
        self._services = services
        self._session = session
        self._client = client
        self._admin = admin
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, list[str]] = {}
        self._received = 0
        self._form = b""
        self._complete = False  # the head is there
        self._whole = False  # the body, too
        self._answered = False
        self._held: asyncio.TimerHandle | None = None  # while the answer is held back
        self._deadline = 0.0

    # -- the loop's side -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._client = self._client or (str(peer[0]) if isinstance(peer, tuple) else "unix")
        now = self._services.clock()
        frontend, backend = self._route.frontend, self._route.backend
        self._session = self._session or self._services.sessions.open(frontend, backend, now)
        backend.opened(now)
        self._deadline = now + (frontend.config.timeouts.client_s or _PATIENCE_S)
        self._services.wheel.watch(self)

    def data_received(self, data: bytes) -> None:
        """Read more of the head; answer when it is complete, or when it is none."""
        assert self._session is not None
        self._session.bytes_in += len(data)
        if self._answered:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the head is complete; nothing is upgraded here
        except httptools.HttpParserError:
            if not self._complete or self._awaits_form():
                self._send(problem(HTTPStatus.BAD_REQUEST, _INVALID))
                return
        if self._complete:
            if not self._awaits_form():
                self._answer()
        elif self._received > _HEAD_MAX:
            self._send(problem(HTTPStatus.BAD_REQUEST, _INVALID))

    def eof_received(self) -> bool:
        """Stay open for the answer, which is on its way, if there is one."""
        return self._answered

    def connection_lost(self, error: Exception | None) -> None:
        """End the session."""
        assert self._session is not None
        self._transport = None
        if self._held is not None:
            self._held.cancel()
        self._services.wheel.forget(self)
        self._session.end("PR" if self._answered else "CR")
        self._services.sessions.close(self._session)
        self._route.backend.current -= 1

    def expires_at(self) -> float:
        """Return when the client's time is over, for its request and for taking the answer together."""
        return self._deadline

    def expired(self) -> None:
        """Drop a client that is too slow."""
        if self._transport is not None:
            self._transport.abort()

    # -- the parser's side ---------------------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's target; a second request in the same bytes is none of ours."""
        if not self._complete:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        key = name.lower().decode("latin-1")
        if key in HEADERS and not self._complete:
            self._headers.setdefault(key, []).append(value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """Take note that the head is there; encourage a client that asks before it sends its form."""
        if not self._complete:
            self._complete = True
            if self._awaits_form() and self._transport is not None and "expect" in self._headers:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Take a part of the form; of one that is too long no more than shows that it is."""
        if not self._whole and len(self._form) <= FORM_MAX:
            self._form += data

    def on_message_complete(self) -> None:
        """Take note that the request is whole."""
        self._whole = True

    # -- the answer ----------------------------------------------------------------------------------------------

    def _query(self) -> Query:
        method, target = self._parser.get_method().decode("latin-1"), self._url.decode("latin-1")
        return Query(method, target, self._headers, self._client, self._services.clock(), self._admin)

    def _awaits_form(self) -> bool:
        """Tell whether the rest of the request is to be read before it is answered."""
        return not self._whole and self._desk.expects_form(self._query())

    def _answer(self) -> None:
        query = self._query()
        self._route.frontend.counters.requests += 1
        if not self._desk.serves(query.target):
            self._send(problem(HTTPStatus.SERVICE_UNAVAILABLE, "No server is available to handle this request."))
            return
        answer = self._desk.answer(query, self._form)
        if not answer.delay_s:
            self._send(answer)
            return
        self._answered = True
        self._deadline = max(self._deadline, query.now + answer.delay_s + _PATIENCE_S)
        self._held = self._services.loop.call_later(answer.delay_s, self._send, answer)

    def _send(self, answer: Answer) -> None:
        transport, session, status = self._transport, self._session, answer.status
        assert transport is not None
        assert session is not None
        self._answered = True
        if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED):
            self._route.frontend.counters.request_errors += 1
        headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: {len(answer.body)}\r\n"
            f"{headers}connection: close\r\n\r\n"
        ).encode("latin-1", "replace")
        data = head if self._complete and self._parser.get_method() == b"HEAD" else head + answer.body
        session.bytes_out += len(data)
        transport.write(data)
        transport.close()  # when the client has taken it; `timeout client` bounds that
