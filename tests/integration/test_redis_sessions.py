"""mode redis: what a connection remembers, beside one plain Redis: its protocol, database, transaction and name."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.beside_redis import Beside, Raw, beside_redis
from tests.support.killable import killable_redis
from tests.support.programs import need
from tests.support.proxies import proxy
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for
from wproxy.protocols.resp import ReplySplitter


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with beside_redis(tmp_path_factory.mktemp("sessions")) as made:
        yield made


@pytest.fixture(autouse=True)
def clean(beside: Beside) -> None:
    for port in (beside.plain, beside.proxy.port):
        assert ask(port, "FLUSHALL") == b"OK"


# -- databases ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [False, True])
def test_every_client_has_its_database(beside: Beside, together: bool) -> None:
    lines = ["SET a 0", "SELECT 1", "GET a", "SET a 1", "SET b 1", "SELECT 15", "GET a", "SET a 15", "DBSIZE"]
    lines += ["SELECT 16", "SELECT -1", "SELECT x", "SELECT 99999999999", "GET a", "SELECT 0", "GET a", "SELECT 1"]
    lines += ["MGET a b", "MOVE b 2", "MOVE b 2", "SELECT 2", "GET b", "COPY b {b}c DB 3", "SELECT 3", "GET {b}c"]
    lines += ["SCAN 0 MATCH nothing COUNT 1", "SELECT 1", "FLUSHDB", "GET a", "SELECT 0", "GET a", "RESET", "GET a"]
    lines.remove("SCAN 0 MATCH nothing COUNT 1")
    beside.compare(*lines, together=together)


def test_clients_in_several_databases_share_connections_without_mixing_them_up(beside: Beside) -> None:
    clients = [Client(beside.proxy.port) for _ in range(12)]
    for number, client in enumerate(clients):
        assert client.ask("SELECT", number % 4) == b"OK"
    for turn in range(50):
        for number, client in enumerate(clients):
            client.send(*(pack("SET", f"k{key}", f"{turn}:{number % 4}") + pack("GET", f"k{key}") for key in range(5)))
        for number, client in enumerate(clients):
            assert client.replies(10) == [b"OK", b"%d:%d" % (turn, number % 4)] * 5
    for number, client in enumerate(clients[:4]):
        assert client.ask("DBSIZE") == 5
        assert client.ask("GET", "k0") == b"49:%d" % number
    for client in clients:
        client.socket.close()


def test_a_reset_of_the_servers_connection_does_not_lose_the_database(tmp_path: Path) -> None:
    with (
        killable_redis(tmp_path) as a,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{a.port}", mode="redis") as made,
        Client(made.port) as client,
    ):
        assert client.ask("SELECT", 3) == b"OK"
        a.kill()
        a.start()
        wait_for(lambda: client.ask("SET", "k", "v") == b"OK")
        assert client.ask("GET", "k") == b"v"
        with Client(a.port) as direct:
            assert direct.ask("DBSIZE") == 0
            direct.ask("SELECT", 3)
            assert direct.ask("GET", "k") == b"v"


# -- transactions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    "lines",
    [
        ["MULTI", "SET {t}a 1", "INCR {t}a", "GET {t}a", "MGET {t}a {t}b", "EXEC", "GET {t}a"],
        ["MULTI", "EXEC", "EXEC", "DISCARD"],
        ["MULTI", "SET a 1", "DISCARD", "GET a", "EXEC"],
        ["MULTI", "SET a 1", "GET", "SET a 2", "EXEC", "GET a"],
        ["MULTI", "NOSUCH", "SET a 1", "EXEC", "GET a"],
        ["MULTI", "MULTI", "SET a 1", "EXEC", "GET a"],
        ["MULTI", "WATCH a", "SET a 1", "EXEC", "GET a"],
        ["MULTI", "SET a x", "INCR a", "LPUSH a y", "GET a", "EXEC", "GET a"],
        ["MULTI", "PING", "ECHO x", "EXEC"],
        ["MULTI", "BLPOP l 0", "EXEC"],
        ["MULTI", "RPUSH l x", "BLPOP l 0", "XREAD BLOCK 0 STREAMS {l}x 0", "EXEC"],
        ["MULTI", "SET a 1", "RESET", "EXEC", "GET a"],
        ["MULTI", "SET a 1", "UNWATCH", "EXEC"],
        ["MULTI", "EVAL return(redis.call('SET',KEYS[1],1)) 1 a", "EXEC", "GET a"],
        ["SELECT 4", "MULTI", "SET a 4", "EXEC", "GET a", "SELECT 0", "GET a"],
        ["WATCH a", "SET a 1", "MULTI", "SET a 2", "EXEC", "GET a"],
        ["WATCH a", "GET a", "MULTI", "SET a 2", "EXEC", "GET a", "MULTI", "SET a 3", "EXEC"],
        ["WATCH a", "SET a 1", "UNWATCH", "MULTI", "SET a 2", "EXEC", "GET a"],
        ["WATCH a", "SET a 1", "MULTI", "DISCARD", "MULTI", "SET a 2", "EXEC", "GET a"],
        ["WATCH {t}a {t}b", "WATCH {t}c", "SET {t}c 1", "MULTI", "EXEC", "MULTI", "EXEC"],
        ["WATCH a", "MULTI", "NOSUCH", "EXEC", "SET a 1", "MULTI", "GET a", "EXEC"],
        ["SELECT 2", "WATCH a", "SET a 1", "MULTI", "GET a", "EXEC", "SELECT 0", "WATCH a", "MULTI", "GET a", "EXEC"],
        ["WATCH", "MULTI x", "EXEC x", "UNWATCH x"],
    ],
)
def test_transactions_are_those_of_redis(beside: Beside, lines: list[str], together: bool) -> None:
    beside.compare(*lines, together=together)


def test_a_transaction_has_one_slot(beside: Beside) -> None:
    with Client(beside.proxy.port) as client:
        assert client.ask("MULTI") == b"OK"
        assert client.ask("SET", "a", 1) == b"QUEUED"
        assert str(client.ask("SET", "b", 1)).startswith("CROSSSLOT")
        assert str(client.ask("EXEC")).startswith("EXECABORT")
        assert client.ask("GET", "a") is None
        assert client.ask("WATCH", "a") == b"OK"
        assert str(client.ask("WATCH", "b")).startswith("CROSSSLOT")
        assert client.ask("MULTI") == b"OK"
        assert str(client.ask("SET", "b", 1)).startswith("CROSSSLOT")
        assert str(client.ask("EXEC")).startswith("EXECABORT")


@pytest.mark.parametrize(
    "line", ["DBSIZE", "SELECT 1", "HELLO 3", "CLIENT SETNAME x", "SUBSCRIBE c", "MONITOR", "SCAN 0"]
)
def test_what_is_not_for_one_server_is_not_for_a_transaction(beside: Beside, line: str) -> None:
    with Client(beside.proxy.port) as client:
        client.ask("MULTI")
        assert str(client.ask(*line.split())).startswith("ERR ")
        assert str(client.ask("EXEC")).startswith("EXECABORT")


def test_another_client_spoils_a_watch(beside: Beside) -> None:
    for port in (beside.plain, beside.proxy.port):
        with Client(port) as client, Client(port) as other:
            assert client.ask("WATCH", "a") == b"OK"
            other.ask("SET", "a", "other")
            assert [client.ask("MULTI"), client.ask("SET", "a", "mine")] == [b"OK", b"QUEUED"]
            assert client.ask("EXEC") is None
            client.ask("HELLO", 3)
            client.ask("WATCH", "a")
            other.ask("DEL", "a")
            client.ask("MULTI")
            assert client.raw(pack("EXEC"), 3) == b"_\r\n"


def test_transactions_of_many_clients_do_not_interleave(beside: Beside) -> None:
    clients = [Client(beside.proxy.port) for _ in range(20)]
    for _ in range(30):
        for number, client in enumerate(clients):
            client.send(*(pack(*line.split()) for line in ("MULTI", f"SET k {number}", "INCR {k}n", "GET k", "EXEC")))
        for number, client in enumerate(clients):
            *_, done = client.replies(5)
            assert (done[0], done[2]) == (b"OK", b"%d" % number)
    assert ask(beside.proxy.port, "GET", "{k}n") == b"600"
    for client in clients:
        client.socket.close()


def test_optimistic_locking_of_redis_py_counts_exactly(beside: Beside) -> None:
    def add(pipe: redis.client.Pipeline) -> None:
        value = int(pipe.get("n") or 0)
        pipe.multi()
        pipe.set("n", value + 1)

    with redis.Redis(port=beside.proxy.port) as one, redis.Redis(port=beside.proxy.port) as two:
        for _ in range(100):
            one.transaction(add, "n")
            two.transaction(add, "n")
        assert one.get("n") == b"200"


def test_connections_for_watching_are_used_again(beside: Beside) -> None:
    with Client(beside.proxy.port) as client:
        for _ in range(3):
            assert client.ask("WATCH", "a") == b"OK"
            assert client.ask("UNWATCH") == b"OK"
        before = beside.proxy.descriptors
        for _ in range(50):
            assert client.ask("WATCH", "a") == b"OK"
            assert client.ask("MULTI") == b"OK"
            assert client.ask("EXEC") == []
        # Fifty connections that are not given back would show; a health check may be under way.
        assert abs(beside.proxy.descriptors - before) < 10


def test_a_watched_key_whose_slot_has_moved_makes_exec_nil(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside, Client(beside.proxy.port) as client:
        for number in range(50):
            ask(beside.proxy.port, "SET", f"k{number}", 1)
        owner = next(port for port in beside.servers if ask(port, "EXISTS", "k1"))
        assert client.ask("WATCH", "k1") == b"OK"
        beside.proxy.stats.ask(f"set weight main/{'abc'[beside.servers.index(owner)]} 0")
        assert client.ask("MULTI") == b"OK"
        assert client.ask("SET", "k1", 2) == b"QUEUED"
        assert client.ask("EXEC") is None


def test_a_lost_watch_makes_exec_nil(tmp_path: Path) -> None:
    with (
        killable_redis(tmp_path) as a,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{a.port}", mode="redis") as made,
        Client(made.port) as client,
    ):
        assert client.ask("WATCH", "k") == b"OK"
        a.kill()
        a.start()
        wait_for(lambda: client.ask("GET", "x") is None)
        client.ask("MULTI")
        client.ask("SET", "k", 1)
        assert client.ask("EXEC") is None
        assert client.ask("WATCH", "k") == b"OK"
        client.ask("MULTI")
        client.ask("SET", "k", 1)
        assert client.ask("EXEC") == [b"OK"]


# -- handshakes --------------------------------------------------------------------------------------------------


def test_hello_waits_for_the_replies_in_the_old_protocol(beside: Beside) -> None:
    for port in (beside.plain, beside.proxy.port):
        with Client(port) as client:
            client.ask("HSET", "h", "f", "v")
            two, three = b"*2\r\n$1\r\nf\r\n$1\r\nv\r\n", b"%1\r\n$1\r\nf\r\n$1\r\nv\r\n"
            for _ in range(50):
                lines = ["SET k old", "HGETALL h", "HELLO 3", "GET k", "HGETALL h"]
                lines += ["SET k new", "HELLO 2", "GET k", "HGETALL h"]
                client.send(*(pack(*line.split()) for line in lines))
                answer = bytearray()
                while answer.count(b"f\r\n") < 3 or not answer.endswith(two):
                    answer += client.socket.recv(65536)
                first, middle, last = answer.find(two), answer.find(three), answer.rfind(two)
                assert first < answer.find(b"%7") < middle < last
                assert b"$3\r\nold\r\n" + three in answer
                assert b"$3\r\nnew\r\n" + two in answer


def test_the_words_of_a_handshake(beside: Beside) -> None:
    beside.compare(
        "HELLO 4",
        "HELLO x",
        "HELLO 3 FOO",
        "CLIENT SETNAME me",
        "CLIENT GETNAME",
        "CLIENT NO-EVICT on",
        "CLIENT NO-EVICT x",
        "CLIENT REPLY ON",
        "CLIENT REPLY x",
        "CLIENT GETREDIR",
        "CLIENT TRACKINGINFO",
        "CLIENT LIST ID 99999",
        "CLIENT FOO",
        "CLIENT",
        "CLIENT ID x",
        "CLUSTER INFO",
        "CLUSTER KEYSLOT a",
        "CLUSTER NODES",
        "READONLY",
        "ACL WHOAMI",
        "COMMAND COUNT",
        "COMMAND INFO get",
        "COMMAND GETKEYS MSET a b c d",
        "COMMAND DOCS get",
        "ECHO x",
        "PING x",
        "SELECT 1",
        "RESET",
        "AUTH x",
    )
    for line in ("COMMAND", "COMMAND DOCS", "COMMAND LIST"):
        known, told = ask(beside.plain, *line.split()), ask(beside.proxy.port, *line.split())
        assert len(told) == len(known) > 200


@pytest.mark.parametrize(
    "line",
    ["DEBUG SLEEP 1", "SHUTDOWN", "MONITOR", "SYNC", "PSYNC ? -1", "REPLICAOF NO ONE", "SLAVEOF NO ONE", "ACL LIST",
     "CLIENT KILL ID 1", "CLIENT REPLY OFF", "CLIENT TRACKING on", "SWAPDB 0 1", "WAIT 1 1", "SAVE", "BGSAVE",
     "FAILOVER", "MODULE LIST", "SCRIPT KILL", "MIGRATE h 1 k 0 1", "LATENCY DOCTOR", "SLOWLOG GET", "ROLE"],
)  # fmt: skip
def test_what_is_for_one_server_or_dangerous_is_refused(beside: Beside, line: str) -> None:
    reply = str(ask(beside.proxy.port, *line.split()))
    assert reply.startswith("ERR "), reply
    assert "not supported by this proxy" in reply


def test_info_and_client_info_tell_the_truth(beside: Beside) -> None:
    with Client(beside.proxy.port) as client:
        client.ask("CLIENT", "SETNAME", "tester")
        client.ask("SELECT", 2)
        assert client.ask("CLIENT", "SETINFO", "LIB-NAME", "pytest") == b"OK"
        line = client.ask("CLIENT", "INFO").decode()
        facts = dict(word.split("=", 1) for word in line.split())
        host, port = client.socket.getsockname()
        assert facts["addr"] == f"{host}:{port}"
        assert (facts["name"], facts["db"], facts["multi"], facts["resp"]) == ("tester", "2", "-1", "2")
        assert facts["lib-name"] == "pytest"
        assert int(facts["id"]) == client.ask("CLIENT", "ID")
        assert client.ask("CLIENT", "LIST").decode().split()[1] == facts["addr"].join(["addr=", ""])
    with redis.Redis(port=beside.proxy.port, decode_responses=True) as py:
        info = py.info()
        assert info["redis_mode"] == "standalone"
        assert info["connected_clients"] >= 1
        assert info["process_id"] == beside.proxy.process.pid
        assert info["cluster_enabled"] == 0
        assert set(py.info("clients")) == {"connected_clients", "maxclients", "blocked_clients"}
        before = py.info("stats")["total_commands_processed"]
        py.ping()
        assert py.info("stats")["total_commands_processed"] == before + 2


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_with_its_whole_handshake(beside: Beside, protocol: int) -> None:
    with redis.Redis(
        port=beside.proxy.port,
        protocol=protocol,
        db=3,
        client_name="tester",
        decode_responses=True,
        health_check_interval=1,
    ) as client:
        client.mset({f"k{n}": str(n) for n in range(30)})
        assert client.mget([f"k{n}" for n in range(30)]) == [str(n) for n in range(30)]
        assert len(list(client.scan_iter("k*", count=3))) == 30
        with client.pipeline() as pipe:
            assert pipe.set("a", 1).incr("a").execute() == [True, 2]
        assert client.delete(*(f"k{n}" for n in range(30))) == 30
        assert client.client_info()["db"] == 3
        script = client.register_script("return {KEYS[1], ARGV[1]}")
        assert script(keys=["k"], args=["v"]) == ["k", "v"]


def test_redis_cli_and_redis_benchmark(beside: Beside) -> None:
    def run(*words: str | int, given: bytes = b"") -> str:
        command = [need(str(words[0])), *map(str, words[1:])]
        done = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done
        return done.stdout.decode()

    port = beside.proxy.port
    cli = run(
        "redis-cli", "-p", port, given=b"SELECT 5\nMULTI\nSET a 1\nINCR a\nEXEC\nMGET a b\nDBSIZE\nINFO cluster\n"
    )
    assert cli.split() == ["OK", "OK", "QUEUED", "QUEUED", "OK", "2", "2", "1", "#", "Cluster", "cluster_enabled:0"]
    assert run("redis-cli", "-p", port, "-n", 5, "--scan").split() == ["a"]
    assert "keyspace" in run("redis-cli", "-p", port, "-n", 5, "--bigkeys")
    rows = run("redis-benchmark", "-p", port, "-n", 2000, "--csv", "-P", 8, "-r", 100, "-t", "set,get,mset,lpush,ping")
    assert [row.split(",")[0] for row in rows.splitlines()[1:]] == [
        '"PING_INLINE"', '"PING_MBULK"', '"SET"', '"GET"', '"LPUSH"', '"MSET (10 keys)"',
    ]  # fmt: skip


def test_everything_at_once_in_one_pipeline(beside: Beside) -> None:
    lines = []
    for turn in range(30):
        lines += [
            "SET k 1",
            f"SELECT {turn % 3}",
            "GET k",
            "WATCH k",
            "INCR k",
            "MULTI",
            "GET k",
            "EXEC",
            "MULTI",
            "INCR k",
        ]
        lines += [
            "EXEC",
            "RPUSH l a b",
            "BLPOP l 0",
            "BLPOP l 1",
            "BLPOP l 0.01",
            "MSET a 1 b 2",
            "MGET a b",
            "UNWATCH",
            "RESET",
        ]
    beside.compare(*lines, together=True)


_WORDS = [
    "SET k 1", "GET k", "INCR k", "APPEND j x", "GET j", "MSET a 1 b 2 c 3", "MGET a b c k", "DEL a k", "RPUSH l x y",
    "MULTI", "EXEC", "DISCARD", "WATCH k", "UNWATCH", "SELECT 0", "SELECT 1", "SELECT 2", "SELECT 77", "PING x",
    "LLEN l", "BLPOP l 0.01", "BRPOP l 0.01", "LPOP l", "XREAD BLOCK 1 STREAMS s 0", "XADD s * f v", "XLEN s", "NOSUCH",
    "GET", "HELLO 4", "ECHO y", "RESET", "EXISTS a b c j k", "CLIENT SETNAME x", "CLIENT GETNAME", "TOUCH a b",
    "SUBSCRIBE c", "UNSUBSCRIBE", "UNSUBSCRIBE c", "PUBLISH nobody x", "FLUSHDB", "DBSIZE",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_any_commands_in_any_pieces_are_answered_as_by_redis(beside: Beside, seed: int) -> None:
    chance = random.Random(seed)
    lines = []
    inside = False  # MULTI, where the proxy refuses what is for another slot or not for one server
    for _ in range(400):
        line = chance.choice(_WORDS)
        word = line.split()[0]
        if inside and (word not in _IN_MULTI or line == "GET j"):
            continue
        inside = word == "MULTI" or (inside and word not in ("EXEC", "DISCARD", "RESET"))
        lines.append(line)
    sent = b"".join(pack(*line.split()) for line in [*lines, "RESET", "ECHO end"])
    answers = []
    for port in (beside.plain, beside.proxy.port):
        client, pieces = Raw(port), random.Random(seed)
        client.socket.settimeout(30)
        at = 0
        while at < len(sent):
            size = pieces.choice((1, 7, 100, 3000))
            client.socket.sendall(sent[at : at + size])
            at += size
        received = b""
        while not received.endswith(b"$3\r\nend\r\n"):
            data = client.socket.recv(65536)
            assert data, received[-200:]
            received += data
        client.close()
        answers.append(ReplySplitter().split(_STREAM_ID.sub(b"$5\r\nan ID", received)))
    theirs, ours = answers
    for place, (expected, got) in enumerate(zip(theirs, ours, strict=False)):
        assert got == expected, theirs[place - 3 : place]
    assert len(theirs) == len(ours)


_IN_MULTI = {
    "SET", "GET", "INCR", "PING", "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "NOSUCH", "ECHO", "RESET",
}  # fmt: skip
_STREAM_ID = re.compile(rb"\$15\r\n\d{13}-\d")


def test_a_backend_without_servers_says_so(tmp_path: Path) -> None:
    with proxy("wproxy", tmp_path, "balance key", mode="redis") as made, Client(made.port) as client:
        assert client.ask("PING") == b"PONG"
        lines = ["GET a", "MGET a b", "DBSIZE", "SCAN 0", "TIME", "SELECT 1", "WATCH a", "BLPOP a 0", "SUBSCRIBE c"]
        for line in [*lines, "PSUBSCRIBE c", "PUBLISH c x", "EVAL x 0", "RANDOMKEY"]:
            assert str(client.ask(*line.split())).startswith("SERVERDOWN "), line


def test_raw_replies_of_a_pipeline_that_ends_in_quit(beside: Beside) -> None:
    for port in (beside.plain, beside.proxy.port):
        client = Raw(port)
        client.send("MULTI", "SET a 1", "QUIT", "SET a 2")
        assert client.replies(3) == [b"+OK\r\n", b"+QUEUED\r\n", b"+OK\r\n"]
        with pytest.raises(EOFError):
            client.replies(1)
        client.close()
        assert ask(port, "GET", "a") is None
