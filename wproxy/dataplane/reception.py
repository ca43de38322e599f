"""What happens to a client before its route is known: rules that turn it away, a PROXY header, rules that choose.

Only binds that need it have a reception; elsewhere a client's connection is made by its route at once. When all is
decided the transport is given to the protocol that serves the route, and the reception is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import cast

from wproxy.config import model
from wproxy.config.acl.facts import Facts, Process
from wproxy.dataplane.ends import ends_of
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.protocols.proxy_header import Ends, HeaderError, parse
from wproxy.state.frontend import Frontend
from wproxy.state.session import Session


@dataclass(frozen=True, slots=True)
class Arrival:
    """A client whose route has been found: its open session, its addresses, what rules may ask about it."""

    session: Session
    ends: Ends
    facts: Facts


Serve = Callable[[Route, Arrival], asyncio.Protocol]


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

    @staticmethod
    def needed(bind: model.Bind, default: Route) -> bool:
        """Tell whether the clients of `bind` have to be received at all."""
        config = default.frontend.config
        rules = config.switching or config.connection_rules or (config.page is not None and config.page.admin)
        return bind.accept_proxy or bool(rules) or default.stickiness is not None

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
        """Tell whether the first `tcp-request connection` rule that holds lets the client in; all do without one."""
        for rule in self.frontend.config.connection_rules:
            if rule.condition is None or rule.condition(facts):
                return rule.accepts
        return True

    def route(self, facts: Facts) -> Route:
        """Return the way of the first `use_backend` rule that holds, else the default."""
        for rule in self.frontend.config.switching if self.switches else ():
            if rule.condition is None or rule.condition(facts):
                return self.routes[rule.backend]
        return self.default


class Reception(asyncio.Protocol):
    """One client until it is handed over. While a header is awaited, `timeout client` runs."""

    __slots__ = ("_data", "_deadline", "_plan", "_services", "_session", "_transport")

    def __init__(self, plan: Plan, services: Services) -> None:
        self._plan = plan
        self._services = services
        self._data = b""
        self._deadline = inf
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in or turn it away; hand it over at once when it has no header to send."""
        plan = self._plan
        self._transport = cast("asyncio.Transport", transport)
        ends = ends_of(transport)
        if not plan.admits(plan.facts(ends, by_header=False)):
            plan.frontend.counters.denied_connections += 1
            self._transport.abort()
            return
        now = self._services.clock()
        self._session = self._services.sessions.open(plan.frontend, plan.default.backend, now)
        if plan.accept_proxy:
            self._deadline = now + (plan.frontend.config.timeouts.client_s or inf)
            self._services.wheel.watch(self)
        else:
            self._hand_over(ends, b"", by_header=False)

    def data_received(self, data: bytes) -> None:
        """Read the header; it is bounded, so what is kept here is, too."""
        self._data += data
        try:
            header = parse(self._data)
        except HeaderError:
            self._turn_away("PR")
            return
        if header is not None and self._transport is not None:
            ends = header.ends or ends_of(self._transport)
            self._hand_over(ends, self._data[header.size :], by_header=header.ends is not None)

    def eof_received(self) -> bool:
        """End a client that leaves in the middle of its header."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Forget a client that was not handed over."""
        self._transport = None
        self._end("CR")

    def expires_at(self) -> float:
        """Return when the wait for the header is over."""
        return self._deadline

    def expired(self) -> None:
        """Turn away a client that has not sent its header in time."""
        self._turn_away("cR")

    def _turn_away(self, cause: str) -> None:
        self._end(cause)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, cause: str) -> None:
        """Give back the session, unless it has gone to another; only the first call does anything."""
        self._services.wheel.forget(self)
        if self._session is not None:
            session, self._session = self._session, None
            counters = self._plan.frontend.counters
            counters.sessions -= 1  # as in HAProxy, a connection without its header never was a session
            counters.header_errors += 1
            session.end(cause)
            self._services.sessions.close(session)

    def _hand_over(self, ends: Ends, rest: bytes, *, by_header: bool) -> None:
        """Give the client to the protocol that serves its route."""
        transport, session = self._transport, self._session
        assert transport is not None
        assert session is not None
        self._services.wheel.forget(self)
        self._transport = self._session = None
        facts = self._plan.facts(ends, by_header=by_header)
        route = self._plan.route(facts)
        session.backend = route.backend
        serving = self._plan.serve(route, Arrival(session, ends, facts))
        transport.set_protocol(serving)
        serving.connection_made(transport)
        if rest:
            serving.data_received(rest)
