"""MULTI, EXEC and WATCH of one client.

MULTI ──▶ commands are kept (`policy.redis.transaction`) ──▶ EXEC: all of it in one write to the slot's owner,
                                                             over the shared link; with WATCH, over the
WATCH ──▶ a connection of the client's own, to the owner ──▶ connection that watches, so that Redis itself decides
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wproxy.dataplane.redis.dedicated import TOO_MANY, Dedicated
from wproxy.dataplane.redis.router import NO_SERVER, Router, down
from wproxy.dataplane.redis.slot import Last, One, Slot, Then
from wproxy.policy.redis.routing import CROSSING, CROSSSLOT, KEYLESS, Rule
from wproxy.policy.redis.transaction import ABORTED, LATE_WATCH, NESTED, Transaction

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

_OK = b"+OK\r\n"


class Watch:
    """Watched keys of one slot, on a connection of their own (`dedicated.Tenant`)."""

    __slots__ = ("_router", "connection", "index", "lasting", "slot")

    def __init__(self, router: Router, connection: Dedicated, index: int, slot: int) -> None:
        self._router = router
        self.connection = connection
        self.index = index
        self.slot = slot
        self.lasting = True
        connection.tenant = self

    @property
    def holds(self) -> bool:
        """Whether Redis can still tell that nothing was changed: the connection lives, and the slot is where it was."""
        return self.lasting and self._router.owner(self.slot) == self.index

    def engage(self) -> None:
        """Take note that something is under way: the slot may not change owner before it is answered."""
        self._router.engage(self.slot)

    def disengage(self) -> None:
        """Take note that it has been answered."""
        self._router.disengage(self.slot)

    def executed(self) -> None:
        """Take note that EXEC has been answered: nothing is watched any more."""
        self.disengage()
        self.release()

    def pushed(self, push: bytes) -> None:
        """Nothing is pushed to who has not subscribed."""

    def lost(self) -> None:
        """Nobody watches any more: there will be no EXEC."""
        self.lasting = False

    def release(self) -> None:
        """Watch no longer; the connection is for others once the server has confirmed it."""
        if self.lasting:
            self.connection.tenant = None
            self.connection.send(b"*1\r\n$7\r\nUNWATCH\r\n", _Released(self._router, self.connection))

    def drop(self) -> None:
        """Close the connection."""
        if self.lasting:
            self.connection.drop()


class _Released(One):
    """Gives the connection back when it watches nothing."""

    __slots__ = ("_connection", "_router")

    def __init__(self, router: Router, connection: Dedicated) -> None:
        self._router = router
        self._connection = connection

    def answer(self, reply: bytes) -> None:
        if reply == _OK:
            self._router.pool.give_back(self._connection)
        else:
            self._connection.drop()

    def refused(self, raw: bytes, error: bytes) -> None:
        """The connection is closed already."""


class Queueing:
    """A client between MULTI and EXEC (`conversation.Modal`)."""

    __slots__ = ("_client", "transaction")

    def __init__(self, client: Conversation) -> None:
        self._client = client
        watch = client.watch
        self.transaction = Transaction(KEYLESS if watch is None else watch.slot)

    @property
    def queued(self) -> int:
        """How many commands wait for EXEC (`conversation.Modal`)."""
        return len(self.transaction)

    def command(self, rule: Rule | None, refusal: bytes | None, arguments: list[bytes], raw: bytes) -> bool:
        """Queue a command, or end the transaction; False when that has to wait for what is under way."""
        name = "" if rule is None or refusal is not None else rule.command.name
        if name == "exec":
            return self._execute()
        if name in ("reset", "quit"):
            return self._client.ordinary(rule, arguments, raw)
        slot = self._client.place()
        if rule is not None and rule.command.name == "exec":  # with arguments, which ends the transaction too
            self._client.enter(None)
            self._client.unwatch()
            slot.answer(refusal or b"")
        elif name == "discard":
            self._client.enter(None)
            self._client.unwatch()
            slot.answer(_OK)
        elif name in _REFUSALS:
            slot.answer(_REFUSALS[name])
        elif rule is None or refusal is not None:
            slot.answer(self.transaction.refuse(refusal or b""))
        else:
            slot.answer(self.transaction.queue(rule, arguments, raw))
        return True

    def _execute(self) -> bool:
        client, transaction, watch = self._client, self.transaction, self._client.watch
        if watch is not None and client.places:
            return client.wait()
        slot = client.place()
        client.enter(None)
        if transaction.faulty:
            client.unwatch()
            slot.answer(ABORTED)
        elif watch is not None:
            client.watch = None
            self._execute_watched(watch, slot)
        elif not len(transaction):
            slot.answer(b"*0\r\n")
        else:
            waiting, keys = Last(slot, len(transaction) + 1), [*transaction.keys]
            client.router.to_keys(keys, transaction.whole(), waiting, client.protocol, client.database)
        return True

    def _execute_watched(self, watch: Watch, slot: Slot) -> None:
        client, transaction = self._client, self.transaction

        def execute() -> None:
            if watch.holds:
                watch.engage()
                watch.connection.select(client.database)
                raw, last = transaction.whole(), Last(Then(slot, watch.executed), len(transaction) + 1)
                watcher = client.router.watcher
                who = last if watcher is None else watcher.timed(raw, last, watch.connection.server.name)
                watch.connection.send(raw, who)
            else:
                watch.drop()
                slot.answer(b"_\r\n" if client.protocol == 3 else b"*-1\r\n")

        def fail(error: bytes) -> None:
            watch.drop()
            slot.answer(error)

        client.held = True
        client.router.prepare([*transaction.keys], client.database, execute, fail)


_REFUSALS = {"multi": NESTED, "watch": LATE_WATCH}


def multi(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    """Begin to queue."""
    client.place().answer(_OK)
    client.enter(Queueing(client))
    return True


def without_multi(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    """Answer EXEC or DISCARD that nothing precedes."""
    client.place().answer(b"-ERR %b without MULTI\r\n" % rule.command.name.upper().encode())
    return True


def watch(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    """Watch keys, once everything before has been executed."""
    if client.places:
        return client.wait()
    slot, number, router = client.place(), rule.slot(arguments), client.router
    if number == CROSSING or (client.watch is not None and client.watch.slot != number):
        slot.answer(CROSSSLOT)
        return True
    if client.watch is None:
        index = router.owner(number)
        if index < 0 or not router.backend.running[index]:
            slot.answer(NO_SERVER if index < 0 else down(router.backend.servers[index]))
            return True
        connection = router.pool.take(router.backend.servers[index], client.protocol)
        if connection is None:
            slot.answer(TOO_MANY)
            return True
        client.watch = Watch(router, connection, index, number)
    connection = client.watch.connection
    client.held = True

    made = client.watch

    def ask() -> None:
        made.engage()
        connection.select(client.database)
        connection.send(raw, Then(slot, made.disengage))

    router.prepare(rule.keys(arguments), client.database, ask, slot.answer)
    return True


def unwatch(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    """Forget the watched keys."""
    client.unwatch()
    client.place().answer(_OK)
    return True
