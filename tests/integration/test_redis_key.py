"""mode redis, balance key: every key has one owner, and what clients see is what one Redis would answer."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
import redis

from tests.support.killable import killable_redis
from tests.support.programs import free_port, need
from tests.support.proxies import Proxy, proxy
from tests.support.resp import Client, ask, pack
from tests.support.tcp_server import tcp_server
from tests.support.waiting import wait_for

Sharded = tuple[Proxy, int, int]


@pytest.fixture
def sharded(tmp_path: Path, redis_pair: tuple[int, int]) -> Iterator[Sharded]:
    """A proxy that shards 30 to 70, and the ports of the two servers."""
    a, b = redis_pair
    lines = f"server a 127.0.0.1:{a} weight 30", f"server b 127.0.0.1:{b} weight 70"
    with proxy("wproxy", tmp_path, "balance key", *lines, mode="redis") as made:
        yield made, a, b


def keys_of(port: int) -> set[bytes]:
    return set(ask(port, "KEYS", "*"))


def test_the_servers_hold_their_share_of_the_keys(sharded: Sharded) -> None:
    made, a, b = sharded
    with Client(made.port) as client:
        assert set(client.pipeline(pack("SET", f"key:{n}", n) for n in range(20_000))) == {b"OK"}
        assert client.pipeline(pack("GET", f"key:{n}") for n in range(20_000)) == [b"%d" % n for n in range(20_000)]
    # The slots are shared exactly; where 20,000 keys fall among them is chance, with a deviation of 65.
    assert ask(a, "DBSIZE") == pytest.approx(6000, abs=300)
    assert ask(a, "DBSIZE") + ask(b, "DBSIZE") == 20_000


def test_keys_stay_where_they_are_across_a_restart(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    a, b = redis_pair
    lines = "balance key", f"server a 127.0.0.1:{a} weight 30", f"server b 127.0.0.1:{b} weight 70"
    for attempt in range(3):
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
            client.pipeline(pack("SET", f"key:{n}", attempt) for n in range(500))
    assert not keys_of(a) & keys_of(b)
    assert len(keys_of(a)) + len(keys_of(b)) == 500


def test_several_keys_need_one_slot_whoever_owns_it(sharded: Sharded) -> None:
    made, *_ = sharded
    with Client(made.port) as client:
        assert client.ask("MSET", "{t}a", 1, "{t}b", 2) == b"OK"
        assert client.ask("MGET", "{t}a", "{t}b", "{t}c") == [b"1", b"2", None]
        assert client.ask("DEL", "{t}a", "{t}b") == 2
        for words in (("RENAME", "x", "y"), ("MSETNX", "x", 1, "y", 2), ("SINTER", "x", "y")):
            assert str(client.ask(*words)).startswith("CROSSSLOT")


def test_the_types_of_redis_work(sharded: Sharded) -> None:
    made, *_ = sharded
    with Client(made.port) as client:
        assert client.ask("HSET", "h", "f", "v", "g", "w") == 2
        assert client.ask("RPUSH", "l", "a", "b", "c") == 3
        assert client.ask("LRANGE", "l", 0, -1) == [b"a", b"b", b"c"]
        assert client.ask("ZADD", "z", "1.5", "m") == 1
        assert client.ask("ZSCORE", "z", "m") == b"1.5"
        assert client.ask("INCRBY", "n", 41) == 41
        assert client.ask("SET", "n", 5, "XX", "GET") == b"41"
        assert client.ask("SET", "n", 5, "NX") is None
        assert "WRONGTYPE" in str(client.ask("INCR", "l"))
        assert client.ask("XADD", "x", "1-1", "f", "v") == b"1-1"


def test_a_dead_servers_keys_say_so_and_the_others_work(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with killable_redis(tmp_path) as a:
        b = redis_pair[0]
        lines = f"server a 127.0.0.1:{a.port} check inter 300ms fall 2 rise 1", f"server b 127.0.0.1:{b}"
        with proxy("wproxy", tmp_path, "balance key", *lines, mode="redis") as made, Client(made.port) as client:
            names = [f"key:{n}" for n in range(200)]
            client.insist(pack("SET", name, "v") for name in names)
            on_a = {name for name in names if ask(a.port, "EXISTS", name)}
            a.kill()
            for known in (False, True):
                if known:
                    made.stats.wait_for_status("a", "DOWN")
                replies = dict(zip(names, client.pipeline(pack("GET", name) for name in names), strict=True))
                down = {name for name, reply in replies.items() if isinstance(reply, Exception)}
                assert down == on_a
                assert all(str(replies[name]).startswith("SERVERDOWN") for name in down)
            a.start()
            made.stats.wait_for_status("a", "UP")
            name = min(on_a)
            wait_for(lambda: client.ask("SET", name, "again") == b"OK")
            assert client.ask("GET", name) == b"again"


def test_resp2_and_resp3_side_by_side_each_get_their_shape(sharded: Sharded) -> None:
    made, *_ = sharded
    flat, mapped = b"*2\r\n$1\r\nf\r\n$1\r\nv\r\n", b"%1\r\n$1\r\nf\r\n$1\r\nv\r\n"
    with Client(made.port) as two, Client(made.port) as three, Client(made.port) as both:
        assert three.ask("HELLO", 3)[b"proto"] == 3
        two.ask("HSET", "h", "f", "v")
        for _ in range(3):
            assert two.raw(pack("HGETALL", "h"), len(flat)) == flat
            assert three.raw(pack("HGETALL", "h"), len(mapped)) == mapped
        assert two.raw(pack("GET", "absent"), 5) == b"$-1\r\n"
        assert three.raw(pack("GET", "absent"), 3) == b"_\r\n"
        assert two.raw(pack("ZADD", "z", 1, "m") + pack("ZSCORE", "z", "m"), 11) == b":1\r\n$1\r\n1\r\n"
        assert three.raw(pack("ZSCORE", "z", "m"), 4) == b",1\r\n"
        for hello, expected in ((3, mapped), (2, flat)):
            both.ask("HELLO", hello)
            assert both.raw(pack("HGETALL", "h"), len(expected)) == expected
        both.ask("HELLO", 3)
        assert both.ask("RESET") == b"RESET"
        assert both.raw(pack("HGETALL", "h"), len(flat)) == flat


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_works(sharded: Sharded, protocol: int) -> None:
    made, *_ = sharded
    with redis.Redis(port=made.port, protocol=protocol, client_name="tester", decode_responses=True) as client:
        assert client.ping()
        assert client.set("k", "v", ex=100)
        assert client.get("k") == "v"
        client.hset("h", mapping={"a": "1", "b": "2"})
        assert client.hgetall("h") == {"a": "1", "b": "2"}
        assert client.client_getname() == "tester"
        with client.pipeline(transaction=False) as pipe:
            for number in range(1000):
                pipe.set(f"p:{number}", number).get(f"p:{number}")
            assert pipe.execute()[1::2] == [str(number) for number in range(1000)]
        with pytest.raises(redis.ResponseError, match="wrong number"):
            client.execute_command("GET")


def run(*command: str | int, given: bytes = b"") -> bytes:
    words = [need(str(command[0])), *map(str, command[1:])]
    done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


def test_redis_cli_works(sharded: Sharded) -> None:
    made, *_ = sharded
    assert run("redis-cli", "-p", made.port, "SET", "k", "v") == b"OK\n"
    assert run("redis-cli", "-p", made.port, given=b"GET k\nPING\nHSET h f v\nHGETALL h\n") == b"v\nPONG\n1\nf\nv\n"
    assert run("redis-cli", "-3", "-p", made.port, "HGETALL", "h") == b"f v\n"
    mass = b"".join(pack("SET", f"mass:{n}", n) for n in range(5000))
    assert b"errors: 0, replies: 5000" in run("redis-cli", "-p", made.port, "--pipe", given=mass)


def test_redis_benchmark_works(sharded: Sharded) -> None:
    made, *_ = sharded
    command = ("redis-benchmark", "-p", made.port, "-P", 16, "-n", 20_000, "-r", 1000, "-q", "--csv")
    done = subprocess.run(
        [need(command[0]), *map(str, command[1:]), "-t", "set,get,incr,lpush,hset"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
    assert [line.split(",")[0] for line in done.stdout.splitlines()[1:]] == [
        '"SET"', '"GET"', '"INCR"', '"LPUSH"', '"HSET"'
    ]  # fmt: skip


def test_every_split_of_a_pipeline_gives_the_same_answers(sharded: Sharded) -> None:
    made, *_ = sharded
    sent = pack("SET", "k", "v\r\n$3") + b"GET k\r\n" + pack("ECHO", "") + pack("GET", "absent") + b"\r\nPING\n"
    expected = b"+OK\r\n$5\r\nv\r\n$3\r\n$0\r\n\r\n$-1\r\n+PONG\r\n"
    with Client(made.port) as client:
        for at in range(1, len(sent)):
            client.socket.sendall(sent[:at])
            assert client.raw(sent[at:], len(expected)) == expected
        for byte in sent:
            client.socket.sendall(bytes((byte,)))
        assert client.raw(b"", len(expected)) == expected


def test_ten_thousand_commands_in_one_pipeline_are_answered_in_order(sharded: Sharded) -> None:
    made, *_ = sharded
    mixed: list[bytes] = []
    expected: list[Any] = []
    for number in range(2500):
        tag = b"%d" % number
        mixed += [pack("SET", tag, tag), pack("ECHO", tag), pack("GET", tag), pack("NOSUCH", tag)]
        expected += [b"OK", tag, tag]
    with Client(made.port) as client:
        replies = client.pipeline(mixed)
    assert all(tag in str(reply).encode() for tag, reply in zip(expected[1::3], replies[3::4], strict=True))
    assert [reply for at, reply in enumerate(replies) if at % 4 != 3] == expected


def test_a_big_value_makes_the_round_trip(sharded: Sharded) -> None:
    made, *_ = sharded
    value = os.urandom(1 << 20) * 64
    with Client(made.port) as client, Client(made.port) as other:
        client.send(pack("SET", "big", value))
        other.ask("SET", "small", "s")
        assert client.reply() == b"OK"
        client.send(pack("GET", "big"), pack("ECHO", "behind it"))
        assert client.reply() == value
        assert client.reply() == b"behind it"
        assert other.ask("GET", "small") == b"s"


def test_what_the_proxy_answers_itself(sharded: Sharded) -> None:
    made, *_ = sharded
    with Client(made.port) as client:
        assert client.ask("PING") == b"PONG"
        assert client.ask("ping", "hello") == b"hello"
        assert client.ask("ECHO", b"\x00\r\n") == b"\x00\r\n"
        assert client.ask("CLIENT", "SETNAME", "me") == b"OK"
        assert client.ask("CLIENT", "GETNAME") == b"me"
        assert client.ask("CLIENT", "ID") > 0
        assert client.ask("SELECT", 0) == b"OK"
        assert "NOPROTO" in str(client.ask("HELLO", 4))
        assert client.ask("HELLO")[:2] == [b"server", b"redis"]
        assert client.ask("RESET") == b"RESET"
        assert client.ask("CLIENT", "GETNAME") is None
        client.send(pack("SET", "last", 1), pack("QUIT"), pack("SET", "never", 1))
        assert client.rest() == b"+OK\r\n+OK\r\n"
    assert ask(made.port, "EXISTS", "never") == 0


@pytest.mark.parametrize(
    "broken",
    [
        b"*1\r\n:1\r\n",
        b"*-5x\r\n",
        b"*100000000\r\n",
        b"*2\r\n$3\r\nGET\r\n$9999999999\r\n",
        b"*2\r\n$3\r\nGET\r\n$1\r\nkXX",
        b"*1\r\n$-1\r\n",
        b'SET "unbalanced\r\n',
        b"x" * 70_000,
    ],
)
def test_what_is_no_command_is_answered_and_ends_the_connection(sharded: Sharded, broken: bytes) -> None:
    made, *_ = sharded
    with Client(made.port) as client:
        client.send(pack("SET", "k", "v"), broken)
        assert client.reply() == b"OK"
        assert str(client.reply()).startswith("ERR Protocol error")
        with pytest.raises((EOFError, ConnectionResetError)):
            client.reply()
    assert ask(made.port, "GET", "k") == b"v"
    assert made.stats.numbers("FRONTEND", "ereq") == (1,)


def test_one_who_hangs_up_halfway_gets_all_replies(sharded: Sharded) -> None:
    made, *_ = sharded
    with Client(made.port) as client:
        client.send(*(pack("SET", f"k{n}", n) for n in range(3000)), *(pack("GET", f"k{n}") for n in range(3000)))
        client.hang_up()
        assert client.replies(3000) == [b"OK"] * 3000
        assert client.replies(3000) == [b"%d" % n for n in range(3000)]
        assert client.rest() == b""


def test_clients_that_leave_at_any_moment_do_not_disturb_the_others(sharded: Sharded) -> None:
    """The dangerous one: all clients share the servers' connections, and every reply must find its own command."""
    made, *_ = sharded
    chance = random.Random(4711)
    with ExitStack() as stack:
        clients: dict[int, Client] = {}
        for turn in range(4000):
            number = chance.randrange(40)
            if number not in clients:
                clients[number] = stack.enter_context(Client(made.port))
            client = clients[number]
            tags = [f"{turn}:{index}:{'x' * chance.choice((0, 10, 3000))}".encode() for index in range(5)]
            client.send(*(pack("SET", tag[:20], tag) + pack("GET", tag[:20]) + pack("ECHO", tag) for tag in tags))
            if chance.random() < 0.3:
                client.socket.close()  # with replies under way
                del clients[number]
            elif chance.random() < 0.9:
                assert client.replies(15) == [each for tag in tags for each in (b"OK", tag, tag)]
            else:
                client.hang_up()
                assert client.replies(15) == [each for tag in tags for each in (b"OK", tag, tag)]
                del clients[number]
    made.stats.wait_until_idle("FRONTEND", "BACKEND")


