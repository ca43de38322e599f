"""What is seen of commands in mode redis: the slow log, hot keys, the live tail, with one process and with several."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from tests.support.crews import crew
from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, redis_server
from tests.support.proxies import Proxy, proxy
from tests.support.resp import Client, pack
from tests.support.stats import Stats
from tests.support.waiting import wait_for

Row = dict[str, object]
SLEEP = "local t = redis.call('TIME'); local e = t[1] * 1000000 + t[2] + ARGV[1]; " + (
    "repeat t = redis.call('TIME') until t[1] * 1000000 + t[2] > e return redis.status_reply('slept')"
)


def command_line(where: Path, *words: str) -> str:
    command = [*WPROXY, *words, "--socket", str(where)]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout


def slowlog(where: Path, *words: str) -> list[Row]:
    rows: list[Row] = json.loads(command_line(where, "show", "redis", "slowlog", "--json", *words))
    return rows


@contextmanager
def keyed(folder: Path, ports: tuple[int, int], *lines: str) -> Iterator[tuple[Proxy, Path]]:
    """Run a proxy with `balance key`; yield it and its stats socket."""
    servers = [f"server s{port} 127.0.0.1:{port}" for port in ports]
    with proxy("wproxy", folder, "balance key", *lines, *servers, mode="redis") as made:
        yield made, folder / "wproxy.sock"


def slow_call(port: int, key: str = "k", microseconds: int = 60_000) -> str:
    """Have a server be busy for some time; return the client's address."""
    with Client(port) as client:
        assert client.ask("EVAL", SLEEP, 1, key, microseconds) == b"slept"
        host, number = client.socket.getsockname()
        return f"{host}:{number}"


