"""mode redis, balance key: while weights change, every answer is the one that one plain Redis gives."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.killable import KillableRedis, killable_redis
from tests.support.programs import START_TIMEOUT_S, WPROXY, running
from tests.support.proxies import Proxy, proxy
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

LARGE = "v" * 400_000  # more than is moved for one command


@dataclass(frozen=True)
class Sharded:
    """A proxy in front of empty servers called a, b, c, each with a weight of 50, and a plain Redis beside it."""

    proxy: Proxy
    servers: dict[str, KillableRedis]
    plain: KillableRedis

    def weigh(self, **weights: int) -> None:
        for name, weight in weights.items():
            assert self.proxy.stats.ask(f"set weight main/{name} {weight}").strip() == ""

    @property
    def settled(self) -> bool:
        rows = self.proxy.stats.ask("show redis epochs").splitlines()
        return any(row.startswith("main,,0,") for row in rows)

    def wait(self) -> None:
        wait_for(lambda: self.settled, 60.0, "no epoch is open")

    def keys(self, name: str, database: int = 0) -> set[bytes]:
        with Client(self.servers[name].port) as client:
            client.ask("SELECT", database)
            return set(client.ask("KEYS", "*"))

    def check_at_rest(self) -> None:
        """Every key is on exactly one server, with the value and, to the millisecond, the life of the plain one's."""
        found = [key for name in self.servers for key in self.keys(name)]
        assert len(found) == len(set(found)), "a copy was left behind"
        with Client(self.plain.port) as plain, Client(self.proxy.port) as client:
            expected = set(plain.ask("KEYS", "*"))
            assert set(found) == expected
            for key in expected:
                words = WHOLE[plain.ask("TYPE", key)]
                questions = [pack(words[0], key, *words[1:]), pack("PEXPIRETIME", key)]
                (value, until), (plain_value, plain_until) = client.pipeline(questions), plain.pipeline(questions)
                if words[0] in ("SMEMBERS", "HGETALL"):
                    value, plain_value = _unordered(value), _unordered(plain_value)
                assert (key, value, until) == (key, plain_value, plain_until)


WHOLE = {b"string": ("GET",), b"list": ("LRANGE", 0, -1), b"set": ("SMEMBERS",), b"hash": ("HGETALL",)}


def _unordered(items: list[bytes]) -> list[bytes]:
    return sorted(items)


def later(draw: random.Random) -> int:
    """Return a time, in an hour or so: the same for both sides, however late each of them gets the command.

    No test takes so long: a key that expires between the question to one side and to the other would be a difference.
    """
    return int(time.time() * 1000) + draw.randrange(3_600_000, 5_400_000)


@contextmanager
def sharded(folder: Path, servers: str, *lines: str, rest: str = "", checked: str | None = None) -> Iterator[Sharded]:
    """Run it all; `rest` stands at the end of the line of each server, or of those that are `checked`."""
    with ExitStack() as stack:
        redises = {name: stack.enter_context(killable_redis(folder)) for name in servers}
        plain = stack.enter_context(killable_redis(folder))
        with_rest = servers if checked is None else checked
        rows = [
            f"server {name} 127.0.0.1:{each.port} weight 50 {rest if name in with_rest else ''}"
            for name, each in redises.items()
        ]
        made = stack.enter_context(proxy("wproxy", folder, "balance key", *lines, *rows, mode="redis"))
        yield Sharded(made, redises, plain)


