"""What happens to a client before its route is known: rules that turn it away, a PROXY header, TLS, rules that choose.

Only binds that need it have a reception; elsewhere a client's connection is made by its route at once. When all is
decided the transport is given to the protocol that serves the route, and the reception is gone.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import cast

from wproxy.config import model
from wproxy.config.acl.facts import Facts, Process
from wproxy.config.formats import Expression
from wproxy.config.table_data import SESSION
from wproxy.config.tls import TlsBind
from wproxy.dataplane.ends import ends_of
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.dataplane.tls import ClosedInHandshakeError, TlsTransport
from wproxy.protocols.proxy_header import Ends, HeaderError, parse
from wproxy.records import dataclass
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.session import Session


@dataclass(frozen=True, slots=True)
class Arrival:
    """A client whose route has been found: its open session, its addresses, what rules may ask about it."""

    session: Session
    ends: Ends
    facts: Facts


Serve = Callable[[Route, Arrival], asyncio.Protocol]
Inspect = Callable[["Plan", Arrival], asyncio.Protocol]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the clients of one bind go through; `routes` has a route for each backend that a rule names."""

    frontend: Frontend
    listener: int
    accept_proxy: bool
    default: Route
    routes: Mapping[str, Route]
    process: Process
    serve: Serve
    switches: bool = True  # by `use_backend` rules: in mode http that is done for each request
    tls: TlsBind | None = None
    logs_facts: bool = False
    inspect: Inspect | None = None  # where `tcp-request content` rules look at what clients send, in mode tcp

    @staticmethod
    def needed(bind: model.Bind, default: Route) -> bool:
        """Tell whether the clients of `bind` have to be received at all."""
        config = default.frontend.config
        named = any(server.line.tls is not None and server.line.tls.sni_of for server in default.backend.servers)
        asked = bool(config.switching) or default.stickiness is not None or inspects(config, [default.backend])
        return Plan.receives(bind, config) or named or asked or logs_facts(config)

    @staticmethod
    def receives(bind: model.Bind, config: model.Frontend) -> bool:
        """Tell whether something is done with its clients before their bytes are looked at, whatever the mode."""
        return bool(bind.accept_proxy or bind.tls is not None or config.connection_rules or config.session_rules)

    def facts(self, ends: Ends, *, by_header: bool) -> Facts:
        """Return what the rules may ask about a client."""
        frontend = self.frontend
        facts = Facts(
            self.process,
            frontend,
            frontend.name,
            self.listener,
            default_backend=frontend.config.default_backend or "",
            by_header=by_header,
        )
        if ends.source is not None:
            facts.source, facts.source_port = ends.source
        if ends.destination is not None:
            facts.destination, facts.destination_port = ends.destination
        return facts

    def admits(self, facts: Facts) -> bool:
        """Tell whether the first `tcp-request connection` rule that holds lets the client in; all do without one.

        Those in front of it that track clients have done so.
        """
        return _admitted(self.frontend.config.connection_rules, facts)

    def validates(self, facts: Facts) -> bool:
        """Tell whether the first `tcp-request session` rule that holds lets the client in, in the same way."""
        return _admitted(self.frontend.config.session_rules, facts)

    def route(self, facts: Facts) -> Route:
        """Return the way of the first `use_backend` rule that holds, else the default."""
        for rule in self.frontend.config.switching if self.switches else ():
            if rule.condition is None or rule.condition(facts):
                if rule.compute is not None:
                    return self.routes.get(rule.compute(facts), self.default)
                return self.routes[rule.backend]
        return self.default


def inspects(frontend: model.Frontend, backends: Iterable[Backend]) -> bool:
    """Tell whether there are `tcp-request content` rules on the way from `frontend` to one of `backends`."""
    return bool(frontend.inspection.rules) or any(backend.config.inspection.rules for backend in backends)


def logs_facts(frontend: model.Frontend) -> bool:
    """Tell whether its log lines about connections have expressions, which ask the facts."""
    return any(isinstance(piece, Expression) for piece in frontend.logs.format)


def _admitted(rules: Iterable[model.ConnectionRule], facts: Facts) -> bool:
    for rule in rules:
        if rule.condition is None or rule.condition(facts):
            if rule.act is None:
                return rule.accepts
            rule.act(facts)
    return True


# HAProxy's words for what can go wrong in a handshake.
_FAILED = "SSL handshake failure"
_CLOSED = "Connection closed during SSL handshake"
_LATE = "Timeout during SSL handshake"
_UNTRUSTED = "SSL client certificate not trusted"
_UNTRUSTED_AUTHORITY = "SSL client CA chain cannot be verified"
# OpenSSL's codes of faults that lie with an authority above the client's own certificate (x509_vfy.h).
_OF_AUTHORITY = frozenset({2, 19, 22, 24, 25})