def test_a_restart_of_a_server_under_many_clients_mixes_nothing_up(tmp_path: Path) -> None:
    with killable_redis(tmp_path) as a, killable_redis(tmp_path) as b:
        lines = "balance key", f"server a 127.0.0.1:{a.port}", f"server b 127.0.0.1:{b.port}"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made, ExitStack() as stack:
            clients = [stack.enter_context(Client(made.port)) for _ in range(20)]
            for turn in range(12):
                for number, client in enumerate(clients):
                    tags = [f"{turn}:{number}:{index}".encode() for index in range(50)]
                    client.send(*(pack("ECHO", tag) + pack("SET", tag, tag) + pack("GET", tag) for tag in tags))
                if turn % 4 == 1:
                    a.kill()
                elif turn % 4 == 3:
                    a.start()
                for number, client in enumerate(clients):
                    check_round(client, [f"{turn}:{number}:{index}".encode() for index in range(50)])


def check_round(client: Client, tags: list[bytes]) -> None:
    """Read the answers to ECHO, SET and GET of every tag: each is its own, or an error."""
    for tag in tags:
        assert client.reply() == tag
        stored, read = client.reply(), client.reply()
        assert stored == b"OK" or str(stored).startswith("SERVERDOWN")
        assert read in (tag, None) or str(read).startswith("SERVERDOWN")
        assert read is not None or stored != b"OK"


