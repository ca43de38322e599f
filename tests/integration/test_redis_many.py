"""mode redis, balance key: commands with several keys, and those for all servers, beside one plain Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.beside_redis import Beside, beside_redis
from tests.support.programs import free_port
from tests.support.proxies import proxy
from tests.support.resp import Client, ask, pack


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with beside_redis(tmp_path_factory.mktemp("many")) as made:
        yield made


@pytest.fixture(autouse=True)
def clean(beside: Beside) -> None:
    for port in (beside.plain, beside.proxy.port):
        assert ask(port, "FLUSHALL") == b"OK"


KEYS = [f"key:{n}" for n in range(40)]


def test_many_keys_of_many_servers_are_one_command(beside: Beside) -> None:
    pairs = " ".join(f"{key} value-{key}" for key in KEYS)
    beside.compare(
        f"MSET {pairs}",
        f"MGET {' '.join(KEYS)}",
        f"MGET {' '.join(reversed(KEYS))} absent {KEYS[0]} {KEYS[0]}",
        f"EXISTS {' '.join(KEYS)} absent {KEYS[3]}",
        f"TOUCH {' '.join(KEYS)} absent",
        f"DEL {' '.join(KEYS[:7])} absent {KEYS[0]}",
        f"UNLINK {' '.join(KEYS[:20])}",
        f"MGET {' '.join(KEYS)}",
        "DBSIZE",
        "MSET a 1 b 2 a 3 b 4",
        "MGET a b",
        "MSET a 1 b",
        "MSET a",
        "MGET",
        "DEL",
    )
    assert all(ask(port, "DBSIZE") for port in beside.servers)


def test_many_keys_in_a_pipeline_keep_their_order(beside: Beside) -> None:
    lines = []
    for turn in range(100):
        lines += [f"MSET a {turn} b {turn} c {turn}", f"SET b x{turn}", "MGET a b c d", "DEL a b", "MGET c b"]
    beside.compare(*lines, together=True)


def test_a_value_of_the_wrong_type_is_nil_for_mget(beside: Beside) -> None:
    beside.compare("LPUSH a 1", "SET b 2", "MGET a b c", "MSET a 1 b 2", "MGET a b c")


def test_commands_whose_keys_stand_elsewhere_go_by_their_slot(beside: Beside) -> None:
    beside.compare(
        "ZADD {t}a 1 x 2 y",
        "ZADD {t}b 3 y 4 z",
        "ZUNION 2 {t}a {t}b WITHSCORES",
        "ZUNIONSTORE {t}c 2 {t}a {t}b WEIGHTS 1 10",
        "ZRANGE {t}c 0 -1 WITHSCORES",
        "ZINTERCARD 2 {t}a {t}b",
        "ZDIFF 2 {t}a {t}b",
        "ZMPOP 1 {t}a MIN",
        "SADD {t}s 1 2 3",
        "SINTERCARD 1 {t}s LIMIT 2",
        "RPUSH l 3 1 2",
        "SORT l",
        "SORT l BY nosort",
        "RPUSH {t}l 3 1 2",
        "SORT {t}l DESC STORE {t}m",
        "LRANGE {t}m 0 -1",
        "LMPOP 1 l LEFT COUNT 2",
        "XADD x 1-1 f v",
        "XREAD STREAMS x 0",
        "XREAD COUNT 1 STREAMS {q}x {q}y 0 0",
        "XGROUP CREATE x g 0",
        "XREADGROUP GROUP g me STREAMS x >",
        "XINFO GROUPS x",
        "XINFO STREAM x",
        "OBJECT ENCODING x",
        "OBJECT REFCOUNT absent",
        "GEOADD {t}g 13.3 38.1 p 15.0 37.5 c",
        "GEORADIUS {t}g 15 37 200 km STORE {t}h",
        "ZCARD {t}h",
        "EVAL return{KEYS[1],ARGV[1]} 1 k v",
        "EVAL return(redis.call('SET',KEYS[1],ARGV[1])) 1 k v",
        "GET k",
        "EVAL return(1) 0",
        "EVAL return(1) x",
        "EVAL return(1) -1",
        "EVAL return(1) 3 a",
        "EVALSHA ffffffffffffffffffffffffffffffffffffffff 1 a",
        "EVALSHA ffffffffffffffffffffffffffffffffffffffff 0",
        "FCALL nosuch 1 a",
        "ZUNION x a",
        "SORT",
        "OBJECT",
        "OBJECT FOO",
        "OBJECT ENCODING",
        "XREAD STREAMS a b c",
        "XGROUP FOO",
        "MEMORY FOO",
        "COPY {t}a {t}z",
        "LCS k k",
    )


@pytest.mark.parametrize(
    "line",
    [
        "SINTER a b",
        "SUNIONSTORE a b c",
        "RENAME a b",
        "MSETNX a 1 b 2",
        "ZUNION 2 a b",
        "ZUNIONSTORE a 1 b",
        "EVAL return(1) 2 a b",
        "XREAD STREAMS a b 0 0",
        "SORT a STORE b",
        "SORT a BY w_*",
        "SORT a GET #  GET v_*",
        "EVAL return(redis.call('GET','x')) 0",
        "BLPOP a b 0",
        "PFCOUNT a b",
        "BITOP AND a b c",
        "GEORADIUS a 1 1 1 km STORE b",
        "COPY a b",
        "LMPOP 2 a b LEFT",
    ],
)
def test_what_cannot_be_answered_exactly_is_refused(beside: Beside, line: str) -> None:
    assert str(ask(beside.proxy.port, *line.split())).startswith("CROSSSLOT ")


def test_memory_usage_asks_the_owner(beside: Beside) -> None:
    for key in KEYS:
        ask(beside.proxy.port, "SET", key, "v")
        assert ask(beside.proxy.port, "MEMORY", "USAGE", key) > 0


def test_what_concerns_all_servers_is_done_on_all(beside: Beside) -> None:
    for port in (beside.plain, beside.proxy.port):
        with Client(port) as client:
            client.pipeline(pack("SET", key, "v") for key in KEYS)
            assert client.ask("DBSIZE") == len(KEYS)
            assert sorted(client.ask("KEYS", "key:*")) == sorted(key.encode() for key in KEYS)
            assert client.ask("RANDOMKEY").decode() in KEYS
            assert client.ask("CONFIG", "SET", "hz", "11") == b"OK"
            assert client.ask("CONFIG", "GET", "hz") == [b"hz", b"11"]
            assert len(client.ask("TIME")) == 2
            assert client.ask("LASTSAVE") > 0
            assert client.ask("FLUSHDB") == b"OK"
            assert client.ask("DBSIZE") == 0
            assert client.ask("RANDOMKEY") is None
            assert "Unknown option" in str(client.ask("CONFIG", "SET", "nosuch", "1"))
    assert [ask(port, "CONFIG", "GET", "hz") for port in beside.servers] == [[b"hz", b"11"]] * 3


def test_randomkey_finds_keys_of_every_server(beside: Beside) -> None:
    with Client(beside.proxy.port) as client:
        client.pipeline(pack("SET", key, "v") for key in KEYS)
        found = set(client.pipeline(pack("RANDOMKEY") for _ in range(300)))
    owners = [set(ask(port, "KEYS", "*")) for port in beside.servers]
    assert all(found & keys for keys in owners)


def test_scripts_are_known_to_every_server(beside: Beside) -> None:
    script = "return redis.call('INCR', KEYS[1])"
    for port in (beside.plain, beside.proxy.port):
        with Client(port) as client:
            digest = client.ask("SCRIPT", "LOAD", script)
            assert [client.ask("EVALSHA", digest, 1, key) for key in KEYS] == [1] * len(KEYS)
            assert client.ask("SCRIPT", "EXISTS", digest, "0" * 40) == [1, 0]
            assert client.ask("SCRIPT", "FLUSH") == b"OK"
            assert str(client.ask("EVALSHA", digest, 1, "k")).startswith("NOSCRIPT")
            library = "#!lua name=lib\nredis.register_function('up', function(k) return redis.call('INCR', k[1]) end)"
            assert client.ask("FUNCTION", "LOAD", library) == b"lib"
            assert [client.ask("FCALL", "up", 1, key) for key in KEYS] == [2] * len(KEYS)
            assert len(client.ask("FUNCTION", "LIST")) == 1
            assert client.ask("FUNCTION", "DELETE", "lib") == b"OK"
            assert client.ask("FUNCTION", "LIST") == []


@pytest.mark.parametrize("options", [(), ("COUNT", 1), ("MATCH", "key:1*"), ("COUNT", 100, "TYPE", "string")])
def test_scan_finds_every_key(beside: Beside, options: tuple[str | int, ...]) -> None:
    keys = {b"key:%d" % n for n in range(500)}
    with Client(beside.proxy.port) as client:
        client.pipeline(pack("SET", key, "v") for key in keys)
        found: list[bytes] = []
        cursor = b"0"
        while True:
            cursor, some = client.ask("SCAN", cursor, *options)
            found += some
            if cursor == b"0":
                break
    wanted = {key for key in keys if "MATCH" not in options or key.startswith(b"key:1")}
    assert set(found) == wanted
    assert len(found) == len(wanted)


def test_scan_refuses_what_redis_refuses(beside: Beside) -> None:
    beside.compare("SCAN x", "SCAN 0 COUNT 0", "SCAN 0 FOO", "SCAN", "SCAN 0 COUNT x")


def test_resp3_shapes_are_the_servers(beside: Beside) -> None:
    lines = f"MSET {' '.join(f'{key} v' for key in KEYS)}", f"MGET {' '.join(KEYS)} absent", "DBSIZE", "SCRIPT EXISTS x"
    beside.compare(*lines)
    three = [Client(port) for port in (beside.plain, beside.proxy.port)]
    answers = []
    for client in three:
        with client:
            client.ask("HELLO", 3)
            reply = b"*41\r\n" + b"$1\r\nv\r\n" * 40 + b"_\r\n"
            answers.append(client.raw(pack("MGET", *KEYS, "absent"), len(reply)))
    assert answers == [reply, reply]


def test_a_server_that_is_away_makes_half_an_answer_an_error(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside:
        beside.proxy.stats.ask("disable server main/b")
        for line in ("DBSIZE", "KEYS *", "FLUSHALL", "SCRIPT LOAD x"):
            assert str(ask(beside.proxy.port, *line.split())).startswith("SERVERDOWN "), line
        assert ask(beside.proxy.port, "TIME")
        assert ask(beside.proxy.port, "EVAL", "return 1", 0) == 1


def test_one_dead_owner_makes_many_keys_an_error(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    servers = [f"server {name} 127.0.0.1:{port}" for name, port in zip("abc", (*redis_pair, free_port()), strict=True)]
    with proxy("wproxy", tmp_path, "balance key", *servers, mode="redis") as made:
        for line in (f"MGET {' '.join(KEYS)}", f"DEL {' '.join(KEYS)}", f"MSET {' v '.join(KEYS)} v"):
            assert str(ask(made.port, *line.split())).startswith("SERVERDOWN "), line


def test_round_robin_counts_and_finds_on_all_servers(tmp_path: Path) -> None:
    with beside_redis(tmp_path, balance="roundrobin") as beside, Client(beside.proxy.port) as client:
        client.pipeline(pack("SET", key, "v") for key in KEYS)
        assert client.ask("DBSIZE") == len(KEYS)
        assert sorted(client.ask("KEYS", "*")) == sorted(key.encode() for key in KEYS)
        assert client.ask("FLUSHALL") == b"OK"
        assert client.ask("DBSIZE") == 0
        assert "needs 'balance key'" in str(client.ask("MULTI"))
        assert "needs 'balance key'" in str(client.ask("BLPOP", "k", 0))
        assert "needs 'balance key'" in str(client.ask("EVAL", "return 1", 1, "k"))
        assert "needs 'balance key'" in str(client.ask("MGET", "a", "b"))
