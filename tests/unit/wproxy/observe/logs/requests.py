"""A request as the log tests want it: 10 ms in coming, 20 ms in the queue, 30 ms to connect, 40 ms for an answer."""

from __future__ import annotations

from tests.unit.wproxy.config.http.exchange import http_facts
from tests.unit.wproxy.state.parties import backend, frontend_config, line
from wproxy.config.acl.facts import HttpFacts
from wproxy.state.admission import Admission
from wproxy.state.frontend import Frontend
from wproxy.state.session import Sessions
from wproxy.state.transaction import Transaction


class Request(Transaction):
    """A transaction whose facts are made up."""

    facts: HttpFacts | None = None

    def known_facts(self) -> HttpFacts | None:
        return self.facts


def request(sessions: Sessions | None = None, *, known: bool = True) -> Request:
    back = backend(line("a"))
    session = (sessions or Sessions(Admission(100))).open(Frontend(frontend_config(), 9), back, 99.0)
    session.source, session.destination = ("192.0.2.1", 4711), ("192.0.2.2", 80)
    made = Request(session, back, 99.0, 100.0)
    made.facts = http_facts() if known else None
    made.request_at, made.assigned_at, made.connected_at, made.responded_at = 100.01, 100.03, 100.06, 100.1
    made.server = made.place = back.servers[0]
    back.current = back.servers[0].current = 3
    made.routed = known
    made.status, made.bytes_in, made.bytes_out = 200, 12, 345
    made.termination = "--"
    return made