def test_a_client_that_never_reads_costs_little_and_gives_it_back(sharded: Sharded) -> None:
    made, *_ = sharded
    with Client(made.port) as other:
        other.ask("SET", "k", b"v" * 10_000)
        before = made.resident_bytes
        with Client(made.port) as client:
            client.send(*(pack("GET", "k") for _ in range(20_000)))  # asks for 200 MB
            wait_until_quiet(made)
            assert made.resident_bytes - before < 12 << 20
            assert other.ask("GET", "k") == b"v" * 10_000
            assert client.replies(1000) == [b"v" * 10_000] * 1000  # it may still change its mind
        for _ in range(5):  # what the first one cost is there for the next ones
            with Client(made.port) as client:
                client.send(*(pack("GET", "k") for _ in range(20_000)))
                wait_until_quiet(made)
        assert made.resident_bytes - before < 12 << 20


def test_large_values_are_asked_for_and_taken_few_at_a_time(sharded: Sharded) -> None:
    made, *_ = sharded
    large = b"v" * 1_000_000
    with Client(made.port) as other:
        other.ask("SET", "k", large)
        before = made.resident_bytes
        with Client(made.port) as client:
            client.send(*(pack("GET", "k") for _ in range(200)))  # asks for 200 MB
            wait_until_quiet(made)
            assert made.resident_bytes - before < 48 << 20
            assert client.replies(200) == [large] * 200


