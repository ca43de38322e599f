"""mode redis, balance key: transactions, waiting commands and SCAN while keys move."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import hiredis
import pytest

from tests.integration.test_redis_epochs import Sharded, sharded
from tests.support.resp import Client, pack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

COUNTERS = [f"counter{number}" for number in range(12)]
LISTS = [f"list{number}" for number in range(12)]
END = b"end"
WEIGHTS = ({"a": 10}, {"b": 10}, {"a": 90, "b": 90}, {"c": 0}, {"c": 80}, {"a": 50, "b": 50, "c": 50})


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Sharded]:
    with sharded(tmp_path, "abc") as made, Client(made.proxy.port) as client:
        client.insist([pack("SET", f"filler{number}", "x") for number in range(3000)])
        yield made


@contextmanager
def threads(*tasks: Callable[[], None]) -> Iterator[None]:
    """Run tasks beside the body; at the end all of them have ended without a fault."""
    faults: list[BaseException] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as fault:
            faults.append(fault)
            raise

    running = [threading.Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in running:
        thread.start()
    yield
    for thread in running:
        thread.join(60.0)
        assert not thread.is_alive()
    assert faults == []


def change_weights(around: Sharded, rounds: int = 2) -> None:
    """Change the weights again and again; each change begins while the one before goes on, or just after it."""
    for weights in WEIGHTS * rounds:
        before = opened(around)
        around.weigh(**weights)
        wait_for(partial(_opened_since, around, before), 30.0, "an epoch opens")


def _opened_since(around: Sharded, before: int) -> bool:
    return opened(around) > before


def opened(around: Sharded) -> int:
    row = next(row for row in around.proxy.stats.ask("show redis epochs").splitlines() if row.startswith("main,,"))
    header = around.proxy.stats.ask("show redis epochs").splitlines()[0].lstrip("# ").split(",")
    return int(row.split(",")[header.index("opened")])


def test_transactions_count_each_increment_once(around: Sharded) -> None:
    done: Counter[str] = Counter()
    lock, stop = threading.Lock(), threading.Event()

    def increment(watching: bool) -> None:
        with Client(around.proxy.port) as client:
            turn = 0
            while not stop.is_set():
                turn += 1
                name = COUNTERS[turn % len(COUNTERS)]
                if watching:
                    assert client.ask("WATCH", name) == b"OK"
                    value = int(client.ask("GET", name) or 0)
                    *_, reply = client.pipeline([pack("MULTI"), pack("SET", name, value + 1), pack("EXEC")])
                else:
                    *_, reply = client.pipeline([pack("MULTI"), pack("INCR", name), pack("EXEC")])
                assert not isinstance(reply, hiredis.ReplyError), reply
                if reply is not None:
                    with lock:
                        done[name] += 1

    tasks = [lambda watching=watching: increment(watching) for watching in (True, True, False, False)]
    with threads(*tasks):
        change_weights(around)
        stop.set()
    with Client(around.proxy.port) as client:
        assert {name: int(client.ask("GET", name)) for name in COUNTERS} == dict(done)
    assert min(done.values()) > 0
    around.wait()


def test_what_is_pushed_is_popped_once_by_those_who_wait(around: Sharded) -> None:
    popped: dict[str, list[bytes]] = {name: [] for name in LISTS}
    pushed: dict[str, list[bytes]] = {name: [] for name in LISTS}
    stop = threading.Event()

    def pop(name: str) -> None:
        with Client(around.proxy.port) as client:
            while True:
                reply = client.ask("BLPOP", name, 0)
                assert not isinstance(reply, hiredis.ReplyError), reply
                if reply[1] == END:
                    return
                popped[name].append(reply[1])

    def push() -> None:
        with Client(around.proxy.port) as client:
            turn = 0
            while not stop.is_set():
                turn += 1
                name = LISTS[turn % len(LISTS)]
                assert isinstance(client.ask("RPUSH", name, turn), int)
                pushed[name].append(b"%d" % turn)
            for name in LISTS:
                client.ask("RPUSH", name, END)

    tasks = [lambda name=name: pop(name) for name in LISTS]
    with threads(push, *tasks):
        change_weights(around)
        stop.set()
    assert popped == pushed
    assert all(pushed.values())
    around.wait()


def test_scan_misses_no_key_that_was_there_throughout(around: Sharded) -> None:
    expected = {b"filler%d" % number for number in range(3000)}
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            change_weights(around, 1)

    with threads(change), Client(around.proxy.port) as client:
        for _ in range(3):
            seen: set[bytes] = set()
            cursor = b"0"
            while True:
                cursor, keys = client.ask("SCAN", cursor, "COUNT", 200)
                seen.update(keys)
                if cursor == b"0":
                    break
            assert expected <= seen
        stop.set()
    around.wait()


def test_flushall_while_keys_move_ends_and_leaves_nothing(around: Sharded) -> None:
    with Client(around.proxy.port) as client:
        for weights in WEIGHTS:
            client.insist([pack("SET", f"key{number}", "x" * 100_000) for number in range(600)])
            around.weigh(**weights)
            for _ in range(5):
                assert client.ask("FLUSHALL") == b"OK"
                client.insist([pack("SET", f"key{number}", "x" * 100_000) for number in range(200)])
            assert client.ask("FLUSHALL") == b"OK"
            around.wait()
            assert {key for name in around.servers for key in around.keys(name)} == set()
