"""A client of the statistics page: one small HTTP request in, one response out, then the connection is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import httptools

from wproxy.config.model import StatsPage
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.policy.basic_auth import admits
from wproxy.policy.same_origin import same_origin
from wproxy.state.session import Session

_HEAD_MAX = 16 * 1024  # HAProxy's tune.bufsize, which bounds its requests too
_PATIENCE_S = 30.0  # for a client whose frontend has no `timeout client`

# A form that is longer is not processed; HAProxy's must fit into its buffer together with the head.
_FORM_MAX = 15 * 1024
_HEADERS = frozenset({"authorization", "expect", "host", "origin", "referer", "sec-fetch-site"})  # what is looked at


@dataclass(frozen=True, slots=True)
class View:
    """How a page is to be shown: as csv, with what an administrator may do, with what became of his last action."""

    as_csv: bool = False
    admin: bool = False
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What one client is served by: the page, whether it may change servers on it, and the functions behind it.

    `text` returns the page; `act` does what a form asks for and returns the word that `;st=` tells the page.
    """

    page: StatsPage
    admin: bool
    text: Callable[[StatsPage, View], str]
    act: Callable[[StatsPage, str], str]


class PageConnection(asyncio.Protocol):
    """Parses one request and answers it; of bodies only an administrator's form is read."""

    __slots__ = (
        "_answered", "_complete", "_deadline", "_desk", "_form", "_headers", "_page", "_parser", "_received", "_route",
        "_services", "_session", "_transport", "_url", "_whole",
    )  # fmt: skip

    def __init__(self, route: Route, desk: Desk, services: Services, session: Session | None = None) -> None:
        self._route = route
        self._desk = desk
        self._page = desk.page
        self._services = services
        self._session = session
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, list[str]] = {}
        self._received = 0
        self._form = b""
        self._complete = False  # the head is there
        self._whole = False  # the body, too
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
            if not self._complete or self._awaits_form():
                self._respond(HTTPStatus.BAD_REQUEST, "Your browser sent an invalid request.")
                return
        if self._complete:
            if not self._awaits_form():
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
        key = name.lower().decode("latin-1")
        if key in _HEADERS and not self._complete:
            self._headers.setdefault(key, []).append(value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """Take note that the head is there; encourage a client that asks before it sends its form."""
        if not self._complete:
            self._complete = True
            if self._awaits_form() and self._transport is not None and "expect" in self._headers:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Take a part of the form; of one that is too long no more than shows that it is."""
        if not self._whole and len(self._form) <= _FORM_MAX:
            self._form += data

    def on_message_complete(self) -> None:
        """Take note that the request is whole."""
        self._whole = True

    # -- the answer ----------------------------------------------------------------------------------------------

    def _awaits_form(self) -> bool:
        """Tell whether the rest of the request is to be read before it is answered: nobody's but a known user's."""
        return not self._whole and self._parser.get_method() == b"POST" and self._on_page and self._admitted

    @property
    def _on_page(self) -> bool:
        return self._url.decode("latin-1").startswith(self._page.uri)

    @property
    def _admitted(self) -> bool:
        return admits(self._headers.get("authorization", ()), self._page.users)

    def _answer(self) -> None:
        page, target = self._page, self._url.decode("latin-1")
        method = self._parser.get_method()
        self._route.frontend.counters.requests += 1
        if not self._on_page:
            self._respond(HTTPStatus.SERVICE_UNAVAILABLE, "No server is available to handle this request.")
        elif not self._admitted:
            realm = page.realm.replace("\\", "\\\\").replace('"', '\\"')
            challenge = f'www-authenticate: Basic realm="{realm}"\r\n'
            need = "You need a valid user and password to access this content."
            self._respond(HTTPStatus.UNAUTHORIZED, need, challenge)
        elif method == b"POST":
            self._process(target[len(page.uri) :])
        elif method not in (b"GET", b"HEAD"):
            self._respond(
                HTTPStatus.METHOD_NOT_ALLOWED, "This page knows no such method.", "allow: GET, HEAD, POST\r\n"
            )
        else:
            self._show(target[len(page.uri) :])

    def _show(self, options: str) -> None:
        """Send the page as the words after its address want it: `;csv`, `;norefresh`."""
        page = self._page
        as_csv, admin = ";csv" in options, self._desk.admin
        refresh = f"refresh: {page.refresh_s}\r\n" if page.refresh_s and ";norefresh" not in options else ""
        kind = "text/plain" if as_csv else "text/html"
        outcome = options.partition(";st=")[2][:4]
        # What changes servers by a click must not be shown in a frame of somebody else's page.
        frame = "x-frame-options: sameorigin\r\n" if admin else ""
        text = self._desk.text(page, View(as_csv, admin, outcome))
        self._send(HTTPStatus.OK, f"{kind}; charset=utf-8", text, refresh + frame)

    def _process(self, options: str) -> None:
        """Do what the form asks for, and send the client back to the page, as HAProxy does."""
        desk = self._desk
        if not desk.admin or not same_origin(self._headers):
            outcome = "DENY"
        elif len(self._form) > _FORM_MAX:
            outcome = "EXCD"
        else:
            outcome = desk.act(self._page, self._form.decode("latin-1"))
        words = (";up", ";norefresh") if self._page.refresh_s else (";up",)
        kept = "".join(word for word in words if word in options)
        self._send(HTTPStatus.SEE_OTHER, "text/plain", "", f"location: {self._page.uri};st={outcome}{kept}\r\n")

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