def wait_until_quiet(made: Proxy) -> None:
    """Return when the proxy asks its servers for nothing more."""
    pause = Event()

    def quiet() -> bool:
        before = made.stats.sessions("a", "b")
        pause.wait(0.1)
        return before == made.stats.sessions("a", "b")

    wait_for(quiet, what="no more commands go out")


def asked(made: Proxy, *words: str | bytes | int) -> Any:
    """As `ask`, of a proxy that soon drops silent clients: again when this one was held up before it could ask."""

    def reply() -> Any:
        with suppress(EOFError, ConnectionError):
            return ask(made.port, *words)
        return None

    return wait_for(reply, what="a reply")


def test_a_client_that_never_reads_is_dropped_when_its_time_is_over(
    tmp_path: Path, redis_pair: tuple[int, int]
) -> None:
    lines = "balance key", f"server a 127.0.0.1:{redis_pair[0]}", "timeout client 300ms"
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made:
        assert asked(made, "SET", "k", b"v" * 10_000) == b"OK"
        made.stats.wait_until_idle("FRONTEND")
        descriptors = made.descriptors
        with Client(made.port) as client:
            client.send(*(pack("GET", "k") for _ in range(20_000)))
            wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (0,), what="it is dropped")
            wait_for(lambda: made.descriptors == descriptors, what="its descriptor is given back")
        with Client(made.port) as client:
            client.send(pack("PING"))
            assert client.rest() in (b"+PONG\r\n", b"")  # silent for too long, on a busy machine from the beginning


