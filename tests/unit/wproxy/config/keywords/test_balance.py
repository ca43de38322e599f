from __future__ import annotations

from typing import cast

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.acl.facts import Facts
from wproxy.config.http.hashing import HashedPart
from wproxy.config.keywords.balance import ALGORITHMS as NAMES
from wproxy.config.loader import parse
from wproxy.config.model import Backend, HashType
from wproxy.policy.balance import ALGORITHMS

KNOWN = (
    "'roundrobin', 'static-rr', 'leastconn', 'first', 'random', 'source', 'uri', 'url_param', 'hdr', 'hash' and, "
    "in mode redis, 'roundrobin', 'key'"
)


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
        ("map-based crc32", HashType(function="crc32")),
        ("map-based sdbm avalanche", HashType(avalanche=True)),
        ("consistent", HashType(consistent=True, avalanche=True)),
        ("consistent djb2", HashType(consistent=True, function="djb2")),
        ("consistent wt6 avalanche", HashType(consistent=True, avalanche=True, function="wt6")),
    ],
)
def test_hash_type(line: str, expected: HashType) -> None:
    assert backend("balance source", f"hash-type {line}").hash_type == expected
    assert backend("balance source").hash_type == HashType()


@pytest.mark.parametrize(
    ("line", "name", "part"),
    [
        ("uri", "uri", HashedPart()),
        ("uri len 3 depth 2 whole", "uri", HashedPart(length=3, depth=2, whole=True)),
        ("uri path-only", "uri", HashedPart(path_only=True)),
        ("url_param Id", "url_param", HashedPart("Id")),
        ("url_param id check_post 64", "url_param", HashedPart("id")),
        ("hdr(X-User)", "hdr", HashedPart("x-user")),
        ("hdr(Host) use_domain_only", "hdr", HashedPart("host", domain_only=True)),
    ],
)
def test_what_is_hashed(line: str, name: str, part: HashedPart) -> None:
    made = backend("balance uri len 9", f"balance {line}", mode="http")
    assert (made.balance, made.hashed) == (name, part)


def test_hash() -> None:
    made = backend("balance hash int(5)", mode="http")
    assert made.hashed.fetch is not None
    assert made.hashed.fetch(cast("Facts", None)) == 5
    assert backend("balance hash int(5)", "balance uri", mode="http").hashed == HashedPart()
    frontend = parse("defaults\n mode http\n balance hash int(5)\nfrontend f\n bind :1\n", "a.cfg", {})
    assert not frontend.backends


def test_bodies_are_not_searched() -> None:
    [ignored] = parse("backend b\n mode http\n balance url_param a check_post\n", "a.cfg", {}).ignored
    assert ignored.keyword == "balance url_param check_post"


def test_requests_of_mode_tcp_have_nothing_to_hash() -> None:
    config = parse("backend b\n mode tcp\n balance uri\n", "a.cfg", {})
    assert config.backends[0].balance == "roundrobin"
    assert config.warnings[0].endswith(
        "Layer 7 hash not possible for backend 'b' (needs 'mode http'). Falling back to round robin."
    )


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
        ("balance rdp-cookie", f"'balance' rdp-cookie is not supported by wproxy; it knows {KNOWN}"),
        ("balance urii", f"'balance' knows {KNOWN}, not 'urii'; did you mean 'uri'?"),
        ("balance uri len", "'balance' uri : 'len' expects a positive integer (got '')"),
        ("balance uri depth 0", "'balance' uri : 'depth' expects a positive integer (got '0')"),
        ("balance uri len x", "'balance' uri : 'len' expects a positive integer (got 'x')"),
        (
            "balance uri hole",
            "'balance' uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got 'hole'); did you "
            "mean 'whole'?",
        ),
        ("balance url_param", "'balance' url_param requires an URL parameter name"),
        ("balance url_param a b", "'balance' url_param only accepts 'check_post' modifier (got 'b')"),
        ("balance hdr", "'balance' hdr requires an http header field name: hdr(host)"),
        ("balance hdr()", "'balance' hdr requires an http header field name: hdr(host)"),
        ("balance hdr(a) b", "'balance' hdr(a) only accepts 'use_domain_only' modifier (got 'b')"),
        ("balance hash", "'balance' hash requires a sample expression: hash req.cook(name)"),
        ("balance hash src x", "'balance' hash takes no other argument (got 'x')"),
        ("mode http\n balance hash srrc", "'balance hash srrc' knows no fetch 'srrc'; did you mean 'src'?"),
        ("balance hash src", "listen 'l' : 'balance hash' is for 'mode http' only, not for 'mode tcp'"),
        ("balance foo", f"'balance' knows {KNOWN}, not 'foo'"),
        ("balance foo(", f"'balance' knows {KNOWN}, not 'foo'"),
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