COMMANDS: Sequence[Callable[[random.Random, str, str, str], tuple[object, ...]]] = (
    lambda r, x, y, z: ("SET", x, r.random()),
    lambda r, x, y, z: ("SET", x, r.random(), "PXAT", later(r)),
    lambda r, x, y, z: ("SET", x, r.random(), "NX"),
    lambda r, x, y, z: ("SET", x, "v" * r.choice((10, 20_000, 400_000))),
    lambda r, x, y, z: ("GET", x),
    lambda r, x, y, z: ("GET", x),
    lambda r, x, y, z: ("APPEND", x, "more"),
    lambda r, x, y, z: ("STRLEN", x),
    lambda r, x, y, z: ("DEL", x),
    lambda r, x, y, z: ("UNLINK", x, y),
    lambda r, x, y, z: ("MSET", x, r.random(), y, r.random()),
    lambda r, x, y, z: ("MGET", x, y, z),
    lambda r, x, y, z: ("RENAME", x, y),
    lambda r, x, y, z: ("EXISTS", x, y, z),
    lambda r, x, y, z: ("PEXPIREAT", x, later(r)),
    lambda r, x, y, z: ("PEXPIREAT", z, later(r), r.choice(("NX", "XX", "GT", "LT"))),
    lambda r, x, y, z: ("PEXPIRETIME", x),
    lambda r, x, y, z: ("GETEX", x, "PXAT", later(r)),
    lambda r, x, y, z: ("GETEX", x, "PERSIST"),
    lambda r, x, y, z: ("SET", x, r.random(), "KEEPTTL"),
    lambda r, x, y, z: ("PERSIST", x),
    lambda r, x, y, z: ("INCR", z),
    lambda r, x, y, z: ("RPUSH", z, r.random(), r.random()),
    lambda r, x, y, z: ("LRANGE", z, 0, -1),
    lambda r, x, y, z: ("LPOP", z),
    lambda r, x, y, z: ("SADD", y, r.randrange(9)),
    lambda r, x, y, z: ("SCARD", y),
    lambda r, x, y, z: ("HSET", x, r.randrange(5), r.random()),
    lambda r, x, y, z: ("HLEN", x),
    lambda r, x, y, z: ("SUNIONSTORE", x, y, z),
    lambda r, x, y, z: ("TYPE", x),
)


class Crowd:
    """Clients, each with keys of its own, that ask the proxy and the plain Redis the same and compare."""

    def __init__(self, around: Sharded, clients: int, seed: int) -> None:
        self._around = around
        self._stop = threading.Event()
        self.faults: list[str] = []
        self.commands = 0
        self.refused = 0
        self._threads = [threading.Thread(target=self._run, args=(n, seed)) for n in range(clients)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int, seed: int) -> None:
        draw = random.Random(seed * 100 + number)
        with Client(self._around.proxy.port) as client, Client(self._around.plain.port) as plain:
            while not self._stop.is_set() and not self.faults:
                commands = [self._command(draw, number) for _ in range(draw.choice((1, 1, 2, 20)))]
                raws = [pack(*map(str, words)) for words in commands]
                answers = client.pipeline(raws)
                done = [
                    (words, raw, got) for words, raw, got in zip(commands, raws, answers, strict=True) if _done(got)
                ]
                dues = plain.pipeline(raw for _, raw, _ in done)
                for (words, _, got), due in zip(done, dues, strict=True):
                    self._compare(words, got, due)
                self.commands += len(commands)
                self.refused += len(commands) - len(done)
                if isinstance(client.ask("INCR", "shared"), int):
                    plain.ask("INCR", "shared")

    def _command(self, draw: random.Random, number: int) -> tuple[object, ...]:
        tag = f"{{{number}:{draw.randrange(60)}}}"
        return draw.choice(COMMANDS)(draw, tag + "x", tag + "y", tag + "z")

    def _compare(self, words: tuple[object, ...], got: Any, due: Any) -> None:
        if str(got) != str(due):
            self.faults.append(f"{str(words)[:80]}: {str(got)[:80]}, not {str(due)[:80]}")


