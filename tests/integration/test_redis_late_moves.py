"""mode redis, balance key: what arrives late of a move, or is not a server's to have, harms no newer copy."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.test_redis_epochs import Crowd, Sharded
from tests.support.killable import killable_redis
from tests.support.proxies import proxy
from tests.support.relay import Relay, relay
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

KEY = "key"
MOVING = (b"DUMP", b"RESTORE")  # said only by who moves keys


@dataclass(frozen=True)
class Relayed:
    """A proxy in front of a, b and c, each behind a relay, and a plain Redis beside it."""

    around: Sharded
    ways: dict[str, Relay]

    def give(self, name: str) -> None:
        """Make one server the owner of all slots."""
        self.around.weigh(**{name: 100})
        self.around.weigh(**dict.fromkeys({"a", "b", "c"} - {name}, 0))

    def copies(self) -> dict[str, bytes]:
        found = {name: ask(server.port, "GET", KEY) for name, server in self.around.servers.items()}
        return {name: value for name, value in found.items() if value is not None}


@contextmanager
def relayed(folder: Path, *lines: str) -> Iterator[Relayed]:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(killable_redis(folder)) for name in "abc"}
        plain = stack.enter_context(killable_redis(folder))
        ways = {name: stack.enter_context(relay(each.port, *MOVING)) for name, each in servers.items()}
        rows = [f"server {name} 127.0.0.1:{way.port} weight 100" for name, way in ways.items()]
        made = stack.enter_context(proxy("wproxy", folder, "balance key", *lines, *rows, mode="redis"))
        yield Relayed(Sharded(made, servers, plain), ways)


@pytest.mark.parametrize(("word", "held_at"), [(b"RESTORE", "b"), (b"UNLINK", "a")])
def test_a_move_that_was_given_up_arrives_nowhere(tmp_path: Path, word: bytes, held_at: str) -> None:
    """The next owner has the key, then each other server once more: nothing of the first move comes between."""
    with relayed(tmp_path, "timeout server 1500ms") as made, Client(made.around.proxy.port) as client:
        made.give("a")
        made.around.wait()
        assert client.ask("SET", KEY, "old") == b"OK"
        way = made.ways[held_at]
        way.hold(word)
        made.give("b")
        wait_for(lambda: way.held, 10.0, "a move is held up on its way")
        made.give("c")
        assert client.ask("GET", KEY) == b"old"
        assert client.ask("SET", KEY, "new") == b"OK"
        made.around.wait()
        made.give(held_at)
        assert client.ask("GET", KEY) == b"new"
        made.around.wait()
        assert made.copies() == {held_at: b"new"}
        way.release()
        threading.Event().wait(0.3)  # time to arrive: that it does not is the point
        assert made.copies() == {held_at: b"new"}
        for name in "bac":
            made.give(name)
            assert client.ask("GET", KEY) == b"new"
            made.around.wait()
            assert made.copies() == {name: b"new"}


def test_a_late_move_does_not_bring_back_what_was_deleted(tmp_path: Path) -> None:
    with relayed(tmp_path, "timeout server 1500ms") as made, Client(made.around.proxy.port) as client:
        made.give("a")
        made.around.wait()
        assert client.ask("SET", KEY, "old") == b"OK"
        made.ways["b"].hold(b"RESTORE")
        made.give("b")
        wait_for(lambda: made.ways["b"].held, 10.0, "a move is held up on its way")
        assert client.ask("DEL", KEY) == 1
        made.ways["b"].release()
        made.around.wait()
        threading.Event().wait(0.3)  # time to arrive: that it does not is the point
        assert (client.ask("GET", KEY), made.copies()) == (None, {})


def test_an_old_copy_at_a_new_owner_is_not_taken_for_the_newest(tmp_path: Path) -> None:
    """As after a restart with an old backup, or by a command that came when its slot had left."""
    with relayed(tmp_path) as made, Client(made.around.proxy.port) as client:
        made.give("a")
        made.around.wait()
        assert client.ask("SET", KEY, "new", "PXAT", 4_102_444_800_123) == b"OK"
        for name in "bcab":
            assert ask(made.around.servers[name].port, "SET", KEY, "old") == b"OK"
            made.give(name)
            if name == "c":
                assert client.ask("GET", KEY) == b"new"  # otherwise the background moves it
            made.around.wait()
            assert made.copies() == {name: b"new"}
            assert client.ask("PEXPIRETIME", KEY) == 4_102_444_800_123


def test_an_old_copy_that_appears_while_keys_move_is_not_taken_for_the_newest(tmp_path: Path) -> None:
    with relayed(tmp_path) as made, Client(made.around.proxy.port) as client:
        made.give("a")
        made.around.wait()
        for number in range(40):
            client.ask("SET", f"other{number}", "x" * 300_000)  # large: the background leaves them to the end
        assert client.ask("SET", KEY, "1") == b"OK"
        made.give("b")
        assert client.ask("APPEND", KEY, "2") == 2
        assert not made.around.settled
        assert ask(made.around.servers["a"].port, "SET", KEY, "old") == b"OK"
        made.around.wait()  # whether the background has come across the old copy or not
        made.give("a")
        made.around.wait()
        assert made.copies() == {"a": b"12"}


def test_moves_that_break_half_way_lose_nothing(tmp_path: Path) -> None:
    """Connections over which keys move break again and again, and now and then what was sent comes late."""
    draw = random.Random(4)
    with relayed(tmp_path, "timeout server 2s") as made:
        around, broken, held = made.around, 0, 0
        with Crowd(around, 4, 4) as crowd:
            for turn in range(10):
                before = crowd.commands
                if turn % 3 == 2:
                    for way in made.ways.values():
                        way.hold(b"RESTORE")
                around.weigh(**{name: draw.randrange(1, 257) for name in draw.sample("abc", 2)})
                for _ in range(20):
                    broken += sum(way.cut(marked=True) for way in made.ways.values() if turn % 3 < 2)
                    threading.Event().wait(0.02)  # between faults
                wait_for(lambda at=before: crowd.faults or crowd.commands > at + 200, 30.0)  # type: ignore[misc]
                for way in made.ways.values():
                    held += way.held
                    way.release()
        assert crowd.faults == []
        assert (broken > 20, held > 0) == (True, True)
        around.wait()
        around.check_at_rest()


@pytest.mark.parametrize("protocol", [2, 3])
def test_what_is_under_way_to_the_old_owner_comes_before_everything_at_the_new_one(
    tmp_path: Path, protocol: int
) -> None:
    """Over the link of each protocol: a client's SET is held up while its slot gets another owner."""
    with relayed(tmp_path) as made, Client(made.around.proxy.port) as client, Client(made.around.proxy.port) as other:
        made.give("a")
        made.around.wait()
        other.ask("PING")
        client.ask("HELLO", protocol)
        made.ways["a"].hold(b"held up")
        client.send(pack("SET", KEY, "held up"))
        wait_for(lambda: made.ways["a"].held, 10.0, "a SET is held up on its way")
        made.give("b")
        other.socket.settimeout(0.3)
        other.send(pack("GETDEL", KEY))
        with pytest.raises(TimeoutError):  # nobody is answered before the SET is
            other.reply()
        made.ways["a"].release()
        assert client.reply() == b"OK"
        other.socket.settimeout(10.0)
        assert other.reply() == b"held up"
        made.around.wait()
        assert made.copies() == {}


