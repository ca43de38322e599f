"""A client that listens to channels or patterns: one connection of its own to each server it has to listen to.

The connections speak RESP3, where messages are pushes and cannot be taken for replies; for a client that speaks RESP2
their first byte is changed. Because every client has its own, each server counts listeners as one Redis would. When one
of the connections is lost the client's is closed, as a Redis that dies closes it: it subscribes anew and misses nothing
without knowing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wproxy.dataplane.redis.dedicated import TOO_MANY, Dedicated, keep_alive
from wproxy.dataplane.redis.router import down
from wproxy.dataplane.redis.slot import One, Slot
from wproxy.policy.redis.routing import Rule, Target
from wproxy.policy.redis.subscriptions import Change, Subscriptions
from wproxy.protocols.resp import pack
from wproxy.protocols.resp.elements import elements
from wproxy.protocols.resp.values import array, bulk

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

MOST_BEHIND_BYTES = 8 * 1024 * 1024  # of messages that a client has not taken (Redis: 32 MB, or 8 MB for a minute)
_PING_S = 30.0  # a server that vanished is noticed after this long and `timeout server`
_MESSAGES = (b">3\r\n$7\r\nmessage\r\n", b">4\r\n$8\r\npmessage\r\n")
_PING = b"*1\r\n$4\r\nPING\r\n"
_AWAY = b"-SERVERDOWN a server that would have to be listened to is away\r\n"
_ONLY = b"only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
_ALLOWED = frozenset({"psubscribe", "punsubscribe", "quit", "reset", "subscribe", "unsubscribe"})


class Subscriber:
    """What one client listens to. It is the tenant of its connections, and in RESP2 the client's modal."""

    __slots__ = (
        "_awaited", "_change", "_client", "_connections", "_early", "_early_bytes", "_pinged_at", "_slot",
        "subscriptions",
    )  # fmt: skip

    queued: ClassVar[int] = -1  # it is no transaction (`conversation.Modal`)

    def __init__(self, client: Conversation) -> None:
        self._client = client
        self.subscriptions = Subscriptions(client.router.home, len(client.router.backend.servers))
        self._connections: dict[int, Dedicated] = {}
        self._change: Change | None = None  # under way
        self._slot: Slot | None = None  # of it
        self._awaited = 0  # confirmations of servers that are to come
        self._early: list[bytes] = []  # messages that came before the client knows of its subscription
        self._early_bytes = 0
        self._pinged_at = client.services.clock()
        client.services.wheel.watch(self)
        keep_alive(client.transport)  # `timeout client` does not count for who only listens

    # -- commands ------------------------------------------------------------------------------------------------

    def command(self, rule: Rule | None, refusal: bytes | None, arguments: list[bytes], raw: bytes) -> bool:
        """Do what may be done by a client that listens and speaks RESP2 (`conversation.Modal`)."""
        name = "" if rule is None else rule.command.name
        if name in _ALLOWED and refusal is None:
            return self._client.ordinary(rule, arguments, raw)
        slot = self._client.place()
        if rule is None or rule.target is Target.CONTAINER or not rule.command.fits(len(arguments)):
            slot.answer(refusal or b"")
        elif name == "ping":
            slot.answer(array([bulk(b"pong"), bulk(arguments[1] if len(arguments) > 1 else b"")]))
        else:
            prefix = b"EXECABORT Transaction discarded because of:" if name == "exec" else b"ERR"
            slot.answer(b"-%b Can't execute '%b': %b\r\n" % (prefix, name.encode(), _ONLY))
        return True

    def begin(self, word: bytes, names: list[bytes], slot: Slot) -> None:
        """Subscribe or unsubscribe; `slot` is answered when every server concerned has confirmed it."""
        change = self.subscriptions.change(word, names)
        errands = self.subscriptions.errands(change)
        error = self._connect(errands) if change.adds else None
        if error is not None:
            self._tidy()
            self._client.subscribed()
            slot.answer(error)
            return
        self._change, self._slot = change, slot
        self._awaited = sum(map(len, errands.values()))
        for index, wanted in errands.items():
            self._connections[index].tell(pack([word, *wanted]))
            self._ping(self._connections[index])  # so that `timeout server` counts for the confirmation
        if not self._awaited:
            self._confirm()

    def _connect(self, errands: dict[int, list[bytes]]) -> bytes | None:
        """Have a connection to each server; return what is against it."""
        router = self._client.router
        for index in errands:
            if index in self._connections:
                continue
            server = router.backend.servers[index]
            if not router.backend.running[index]:
                return down(server)
            connection = router.pool.take(server, 3)
            if connection is None:
                return TOO_MANY
            connection.tenant = self
            self._connections[index] = connection
        return None

    def _confirm(self) -> None:
        client, change, slot = self._client, self._change, self._slot
        assert change is not None
        assert slot is not None
        self._change = self._slot = None
        confirmations = self.subscriptions.apply(change, client.protocol)
        early, self._early, self._early_bytes = self._early, [], 0
        client.subscribed()
        self._tidy()
        slot.answer(b"".join([confirmations, *early]))

    def _tidy(self) -> None:
        """Close the connections that nothing is listened to on."""
        for index in self._connections.keys() - self.subscriptions.needed():
            self._connections.pop(index).drop()

    # -- messages ------------------------------------------------------------------------------------------------

    def pushed(self, push: bytes) -> None:
        """Pass a message on, or take note of a confirmation (`dedicated.Tenant`)."""
        if push.startswith(_MESSAGES):
            message = push if self._client.protocol == 3 else b"*" + push[1:]
            if self._change is not None:
                self._early.append(message)
                self._early_bytes += len(message)
                if self._early_bytes > MOST_BEHIND_BYTES:
                    self._client.fall_behind()
            else:
                self._client.push(message)
        elif self._change is not None and elements(push)[0] == bulk(self._change.word):
            self._awaited -= 1
            if not self._awaited:
                self._confirm()

    def lost(self) -> None:
        """Close the client's connection: what it listened to is gone (`dedicated.Tenant`).

        Where there was nothing yet, it is enough to say so.
        """
        slot, self._slot = self._slot, None
        if slot is not None and not self.subscriptions:
            self._change = None
            self._client.subscribed()
            slot.answer(_AWAY)
        else:
            self._client.close("SD")

    def close(self) -> None:
        """Listen to nothing any more."""
        self._client.services.wheel.forget(self)
        for connection in self._connections.values():
            connection.drop()
        self._connections.clear()

    # -- keeping alive -------------------------------------------------------------------------------------------

    def expires_at(self) -> float:
        """Return when the servers are to be asked whether they are there (`wheel.Watched`)."""
        return self._pinged_at + _PING_S

    def expired(self) -> None:
        """Ask them."""
        self._pinged_at = self._client.services.clock()
        self._client.services.wheel.watch(self)
        for connection in list(self._connections.values()):
            self._ping(connection)

    def _ping(self, connection: Dedicated) -> None:
        connection.send(_PING, _Pong())


class _Pong(One):
    """Waits for PONG; when it does not come in time the connection is lost."""

    __slots__ = ()

    def answer(self, reply: bytes) -> None:
        """Nothing to do."""

    def refused(self, raw: bytes, error: bytes) -> None:
        """Nothing to do: the tenant hears of it."""


def subscribe(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    """Do SUBSCRIBE, UNSUBSCRIBE, PSUBSCRIBE or PUNSUBSCRIBE, once everything before has been executed."""
    if client.places:
        return client.wait()
    slot = client.place()
    if not client.router.backend.servers:
        slot.answer(_AWAY)
        return True
    client.held = True
    if client.subscriber is None:
        client.subscriber = Subscriber(client)
    client.subscriber.begin(rule.command.name.encode(), arguments[1:], slot)
    return True