def _done(answer: Any) -> bool:
    """Tell whether a command was executed: that it surely was not is an answer, too."""
    return "SERVERDOWN" not in str(answer) or "may have been executed" in str(answer)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_answer_is_one_redis_while_weights_change(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    with sharded(tmp_path, "abc") as around:
        with Crowd(around, 4, seed) as crowd:
            for _ in range(12):
                before = crowd.commands
                around.weigh(**{draw.choice("abc"): draw.randrange(10, 257)})
                around.weigh(b=draw.randrange(1, 257))
                around.weigh(c=draw.randrange(0, 257))
                wait_for(lambda at=before: crowd.faults or crowd.commands > at + 400, 30.0)  # type: ignore[misc]
            around.proxy.stats.ask("set server main/b state drain")
            wait_for(lambda: crowd.faults or not around.keys("b"), 60.0, "the drained server is empty")
            around.proxy.stats.ask("set server main/b state ready")
        assert (crowd.faults, crowd.refused) == ([], 0)
        around.wait()
        around.check_at_rest()


def test_servers_that_stand_still_hold_up_moves_and_nothing_else(tmp_path: Path) -> None:
    with sharded(tmp_path, "abc") as around:
        with Crowd(around, 4, 3) as crowd:
            for weights in ({"a": 10}, {"b": 10, "a": 90}, {"c": 5}):
                wait_for(lambda at=crowd.commands: crowd.faults or crowd.commands > at + 300, 30.0)  # type: ignore[misc]
                around.weigh(**weights)
                for name in "abc":
                    around.servers[name].freeze()
                    for other in around.servers.keys() - {name}:
                        assert ask(around.servers[other].port, "PING") == b"PONG"
                    threading.Event().wait(0.5)  # that it answers nobody is the point
                    around.servers[name].thaw()
        assert (crowd.faults, crowd.refused) == ([], 0)
        around.wait()
        around.check_at_rest()


def test_moved_keys_are_the_minimum_and_bring_their_lives(tmp_path: Path) -> None:
    with sharded(tmp_path, "ab") as around, Client(around.proxy.port) as client:
        around.weigh(a=30, b=70)
        around.wait()
        names = [f"key:{n}" for n in range(5000)]
        lives: tuple[tuple[str | int, ...], ...] = ((), ("PXAT", 4_102_444_800_123))
        client.insist(pack("SET", name, name, *lives[n % 2]) for n, name in enumerate(names))
        before = around.keys("a"), around.keys("b")
        around.weigh(a=50)
        around.weigh(b=50)
        around.wait()
        after = around.keys("a"), around.keys("b")
        assert before[0] <= after[0]
        assert len(after[0]) + len(after[1]) == 5000
        # 20 % of all slots; which share of 5,000 keys that is has a deviation of 0.6 points.
        assert (len(after[0]) - len(before[0])) / 5000 == pytest.approx(0.2, abs=0.02)
        until = client.pipeline(pack("PEXPIRETIME", name) for name in names)
        assert set(until[0::2]) == {-1}
        assert set(until[1::2]) == {4_102_444_800_123}
        assert client.pipeline(pack("GET", name) for name in names) == [name.encode() for name in names]


def test_keys_of_other_databases_move_too(tmp_path: Path) -> None:
    with sharded(tmp_path, "ab") as around:
        with Client(around.servers["a"].port) as client:
            client.ask("SELECT", 3)
            client.insist(pack("SET", f"key:{n}", n) for n in range(500))
        around.weigh(a=0)
        around.wait()
        # Half of these keys were never a's to serve: what is in no slot that moves stays where it is.
        assert len(around.keys("b", 3)) + len(around.keys("a", 3)) == 500
        assert len(around.keys("b", 3)) == pytest.approx(250, abs=60)


def test_a_large_value_is_used_where_it_is_and_moves_later(tmp_path: Path) -> None:
    with sharded(tmp_path, "ab") as around, Client(around.proxy.port) as client:
        client.insist(pack("SET", f"key:{n}", LARGE) for n in range(40))
        around.weigh(a=1)
        assert client.pipeline(pack("APPEND", f"key:{n}", "!") for n in range(40)) == [len(LARGE) + 1] * 40
        around.wait()
        assert client.pipeline(pack("STRLEN", f"key:{n}") for n in range(40)) == [len(LARGE) + 1] * 40
        assert not around.keys("a") & around.keys("b")


def test_a_dead_old_owner_keeps_its_epoch_open_and_its_keys_say_so(tmp_path: Path) -> None:
    lines = "option redis-check", "timeout check 200ms"
    check = "check inter 300ms fall 2 rise 1"
    # b is not checked: on a busy machine it would be late, too, and be taken for dead.
    with sharded(tmp_path, "ab", *lines, rest=check, checked="a") as around, Client(around.proxy.port) as client:
        client.insist(pack("SET", f"key:{n}", n) for n in range(200))
        on_a = around.keys("a")
        around.servers["a"].freeze()
        around.weigh(a=0)
        around.proxy.stats.wait_for_status("a", "DOWN")
        replies = client.pipeline(pack("GET", f"key:{n}") for n in range(200))
        refused = {b"key:%d" % n for n, reply in enumerate(replies) if "SERVERDOWN" in str(reply)}
        assert refused == on_a
        assert not around.settled
        around.servers["a"].thaw()
        around.wait()
        assert client.pipeline(pack("GET", f"key:{n}") for n in range(200)) == [b"%d" % n for n in range(200)]
        assert not around.keys("a")


def test_what_one_process_has_not_finished_the_next_takes_up(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(killable_redis(tmp_path)) for _ in "abc"]
        rows = [f"server {name} 127.0.0.1:{each.port}" for name, each in zip("abc", servers, strict=True)]
        state = f"global\n    state-file {tmp_path}/state.json"
        values = [b"%d" % n for n in range(400)]
        for attempt in range(2):
            with (
                proxy("wproxy", tmp_path, "balance key", *rows, mode="redis", rest=state) as made,
                Client(made.port) as client,
            ):
                if not attempt:
                    client.insist(pack("SET", f"key:{n}", n) for n in range(400))
                    servers[0].freeze()  # so that nothing can be finished
                    for change in ("a 0", "b 100", "c 50"):
                        made.stats.ask(f"set weight main/{change}")
                    continue
                servers[0].thaw()
                assert client.insist(pack("GET", f"key:{n}") for n in range(400)) == values
                around = Sharded(made, dict(zip("abc", servers, strict=True)), servers[0])
                around.wait()
                assert not around.keys("a")
                wait_for(lambda: len(json.loads((tmp_path / "state.json").read_bytes())["places"]["main"]) == 1)
            servers[0].thaw()


def test_slots_that_went_away_and_came_back_before_the_stop_are_looked_for_there(tmp_path: Path) -> None:
    """The process before has moved all keys to b and was ended when they were to go back."""
    with killable_redis(tmp_path) as a, killable_redis(tmp_path) as b:
        with Client(b.port) as client:
            client.insist(pack("SET", f"key:{n}", n) for n in range(200))
        places = {"main": [{"a": 1, "b": 1}, {"a": 0, "b": 1}, {"a": 1, "b": 1}]}
        (tmp_path / "state.json").write_text(json.dumps({"version": 1, "servers": {}, "places": places}))
        rows = [f"server a 127.0.0.1:{a.port}", f"server b 127.0.0.1:{b.port}"]
        state = f"global\n    state-file {tmp_path}/state.json"
        with (
            proxy("wproxy", tmp_path, "balance key", *rows, mode="redis", rest=state) as made,
            Client(made.port) as client,
        ):
            assert client.insist(pack("GET", f"key:{n}") for n in range(200)) == [b"%d" % n for n in range(200)]


def test_a_process_that_finishes_its_sessions_leaves_the_state_file_to_the_next_one(tmp_path: Path) -> None:
    """Its moves end, while the next one has got other weights and cannot move anything by them."""
    with ExitStack() as stack:
        a, b, c = (stack.enter_context(killable_redis(tmp_path)) for _ in "abc")
        weights = (50, 50, 0)
        rows = [
            f"server {name} 127.0.0.1:{each.port} weight {weight}"
            for name, each, weight in zip("abc", (a, b, c), weights, strict=True)
        ]
        state = f"global\n    state-file {tmp_path}/state.json"
        old = stack.enter_context(proxy("wproxy", tmp_path, "balance key", *rows, mode="redis", rest=state))
        client = stack.enter_context(Client(old.port))
        client.insist(pack("SET", f"key:{n}", n) for n in range(200))
        a.freeze()
        old.stats.ask("set weight main/a 0")
        options = ["-f", "wproxy.cfg", "-sf", str(old.process.pid)]
        new = stack.enter_context(running([*WPROXY, *options], tmp_path, "new"))
        wait_for(lambda: old.stats.answers() and f"Pid: {new.pid}" in old.stats.ask("show info"), START_TIMEOUT_S)
        c.freeze()
        old.stats.ask("set weight main/c 50")  # of the new one: it has the socket now
        kept = json.loads((tmp_path / "state.json").read_bytes())
        assert kept["servers"]["main/c"] == {"weight": [0, 50]}
        a.thaw()
        wait_for(lambda: ask(a.port, "DBSIZE") == 0, 30.0, "all keys have left a")
        wait_for(lambda: connections(old.process.pid, a.port) == 1, what="no keys move any more")
        assert client.ask("GET", "key:1") == b"1"
        assert json.loads((tmp_path / "state.json").read_bytes()) == kept
        c.thaw()


def connections(pid: int, port: int) -> int:
    """Return how many connections to `port` a process has."""
    files = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            files.append(str(file.readlink()))
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" and f"socket:[{row[9]}]" in files for row in rows)


def test_weights_that_were_changed_in_the_file_lose_no_key(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(killable_redis(tmp_path)) for _ in "ab"]
        state = f"global\n    state-file {tmp_path}/state.json"
        values = [b"%d" % n for n in range(400)]
        for weights in ((50, 50), (10, 90), (10, 90), (90, 10)):
            rows = [
                f"server {name} 127.0.0.1:{each.port} weight {weight}"
                for name, each, weight in zip("ab", servers, weights, strict=True)
            ]
            with (
                proxy("wproxy", tmp_path, "balance key", *rows, mode="redis", rest=state) as made,
                Client(made.port) as client,
            ):
                if weights == (50, 50):
                    client.insist(pack("SET", f"key:{n}", n) for n in range(400))
                assert client.insist(pack("GET", f"key:{n}") for n in range(400)) == values
                around = Sharded(made, dict(zip("ab", servers, strict=True)), servers[0])
                around.wait()
                assert len(around.keys("a")) == pytest.approx(400 * weights[0] / 100, abs=60)


def test_a_promised_window_ends_the_epoch_without_a_scan(tmp_path: Path) -> None:
    with sharded(tmp_path, "ab", "redis-window 1500ms") as around, Client(around.proxy.port) as client:
        client.insist(pack("SET", f"key:{n}", n) for n in range(200))
        on_a = around.keys("a")
        around.weigh(a=0)
        touched = min(on_a)
        assert client.ask("GET", touched) == touched[4:]
        around.wait()
        assert around.keys("a") == on_a - {touched}


@pytest.mark.parametrize("forbidden", ["-memory", "-client"])
def test_what_servers_do_not_tell_is_done_without(tmp_path: Path, forbidden: str) -> None:
    with sharded(tmp_path, "ab") as around, Client(around.proxy.port) as client:
        client.insist(pack("SET", f"key:{n}", n, "PXAT", 4_102_444_800_123) for n in range(500))
        for each in around.servers.values():
            assert ask(each.port, "ACL", "SETUSER", "default", forbidden) == b"OK"
        around.weigh(a=0)
        assert client.pipeline(pack("GET", f"key:{n}") for n in range(500)) == [b"%d" % n for n in range(500)]
        around.wait()
        assert len(around.keys("b")) == 500
        until = client.pipeline(pack("PEXPIRETIME", f"key:{n}") for n in range(500))
        assert set(until) == {4_102_444_800_123}


def test_del_server_is_refused_while_keys_are_left(tmp_path: Path) -> None:
    check = "check inter 1s fall 3 rise 1"
    with sharded(tmp_path, "ab", rest=check) as around, Client(around.proxy.port) as client:
        client.insist(pack("SET", f"key:{n}", n) for n in range(200))
        around.servers["a"].freeze()
        around.proxy.stats.ask("set server main/a state maint")
        assert "still has keys" in around.proxy.stats.ask("del server main/a")
        around.servers["a"].thaw()
        around.wait()
        assert "Server deleted" in around.proxy.stats.ask("del server main/a")
        assert client.pipeline(pack("GET", f"key:{n}") for n in range(200)) == [b"%d" % n for n in range(200)]


def test_a_server_that_is_added_gets_its_share_of_the_keys(tmp_path: Path) -> None:
    with sharded(tmp_path, "ab") as around, Client(around.proxy.port) as client, killable_redis(tmp_path) as new:
        client.insist(pack("SET", f"key:{n}", n) for n in range(900))
        around.proxy.stats.ask(f"add server main/c 127.0.0.1:{new.port} weight 50")
        around.proxy.stats.ask("set server main/c state ready")
        around.wait()
        assert ask(new.port, "DBSIZE") == pytest.approx(300, abs=75)
        assert client.pipeline(pack("GET", f"key:{n}") for n in range(900)) == [b"%d" % n for n in range(900)]


def wproxy(around: Sharded, *words: str) -> str:
    command = [*WPROXY, *words, "--socket", str(around.proxy.stats.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_the_command_line_tells_of_it(tmp_path: Path) -> None:
    with sharded(tmp_path, "ab") as around, Client(around.proxy.port) as client:
        client.insist(pack("SET", f"key:{n}", n) for n in range(3000))
        assert "epoch 1 opened, " in wproxy(around, "weight", "set", "a", "25")
        assert wproxy(around, "rebalance", "status").startswith("main: ")
        around.wait()
        assert wproxy(around, "rebalance", "status").startswith("main: settled, ")
        wproxy(around, "server", "drain", "a", "--wait")
        assert not around.keys("a")
        (document,) = json.loads(wproxy(around, "rebalance", "status", "--json"))
        assert (document["settled"], document["epochs_ever"]) == (True, 2)
