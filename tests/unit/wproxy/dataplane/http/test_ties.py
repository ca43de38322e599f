from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from tests.support.pure_http import backend_of, facts_of, response_of
from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.cookie import PersistRule
from wproxy.config.model import StickKind, StickTable
from wproxy.dataplane.http.ties import NOTHING_ASKED, Ties
from wproxy.dataplane.stickiness import Stickiness
from wproxy.policy.cookies import Persistence, Presented
from wproxy.protocols.http1.heads import RequestHead
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.stick import LiveTable

LINES = ["server a 127.0.0.1:1 cookie sa", "server b 127.0.0.1:2 cookie sb"]


@dataclass
class Exchange:
    """One request on its way."""

    facts: HttpFacts
    request: RequestHead
    server: Server | None = None
    cookies: str = "--"
    asked: Presented[Server] = NOTHING_ASKED
    bound: Server | None = None


def exchange(cookie: bytes = b"", last: int = 1) -> Exchange:
    line = b"Cookie: %b\r\n" % cookie if cookie else b""
    facts = facts_of(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % line, bytes([127, 0, 0, last]))
    return Exchange(facts, cast("RequestHead", facts.request))


def cookies(backend: Backend) -> Persistence[Server]:
    assert backend.config.http is not None
    assert backend.config.http.cookie is not None
    made: Persistence[Server] = Persistence(backend.config.http.cookie, lambda: 0)
    made.serve(backend.servers)
    return made


def responded(ties: Ties, exchange: Exchange, server: Server) -> list[bytes]:
    """Let `server` respond; return the cookies that the client gets."""
    head = response_of(b"HTTP/1.1 200 OK\r\n\r\n")
    exchange.server = server
    ties.responded(exchange, head)
    return head.values(b"set-cookie")


def test_a_cookie_leads_and_is_renewed_when_its_server_could_not_be_reached() -> None:
    backend, _ = backend_of(["cookie SRV insert", *LINES])
    a, b = backend.servers
    ties = Ties(cookies(backend), None, (), None)
    there = exchange(b"SRV=sb")
    assert ties.choose(there) is b
    assert there.cookies == "VN"
    assert responded(ties, there, b) == []
    assert there.cookies == "VN"
    elsewhere = exchange(b"SRV=sb")
    ties.choose(elsewhere)
    assert responded(ties, elsewhere, a) == [b"SRV=sa; path=/"]
    assert elsewhere.cookies == "DI"
    back = exchange(b"SRV=sb")
    ties.choose(back)
    back.bound = None  # tried again, on whatever server there is
    assert responded(ties, back, b) == [b"SRV=sb; path=/"]
    assert back.cookies == "VI"
    new = exchange()
    assert ties.choose(new) is None
    assert responded(ties, new, a) == [b"SRV=sa; path=/"]
    assert new.cookies == "NI"


@pytest.mark.parametrize(("forces", "letters"), [(True, "DN"), (False, "UN")])
def test_persist_rules(forces: bool, letters: str) -> None:
    backend, _ = backend_of(["cookie SRV insert", LINES[0], f"{LINES[1]} disabled"])
    b = backend.servers[1]
    rules = (PersistRule(True, lambda facts: False), PersistRule(forces, lambda facts: True))
    made = exchange(b"SRV=sb")
    assert Ties(cookies(backend), None, rules, None).choose(made) is (b if forces else None)
    assert made.cookies == letters


def test_tables_come_after_the_cookie_and_learn_from_it() -> None:
    backend, _ = backend_of(["cookie SRV insert", "stick-table type ip size 9", "stick on src", *LINES])
    a, b = backend.servers
    tables = {"main": LiveTable(StickTable("main", StickKind.IP, 9))}
    ties = Ties(cookies(backend), Stickiness(backend, tables, lambda: 0.0), (), None)
    first = exchange(last=2)
    assert ties.choose(first) is None
    assert responded(ties, first, b) == [b"SRV=sb; path=/"]
    again = exchange(last=2)
    assert ties.choose(again) is b
    assert responded(ties, again, b) == []  # it was led here
    led = exchange(b"SRV=sa", last=2)
    assert ties.choose(led) is a
    responded(ties, led, a)
    assert ties.choose(exchange(last=2)) is a


def test_letters_of_requests_that_rules_answer() -> None:
    backend, key = backend_of(["cookie SRV insert", *LINES])
    made = exchange(b"SRV=sb")
    ties = Ties(cookies(backend), None, (), None)
    ties.unasked(made, denied=False)
    assert made.cookies == "NN"
    ties.unasked(made, denied=True)
    assert made.cookies == "VN"
    untouched = exchange()
    Ties(None, None, (), key).unasked(untouched, denied=True)
    assert untouched.cookies == "--"


def test_a_key() -> None:
    backend, key = backend_of(["balance source", *LINES])
    assert Ties(None, None, (), key).key(exchange()) == 0x7F000001
    assert Ties(None, None, (), None).key(exchange()) == 0
    assert backend.algorithm.keyed
    Ties(None, None, (), key).responded(exchange(), response_of(b"HTTP/1.1 200 OK\r\n\r\n"))


def test_servers_by_rules_come_first() -> None:
    rules = ["use-server a if { src 127.0.0.9 }", "use-server b if { hdr(x) 1 }", "use-server %[hdr(y)] if TRUE"]
    backend, _ = backend_of(["cookie SRV insert", *rules, LINES[0] + " disabled", LINES[1]])
    a, b = backend.servers
    ties = Ties(cookies(backend), Stickiness(backend, {}, lambda: 0.0), (), None)
    led = exchange(b"SRV=sb", last=9)
    assert ties.choose(led) is b  # a is away, and no server is called ""
    assert led.cookies == "VN"
    named = exchange(b"SRV=sa; x=1\r\nY: b")
    assert ties.choose(named) is b
    assert named.cookies == "UN"
    assert responded(ties, named, b) == []
    forcing = Ties(None, Stickiness(backend, {}, lambda: 0.0), (PersistRule(True, lambda facts: True),), None)
    assert forcing.choose(exchange(last=9)) is a
