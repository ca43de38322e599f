"""What goes to which server, and what has to wait until nothing can arrive late."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from tests.support.resp import pack
from wproxy.dataplane.redis.mover import Mover
from wproxy.policy.redis.actions import Ask, Delete, Key, Move, Outcome

if TYPE_CHECKING:
    from wproxy.dataplane.redis.link import Link
    from wproxy.dataplane.redis.login import Identity
    from wproxy.dataplane.redis.slot import Waiting
    from wproxy.dataplane.redis.turn import Flushed, Turn
    from wproxy.state.server import Server

KEY = (0, b"k")
FETCH = pack("DUMP", "k") + pack("PTTL", "k") + pack("PEXPIRETIME", "k")
VALUE = (b"$3\r\nabc\r\n", b":-1\r\n", b":-1\r\n")
LOST = b"-SERVERDOWN connection to b/a lost: the command may have been executed\r\n"


class Wire:
    """A link to one server: keeps what is sent until it is answered by hand."""

    def __init__(self, server: Server, identity: Identity) -> None:
        self.server = server
        self.identity = identity
        self.sent: list[tuple[bytes, Waiting]] = []
        self.closed = False

    def send(self, raw: bytes, waiting: Waiting) -> None:
        self.sent.append((raw, waiting))

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class World:
    """A mover between a and b."""

    def __init__(self) -> None:
        self.servers = {name: cast("Server", SimpleNamespace(name=name)) for name in "ab"}
        self.wires: dict[str, Wire] = {}
        self.told: list[tuple[object, ...]] = []
        self.connected: defaultdict[str, int] = defaultdict(int)
        turn = cast("Turn", SimpleNamespace(add=self._due))
        self._flushed: list[Flushed] = []
        self.mover = Mover(self.servers.get, self._connect, turn, self)

    def _due(self, item: Flushed) -> None:
        self._flushed.append(item)

    def _connect(self, server: Server, *, identity: Identity) -> Link:
        self.connected[server.name] += 1
        wire = self.wires[server.name] = Wire(server, identity)
        return cast("Link", wire)

    def do(self, *actions: Ask | Move | Delete) -> None:
        for action in actions:
            self.mover.do(action)
        self._end_turn()

    def _end_turn(self) -> None:
        while self._flushed:
            self._flushed.pop().flush()

    def answer(self, name: str, *replies: bytes) -> bytes:
        """Answer what has been sent first; return it."""
        raw, waiting = self.wires[name].sent.pop(0)
        waiting.take(replies, 0)
        self._end_turn()
        return raw

    def lose(self, name: str) -> None:
        """Have a connection break that owes replies."""
        wire = self.wires[name]
        wire.identity.lost()
        lost, wire.sent = wire.sent, []
        for _, waiting in lost:
            waiting.answer(LOST)
        self._end_turn()

    def greet(self, name: str) -> None:
        """Have the next connection begin."""
        for _, find_fault in self.wires[name].identity.greetings():
            find_fault(b"-ERR\r\n")

    def asked(self, slot: int, key: Key, size: int | None) -> None:
        self.told.append((key, size))

    def moved(self, slot: int, key: Key, outcome: Outcome) -> None:
        self.told.append((key, outcome))

    def deleted(self, slot: int, key: Key) -> None:
        self.told.append((key, "deleted"))

    def away(self, slot: int, key: Key, server: str, *, doubt: bool = False) -> None:
        self.told.append((key, server, doubt))


def test_keys_are_asked_for_moved_and_deleted() -> None:
    world = World()
    world.do(Ask(1, "a", KEY), Delete(1, "b", KEY), Move(1, "a", "b", KEY, replace=True))
    assert world.answer("a", b":56\r\n") == pack("MEMORY", "USAGE", "k")
    assert world.answer("b", b":1\r\n") == pack("UNLINK", "k")
    assert world.answer("a", *VALUE) == FETCH
    assert world.answer("b", b"+OK\r\n") == pack("RESTORE", "k", 0, "abc", "REPLACE")
    assert world.answer("a", b":1\r\n") == pack("UNLINK", "k")
    assert world.told == [(KEY, 56), (KEY, "deleted"), (KEY, Outcome.MOVED)]
    assert (world.mover.moved, world.mover.sent) == (1, 7)


def test_what_is_wanted_in_one_turn_goes_together_sixty_four_at_a_time() -> None:
    world = World()
    world.do(*(Move(1, "a", "b", (0, b"k%d" % number), replace=False) for number in range(100)))
    world.do(Move(1, "a", "b", (1, b"x"), replace=False))
    assert [raw.count(b"DUMP") for raw, _ in world.wires["a"].sent] == [64, 36]
    world.answer("a", *[b"$-1\r\n", b":-2\r\n", b":-2\r\n"] * 64)
    assert [raw.count(b"DUMP") for raw, _ in world.wires["a"].sent] == [36]
    world.answer("a", *[b"$-1\r\n", b":-2\r\n", b":-2\r\n"] * 36)
    assert [raw.count(b"DUMP") for raw, _ in world.wires["a"].sent] == [1]


def test_what_comes_while_a_question_is_under_way_is_asked_together_behind_it() -> None:
    world = World()
    for number in range(4):
        world.do(Ask(1, "a", (0, b"k%d" % number)))
    assert world.answer("a", b":5\r\n") == pack("MEMORY", "USAGE", "k0")
    assert world.answer("a", *[b"$-1\r\n"] * 3) == b"".join(
        pack("MEMORY", "USAGE", f"k{number}") for number in (1, 2, 3)
    )
    assert [told[1] for told in world.told] == [5, None, None, None]
    assert world.wires["a"].sent == []


def test_what_waits_for_a_server_that_is_lost_is_told_so_too() -> None:
    world = World()
    world.do(Ask(1, "a", (0, b"k0")))
    world.do(Ask(1, "a", (0, b"k1")))
    world.servers.clear()
    world.lose("a")
    assert world.told == [((0, b"k0"), "a", False), ((0, b"k1"), "a", False)]


def test_what_is_done_while_others_are_told_of_comes_in_the_next_turn() -> None:
    world, inside = World(), list[int]()
    world.mover.close()

    def away(slot: int, key: Key, server: str, *, doubt: bool = False) -> None:
        assert not inside, "told in the middle of a decision"
        world.told.append((key, server, doubt))
        if slot < 3:
            inside.append(slot)
            world.mover.do(Delete(slot + 1, "a", key))
            inside.clear()

    world.away = away  # type: ignore[method-assign]
    world.do(Delete(1, "a", KEY))
    assert len(world.told) == 3


def test_a_server_is_not_asked_to_store_before_nothing_sent_to_it_can_arrive_late() -> None:
    world, move = World(), Move(1, "a", "b", KEY, replace=False)
    world.do(move)
    world.answer("a", *VALUE)
    world.lose("b")
    assert world.told == [(KEY, Outcome.DOUBT)]
    assert not world.mover.make_sure()
    world.do(move)
    assert world.wires["a"].sent == []
    world.greet("b")
    assert world.answer("b", b"+PONG\r\n") == pack("PING")
    assert world.answer("a", b"$-1\r\n", b":-2\r\n", b":-2\r\n") == FETCH
    assert world.told[1:] == [(KEY, Outcome.ABSENT)]
    assert world.mover.make_sure()


def test_a_server_in_doubt_that_is_away_takes_part_in_nothing() -> None:
    world, move = World(), Move(1, "a", "b", KEY, replace=False)
    world.do(Delete(1, "b", KEY))
    world.lose("b")
    assert world.told == [(KEY, "b", True)]
    world.do(move)
    raw, waiting = world.wires["b"].sent.pop()
    waiting.refused(raw, b"-SERVERDOWN\r\n")
    assert world.told[1:] == [(KEY, "b", False)]


def test_doubt_outlives_the_link_but_not_the_server_or_its_address() -> None:
    world = World()
    world.do(Delete(1, "a", KEY), Delete(1, "b", KEY))
    world.lose("a")
    world.lose("b")
    world.mover.rest()
    assert not world.mover.make_sure()
    assert world.connected == {"a": 2, "b": 2}
    world.mover.leave("a")
    del world.servers["b"]
    assert world.mover.make_sure()
    world.servers["b"] = cast("Server", SimpleNamespace(name="b"))
    assert world.mover.make_sure()
    world.do(Ask(1, "b", KEY))
    assert world.mover.make_sure()
    assert world.connected["b"] == 3


def test_what_an_action_costs_is_told_as_an_average_of_all() -> None:
    world = World()
    assert world.mover.action_s == 0.0
    world.do(Ask(1, "a", KEY))
    world.answer("a", b":5\r\n")
    spent_s = world.mover.action_s
    assert spent_s > 0.0
    world.do(Move(1, "a", "b", KEY, replace=False))
    world.answer("a", b"$-1\r\n", b":-2\r\n", b":-2\r\n")
    assert spent_s / 2 < world.mover.action_s


def test_nothing_is_sent_after_the_end() -> None:
    world = World()
    world.do(Ask(1, "a", KEY))
    world.mover.close()
    assert world.wires["a"].closed
    world.do(Ask(1, "a", KEY))
    world.lose("a")
    assert world.told == [(KEY, "a", False)] * 2
    assert world.connected == {"a": 1}


def test_only_so_many_values_are_held_at_a_time_for_each_way() -> None:
    world = World()
    world.do(*(Move(1, "a", "b", (0, b"k%d" % number), replace=False) for number in range(330)))
    world.do(Move(1, "b", "a", KEY, replace=False))
    assert [raw.count(b"DUMP") for raw, _ in world.wires["a"].sent] == [64] * 4
    assert len(world.wires["b"].sent) == 1
    world.answer("a", *[b"$-1\r\n", b":-2\r\n", b":-2\r\n"] * 64)
    assert [raw.count(b"DUMP") for raw, _ in world.wires["a"].sent] == [64] * 4
    world.lose("a")
    assert world.told[64:320] == [((0, b"k%d" % number), "a", False) for number in range(64, 320)]
    assert [raw.count(b"DUMP") for raw, _ in world.wires["a"].sent] == [10]
