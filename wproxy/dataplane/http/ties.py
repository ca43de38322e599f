"""What ties the requests of one route to certain servers: a cookie, stick tables, a hash; and what responses get of it.

`use-server` rules come first, then the cookie, then the tables, then the algorithm. A request that one of the first
three has led is direct, until it has to go elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.cookie import PersistRule
from wproxy.dataplane.stickiness import Stickiness, first_holding
from wproxy.policy.balance import Key
from wproxy.policy.cookies import ABSENT, Persistence, Presented
from wproxy.protocols.http1.heads import RequestHead, ResponseHead
from wproxy.state.server import Server

NOTHING_ASKED: Presented[Server] = ABSENT  # type: ignore[assignment] # it has no server


class Tied(Protocol):
    """An exchange, as far as it is tied: `asked` is what its cookies say, `bound` the server it is direct to."""

    request: RequestHead
    server: Server | None
    cookies: str
    asked: Presented[Server]
    bound: Server | None

    @property
    def facts(self) -> HttpFacts:
        """What rules may ask about it."""


class Ties:
    """Made once per route of which anything of this is configured."""

    __slots__ = ("_key", "_persistence", "_rules", "_stickiness")

    def __init__(
        self,
        persistence: Persistence[Server] | None,
        stickiness: Stickiness | None,
        rules: Sequence[PersistRule],
        key: Key | None,
    ) -> None:
        self._persistence = persistence
        self._stickiness = stickiness
        self._rules = rules
        self._key = key

    def choose(self, exchange: Tied) -> Server | None:
        """Return the server that a request is bound to, None when any will do; take the cookie out of its head."""
        rule = first_holding(self._rules, exchange.facts) if self._rules else None
        force, ignore = rule is not None and rule.forces, rule is not None and not rule.forces
        persistence, stickiness = self._persistence, self._stickiness
        server = stickiness.ruled(exchange.facts, force=force) if stickiness is not None else None
        if persistence is not None:
            led = server is not None
            asked = exchange.asked = persistence.read(exchange.request, ignore=ignore, force=force, led=led)
            exchange.cookies = persistence.letters(asked, "N")
            server = server or asked.server
        if server is None and stickiness is not None:
            server = stickiness.server_of(exchange.facts, force=force)
        exchange.bound = server
        return server

    def unasked(self, exchange: Tied, *, denied: bool) -> None:
        """Set the letters of a request that rules answer: as in HAProxy the cookie of one that is denied is told."""
        if self._persistence is not None:
            asked = self._persistence.read(exchange.request) if denied else NOTHING_ASKED
            exchange.cookies = self._persistence.letters(asked, "N")

    def key(self, exchange: Tied) -> int:
        """Return what a keyed algorithm goes by."""
        return 0 if self._key is None else self._key(exchange.facts)

    def responded(self, exchange: Tied, head: ResponseHead) -> None:
        """Tell the client by the response's head, and the tables, which server it was."""
        server = exchange.server
        if server is None:
            return
        direct = server is exchange.bound
        persistence, stickiness = self._persistence, self._stickiness
        if persistence is not None:
            asked = exchange.asked
            if not direct and asked.letter == "V" and asked.server is not server:
                asked = exchange.asked = asked._replace(letter="D")  # it could not be reached
            letter = persistence.answer(head, exchange.request.method, asked, server, direct=direct)
            exchange.cookies = persistence.letters(asked, letter)
        if stickiness is not None:
            facts = exchange.facts
            facts.response = head
            stickiness.store(facts, server)
            stickiness.store_response(facts, server)
