from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.keywords.balance import ALGORITHMS as NAMES
from wproxy.config.loader import parse
from wproxy.config.model import Backend, HashType
from wproxy.policy.balance import ALGORITHMS

TCP = "'roundrobin', 'static-rr', 'leastconn', 'first', 'random', 'source' and, in mode redis, 'roundrobin', 'key'"


def backend(*lines: str, mode: str = "tcp") -> Backend:
    return parse("\n ".join(["backend b", f"mode {mode}", *lines]) + "\n", "a.cfg", {}).backends[0]


def test_every_name_has_an_algorithm() -> None:
    assert NAMES.keys() == ALGORITHMS.keys()


@pytest.mark.parametrize("name", ["roundrobin", "static-rr", "leastconn", "first", "random", "source"])
def test_names(name: str) -> None:
    assert backend(f"balance {name}").balance == name


@pytest.mark.parametrize(("line", "name"), [("balance", "roundrobin"), ("balance key", "key")])
def test_in_mode_redis(line: str, name: str) -> None:
    assert backend(line, mode="redis").balance == name


@pytest.mark.parametrize(("line", "draws"), [("random", 2), ("random()", 2), ("random(1)", 1), ("random(7)", 7)])
def test_draws(line: str, draws: int) -> None:
    made = backend("balance random(9)", f"balance {line}")
    assert (made.balance, made.draws) == ("random", draws)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("map-based", HashType()),
        ("map-based crc32", HashType()),
        ("map-based sdbm avalanche", HashType(avalanche=True)),
        ("consistent", HashType(consistent=True, avalanche=True)),
        ("consistent djb2", HashType(consistent=True)),
        ("consistent wt6 avalanche", HashType(consistent=True, avalanche=True)),
    ],
)
def test_hash_type(line: str, expected: HashType) -> None:
    assert backend("balance source", f"hash-type {line}").hash_type == expected
    assert backend("balance source").hash_type == HashType()


def test_servers() -> None:
    made = backend(
        "option allbackups",
        "default-server backup maxqueue 3 slowstart 1500ms",
        "server a h:1",
        "server b h:1 no-backup maxqueue 0 slowstart 0",
    )
    assert made.allbackups
    first, second = made.servers
    assert (first.backup, first.maxqueue, first.slowstart_s) == (True, 3, 2)
    assert (second.backup, second.maxqueue, second.slowstart_s) == (False, None, 0)
    assert not backend("option allbackups", "no option allbackups").allbackups


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("balance hdr(host)", f"'balance' hdr is not supported by wproxy yet; it knows {TCP}"),
        ("balance foo", f"'balance' knows {TCP}, not 'foo'"),
        ("balance foo(", f"'balance' knows {TCP}, not 'foo'"),
        ("balance roundrobin x", "'balance' roundrobin cannot handle unexpected argument 'x'"),
        ("balance source(3)", "'balance' source takes no argument in parentheses: '3'"),
        ("balance random(0)", "'balance' random : number of draws must be at least 1"),
        ("balance random(x)", "'balance' expects an integer, not 'x'"),
        ("balance random(2", "'balance' random : missing closing parenthesis in 'random(2'"),
        ("balance random(2)3", "'balance' random : unexpected '3' in 'random(2)3'"),
        ("balance key", "listen 'l' : 'balance key' is for 'mode redis' only, not for 'mode tcp'"),
        ("hash-type", "'hash-type' only supports 'consistent' and 'map-based'"),
        (
            "hash-type avalanche",
            "'hash-type' avalanche is no method since HAProxy 1.5: write 'hash-type map-based sdbm avalanche'",
        ),
        ("hash-type consistent md5", "'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions"),
        ("hash-type consistent sdbm x", "'hash-type' only supports 'avalanche' as a modifier for hash functions"),
        ("hash-type consistent sdbm avalanche x", "'hash-type' cannot handle unexpected argument 'x'"),
        (
            "mode redis\n balance first",
            "listen 'l' : 'balance first' is for 'mode tcp' and 'mode http' only, not for 'mode redis'",
        ),
        (
            "mode redis\n balance key\n server a h:1 backup",
            "listen 'l' : 'server a' cannot have 'backup' with 'balance key': keys do not move when a server fails or "
            "returns",
        ),
        (
            "mode redis\n balance key\n server a h:1 slowstart 2s",
            "listen 'l' : 'server a' cannot have 'slowstart' with 'balance key': keys do not move when a server fails "
            "or returns",
        ),
    ],
)
def test_problems(lines: str, problem: str) -> None:
    assert problem_of(f"listen l\n {lines}") == problem
