"""mode redis: commands that wait for data hold up nobody but their client, and lose nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from tests.support.beside_redis import Beside, beside_redis
from tests.support.killable import killable_redis
from tests.support.proxies import proxy
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with beside_redis(tmp_path_factory.mktemp("blocking")) as made:
        yield made


@pytest.fixture(autouse=True)
def clean(beside: Beside) -> None:
    # Who waited at the end of the test before would take what this one pushes.
    wait_for(lambda: sum(map(waiting_on, beside.servers)) == blocked(beside) == 0, what="nobody waits any more")
    for port in (beside.plain, beside.proxy.port):
        assert ask(port, "FLUSHALL") == b"OK"


def blocked(beside: Beside) -> int:
    """Return how many clients the proxy holds that wait for data."""
    text = ask(beside.proxy.port, "INFO", "clients").decode()
    return int(text.split("blocked_clients:")[1].split()[0])


def waiting_on(port: int) -> int:
    text = ask(port, "INFO", "clients").decode()
    return int(text.split("blocked_clients:")[1].split()[0])


def test_what_is_there_comes_at_once(beside: Beside) -> None:
    beside.compare(
        "RPUSH l a b c d e",
        "BLPOP l 0",
        "BRPOP {l}x l 1",
        "BLMOVE l {l}m LEFT RIGHT 0",
        "BRPOPLPUSH l {l}m 0",
        "BLMPOP 0 1 {l}m LEFT COUNT 5",
        "ZADD z 1 a 2 b 3 c",
        "BZPOPMIN z 0",
        "BZPOPMAX z 0",
        "BZMPOP 0 1 z MIN",
        "XADD x 1-1 f v",
        "XREAD BLOCK 0 STREAMS x 0",
        "XGROUP CREATE x g 0",
        "XREADGROUP GROUP g me BLOCK 0 STREAMS x >",
        "BLPOP l 0.01",
        "BLMOVE l {l}m LEFT RIGHT 0.01",
        "BZPOPMIN z 0.01",
        "XREAD BLOCK 10 STREAMS x $",
        "BLPOP l x",
        "BLPOP l -1",
        "BLPOP l 0x",
        "BLPOP l",
        "BLMPOP 0 x l LEFT",
        "BLMPOP 0.01 0 l LEFT",
        "XREAD BLOCK x STREAMS x 0",
        "XREAD BLOCK -1 STREAMS x 0",
        "XREADGROUP GROUP nosuch me BLOCK 0 STREAMS x >",
        "SET s 1",
        "BLPOP s 0",
    )


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_push_wakes_who_waits_and_nobody_else_is_held_up(beside: Beside, protocol: int) -> None:
    with ExitStack() as stack:
        waiting = [stack.enter_context(Client(beside.proxy.port)) for _ in range(20)]
        for number, client in enumerate(waiting):
            client.ask("HELLO", protocol)
            client.send(pack("BLPOP", f"queue:{number}", 0))
        wait_for(lambda: blocked(beside) == 20)
        other = stack.enter_context(Client(beside.proxy.port))
        for number in range(50):
            assert other.ask("SET", f"k{number}", "v") == b"OK"
        for number, client in enumerate(waiting):
            assert other.ask("RPUSH", f"queue:{number}", number) == 1
            assert client.reply() == [b"queue:%d" % number, b"%d" % number]
        assert blocked(beside) == 0
        assert [ask(port, "DBSIZE") for port in beside.servers].count(0) == 0


def test_who_came_first_is_served_first(beside: Beside) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(beside.proxy.port)) for _ in range(5)]
        for number, client in enumerate(clients):
            client.send(pack("BLPOP", "q", 0))
            wait_for(lambda number=number: sum(map(waiting_on, beside.servers)) == number + 1)  # type: ignore[misc]
        ask(beside.proxy.port, "RPUSH", "q", *range(5))
        assert [client.reply() for client in clients] == [[b"q", b"%d" % number] for number in range(5)]


def test_what_follows_in_the_pipeline_waits(beside: Beside) -> None:
    with Client(beside.proxy.port) as client:
        client.send(pack("SET", "a", 1), pack("BLPOP", "q", 0), pack("GET", "a"), pack("INCR", "n"))
        assert client.reply() == b"OK"
        wait_for(lambda: blocked(beside) == 1)
        client.send(pack("INCR", "n"))
        assert ask(beside.proxy.port, "GET", "n") is None
        ask(beside.proxy.port, "RPUSH", "q", "x")
        assert client.replies(4) == [[b"q", b"x"], b"1", 1, 2]


def test_a_timeout_is_kept(beside: Beside) -> None:
    with Client(beside.proxy.port) as client:
        began = monotonic()
        assert client.ask("BLPOP", "q", "0.3") is None
        assert 0.29 < monotonic() - began < 10


def test_waiting_is_no_silence_for_any_timeout(tmp_path: Path) -> None:
    short = "timeout client 500ms", "timeout server 500ms"
    with beside_redis(tmp_path, *short) as beside, Client(beside.proxy.port) as client:
        # All at once: a test that is held up between two of them would be silent itself.
        client.send(pack("BLPOP", "q", "0.7"), pack("PING"), pack("BLPOP", "q", 0))
        assert client.replies(2) == [None, b"PONG"]
        client.socket.settimeout(0.7)
        with pytest.raises(TimeoutError):
            client.reply()
        ask(beside.proxy.port, "RPUSH", "q", "x")
        assert client.reply() == [b"q", b"x"]


@pytest.mark.parametrize("how", ["close", "reset", "half", "kill"])
def test_nothing_is_popped_for_who_has_left(beside: Beside, how: str) -> None:
    with Client(beside.proxy.port) as client:
        client.send(pack("BLPOP", "q", 0))
        wait_for(lambda: sum(map(waiting_on, beside.servers)) == 1)
        match how:
            case "close":
                client.socket.close()
            case "reset":
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                client.socket.close()
            case "half":
                client.hang_up()
            case "kill":
                beside.proxy.stats.ask("shutdown session " + session_of(beside, client))
        wait_for(lambda: sum(map(waiting_on, beside.servers)) == 0, what="the server's side is closed")
        assert ask(beside.proxy.port, "RPUSH", "q", "kept") == 1
        assert ask(beside.proxy.port, "LRANGE", "q", 0, -1) == [b"kept"]
        assert blocked(beside) == 0


def session_of(beside: Beside, client: Client) -> str:
    """Return the stats socket's name of a client's session."""
    source = f" src=127.0.0.1:{client.socket.getsockname()[1]} "
    return next(line.split(":")[0] for line in beside.proxy.stats.ask("show sess").splitlines() if source in line)


def test_a_client_that_waits_may_not_fill_the_memory(beside: Beside) -> None:
    with Client(beside.proxy.port) as client:
        client.send(pack("BLPOP", "q", 0))
        wait_for(lambda: blocked(beside) == 1)
        before = beside.proxy.resident_bytes
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.socket.sendall(pack("SET", "k", "v") * 2_000_000)
        assert beside.proxy.resident_bytes - before < 12 << 20
        # Its goodbye would stand behind what nobody reads.
        beside.proxy.stats.ask("shutdown session " + session_of(beside, client))


def test_a_server_that_dies_answers_who_waits(tmp_path: Path) -> None:
    with (
        killable_redis(tmp_path) as a,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{a.port}", mode="redis") as made,
        Client(made.port) as client,
    ):
        client.send(pack("BLPOP", "q", 0))
        wait_for(lambda: waiting_on(a.port) == 1)
        a.kill()
        assert str(client.reply()).startswith("SERVERDOWN")
        assert str(client.ask("BLPOP", "q", 0)).startswith("SERVERDOWN")
        a.start()
        wait_for(lambda: client.ask("RPUSH", "q", "x") == 1)
        assert client.ask("BLPOP", "q", 0) == [b"q", b"x"]


def test_who_waits_follows_the_slot_to_its_new_owner(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside, ExitStack() as stack:
        clients = [stack.enter_context(Client(beside.proxy.port)) for _ in range(30)]
        for number, client in enumerate(clients):
            client.send(pack("BLPOP", f"queue:{number}", 0 if number % 2 else 60))
        wait_for(lambda: sum(map(waiting_on, beside.servers)) == 30)
        before = [waiting_on(port) for port in beside.servers]
        assert all(before)
        beside.proxy.stats.ask("set weight main/a 0")
        wait_for(lambda: waiting_on(beside.servers[0]) == 0)
        wait_for(lambda: sum(map(waiting_on, beside.servers)) == 30)
        for number, client in enumerate(clients):
            assert ask(beside.proxy.port, "RPUSH", f"queue:{number}", "x") == 1
            assert client.reply() == [b"queue:%d" % number, b"x"]
        assert all(ask(port, "DBSIZE") == 0 for port in beside.servers)


def test_time_that_has_passed_is_not_given_again(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside, ExitStack() as stack:
        clients = [stack.enter_context(Client(beside.proxy.port)) for _ in range(9)]
        began = monotonic()
        for number, client in enumerate(clients):
            client.send(pack("BLPOP", f"queue:{number}", "1.5"))
        wait_for(lambda: sum(map(waiting_on, beside.servers)) == 9)
        for weight in (0, 1, 100):
            beside.proxy.stats.ask(f"set weight main/b {weight}")
        assert [client.reply() for client in clients] == [None] * 9
        assert 1.4 < monotonic() - began < 4