def test_slow_commands_are_kept(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    # Half a second: on a busy machine other commands take some time, too.
    with keyed(tmp_path, redis_pair, "redis-slowlog 500ms max-len 3") as (made, where):
        with Client(made.port) as client:
            client.pipeline(pack("SET", f"k{number}", "x" * 200) for number in range(50))
        address = slow_call(made.port, microseconds=600_000)
        (row,) = [row for row in slowlog(where) if row["client"] == address]
        assert row["backend"] == "main"
        assert row["server"] in [f"s{port}" for port in redis_pair]
        assert int(str(row["microseconds"])) >= 600_000
        assert str(row["command"]).startswith('"EVAL" "local t =')
        assert "more bytes" in str(row["command"])
        assert str(row["command"]).endswith('"1" "k" "600000"')
        table = command_line(where, "show", "redis", "slowlog", "main", "--count", "1")
        assert address in table
        command_line(where, "show", "redis", "slowlog", "--clear")
        assert slowlog(where) == []
        assert "nothing has been slower than 500 ms" in command_line(where, "show", "redis", "slowlog")


def test_the_threshold_changes_at_runtime(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair) as (made, where):
        slow_call(made.port)
        assert "the slow log is off" in command_line(where, "show", "redis", "slowlog")
        assert slowlog(where, "main", "--slower-than", "20ms") == []
        address = slow_call(made.port)
        assert address in [row["client"] for row in slowlog(where)]
        made.stats.ask("set redis slowlog main off")
        address = slow_call(made.port)
        assert address not in [row["client"] for row in slowlog(where)]


def test_transactions_watched_or_not_are_timed(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair, "redis-slowlog 200ms") as (made, where), Client(made.port) as client:
        for watched in (False, True):
            if watched:
                assert client.ask("WATCH", "k") == b"OK"
            assert client.ask("MULTI") == b"OK"
            assert client.ask("EVAL", SLEEP, 1, "k", 250_000) == b"QUEUED"
            assert client.ask("EXEC") == [b"slept"]
        assert client.ask("BLPOP", "nothing", "0.3") is None  # it waits, and is not slow
        # On a busy machine another command may be slow, too, but not for as long as the servers were busy.
        slow = [row["command"] for row in slowlog(where) if int(str(row["microseconds"])) >= 250_000]
        assert slow == ['"MULTI"', '"MULTI"']


def test_secrets_are_not_kept(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair, "redis-slowlog 0") as (made, where), Client(made.port) as client:
        assert client.ask("CONFIG", "SET", "maxmemory-policy", "noeviction") == b"OK"
        wait_for(
            lambda: '"CONFIG"' in [row["command"] for row in slowlog(where)],
            timeout_s=START_TIMEOUT_S,
            what="CONFIG is in the log",
        )
        assert "noeviction" not in json.dumps(slowlog(where))


def test_hot_keys(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair) as (made, where), Client(made.port) as client:
        made.stats.ask("set redis hotkeys main 10m one-in 2")
        for round_ in range(20):
            client.pipeline(pack("GET", 'hot"\n') for _ in range(100))
            client.pipeline(pack("SET", f"cold:{round_}:{number}", 1) for number in range(50))
            assert client.ask("GET", "warm") is None
        rows = json.loads(command_line(where, "show", "redis", "hotkeys", "--json", "--count", "1"))
        assert [row["key"] for row in rows] == [r'"hot\"\n"']
        assert rows[0]["percent"] == pytest.approx(66, abs=8)
        assert rows[0]["looked_at"] == pytest.approx(1510, rel=0.15)
        table = command_line(where, "show", "redis", "hotkeys", "main")
        assert table.split("\n")[0].split()[:3] == ["backend", "key", "share"]
        made.stats.ask("set redis hotkeys main off")
        client.pipeline(pack("GET", "later") for _ in range(2000))
        assert "later" not in command_line(where, "show", "redis", "hotkeys")


class Tail:
    """`wproxy redis tail`, whose lines are gathered until it is ended."""

    def __init__(self, where: Path, *words: str) -> None:
        command = [*WPROXY, "redis", "tail", *words, "--socket", str(where)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._thread = Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readline().splitlines()
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._thread.join(20)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def words(self) -> list[str]:
        """Return what was seen, without when, who and where."""
        return [line.partition("] ")[2] for line in self.lines if not line.startswith("#")]


def begun(tail: Tail, client: Client, key: str = "probe") -> None:
    """Return when the tail shows what the client does; its environment for a subprocess is block-buffered, or not."""

    def seen() -> bool:
        client.ask("GET", key)
        assert tail.process.poll() is None, tail.lines
        return any(key in line for line in tail.lines)

    wait_for(seen, START_TIMEOUT_S, "the tail shows commands")


def test_a_live_tail(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair) as (made, where), Client(made.port) as client:
        with Tail(where, "main", "--for", "300", "--command", "get,set", "--prefix", "user:") as tail:
            begun(tail, client, "user:probe")
            assert client.ask("SET", "user:1 ", "secret") == b"OK"
            client.ask("SET", "other", "secret")
            client.ask("DEL", "user:1 ")
            wait_for(
                lambda: '"SET" "user:1 " (+1)' in tail.words(), timeout_s=START_TIMEOUT_S, what="the command is shown"
            )
        assert not any(word in "".join(tail.lines) for word in ("secret", "other", "DEL"))
        assert f"127.0.0.1:{client.socket.getsockname()[1]} main/s" in tail.lines[0]
        refused = subprocess.run(
            [*WPROXY, "redis", "tail", "nonsense", "--socket", str(where)], capture_output=True, text=True, check=False
        )
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "No such backend" in refused.stderr


def test_a_tail_ends_when_its_time_is_over(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair) as (_, where), Tail(where, "--for", "1") as tail:
        assert tail.process.wait(60) == 0
        assert tail.lines == []


def test_what_is_too_much_for_a_tail_is_left_out(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair) as (made, where), Client(made.port) as client:
        with Tail(where, "--for", "300", "--rate", "5", "--values") as tail:
            begun(tail, client)

            def told() -> bool:
                client.pipeline(pack("SET", f"k{number}", "value") for number in range(500))
                return any("left out" in line for line in tail.lines)

            wait_for(told, START_TIMEOUT_S, "the tail says that there was more")
        assert len(tail.words()) < 100
        assert client.ask("PING") == b"PONG"


def test_a_reader_that_takes_nothing_is_nobodys_business(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with keyed(tmp_path, redis_pair) as (made, _), Client(made.port) as client:
        with socket.socket(socket.AF_UNIX) as reader:
            reader.connect(str(made.stats.path))  # and never reads
            reader.sendall(b"tail redis main for 10m rate 2000\n")
            for _ in range(20):
                assert len(client.pipeline(pack("GET", "k" * 200) for _ in range(1000))) == 1000
        wait_for(lambda: "main,,128,0,0,," in made.stats.ask("show redis view"), what="the proxy answers others")


CREW = """
frontend redis
    mode redis
    bind 127.0.0.1:{port}
    default_backend redis
backend redis
    mode redis
    balance roundrobin
    redis-slowlog 500ms
    server a 127.0.0.1:{server}
"""


def test_with_several_workers_it_is_whole(tmp_path: Path) -> None:
    """Clients of all workers are in one slow log, one count of keys, one tail."""
    port, where = free_port(), tmp_path / "wproxy.sock"
    with redis_server(tmp_path) as server, crew(tmp_path, CREW.format(port=port, server=server), 3) as made:
        clients: list[Client] = []

        def are_spread() -> bool:
            """Have one more client; on a busy machine one worker may take all that come at once."""
            clients.append(Client(port))
            assert clients[-1].ask("SET", "k", "v") == b"OK"
            return len(clients) >= 12 and len(made.evenness()) > 1

        wait_for(are_spread, START_TIMEOUT_S, "clients of more than one worker")
        made.stats.ask("set redis hotkeys redis 10m one-in 1")
        with Tail(where, "--for", "300") as tail:
            begun(tail, clients[0])
            for number, client in enumerate(clients):
                client.ask("GET", f"key{number}")
            wait_for(
                lambda: {f'"GET" "key{number}"' for number in range(len(clients))} <= {*tail.words()},
                timeout_s=START_TIMEOUT_S,
                what="all clients are seen",
            )
        keys = {row["key"] for row in json.loads(command_line(where, "show", "redis", "hotkeys", "--json"))}
        assert {f'"key{number}"' for number in range(len(clients))} <= keys
        with Client(server) as other:  # the server stands still for all clients
            wait_for(
                lambda: _held_up(other, clients, made.stats), timeout_s=START_TIMEOUT_S, what="every client has waited"
            )
        made.kill(made.workers[0])
        assert made.stats.ask("set redis slowlog redis 1ms max-len 200").strip() == ""
        assert "redis,1000,200," in made.stats.ask("show redis view")
        for client in clients:
            client.socket.close()


def _held_up(other: Client, clients: list[Client], stats: Stats) -> bool:
    """Have the server stand still; tell whether a command of each client is in the slow log then."""
    other.send(pack("EVAL", SLEEP, 0, 1_500_000))
    for client in clients:
        client.send(pack("GET", "k"))
    for client in (other, *clients):
        client.reply()
    slow = stats.ask("show redis slowlog")
    return all(f"127.0.0.1:{client.socket.getsockname()[1]}," in slow for client in clients)