def test_a_transaction_under_way_to_the_old_owner_comes_before_everything_at_the_new_one(tmp_path: Path) -> None:
    """Behind WATCH it goes over a connection of its own."""
    with relayed(tmp_path) as made, Client(made.around.proxy.port) as client, Client(made.around.proxy.port) as other:
        made.give("a")
        made.around.wait()
        assert client.pipeline([pack("WATCH", KEY), pack("MULTI"), pack("SET", KEY, "held up")])[2] == b"QUEUED"
        made.ways["a"].hold(b"held up")
        client.send(pack("EXEC"))
        wait_for(lambda: made.ways["a"].held, 10.0, "a transaction is held up on its way")
        made.give("b")
        other.socket.settimeout(0.3)
        other.send(pack("DEL", KEY))
        with pytest.raises(TimeoutError):  # nobody is answered before the transaction is
            other.reply()
        made.ways["a"].release()
        assert client.reply() == [b"OK"]
        other.socket.settimeout(10.0)
        assert other.reply() == 1
        made.around.wait()
        assert made.copies() == {}


def test_flushall_waits_for_what_is_on_its_way(tmp_path: Path) -> None:
    with relayed(tmp_path) as made, Client(made.around.proxy.port) as client:
        made.give("a")
        made.around.wait()
        assert client.ask("SET", KEY, "old") == b"OK"
        made.ways["b"].hold(b"RESTORE")
        made.give("b")
        wait_for(lambda: made.ways["b"].held, 10.0, "a move is held up on its way")
        client.socket.settimeout(0.3)
        client.send(pack("FLUSHALL"))
        with pytest.raises(TimeoutError):
            client.reply()
        made.ways["b"].release()
        client.socket.settimeout(10.0)
        assert client.reply() == b"OK"
        made.around.wait()
        assert made.copies() == {}


def test_a_transaction_behind_watch_finds_a_large_value_that_has_not_moved_yet(tmp_path: Path) -> None:
    with relayed(tmp_path) as made, Client(made.around.proxy.port) as client:
        made.give("a")
        made.around.wait()
        names = [f"large{number}" for number in range(20)]
        client.insist(pack("SET", name, "x" * 400_000) for name in names)
        made.give("b")
        for name in names:
            words = pack("WATCH", name), pack("MULTI"), pack("STRLEN", name), pack("EXEC")
            assert client.pipeline(words)[3] in ([400_000], None)  # None: the slot has got its new owner meanwhile
        made.around.wait()
