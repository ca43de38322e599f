"""A command that waits while its slot gets another owner: what came is never lost, and nobody else is disturbed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest

from wproxy.dataplane.redis.blocking import Blocked
from wproxy.dataplane.redis.conversation import Conversation
from wproxy.dataplane.redis.slot import Slot
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.routing import rules
from wproxy.protocols.resp import pack

RULE = rules(parse_rows(ROWS), frozenset(), by_key=True)[b"BLPOP"]
NIL, ELEMENT = b"*-1\r\n", b"*2\r\n$1\r\nq\r\n$1\r\nx\r\n"


class Connection:
    """A dedicated connection that only notes what happens to it."""

    def __init__(self, server: str, number: int) -> None:
        self.server = server
        self.identity = number
        self.sent: list[bytes] = []
        self.when_known: Callable[[], None] | None = None
        self.dropped = False
        self.returned = False

    def select(self, database: int) -> None: ...

    def send(self, raw: bytes, waiting: object, patience_s: float) -> None:
        self.sent.append(raw)

    def drop(self) -> None:
        self.dropped = True


class World:
    """One client in front of two servers; the slot's owner is `index`."""

    def __init__(self, identity: int = 7) -> None:
        self.index = 0
        self.engaged = 0
        self.wanted_quiet = False
        self.unmovable = b""
        self.now = 100.0
        self.identity = identity
        self.connections: list[Connection] = []
        self.unblocked: list[tuple[str, bytes]] = []
        self.answered_times = 0
        self.waiters: dict[object, None] = {}
        self.backend = SimpleNamespace(running=[True, True], servers=["a", "b"])
        self.pool = SimpleNamespace(take=self.take, give_back=self.give_back)
        self.router = self
        self.protocol, self.database = 2, 0
        self.blocked: Blocked | None = None
        self.services = SimpleNamespace(clock=lambda: self.now)
        self.transport = SimpleNamespace(get_extra_info=lambda name: None)
        self.slot = Slot(self)

    def origin(self) -> tuple[str, int]:
        return "192.0.2.1:5000", 0

    def answered(self) -> None:
        self.answered_times += 1

    def owner(self, number: int) -> int:
        return self.index

    def prepare(
        self, keys: Sequence[bytes], database: int, ready: Callable[[], None], failed: Callable[[bytes], None]
    ) -> None:
        if self.unmovable:
            failed(self.unmovable)
        else:
            ready()

    def engage(self, number: int) -> None:
        self.engaged += 1

    def disengage(self, number: int) -> None:
        self.engaged -= 1

    def awaits_quiet(self, number: int) -> bool:
        return self.wanted_quiet

    def take(self, server: str, protocol: int) -> Connection:
        self.connections.append(Connection(server, self.identity))
        return self.connections[-1]

    def give_back(self, connection: Connection) -> None:
        connection.returned = True

    def link(self, server: str, protocol: int) -> Any:
        return SimpleNamespace(send=lambda raw, who: self.unblocked.append((server, raw)))

    def begin(self, patience: float = inf) -> Blocked:
        blocked = Blocked(cast("Conversation", self), self.slot, RULE, [b"BLPOP", b"q", b"0"], 5)
        blocked.begin(b"first", patience)
        return blocked


def test_the_reply_is_the_clients_and_the_connection_everybodys() -> None:
    world = World()
    world.begin().answer(ELEMENT)
    assert (world.slot.reply, world.answered_times) == (ELEMENT, 1)
    assert world.connections[0].returned
    assert (world.waiters, world.blocked, world.engaged) == ({}, None, 0)


def test_the_slot_stays_until_the_command_is_answered() -> None:
    world = World()
    blocked = world.begin()
    assert world.engaged == 1
    world.wanted_quiet = True  # the slot has got another owner, and this one again
    blocked.follow()
    assert len(world.unblocked) == 1
    blocked.cancel()
    assert world.engaged == 0


def test_a_key_that_cannot_be_moved_is_an_error() -> None:
    world = World()
    world.unmovable = b"-SERVERDOWN\r\n"
    world.begin()
    assert (world.slot.reply, world.connections, world.blocked) == (world.unmovable, [], None)


def test_it_follows_the_slot_and_the_old_connection_is_not_used_again() -> None:
    world = World()
    blocked = world.begin(patience=30)
    world.now += 10
    blocked.follow()
    assert world.unblocked == []  # the owner is the same
    world.index = 1
    blocked.follow()
    blocked.follow()
    assert world.unblocked == [("a", pack([b"CLIENT", b"UNBLOCK", b"7"]))]
    blocked.answer(NIL)
    first, second = world.connections
    assert (first.dropped, first.returned) == (True, False)
    assert second.sent == [pack([b"BLPOP", b"q", b"20.000"])]
    assert world.slot.reply is None
    blocked.answer(ELEMENT)
    assert world.slot.reply == ELEMENT


def test_what_came_before_it_was_asked_to_leave_is_not_lost() -> None:
    world = World()
    blocked = world.begin()
    world.index = 1
    blocked.follow()
    blocked.answer(ELEMENT)
    assert world.slot.reply == ELEMENT
    assert world.connections[0].dropped  # the request to leave may still reach it
    assert len(world.connections) == 1


def test_a_time_that_is_over_is_over() -> None:
    world = World()
    blocked = world.begin(patience=5)
    world.index = 1
    blocked.follow()
    world.now += 6
    blocked.answer(NIL)
    assert world.slot.reply == NIL
    assert len(world.connections) == 1


def test_a_connection_that_nobody_can_name_yet_is_asked_to_leave_later() -> None:
    world = World(identity=0)
    blocked = world.begin()
    world.index = 1
    blocked.follow()
    assert world.unblocked == []
    connection = world.connections[0]
    connection.identity = 9
    assert connection.when_known is not None
    connection.when_known()
    assert world.unblocked == [("a", pack([b"CLIENT", b"UNBLOCK", b"9"]))]


@pytest.mark.parametrize("owner", [-1, 1])
def test_a_new_owner_that_is_away_is_an_error(owner: int) -> None:
    world = World()
    blocked = world.begin()
    world.backend.running[1] = False
    world.backend.servers[1] = SimpleNamespace(status="DOWN")
    world.index = owner
    blocked.follow()
    blocked.answer(NIL)
    assert world.slot.reply is not None
    assert world.slot.reply.startswith(b"-SERVERDOWN ")


def test_a_client_that_leaves_takes_the_connection_with_it() -> None:
    world = World()
    blocked = world.begin()
    blocked.cancel()
    assert world.connections[0].dropped
    assert world.waiters == {}


def test_servers_that_are_counted_anew_are_the_same_servers() -> None:
    world = World()
    world.index = 1
    blocked = world.begin()
    world.backend.servers, world.index = ["b"], 0  # a is gone
    blocked.follow()
    assert world.unblocked == []
    world.backend.servers, world.index = ["b", "c"], 1
    blocked.follow()
    assert world.unblocked == [("b", pack([b"CLIENT", b"UNBLOCK", b"7"]))]
