"""Which server a request leads to under `balance` uri, url_param, hdr and hash: HAProxy's, for every `hash-type`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.support.echo_http import EchoServer, echo_server, http_client
from tests.support.proxies import proxy
from tests.support.pure_http import backend_of, facts_of

WEIGHTS = {"a": 20, "b": 50, "c": 30, "d": 7, "e": 1}


@pytest.fixture(scope="module")
def servers() -> Iterator[list[EchoServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(echo_server(name)) for name in WEIGHTS]


def section(servers: list[EchoServer], *lines: str) -> list[str]:
    return [*lines, *(f"server {each.name} 127.0.0.1:{each.port} weight {WEIGHTS[each.name]}" for each in servers)]


def compare(folder: Path, lines: list[str], requests: list[bytes]) -> set[str]:
    """Send `requests` to HAProxy, lead them by our backend, fail at the first difference; return who served."""
    backend, key = backend_of(lines)
    names = set()
    with proxy("haproxy", folder, *lines, mode="http") as made, http_client(made.port) as client:
        for number, request in enumerate(requests):
            answer = client.ask(request)
            theirs = answer.partition(b"x-server: ")[2][:1].decode()
            ours = backend.assign(None, key(facts_of(request)))
            assert ours is not None
            backend.release(ours)
            assert ours.name == theirs, (number, request)
            names.add(theirs)
    return names


def get(target: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", *(fields or ("Host: x",)), "", ""]).encode("latin-1")


HASH_TYPES = [
    f"hash-type {method}{function}{modifier}"
    for method in ("map-based", "consistent")
    for function, modifiers in (
        ("", ("",)),
        (" sdbm", ("", " avalanche")),
        (" djb2", ("", " avalanche")),
        (" crc32", ("", " avalanche")),
        (" wt6", ("", " avalanche")),
    )
    for modifier in modifiers
]

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_.~%/"
_RANDOM = Random(6)
TARGETS = ["/" + "".join(_RANDOM.choices(_LETTERS, k=_RANDOM.choice((0, 1, 5, 20, 60, 200)))) for _ in range(150)]


@pytest.mark.parametrize("hash_type", HASH_TYPES)
def test_uri_with_each_hash_type(tmp_path: Path, servers: list[EchoServer], hash_type: str) -> None:
    found = compare(tmp_path, section(servers, "balance uri", hash_type), [get(target) for target in TARGETS])
    assert len(found) >= 4


SHAPES = [
    "/", "/?", "/?a", "/a?b=/c/d", "/a/b", "/a/b/", "/a/b/c/d/e/f?x=1/2/3", "//", "///a//b", "*", "/a%20b/c",
    "http://x", "http://x/", "http://x/a/b/c?d", "https://x/a/b", "/a?b?c",
]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    ["", "whole", "len 3", "len 7 whole", "depth 1", "depth 2", "depth 3 whole", "depth 2 len 4", "path-only",
     "path-only whole", "path-only depth 2", "path-only len 3"],
)  # fmt: skip
def test_the_options_of_uri(tmp_path: Path, servers: list[EchoServer], options: str) -> None:
    requests = [get(shape) if shape != "*" else b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" for shape in SHAPES]
    requests += [get(f"/{letter}/{number}/x?y={number}") for letter in "abcde" for number in range(5)]
    compare(tmp_path, section(servers, f"balance uri {options}", "hash-type map-based crc32"), requests)


PARAMETERS = [
    "/?id=1", "/?id=", "/?id", "/", "/?x=1", "/?x=1&id=2", "/?xid=1&id=7", "/?id=3&id=4", "/?ID=5", "/?a=b&&id=6",
    "/?id=a%20b", "/?id=x;id=y", "/?;id=x", "/?id=/a?id=b", "/a?b?id=3", "/?id==", "/?i=1&id=2&",
]  # fmt: skip


@pytest.mark.parametrize("hash_type", ["map-based wt6", "consistent", "map-based djb2 avalanche"])
def test_url_param_and_in_turn_without_it(tmp_path: Path, servers: list[EchoServer], hash_type: str) -> None:
    requests = [get(target) for target in PARAMETERS] + [get(f"/x?n=1&id=user{number}") for number in range(100)]
    requests += [get("/none") for _ in range(120)]
    compare(tmp_path, section(servers, "balance url_param id", f"hash-type {hash_type}"), requests)


FIELDS = [
    ["X-Key: a"], ["x-key: b"], ["X-Key:"], [], ["X-Key: a, b"], ["X-Key: , b"], ['X-Key: "a, b", c'], ["X-Key: a ,b"],
    ["X-Key: c", "X-Key: d"], ["X-Key:", "X-Key: e"], ['X-Key: "a\\", b", c'], ["X-Key: \xe9\xff"], ["X-Key: ,"],
    ["X-Key: a;b"], ['X-Key: "open, quote'],
]  # fmt: skip


@pytest.mark.parametrize("hash_type", ["map-based", "consistent crc32"])
def test_hdr(tmp_path: Path, servers: list[EchoServer], hash_type: str) -> None:
    requests = [get("/", "Host: x", *fields) for fields in FIELDS]
    requests += [get("/", "Host: x", f"X-Key: {number * 7919}") for number in range(100)]
    compare(tmp_path, section(servers, "balance hdr(X-Key)", f"hash-type {hash_type}"), requests)


HOSTS = [
    "a.b.c", "www.example.com", "example.com", "localhost", ".com", "a..b", "a.b.", ".", "..", "a.b.c:80", "1.2.3.4",
    "[::1]:80", "example.", "x.y", "a.b.c.d.e.f", "-",
]  # fmt: skip


def test_the_domain_of_a_host(tmp_path: Path, servers: list[EchoServer]) -> None:
    requests = [get("/", f"Host: {host}") for host in HOSTS]
    requests += [get("/", f"Host: www.{number}x.example") for number in range(60)]
    compare(tmp_path, section(servers, "balance hdr(host) use_domain_only", "hash-type map-based crc32"), requests)


def test_hash_of_a_fetch(tmp_path: Path, servers: list[EchoServer]) -> None:
    """Addresses and numbers, which every request of one client has alike."""
    for fetch in ("src", "int(5)", "str(five)"):
        lines = section(servers, f"balance hash {fetch}", "hash-type map-based sdbm")
        assert len(compare(tmp_path, lines, [get("/")])) == 1
