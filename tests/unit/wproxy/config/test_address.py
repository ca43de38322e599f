from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.address import connecting, listening, source
from wproxy.config.model import Address
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":80", [Address("", 80)]),
        ("*:80", [Address("", 80)]),
        ("127.0.0.1:80", [Address("127.0.0.1", 80)]),
        ("0.0.0.0:080", [Address("0.0.0.0", 80)]),
        ("[::1]:80", [Address("::1", 80)]),
        ("::1:80", [Address("::1", 80)]),
        (":::80", [Address("::", 80)]),
        ("[::]:80", [Address("::", 80)]),
        ("localhost:80", [Address("localhost", 80)]),
        ("ipv4@:80", [Address("", 80)]),
        ("ipv4@127.0.0.1:80", [Address("127.0.0.1", 80)]),
        ("ipv6@:80", [Address("::", 80)]),
        ("ipv6@*:80", [Address("::", 80)]),
        ("tcp@127.0.0.1:80", [Address("127.0.0.1", 80)]),
        ("127.0.0.1:80-82", [Address("127.0.0.1", 80), Address("127.0.0.1", 81), Address("127.0.0.1", 82)]),
        (":80,[::1]:81,/tmp/a,", [Address("", 80), Address("::1", 81), Address(path="/tmp/a")]),
        ("unix@run/a", [Address(path="run/a")]),
        ("fd@7", [Address(fd=7)]),
        ("[127.0.0.1]:80", [Address("127.0.0.1", 80)]),
        ("ipv4@localhost:80", [Address("localhost", 80, family=4)]),
        ("ipv6@localhost:80", [Address("localhost", 80, family=6)]),
    ],
)
def test_listening(text: str, expected: list[Address]) -> None:
    assert listening(text) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has an empty address (environment variable missing?)"),
        (",:80", "has an empty address (environment variable missing?)"),
        ("8080", "misses the port in '8080'"),
        ("[::1]", "misses the port in '[::1]'"),
        ("127.0.0.1:", "misses the port in '127.0.0.1:'"),
        (":0", "has an invalid port '0' in ':0'"),
        (":65536", "has an invalid port '65536' in ':65536'"),
        (":x", "has an invalid port 'x' in ':x'"),
        (":82-80", "has an invalid port range '82-80' in ':82-80'"),
        ("300.1.1.1:80", "has an invalid address '300.1.1.1' in '300.1.1.1:80'"),
        ("a..b:80", "has an invalid address 'a..b' in 'a..b:80'"),
        (f"{'a' * 64}.net:80", f"has an invalid address '{'a' * 64}.net' in '{'a' * 64}.net:80'"),
        (f"{'a.' * 127}b:80", f"has an invalid address '{'a.' * 127}b' in '{'a.' * 127}b:80'"),
        ("[::1:80", "has an invalid address '[::1' in '[::1:80'"),
        ("[localhost]:80", "has an invalid address '[localhost]' in '[localhost]:80'"),
        ("::1", "has an invalid address ':' in '::1'"),
        ("ipv4@[::1]:80", "has an invalid address '[::1]' in 'ipv4@[::1]:80'"),
        ("ipv6@127.0.0.1:80", "has an invalid address '127.0.0.1' in 'ipv6@127.0.0.1:80'"),
        ("foo@host:80", "has an invalid address 'foo@host' in 'foo@host:80'"),
        ("fd@x", "has an invalid file descriptor 'x' in 'fd@x'"),
        ("unix@", "has a unix socket without a path (environment variable missing?)"),
        ("abns@x", "has HAProxy's address type 'abns@', which is not supported by wproxy, in 'abns@x'"),
    ],
)
def test_not_listening(text: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        listening(text)
    assert str(caught.value) == message


def test_a_path_is_as_long_as_haproxy_allows() -> None:
    assert listening("/" + "a" * 96)
    with pytest.raises(ArgumentError, match=r"too long \(max 97\)"):
        listening("/" + "é" * 96)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:6379", Address("127.0.0.1", 6379)),
        ("[::1]:6379", Address("::1", 6379)),
        ("::1:6379", Address("::1", 6379)),
        ("redis-a.example:6379", Address("redis-a.example", 6379)),
        ("ipv4@redis-a.example:6379", Address("redis-a.example", 6379, family=4)),
        ("tcp@redis-a.example:6379", Address("redis-a.example", 6379)),
        ("/run/redis.sock", Address(path="/run/redis.sock")),
        ("unix@/run/redis.sock", Address(path="/run/redis.sock")),
    ],
)
def test_connecting(text: str, expected: Address) -> None:
    assert connecting(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fd@3", "cannot use a file descriptor"),
        ("127.0.0.1", "needs a fixed port"),
        ("127.0.0.1:", "needs a fixed port"),
        ("127.0.0.1:+10", "needs a fixed port"),
        ("127.0.0.1:-10", "needs a fixed port"),
        ("127.0.0.1:1-2", "cannot use a port range"),
        (":80", "needs a host"),
        ("*:80", "needs a host"),
        ("127.0.0.1:0", "has an invalid port '0'"),
    ],
)
def test_not_connecting(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        connecting(text)


@given(
    st.sampled_from([listening, connecting]), st.text(st.sampled_from("0123456789:.-+,[]@*/%abipv46fdunx")) | st.text()
)
def test_any_word_is_an_address_or_an_argument_error(read: Callable[[str], object], text: str) -> None:
    with suppress(ArgumentError):
        assert read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.2", Address("127.0.0.2")),
        ("127.0.0.2:", Address("127.0.0.2")),
        ("127.0.0.2:0", Address("127.0.0.2")),
        ("127.0.0.2:99", Address("127.0.0.2", 99)),
        ("::1", Address("::1")),
        ("[::1]:5", Address("::1", 5)),
        ("*", Address("0.0.0.0")),
        ("ipv6@*", Address("::")),
    ],
)
def test_where_connections_come_from(text: str, expected: Address) -> None:
    assert source(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("unix@/a", "expects an IP address, not 'unix@/a'"),
        ("fd@3", "expects an IP address, not 'fd@3'"),
        ("localhost", "expects an IP address, not a name: 'localhost'"),
        ("127.0.0.1:1-9", "cannot use a port range: '127.0.0.1:1-9'"),
        ("127.0.0.1:x", "has an invalid port 'x' in '127.0.0.1:x'"),
    ],
)
def test_where_connections_cannot_come_from(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        source(text)
    assert str(caught.value) == problem
