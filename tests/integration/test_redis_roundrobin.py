"""mode redis, balance roundrobin: data written once are spread command by command, and found wherever they are."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.killable import KillableRedis, killable_redis
from tests.support.programs import listening, redis_server
from tests.support.proxies import Proxy, proxy
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

DAY_MS = 24 * 3_600_000  # this module is read at the beginning of all tests, and run much later
LATER_MS = int(time.time() * 1000) + DAY_MS


@pytest.fixture
def spread(tmp_path: Path, redis_pair: tuple[int, int]) -> Iterator[tuple[Proxy, int, int]]:
    """A proxy that spreads 30 to 70, and the ports of the two servers."""
    a, b = redis_pair
    lines = f"server a 127.0.0.1:{a} weight 30", f"server b 127.0.0.1:{b} weight 70"
    with proxy("wproxy", tmp_path, "balance roundrobin", *lines, mode="redis") as made:
        yield made, a, b


def write(client: Client, count: int, name: str = "key") -> None:
    """Store `count` observations in one pipeline."""
    commands = [pack("SET", f"{name}:{number}", number, "PXAT", LATER_MS) for number in range(count)]
    assert set(client.pipeline(commands)) == {b"OK"}


def errors(replies: list[Any]) -> list[str]:
    return [str(reply) for reply in replies if isinstance(reply, Exception)]


def test_ten_thousand_pipelined_writes_are_shared_exactly(spread: tuple[Proxy, int, int]) -> None:
    made, a, b = spread
    with Client(made.port) as client:
        write(client, 10_000)
    assert (ask(a, "DBSIZE"), ask(b, "DBSIZE")) == (pytest.approx(3000, abs=1), pytest.approx(7000, abs=1))
    assert list(made.stats.sessions("a", "b")) == [pytest.approx(3000, abs=1), pytest.approx(7000, abs=1)]


def test_a_link_is_a_session_that_is_and_was(spread: tuple[Proxy, int, int]) -> None:
    made, *_ = spread
    with Client(made.port) as client:
        assert client.ask("SET", "k", "v") == b"OK"
    for name in ("a", "b"):  # one has answered; whether the other one is connected by then, nobody knows
        wait_for(lambda name=name: made.stats.numbers(name, "scur", "smax") == (1, 1), what=f"a link to {name}")  # type: ignore[misc]


def test_the_share_is_kept_over_many_small_connections(spread: tuple[Proxy, int, int]) -> None:
    made, a, b = spread
    for batch in range(100):
        with Client(made.port) as client:
            write(client, 7, f"batch{batch}")
    assert (ask(a, "DBSIZE"), ask(b, "DBSIZE")) == (pytest.approx(210, abs=1), pytest.approx(490, abs=1))


def test_every_weight_is_exact_from_the_command_that_follows_its_change(spread: tuple[Proxy, int, int]) -> None:
    made, a, b = spread
    with Client(made.port) as client:
        before = (0, 0)
        for phase, (weight_a, weight_b) in enumerate(((30, 70), (50, 50), (1, 256), (0, 10), (9, 0))):
            made.stats.ask(f"set weight main/a {weight_a};set weight main/b {weight_b}")
            write(client, 1000, f"phase{phase}")
            now = (ask(a, "DBSIZE"), ask(b, "DBSIZE"))
            total = weight_a + weight_b
            shares = 1000 * weight_a / total, 1000 * weight_b / total
            assert (now[0] - before[0], now[1] - before[1]) == (
                pytest.approx(shares[0], abs=1),
                pytest.approx(shares[1], abs=1),
            )
            before = now


def test_a_change_in_the_middle_of_a_pipeline_loses_nothing(spread: tuple[Proxy, int, int]) -> None:
    made, a, b = spread
    half = [pack("SET", f"k{number}", "v", "PXAT", LATER_MS) for number in range(5000)]
    with Client(made.port) as client:
        client.send(*half)
        assert client.replies(100) == [b"OK"] * 100  # it is under way
        # In one line: nothing goes out between the change and the look at the counters.
        told = made.stats.ask("set weight main/a 50;set weight main/b 50;show stat").partition("# ")[2]
        rows = {row["svname"]: row for row in csv.DictReader(told.splitlines()) if row["pxname"] == "main"}
        first_a, first_b = (int(rows[name]["stot"]) for name in "ab")
        assert client.replies(4900) == [b"OK"] * 4900
        write(client, 5000, "after")
    total_a, total_b = ask(a, "DBSIZE"), ask(b, "DBSIZE")
    assert total_a + total_b == 10_000
    rest = 10_000 - first_a - first_b  # what went out after the counters were read: all by the new weights
    assert total_a - first_a == pytest.approx(rest / 2, abs=1 + 256)  # a turn of the loop may lie in between
    assert first_a == pytest.approx(0.3 * (first_a + first_b), abs=2 + 256)


def test_reads_find_a_key_wherever_it_is(spread: tuple[Proxy, int, int]) -> None:
    made, *_ = spread
    with Client(made.port) as client:
        write(client, 500)
        assert client.pipeline(pack("GET", f"key:{n}") for n in range(500)) == [b"%d" % n for n in range(500)]
        assert client.ask("GET", "absent") is None
        assert client.ask("EXISTS", "key:1") == 1
        assert client.ask("EXISTS", "absent") == 0
        assert client.ask("STRLEN", "key:100") == 3
        assert client.ask("TYPE", "key:100") == b"string"
        assert client.ask("TYPE", "absent") == b"none"
        assert 0 < client.ask("PTTL", "key:100") <= DAY_MS
        assert client.ask("TTL", "absent") == -2
        assert client.ask("GETRANGE", "key:123", 1, 2) == b"23"


def test_a_delete_reaches_every_copy(spread: tuple[Proxy, int, int]) -> None:
    made, a, b = spread
    for port in (a, b):
        ask(port, "SET", "twice", "x")
    with Client(made.port) as client:
        assert client.ask("EXPIRE", "twice", 100) == 1
        assert ask(a, "TTL", "twice") > 0 < ask(b, "TTL", "twice")
        assert client.ask("DEL", "twice") == 1
        assert client.ask("DEL", "twice") == 0
    assert (ask(a, "EXISTS", "twice"), ask(b, "EXISTS", "twice")) == (0, 0)


def test_what_needs_one_owner_is_refused_and_says_what_helps(spread: tuple[Proxy, int, int]) -> None:
    made, a, b = spread
    refused = [
        pack("SET", "k", "v", "NX"),
        pack("SET", "k", "v", "PX", 1000, "XX"),
        pack("set", "k", "v", "get"),
        pack("INCR", "k"),
        pack("HSET", "k", "f", "v"),
        pack("LPUSH", "k", "v"),
        pack("MGET", "k", "l"),
        pack("DEL", "k", "l"),
        pack("APPEND", "k", "l"),
    ]
    with Client(made.port) as client:
        replies = client.pipeline(refused)
        assert len(errors(replies)) == len(refused)
        assert all("balance key" in text for text in errors(replies))
        assert client.ask("KEYS", "*") == []
        assert "unknown command" in str(client.ask("NOSUCH", "x"))
        assert "wrong number of arguments" in str(client.ask("GET"))
        assert client.ask("PING") == b"PONG"
    assert (ask(a, "DBSIZE"), ask(b, "DBSIZE")) == (0, 0)


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[tuple[Proxy, KillableRedis, int]]:
    """A proxy with equal weights before server a, which the test may kill, and the port of server b."""
    with killable_redis(tmp_path) as a, redis_server(tmp_path) as b:
        servers = f"server a 127.0.0.1:{a.port} weight 50", f"server b 127.0.0.1:{b} weight 50"
        with proxy("wproxy", tmp_path, "balance roundrobin", *servers, mode="redis") as made:
            yield made, a, b


def test_an_answer_is_nil_only_when_every_server_has_answered(killable: tuple[Proxy, KillableRedis, int]) -> None:
    made, a, b = killable
    with Client(made.port) as client:
        assert client.ask("GET", "absent") is None
        ask(b, "SET", "on-b", "here")
        a.kill()
        wait_for(lambda: isinstance(client.ask("GET", "absent"), Exception))
        assert str(client.ask("GET", "absent")).startswith("SERVERDOWN")
        assert client.ask("GET", "on-b") == b"here"
        assert str(client.ask("DEL", "absent")).startswith("SERVERDOWN")


def test_a_server_killed_under_load_loses_no_reply_and_mixes_none_up(
    killable: tuple[Proxy, KillableRedis, int],
) -> None:
    made, a, b = killable
    with Client(made.port) as client:
        assert load_until(client, "before", lambda: ask(a.port, "DBSIZE") > 500) == 0
        killer = Thread(target=a.kill)
        killer.start()
        lost = load_until(client, "killed", lambda: not listening(a.port))
        killer.join()
        assert lost <= 256  # those in flight, no more
        assert load_until(client, "after", lambda: ask(b, "EXISTS", "after:0:499") == 1) == 0
        a.start()
        wait_for(lambda: load_until(client, "back", lambda: True) or ask(a.port, "DBSIZE"), what="a is used again")


def load_until(client: Client, name: str, done: Callable[[], bool]) -> int:
    """Write rounds of 500 with an ECHO behind each command, until `done`; return how many failed."""
    failed = number = 0
    while True:
        tags = [f"{name}:{number}:{index}" for index in range(500)]
        client.send(*(pack("SET", tag, "v", "PXAT", LATER_MS) + pack("ECHO", tag) for tag in tags))
        replies = client.replies(1000)
        assert replies[1::2] == [tag.encode() for tag in tags]
        bad = errors(replies[0::2])
        assert all(text.startswith("SERVERDOWN") for text in bad)
        failed, number = failed + len(bad), number + 1
        if done():
            return failed


def test_commands_in_flight_fail_when_their_server_is_killed(killable: tuple[Proxy, KillableRedis, int]) -> None:
    """The server is frozen first, so that it is certain that commands are in flight."""
    made, a, b = killable
    with Client(made.port) as client:
        for _ in range(5):  # the window opens with the first replies
            client.ask("PING")
        write(client, 10)
        a.freeze()
        client.send(*(pack("SET", f"k{n}", "v") + pack("ECHO", f"tag{n}") for n in range(20)))
        wait_for(lambda: ask(b, "DBSIZE") == 15)
        a.kill()
        replies = client.replies(40)
        assert replies[1::2] == [f"tag{n}".encode() for n in range(20)]
        lost = errors(replies[0::2])
        assert len(lost) == 10
        assert all(text.startswith("SERVERDOWN connection to main/a lost") for text in lost)


def test_a_server_that_does_not_answer_is_given_up_by_its_timeout(tmp_path: Path) -> None:
    with killable_redis(tmp_path) as a:
        lines = f"server a 127.0.0.1:{a.port}", "timeout server 300ms"
        with proxy("wproxy", tmp_path, "balance roundrobin", *lines, mode="redis") as made, Client(made.port) as client:
            wait_for(lambda: client.ask("SET", "k", "v") == b"OK")
            a.freeze()
            assert str(client.ask("SET", "k", "v")).startswith("SERVERDOWN connection to main/a lost")
            assert client.ask("PING") == b"PONG"
            a.thaw()
            wait_for(lambda: client.ask("SET", "k", "v") == b"OK")


def test_weight_0_gets_nothing_new_and_is_still_read(spread: tuple[Proxy, int, int]) -> None:
    made, a, _ = spread
    with Client(made.port) as client:
        write(client, 100)
        made.stats.ask("set weight main/a 0")
        held = ask(a, "DBSIZE")
        write(client, 100, "later")
        assert ask(a, "DBSIZE") == held
        assert client.pipeline(pack("EXISTS", f"key:{n}") for n in range(100)) == [1] * 100
        made.stats.ask("set weight main/b 0")
        assert str(client.ask("SET", "k", "v")).startswith("SERVERDOWN")