class Reception(asyncio.Protocol):
    """One client until it is handed over. While a header or a handshake is awaited, `timeout client` runs."""

    __slots__ = (
        "_by_header", "_data", "_deadline", "_ends", "_plan", "_services", "_session", "_tls", "_transport",
    )  # fmt: skip

    def __init__(self, plan: Plan, services: Services) -> None:
        self._plan = plan
        self._services = services
        self._data = b""
        self._deadline = inf
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None
        self._tls: TlsTransport | None = None  # while it shakes hands
        self._ends = _NOBODY
        self._by_header = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in or turn it away; hand it over at once when it has nothing to send first."""
        plan = self._plan
        self._transport = cast("asyncio.Transport", transport)
        self._ends = ends_of(transport)
        facts = plan.facts(self._ends, by_header=False)
        if not plan.admits(facts):
            facts.release()
            plan.frontend.counters.denied_connections += 1
            self._transport.abort()
            return
        now = self._services.clock()
        self._session = self._services.sessions.open(plan.frontend, plan.default.backend, now)
        self._session.tracks = facts.tracks
        if plan.accept_proxy or plan.tls is not None:
            self._deadline = now + (plan.frontend.config.timeouts.client_s or inf)
            self._services.wheel.watch(self)
        if not plan.accept_proxy:
            self._begin(b"")

    def data_received(self, data: bytes) -> None:
        """Read the header; it is bounded, so what is kept here is, too."""
        self._data += data
        try:
            header = parse(self._data)
        except HeaderError:
            self._turn_away("PR", "Received something which does not look like a PROXY protocol header")
            return
        if header is not None and self._transport is not None:
            self._by_header = header.ends is not None
            self._ends = header.ends or self._ends
            self._begin(self._data[header.size :])

    def eof_received(self) -> bool:
        """End a client that leaves in the middle of its header."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Forget a client that was not handed over."""
        self._transport = None
        self._end("CR", _WAITING.format("Connection closed" if error is None else "Connection error"))

    def expires_at(self) -> float:
        """Return when the wait for the header, or for the end of the handshake, is over."""
        return self._deadline

    def expired(self) -> None:
        """Turn away a client that is too slow."""
        tls, self._tls = self._tls, None
        self._turn_away("cR", _WAITING.format("Timeout") if tls is None else _LATE)

    def _begin(self, rest: bytes) -> None:
        """Go on after the header, of whose last segment `rest` was left."""
        transport, tls = self._transport, self._plan.tls
        assert transport is not None
        if tls is None:
            self._hand_over(transport, rest, None)
            return
        services = self._services
        self._tls = TlsTransport(services.loop, tls.context, services.tls, self._shaken, server_side=True)
        transport.set_protocol(self._tls)
        self._tls.connection_made(transport)
        if rest:
            self._tls.data_received(rest)

    def _shaken(self, tls: TlsTransport, fault: Exception | None) -> None:
        """Go on after the handshake, or give the client up."""
        if self._tls is None:  # has been turned away
            tls.abort()
            return
        self._tls = None
        counters = self._plan.frontend.counters
        if fault is None:
            if tls.tls.session_reused:
                counters.tls_resumed += 1
            else:
                counters.tls_sessions += 1
            self._hand_over(tls, b"", tls)
            return
        counters.tls_failed += 1
        self._end("PR", _reason(fault), silent=isinstance(fault, ClosedInHandshakeError))
        self._transport = None
        tls.close()

    def _turn_away(self, cause: str, reason: str) -> None:
        self._end(cause, reason)
        if self._transport is not None:
            self._transport.abort()

    def _deny(self, session: Session, transport: asyncio.Transport) -> None:
        """Turn away a client that a `tcp-request session` rule rejects; as HAProxy tell of it after handshakes only."""
        plan, log = self._plan, self._plan.default.log
        plan.frontend.counters.sessions -= 1
        plan.frontend.counters.denied_sessions += 1
        if log is not None and (plan.accept_proxy or plan.tls is not None):
            log.turned_away(session, self._ends, plan.listener, "Success", silent=True)
        self._services.sessions.close(session)
        transport.abort()

    def _end(self, cause: str, reason: str, *, silent: bool = False) -> None:
        """Give back the session, unless it has gone to another; only the first call does anything."""
        self._services.wheel.forget(self)
        if self._session is not None:
            session, self._session = self._session, None
            counters, log = self._plan.frontend.counters, self._plan.default.log
            counters.sessions -= 1  # as in HAProxy, a connection that got no further never was a session
            counters.header_errors += 1
            session.end(cause)
            if log is not None:
                log.turned_away(session, self._ends, self._plan.listener, reason, silent=silent)
            self._services.sessions.close(session)

    def _hand_over(self, transport: asyncio.Transport, rest: bytes, tls: TlsTransport | None) -> None:
        """Give the client to the protocol that serves its route."""
        session = self._session
        assert session is not None
        self._services.wheel.forget(self)
        self._transport = self._session = None
        facts = self._plan.facts(self._ends, by_header=self._by_header)
        facts.tracks = session.tracks
        if tls is not None:
            session.secure = True
            facts.tls = tls.tls
        plan, arrival = self._plan, Arrival(session, self._ends, facts)
        admitted = plan.validates(facts)
        session.tracks = facts.tracks
        if not admitted:
            self._deny(session, transport)
            return
        if facts.tracks is not None:
            facts.count(SESSION)
        session.facts = facts if plan.logs_facts else None
        if plan.inspect is None:
            route = plan.route(facts)
            session.backend = route.backend
            serving = plan.serve(route, arrival)
        else:
            serving = plan.inspect(plan, arrival)
        if tls is not None:
            tls.serve(serving)
            return
        transport.set_protocol(serving)
        serving.connection_made(transport)
        if rest:
            # By now an inspector may have handed the client over.
            cast("asyncio.Protocol", transport.get_protocol()).data_received(rest)


_NOBODY = Ends()
_WAITING = "{} while waiting for PROXY protocol header"


def _reason(fault: Exception) -> str:
    """Return what HAProxy says of a handshake that has failed for `fault`."""
    if isinstance(fault, ClosedInHandshakeError):
        return _CLOSED
    if isinstance(fault, ssl.SSLCertVerificationError):
        return _UNTRUSTED_AUTHORITY if fault.verify_code in _OF_AUTHORITY else _UNTRUSTED
    return _FAILED
