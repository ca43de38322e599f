"""A client of the statistics page: one small HTTP request in, one response out, then the connection is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

import httptools

from wproxy.config.model import StatsPage
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.policy.basic_auth import admits
from wproxy.state.session import Session

_HEAD_MAX = 16 * 1024  # HAProxy's tune.bufsize, which bounds its requests too
_PATIENCE_S = 30.0  # for a client whose frontend has no `timeout client`

Texts = Callable[[StatsPage, bool], str]
"""Returns the page, or the same as csv."""


class PageConnection(asyncio.Protocol):
    """Parses the head of one request and answers it; a body is not read."""

    __slots__ = (
        "_answered", "_authorization", "_complete", "_deadline", "_page", "_parser", "_received", "_route", "_services",
        "_session", "_texts", "_transport", "_url",
    )  # fmt: skip

    def __init__(
        self, route: Route, page: StatsPage, texts: Texts, services: Services, session: Session | None = None
    ) -> None:
        self._route = route
        self._page = page
        self._texts = texts
        self._services = services
        self._session = session
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._authorization: list[str] = []
        self._received = 0
        self._complete = False
        self._answered = False
        self._deadline = 0.0

    # -- the loop's side -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self._transport = cast("asyncio.Transport", transport)
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
            if not self._complete:
                self._respond(HTTPStatus.BAD_REQUEST, "Your browser sent an invalid request.")
                return
        if self._complete:
            self._answer()
        elif self._received > _HEAD_MAX:
            self._respond(HTTPStatus.BAD_REQUEST, "Your browser sent an invalid request.")

    def eof_received(self) -> bool:
        """Stay open for the answer, which is on its way, if there is one."""
        return self._answered

    def connection_lost(self, error: Exception | None) -> None:
        """End the session."""
        assert self._session is not None
        self._transport = None
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
        if name.lower() == b"authorization" and not self._complete:
            self._authorization.append(value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """Take note that the head is there."""
        self._complete = True

    # -- the answer ----------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        page, target = self._page, self._url.decode("latin-1")
        self._route.frontend.counters.requests += 1
        if not target.startswith(page.uri):
            self._respond(HTTPStatus.SERVICE_UNAVAILABLE, "No server is available to handle this request.")
        elif not admits(self._authorization, page.users):
            realm = page.realm.replace("\\", "\\\\").replace('"', '\\"')
            challenge = f'www-authenticate: Basic realm="{realm}"\r\n'
            need = "You need a valid user and password to access this content."
            self._respond(HTTPStatus.UNAUTHORIZED, need, challenge)
        elif self._parser.get_method() not in (b"GET", b"HEAD"):
            self._respond(HTTPStatus.METHOD_NOT_ALLOWED, "This page can only be read.", "allow: GET, HEAD\r\n")
        else:
            self._show(target[len(page.uri) :])

    def _show(self, options: str) -> None:
        """Send the page as the words after its address want it: `;csv`, `;norefresh`."""
        page = self._page
        as_csv = ";csv" in options
        refresh = f"refresh: {page.refresh_s}\r\n" if page.refresh_s and ";norefresh" not in options else ""
        kind = "text/plain" if as_csv else "text/html"
        self._send(HTTPStatus.OK, f"{kind}; charset=utf-8", self._texts(page, as_csv), refresh)

    def _respond(self, status: HTTPStatus, text: str, headers: str = "") -> None:
        """Send an answer that is no page, in HAProxy's words."""
        title = f"{status.value} {status.phrase}"
        if status >= HTTPStatus.BAD_REQUEST and status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE):
            self._route.frontend.counters.request_errors += 1
        self._send(status, "text/html", f"<html><body><h1>{title}</h1>\n{text}\n</body></html>\n", headers)

    def _send(self, status: HTTPStatus, kind: str, text: str, headers: str) -> None:
        transport, session = self._transport, self._session
        assert transport is not None
        assert session is not None
        self._answered = True
        body = text.encode("utf-8", "replace")
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: {len(body)}\r\ncache-control: no-cache\r\n"
            f"content-type: {kind}\r\n{headers}connection: close\r\n\r\n"
        ).encode("latin-1", "replace")
        data = head if self._complete and self._parser.get_method() == b"HEAD" else head + body
        session.bytes_out += len(data)
        transport.write(data)
        transport.close()  # when the client has taken it; `timeout client` bounds that
