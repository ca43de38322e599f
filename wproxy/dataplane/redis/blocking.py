"""Commands that may wait for data, each on a connection of its own, so that nobody waits behind it.

    BLPOP ──▶ sent to the owner ──▶ reply: the client's, and the connection is for others
                   │ the slot gets another owner: CLIENT UNBLOCK, over the shared link
                   ▼
              nothing came ──▶ sent to the new owner, with the time that remains
              something came after all ──▶ the client's

A client that goes away takes the connection with it, so that nothing is popped for nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from wproxy.dataplane.redis.dedicated import TOO_MANY, Dedicated, keep_alive
from wproxy.dataplane.redis.router import NO_SERVER, Router, down
from wproxy.dataplane.redis.slot import One, Owner, Slot
from wproxy.policy.redis.blocking import came_to_nothing, patience_s, with_patience
from wproxy.policy.redis.routing import CROSSING, Rule
from wproxy.protocols.resp import pack

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation


class Blocked(One):
    """One command that may wait, until it is answered."""

    __slots__ = (
        "_arguments", "_client", "_connection", "_engaged", "_keys", "_leaving", "_name", "_number",
        "_router", "_slot", "_until",
    )  # fmt: skip

    def __init__(self, client: Conversation, slot: Slot, rule: Rule, arguments: list[bytes], number: int) -> None:
        self._client = client
        self._router: Router = client.router
        self._slot = slot
        self._name = rule.command.name
        self._arguments = arguments
        self._number = number
        self._keys = rule.keys(arguments)
        self._connection: Dedicated | None = None
        self._engaged = False  # its slot may not change owner before it is answered
        self._leaving = False  # it has been asked to stop waiting, because its slot has another owner
        self._until = inf

    def begin(self, raw: bytes, patience: float) -> None:
        """Wait for the first time, `patience` seconds from now at most."""
        self._until = self._client.services.clock() + patience
        self._client.blocked = self
        keep_alive(self._client.transport)
        self._router.waiters[self] = None
        self._prepare(raw, patience)

    def _prepare(self, raw: bytes, patience: float) -> None:
        """Ask when the keys are at the owner, unless the client has gone by then."""

        def ask() -> None:
            if self in self._router.waiters:
                self._ask(raw, patience)

        def fail(error: bytes) -> None:
            if self in self._router.waiters:
                self._finish(error)

        self._router.prepare(self._keys, self._client.database, ask, fail)

    def _ask(self, raw: bytes, patience: float) -> None:
        router = self._router
        index = router.owner(self._number)
        if index < 0 or not router.backend.running[index]:
            self._finish(NO_SERVER if index < 0 else down(router.backend.servers[index]))
            return
        connection = self._connection = router.pool.take(router.backend.servers[index], self._client.protocol)
        if connection is None:
            self._finish(TOO_MANY)
            return
        self._engaged = True
        router.engage(self._number)
        connection.select(self._client.database)
        connection.send(raw, self, patience)

    def _disengage(self) -> None:
        if self._engaged:
            self._engaged = False
            self._router.disengage(self._number)

    def answer(self, reply: bytes) -> None:
        """Pass the reply on, or wait elsewhere when it only says that waiting here has come to an end."""
        connection, self._connection = self._connection, None
        self._disengage()
        if connection is not None and self._leaving:
            connection.drop()  # the request to stop waiting may still be on its way, and must not hit another client
        elif connection is not None:
            self._router.pool.give_back(connection)
        left_s = self._until - self._client.services.clock()
        if self._leaving and came_to_nothing(reply) and left_s > 0:
            self._leaving = False
            self._prepare(with_patience(self._name, self._arguments, left_s), left_s)
        else:
            self._finish(reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Answer with the error."""
        self._connection = None
        self._disengage()
        self._finish(error)

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who waits."""
        return [(self._client, 1)]

    def follow(self) -> None:
        """Stop waiting at a server that is no longer the owner (`router.Waiter`)."""
        connection = self._connection
        if connection is None or self._leaving:
            return
        owner = self._router.owner(self._number)
        stays = owner >= 0 and self._router.backend.servers[owner] is connection.server
        if stays and not self._router.awaits_quiet(self._number):
            return
        if not connection.identity:
            connection.when_known = self.follow
            return
        self._leaving = True
        request = pack([b"CLIENT", b"UNBLOCK", b"%d" % connection.identity])
        self._router.link(connection.server, 2).send(request, _Unheard())

    def cancel(self) -> None:
        """Wait no longer: the client is gone."""
        self._router.waiters.pop(self, None)
        if self._connection is not None:
            self._connection.drop()
        self._disengage()

    def _finish(self, reply: bytes) -> None:
        self._router.waiters.pop(self, None)
        self._client.blocked = None
        self._slot.answer(reply)


class _Unheard(One):
    """Waits for an answer that changes nothing: what was asked to stop waiting answers itself."""

    __slots__ = ()

    def answer(self, reply: bytes) -> None:
        """Nothing to do."""

    def refused(self, raw: bytes, error: bytes) -> None:
        """Nothing to do: the waiting connection is lost with the server."""


def may_block(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    """Send a command that may wait, once everything before has been executed."""
    patience = patience_s(rule.command.name, arguments)
    number = rule.slot(arguments)
    if patience is None or number == CROSSING:
        client.router.to_keys(rule.keys(arguments), raw, client.place(), client.protocol, client.database)
        return True
    if client.places:
        return client.wait()
    client.held = True
    Blocked(client, client.place(), rule, arguments, number).begin(raw, patience)
    return True