def test_a_client_that_takes_a_big_reply_slowly_is_not_silent(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    value = b"v" * (16 << 20)  # more than the kernel's buffers hold
    lines = "balance key", f"server a 127.0.0.1:{redis_pair[0]}", "timeout client 1500ms"
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
        assert ask(redis_pair[0], "SET", "k", value) == b"OK"
        began = monotonic()
        client.send(pack("GET", "k"))
        pace, taken, size = Event(), 0, len(b"$%d\r\n" % len(value)) + len(value) + 2
        while taken < size:
            taken += len(client.socket.recv(min(1 << 20, size - taken), socket.MSG_WAITALL)) or size + 1
            pace.wait(0.15)
        assert taken == size
        assert monotonic() - began > 1.5


def test_what_follows_the_last_command_is_not_kept(tmp_path: Path) -> None:
    """QUIT waits for the reply to the command before it; the client may not fill the memory meanwhile."""
    with killable_redis(tmp_path) as a:
        lines = "balance key", f"server a 127.0.0.1:{a.port}"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
            assert client.ask("SET", "k", "v") == b"OK"
            a.freeze()
            before = made.resident_bytes
            client.send(pack("GET", "k"), pack("QUIT"))
            client.socket.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.socket.sendall(b"x" * (64 << 20))
            assert made.resident_bytes - before < 12 << 20
            client.socket.settimeout(20.0)
            a.thaw()
            assert client.replies(2) == [b"v", b"OK"]


def test_a_slow_answer_is_no_silence_of_the_client(tmp_path: Path) -> None:
    with killable_redis(tmp_path) as a:
        lines = "balance key", f"server a 127.0.0.1:{a.port}", "timeout client 400ms"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made:
            assert asked(made, "SET", "k", "v") == b"OK"
            assert ask(a.port, "CLIENT", "PAUSE", 600) == b"OK"
            assert ask(made.port, "GET", "k") == b"v"


def test_without_a_server_every_command_says_so(tmp_path: Path) -> None:
    lines = "balance key", f"server a 127.0.0.1:{free_port()}"
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
        assert client.ask("PING") == b"PONG"
        assert str(client.ask("GET", "k")).startswith("SERVERDOWN")
        made.stats.ask("set weight main/a 0")
        assert str(client.ask("GET", "k")).startswith("SERVERDOWN")


def test_a_server_that_accepts_and_hangs_up_is_not_called_all_the_time(tmp_path: Path) -> None:
    calls = 0

    def full(connection: socket.socket) -> None:
        nonlocal calls
        calls += 1
        connection.sendall(b"-ERR max number of clients reached\r\n")

    with (
        tcp_server(full) as port,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{port}", mode="redis") as made,
        Client(made.port) as client,
    ):
        for _ in range(50):
            assert isinstance(client.ask("GET", "k"), Exception)
            Event().wait(0.01)
    assert calls < 15
