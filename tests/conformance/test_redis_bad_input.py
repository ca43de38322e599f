"""The same bytes to a real redis-server and to the proxy in front of another one: the same bytes come back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.programs import redis_server
from tests.support.proxies import proxy
from tests.support.resp import Client, pack
from tests.support.tcp_server import tcp_server

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Pair:
    """Ports of a Redis that clients talk to directly, and of a proxy in front of one."""

    redis: int
    wproxy: int

    def answers(self, *pieces: bytes) -> tuple[bytes, bytes]:
        return conversation(self.redis, pieces), conversation(self.wproxy, pieces)


def conversation(port: int, pieces: tuple[bytes, ...]) -> bytes:
    """Send `pieces`, say goodbye, return everything that comes back; who closes early has not read all of it."""
    with Client(port) as client:
        with suppress(ConnectionError):
            client.send(*pieces)
            client.hang_up()
        received = bytearray()
        with suppress(ConnectionError):
            while chunk := client.socket.recv(1 << 16):
                received += chunk
        return bytes(received)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("open")
    with (
        redis_server(folder) as direct,
        redis_server(folder) as behind,
        proxy("wproxy", folder, "balance key", f"server a 127.0.0.1:{behind}", mode="redis") as made,
    ):
        yield Pair(direct, made.port)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("guarded")
    lines = "balance key", f'redis-password "{PASSWORD}"'
    with (
        redis_server(folder, None, "--requirepass", PASSWORD) as direct,
        redis_server(folder) as behind,
        proxy("wproxy", folder, *lines, f"server a 127.0.0.1:{behind}", mode="redis") as made,
    ):
        yield Pair(direct, made.port)


PING = pack("PING")

OPEN = {
    "more arguments than an int": b"*2147483648\r\n",
    "a count that is none": b"*3abc\r\n",
    "a negative count": b"*-10\r\n" + PING,
    "a count of 0": b"*0\r\n" + PING,
    "a null argument": b"*1\r\n$-1\r\n",
    "an argument too big": b"*1\r\n$536870913\r\n",
    "a length with a sign": b"*1\r\n$+3\r\n",
    "a length that is none": b"*1\r\n$3x\r\n",
    "an integer as argument": b"*2\r\n$3\r\nGET\r\n:1\r\n",
    "a count of 70 kB": b"*" + b"1" * 70_000,
    "a length of 70 kB": b"*1\r\n$" + b"1" * 70_000,
    "70 kB inline": b"x" * 70_000,
    "quotes that do not close": b'SET k "v\r\n',
    "quotes that close too early": b'SET k "v"x\r\n',
    "an unknown command": pack("FROBNICATE", "a", "b") + PING,
    "an unknown command with line ends": pack("a\r\nb", "c\r\nd") + PING,
    "wrong arity": pack("GET") + pack("GET", "a", "b") + PING,
    "HELLO 4": pack("HELLO", 4) + PING,
    "HELLO x": pack("HELLO", "x") + PING,
    "HELLO with half an AUTH": pack("HELLO", 3, "AUTH", "x") + PING,
    "AUTH without a password set": pack("AUTH", "x") + PING,
    "AUTH of the default user": pack("AUTH", "default", "x") + PING,
    "AUTH of somebody": pack("AUTH", "me", "x") + PING,
    "AUTH of too many": pack("AUTH", "me", "x", "y") + PING,
    "a name of 32 bytes": pack("X" * 32) + PING,
    "a name of 100 kB": pack("X" * 100_000, "y" * 200) + PING,
    "an empty name": pack("") + PING,
    "an empty line": b"\r\n\n" + PING,
    "commands after QUIT": pack("QUIT") + PING,
    "commands before the fault": PING + pack("SET", "k", "v") + pack("GET", "k") + b"*1\r\n:1\r\n" + PING,
    "half a command": b"*2\r\n$3\r\nGET\r\n$1\r\n",
    "only a part of inline": b"PIN",
    "a pipeline 10,000 deep": b"".join(pack("SET", f"k{n}", n) + pack("GET", f"k{n}") for n in range(5_000)),
}

GUARDED = {
    "11 arguments": b"*11\r\n",
    "10 arguments": pack(*["PING"] * 10) + PING,
    "more arguments than wproxy takes": b"*2000000\r\n",
    "more arguments than an int": b"*2147483648\r\n",
    "a big argument": b"*1\r\n$16385\r\n",
    "a smaller argument": pack("PING", "x" * 16_384) + PING,
    "ordinary commands": pack("GET", "k") + pack("SET", "k", "v") + PING + pack("SUBSCRIBE", "c") + pack("COMMAND"),
    "unknown commands": pack("FROBNICATE") + pack("GET"),
    "inline": b"GET k\r\nPING\r\n",
    "HELLO": pack("HELLO") + pack("HELLO", 3) + pack("HELLO", 4) + pack("HELLO", 3, "FOO"),
    "a wrong password": pack("AUTH", "nope") + PING,
    "a wrong user": pack("AUTH", "me", PASSWORD) + PING,
    "wrong in HELLO": pack("HELLO", 3, "AUTH", "default", "nope") + PING,
    "the password": pack("AUTH", PASSWORD) + PING + pack("SET", "k", "v" * 20_000) + pack("MSET", *"a1b2c3d4e5f6"[:2]),
    "the user and the password": pack("AUTH", "default", PASSWORD) + PING,
    "big once in": pack("AUTH", PASSWORD) + pack("DEL", *[b"{k}%d" % n for n in range(50)]),
    "a wrong one once in": pack("AUTH", PASSWORD) + pack("AUTH", "nope") + PING,
    "out by RESET": pack("AUTH", PASSWORD) + PING + pack("RESET") + PING + pack("AUTH", PASSWORD) + PING,
    "big after RESET": pack("AUTH", PASSWORD) + pack("RESET") + b"*11\r\n",
    "QUIT": pack("QUIT") + PING,
}


@pytest.mark.parametrize("data", OPEN.values(), ids=OPEN)
def test_what_redis_answers(pair: Pair, data: bytes) -> None:
    expected, got = pair.answers(data)
    assert got == expected


@pytest.mark.parametrize("data", GUARDED.values(), ids=GUARDED)
def test_what_redis_answers_before_and_after_auth(guarded: Pair, data: bytes) -> None:
    expected, got = guarded.answers(data)
    assert got == expected


@pytest.mark.parametrize("name", ["ordinary commands", "out by RESET", "HELLO", "big after RESET"])
def test_byte_by_byte(guarded: Pair, name: str) -> None:
    data = GUARDED[name]
    with Client(guarded.wproxy) as client:
        for at in range(len(data)):
            client.send(data[at : at + 1])
        client.hang_up()
        assert client.rest() == conversation(guarded.redis, (data,))


def test_a_payload_without_crlf_is_an_error_here(pair: Pair) -> None:
    """The deliberate difference: Redis skips the two bytes; passed on they would shift other clients' streams."""
    expected, got = pair.answers(b"*1\r\n$4\r\nPINGxx" + PING)
    assert expected == b"+PONG\r\n+PONG\r\n"
    assert got == b"-ERR Protocol error: expected CRLF after bulk payload\r\n"


@pytest.mark.parametrize("data", [b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n", b"Host: x\r\nSET k v\r\n"])
def test_http_is_cut_off(pair: Pair, data: bytes) -> None:
    """Redis hangs up without a word; here the one who sees it is told why. What follows is reached by neither."""
    expected, got = pair.answers(data)
    assert expected == b""
    assert got == b"-ERR Protocol error: this is HTTP\r\n"


NESTED = b"*1\r\n" * 1000 + b":1\r\n"


def nests(connection: socket.socket) -> None:
    """Answer COMMAND as a server that knows none, then everything with an answer 1,000 deep."""
    asked = connection.recv(4096)
    connection.sendall(b"*0\r\n")
    while asked:
        asked = connection.recv(4096)
        connection.sendall(NESTED)


def test_a_reply_nested_1000_deep(tmp_path: Path) -> None:
    with (
        tcp_server(nests) as port,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{port}", mode="redis") as made,
        Client(made.port) as client,
    ):
        for _ in range(3):
            assert client.raw(pack("GET", "k"), len(NESTED)) == NESTED
