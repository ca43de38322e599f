"""A client whose first bytes are looked at by `tcp-request content` rules, before its server is looked for.

    Reception ─▶ Inspector: rules of the frontend ─▶ route ─▶ rules of its backend ─▶ the protocol that serves it

Nothing is passed on meanwhile; whoever serves the client gets all that has come. Rules are asked again whenever more
comes. They have to decide when `inspect-delay` is over, when there is no more room, when the client sends no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from math import inf
from typing import cast

from wproxy.config import model
from wproxy.dataplane.carriage import describe
from wproxy.dataplane.contents import Contents
from wproxy.dataplane.idle import seconds
from wproxy.dataplane.reception import Arrival, Inspect, Plan, inspects
from wproxy.dataplane.relay import ClientEnd
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.policy.inspection import Decision, Inspection
from wproxy.state.backend import Backend
from wproxy.state.session import Carriage, Session, Standing


class Inspector(asyncio.Protocol):
    """One client until it is handed over; what is kept of it is bounded by `tune.bufsize`, and by one read."""

    __slots__ = (
        "_active_at", "_arrival", "_at_eof", "_client_s", "_contents", "_data", "_inspection", "_plan", "_route",
        "_served", "_services", "_session", "_settings", "_transport", "_until",
    )  # fmt: skip

    def __init__(self, plan: Plan, services: Services, arrival: Arrival, nowhere: Backend, contents: Contents) -> None:
        """Begin; `nowhere` stands for the backend while none is chosen, and `contents` are still empty."""
        self._plan = plan
        self._services = services
        self._arrival = arrival
        self._session: Session | None = arrival.session  # None when it has been handed over, or is over
        self._session.backend = nowhere
        self._session.carrier = self
        self._contents = contents
        self._data: list[bytes] = []
        self._route: Route | None = None  # once the frontend's rules have let the client in
        self._transport: asyncio.Transport | None = None
        self._client_s = seconds(plan.frontend.config.timeouts.client_s)
        self._active_at = services.clock()
        self._at_eof = False
        self._served = False  # it has been handed over
        self._begin(plan.frontend.config.inspection)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the rules what they make of a client that has said nothing yet."""
        self._transport = cast("asyncio.Transport", transport)
        facts = self._arrival.facts
        facts.contents = self._contents
        facts.captures = [None] * self._plan.frontend.config.inspection.slots
        self._advance()

    def data_received(self, data: bytes) -> None:
        """Ask them again with what has come."""
        self._data.append(data)
        self._contents.add(data)
        self._active_at = self._services.clock()
        self._advance()

    def eof_received(self) -> bool:
        """Have the rules decide: nothing more will come. A client that they let in may still hear its server."""
        self._at_eof = self._contents.final = True
        self._advance()
        return self._served

    def connection_lost(self, error: Exception | None) -> None:
        """End the session of a client that is gone; as in HAProxy the rules are asked a last time."""
        self._transport = None
        self._give_up("CR")

    def expires_at(self) -> float:
        """Return when the rules have to decide, or when `timeout client` is over."""
        return min(self._until, self._active_at + self._client_s)

    def expired(self) -> None:
        """Have the rules decide, or give up a client that is silent for too long."""
        if self._until > self._services.clock():
            self._give_up("cR")
            return
        self._contents.final = True
        self._advance()

    # -- the rules -----------------------------------------------------------------------------------------------

    def _begin(self, settings: model.Inspection) -> None:
        """Turn to the rules of a frontend or a backend."""
        self._settings = settings
        self._inspection = Inspection(settings.rules)
        self._until = inf

    def _advance(self) -> None:
        """Ask the rules, those of the backend after those of the frontend; do what they decide."""
        if self._session is None:
            return
        decision = self._decide()
        if decision is Decision.ACCEPT:
            self._hand_over()
        elif decision is Decision.REJECT:
            self._reject()
        elif self._until == inf:
            self._until = self._services.clock() + (self._settings.delay_s or 0.0)
            self._services.wheel.watch(self)

    def _decide(self) -> Decision:
        """Return what the rules say; an inspection delay that is over is that of one side only."""
        contents, facts = self._contents, self._arrival.facts
        lasting = self._at_eof or self._transport is None or contents.full
        contents.final = contents.final or not self._settings.delay_s
        decision = self._inspection.decide(facts)
        if decision is not Decision.ACCEPT or self._route is not None:
            return decision
        route = self._route = self._plan.route(facts)
        assert self._session is not None
        self._session.backend = route.backend
        self._begin(route.backend.config.inspection)
        contents.final = lasting or not self._settings.delay_s
        return self._inspection.decide(facts)

    def _hand_over(self) -> None:
        """Give the client to the protocol that serves its route, with all that it has sent."""
        transport, route, session = self._transport, self._route, self._session
        assert transport is not None
        assert route is not None
        assert session is not None
        self._services.wheel.forget(self)
        self._session = self._transport = None
        self._served = True
        self._keep_tracks(session)
        serving = self._plan.serve(route, self._arrival)
        data, self._data = b"".join(self._data), []
        transport.set_protocol(serving)
        serving.connection_made(transport)
        if data:
            serving.data_received(data)
        if self._at_eof and isinstance(serving, ClientEnd):
            serving.at_eof = True  # its server is connected all the same, and told
        elif self._at_eof:
            serving.eof_received()
        if not isinstance(serving, ClientEnd):
            self._arrival.facts.contents = None  # only `stick` rules, of mode tcp, still ask about them

    def _keep_tracks(self, session: Session) -> None:
        """Leave what rules have begun to track to the session, which ends it."""
        session.tracks = self._arrival.facts.tracks

    # -- the end -------------------------------------------------------------------------------------------------

    def _reject(self) -> None:
        self._plan.frontend.counters.denied_requests += 1
        self.close("PR")

    def _give_up(self, cause: str) -> None:
        """End the session for `cause`, unless the rules reject what has come; the backend that is chosen counts it."""
        if self._session is None:
            return
        self._at_eof = self._contents.final = True
        if self._decide() is Decision.REJECT:
            self._reject()
            return
        self._plan.frontend.counters.request_errors += 1
        self._session.backend.counters.client_aborts += 1
        self.close(cause)

    def close(self, cause: str) -> None:
        """End the session now; only the first call does anything."""
        session, self._session = self._session, None
        if session is None:
            return
        self._services.wheel.forget(self)
        self._keep_tracks(session)
        session.bytes_in += sum(map(len, self._data))
        session.end(cause)
        backend = session.backend
        if self._route is None:
            backend.current += 1  # the log leaves out the session itself
        else:
            backend.opened(self._services.clock())
        log = self._plan.default.log
        if log is not None:
            log.began(session, self._transport, self._arrival.ends)
            log.ended(session)
        backend.current -= 1
        self._services.sessions.close(session)
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def kill(self) -> None:
        """End the session because an administrator says so."""
        self.close("KR")

    # -- asked by the stats socket (`state.session.Carrier`) -----------------------------------------------------

    def carriage(self) -> Carriage:
        """Describe the connection."""
        return describe(self._transport, None, "INI", self.expires_at(), self._services.clock())

    def standing(self) -> Standing | None:
        """Return None: there is no server yet."""
        return None

    def owes_answer(self) -> bool:
        """Tell that no server owes anything."""
        return False


def inspecting(
    routes: Sequence[Route], services: Services, nowhere: Backend, contents: Callable[[], Contents]
) -> Inspect | None:
    """Return what makes the inspector of each client of a frontend; None where no rule on one of its `routes` looks."""
    if not inspects(routes[0].frontend.config, [route.backend for route in routes]):
        return None
    return lambda plan, arrival: Inspector(plan, services, arrival, nowhere, contents())
