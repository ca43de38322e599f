from __future__ import annotations

from zlib import crc32

import pytest

from tests.support.pure_http import facts_of
from wproxy.config.acl.facts import Value
from wproxy.config.http.hashing import HashedPart
from wproxy.policy.balance import NO_KEY, request_key
from wproxy.policy.balance.http_keys import HashedKey, as_bytes


def key(balance: str, part: HashedPart, target: str = "/", *fields: str) -> int:
    made = request_key(balance, part, "crc32")
    assert made is not None
    request = "\r\n".join([f"GET {target} HTTP/1.1", *(fields or ["Host: x"]), "", ""])
    return made(facts_of(request.encode("latin-1")))


@pytest.mark.parametrize(
    ("part", "target", "hashed"),
    [
        (HashedPart(), "/a/b?c", b"/a/b"),
        (HashedPart(whole=True), "/a/b?c/d", b"/a/b?c/d"),
        (HashedPart(length=3), "/abcdef", b"/ab"),
        (HashedPart(depth=1), "/a/b/c", b"/a"),
        (HashedPart(depth=2), "/a/b/c", b"/a/b"),
        (HashedPart(depth=9), "/a/b/c", b"/a/b/c"),
        (HashedPart(depth=2, length=3), "/a/b/c", b"/a/"),
        (HashedPart(), "http://x/a/b?c", b"http://x/a/b"),
        (HashedPart(path_only=True), "http://x/a/b?c", b"/a/b"),
        (HashedPart(path_only=True), "/a", b"/a"),
        (HashedPart(path_only=True), "http://x", b""),
        (HashedPart(path_only=True), "*", b""),
    ],
)
def test_uri(part: HashedPart, target: str, hashed: bytes) -> None:
    assert key("uri", part, target) == crc32(hashed)


@pytest.mark.parametrize(
    ("target", "hashed"),
    [
        ("/?id=1", b"1"), ("/?id=", b""), ("/?id", None), ("/", None), ("/?a=1&id=2&id=3", b"2"), ("/?xid=1", None),
        ("/?id=a=b", b"a=b"), ("/?a;id=2", None),
    ],
)  # fmt: skip
def test_url_param(target: str, hashed: bytes | None) -> None:
    assert key("url_param", HashedPart("id"), target) == (NO_KEY if hashed is None else crc32(hashed))


@pytest.mark.parametrize(
    ("fields", "hashed"),
    [
        (["X-K: a"], b"a"), (["X-K: a , b"], b"a"), (["X-K:"], None), ([], None), (["X-K: ,b"], None),
        (['X-K: "a, b", c'], b'"a, b"'), (['X-K: "a\\", b", c'], b'"a\\", b"'), (["X-K: a", "X-K: b"], b"a"),
        (['X-K: "a, b'], b'"a, b'),
    ],
)  # fmt: skip
def test_hdr(fields: list[str], hashed: bytes | None) -> None:
    assert key("hdr", HashedPart("x-k"), "/", "Host: x", *fields) == (NO_KEY if hashed is None else crc32(hashed))


@pytest.mark.parametrize(
    ("host", "hashed"),
    [("a.b.c", b"b"), ("b.c", b"b"), ("b", b"b"), (".c", b".c"), ("a..b", b"a."), ("a.b.", b"b"), ("..", b".")],
)
def test_the_domain_of_a_host(host: str, hashed: bytes) -> None:
    assert key("hdr", HashedPart("host", domain_only=True), "/", f"Host: {host}") == crc32(hashed)


@pytest.mark.parametrize(
    ("value", "hashed"),
    [(b"\1\2\3\4", b"\1\2\3\4"), ("\xe9x", b"\xe9x"), (258, b"\0\0\0\0\0\0\1\2"), (True, b"\0\0\0\0\0\0\0\1")],
)
def test_hash_of_a_fetch(value: Value, hashed: bytes) -> None:
    assert as_bytes(value) == hashed
    assert key("hash", HashedPart(fetch=lambda facts: value)) == crc32(hashed)
    assert key("hash", HashedPart(fetch=lambda facts: None)) == NO_KEY


def test_the_source_is_no_hash() -> None:
    made = request_key("source", HashedPart(), "crc32")
    assert made is not None
    facts = facts_of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert made(facts) == 0x7F000001
    facts.source = None
    assert made(facts) == 0


def test_others_go_by_nothing() -> None:
    assert request_key("roundrobin", HashedPart(), "sdbm") is None


def test_what_is_remembered_is_bounded() -> None:
    made = HashedKey(lambda facts: facts.request.target, "djb2")
    facts = facts_of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    numbers = set()
    for number in range(5000):
        facts.request.target = b"%d" % number
        numbers.add(made(facts))
        assert made(facts) in numbers
    assert len(numbers) > 4990
    assert len(made._known) <= 4096
    facts.request.target = bytes(513)
    made(facts)
    assert facts.request.target not in made._known
