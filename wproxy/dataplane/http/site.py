"""What the clients of one `bind` of a frontend in mode http share, computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wproxy.config.acl.facts import HttpFacts, Process
from wproxy.config.http.model import Answer, Captures, Outcome, Page, Rule, Service, Verdict
from wproxy.config.model import UseBackend
from wproxy.dataplane.http.outgoing import last_answer
from wproxy.dataplane.http.route import HttpRoute, front_of
from wproxy.dataplane.idle import seconds
from wproxy.dataplane.services import Services
from wproxy.dataplane.stats_desk import Desk
from wproxy.protocols.http1.answers import ERRORS, refusal
from wproxy.protocols.http1.heads import HeadParser
from wproxy.protocols.proxy_header import Ends
from wproxy.state.frontend import Frontend

Serve = Callable[[Service, HttpFacts, bytes], Answer]
"""Answers a request inside the proxy: which service, the request, its body."""


@dataclass(frozen=True, slots=True)
class Site:
    """A frontend, its rules, and the ways from it to its backends. Times in seconds, infinity for "no timeout"."""

    frontend: Frontend
    services: Services
    parser: HeadParser
    listener: int
    process: Process
    default: HttpRoute
    routes: Mapping[str, HttpRoute]
    serve: Serve
    desk: Desk | None  # of its statistics page
    content_rules: tuple[Rule, ...]
    request_rules: tuple[Rule, ...]
    switching: tuple[UseBackend, ...]
    client_s: float
    request_s: float  # for a whole request head
    keep_alive_s: float  # between two requests
    shortest_s: float  # of all timeouts that a client of it can meet
    monitored: bool  # there is a `monitor-uri`
    asks: bool  # whether anything is asked about requests at all, so that facts are needed
    slots: tuple[int, int]  # of values that are captured
    captures: Captures | None
    refusals: Mapping[int, bytes]  # what is said to clients that do not speak HTTP, by status
    pages: Mapping[int, Page]  # of errors before there is a backend
    after_rules: tuple[Rule, ...]  # of answers before there is a backend
    tarpit_s: float
    identify: Callable[[HttpFacts], str] | None  # makes the `unique_id` of a request
    unique_field: bytes | None  # tells servers that
    ignores_probes: bool
    buffers: bool  # bodies are waited for, as far as there is `room`
    room: int

    @classmethod
    def of(
        cls,
        frontend: Frontend,
        services: Services,
        parser: HeadParser,
        listener: int,
        process: Process,
        default: HttpRoute,
        routes: Mapping[str, HttpRoute],
        serve: Serve,
        desk: Desk | None = None,
        room: int = 16384,
    ) -> Site:
        """Compute it; `room` is what of a request that is buffered may come before it goes on, in bytes."""
        http = front_of(frontend.config)
        client_s = seconds(frontend.config.timeouts.client_s)
        request_s = min(seconds(http.timeouts.request_s), client_s)
        keep_alive = http.timeouts.keep_alive_s
        keep_alive_s = request_s if keep_alive is None else keep_alive
        ways = (default, *routes.values())
        shortest = min(
            client_s, request_s, keep_alive_s,
            *(min(way.server_s, way.connect_s, way.queue_s, way.idle.client_s, way.idle.server_s) for way in ways),
        )  # fmt: skip
        switching = frontend.config.switching
        early = (*frontend.config.connection_rules, *frontend.config.session_rules)
        tracks = any(rule.act is not None for rule in early)
        asks = bool(http.request_rules or switching or http.monitor_uri or http.captures or desk or tracks) or any(
            way.content_rules or way.request_rules or way.response_rules for way in ways
        )
        refusals = {status: _refusal(status, http.pages.get(status)) for status in ERRORS}
        return cls(
            frontend, services, parser, listener, process, default, routes, serve, desk, http.content_rules,
            http.request_rules, switching, client_s, request_s, keep_alive_s, shortest, http.monitor_uri is not None,
            asks, http.slots, http.captures, refusals, http.pages, http.after_rules, http.tarpit_s or 0.0,
            http.unique_id, http.unique_field, http.ignore_probes, http.buffer_request, room,
        )  # fmt: skip

    def facts(self, ends: Ends, *, by_header: bool) -> HttpFacts:
        """Return what rules may ask about a client; its requests are put in one after the other."""
        facts = HttpFacts(
            self.process,
            self.frontend,
            self.frontend.name,
            self.listener,
            default_backend=self.frontend.config.default_backend or "",
            by_header=by_header,
            identify=self.identify,
        )
        if ends.source is not None:
            facts.source, facts.source_port = ends.source
        if ends.destination is not None:
            facts.destination, facts.destination_port = ends.destination
        return facts

    def route(self, facts: HttpFacts) -> HttpRoute:
        """Return the way of the first `use_backend` rule that holds, else the default."""
        for rule in self.switching:
            if rule.condition is None or rule.condition(facts):
                if rule.compute is not None:
                    return self.routes.get(rule.compute(facts), self.default)
                return self.routes[rule.backend]
        return self.default

    def monitor(self, facts: HttpFacts) -> Answer | None:
        """Return the answer to a request for `monitor-uri`, None to any other."""
        http = front_of(self.frontend.config)
        if http.monitor_uri is None or facts.request.target != http.monitor_uri:
            return None
        if any(condition(facts) for condition in http.monitor_fail):
            return Answer(503, page=True)
        return Answer(200, page=True)


def _refusal(status: int, page: Page | None) -> bytes:
    """Return what is said to a client that does not speak HTTP; of its request there is nothing to ask."""
    if not isinstance(page, Answer):
        return refusal(status)
    if page.silent:
        return b""
    return last_answer(page)


def first_outcome(rules: tuple[Rule, ...], facts: HttpFacts) -> Answer | Service | None:
    """Let the rules act in order; return what ends them with an answer."""
    for rule in rules:
        if rule.condition is None or rule.condition(facts):
            outcome: Outcome | None = rule.act(facts)
            if outcome is not None:
                return None if isinstance(outcome, Verdict) else outcome
    return None
