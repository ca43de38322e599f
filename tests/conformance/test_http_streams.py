"""Messages that come in pieces: each piece goes on at once, in both directions, whatever is done with it on the way."""

from __future__ import annotations

import re
import socket
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support.proxies import proxy
from tests.support.tcp_server import until

PARTS = (b"one", b"two" * 100, b"three" * 1000)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
_TIMEOUT_S = 10.0
_CHUNK = re.compile(rb"([0-9a-fA-F]+)\r\n")


def head_of(connection: socket.socket) -> bytes:
    """Return a head, read byte by byte, so that nothing behind it is lost."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, data
        data += byte
    return data


def content(data: bytes, *, chunked: bool) -> bytes:
    """Return the content of whole chunks at the beginning of a body, which may have been cut anew."""
    if not chunked:
        return data
    text = b""
    while (size := _CHUNK.match(data)) and len(data) >= size.end() + int(size[1], 16) + 2:
        end = size.end() + int(size[1], 16)
        text += data[size.end() : end]
        data = data[end + 2 :]
    return text


def _is_whole(size: int, data: bytes) -> bool:
    return len(content(data, chunked=True)) >= size


def passes(source: socket.socket, to: socket.socket, *, chunked: bool) -> None:
    """Send part after part: each must have arrived before the next one is sent."""
    for part in PARTS:
        source.sendall(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        data = b""
        while len(content(data, chunked=chunked)) < len(part):
            data += to.recv(65536)
        assert content(data, chunked=chunked) == part
    if chunked:
        source.sendall(b"0\r\n\r\n")
        assert until(to, lambda data: data.endswith(b"\r\n\r\n")) == b"0\r\n\r\n"


LINES: dict[str, Sequence[str]] = {
    "plain": (),
    "rules": (
        "option httplog",
        "option forwardfor",
        "cookie S insert",
        "acl a path_beg /",
        "http-request set-header x %[path]",
        "http-response set-header y %[status]",
    ),
    "server closes": ("option http-server-close",),
    "compression, of a client without": ("compression algo gzip",),
    "no delay": ("option http-no-delay",),
}


@pytest.mark.parametrize("program", ["haproxy", "wproxy"])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
@pytest.mark.parametrize("name", LINES)
def test_both_ways(tmp_path: Path, program: str, chunked: bool, name: str) -> None:
    framing = CHUNKED if chunked else b"Content-Length: %d\r\n" % sum(map(len, PARTS))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(_TIMEOUT_S)
        line = f"server s 127.0.0.1:{listening.getsockname()[1]} cookie s"
        with (
            proxy(program, tmp_path, *LINES[name], line, mode="http") as made,
            socket.create_connection(("127.0.0.1", made.port), _TIMEOUT_S) as client,
        ):
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n")
            server, _ = listening.accept()
            with server:
                server.settimeout(_TIMEOUT_S)
                assert head_of(server).startswith(b"POST / ")
                passes(client, server, chunked=chunked)
                server.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
                assert head_of(client).startswith(b"HTTP/1.1 200 ")
                passes(server, client, chunked=chunked)


@pytest.mark.parametrize("program", ["haproxy", "wproxy"])
def test_at_the_same_time(tmp_path: Path, program: str) -> None:
    """A server that answers before the request has ended: both bodies go on side by side."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(_TIMEOUT_S)
        line = f"server s 127.0.0.1:{listening.getsockname()[1]}"
        with (
            proxy(program, tmp_path, line, mode="http") as made,
            socket.create_connection(("127.0.0.1", made.port), _TIMEOUT_S) as client,
        ):
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n")
            server, _ = listening.accept()
            with server:
                server.settimeout(_TIMEOUT_S)
                head_of(server)
                server.sendall(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n")
                head_of(client)
                for number in range(5):
                    text = b"part %d" % number
                    whole = partial(_is_whole, len(text))
                    for source, to in ((client, server), (server, client)):
                        source.sendall(b"%x\r\n%b\r\n" % (len(text), text))
                        came = until(to, whole)
                        assert content(came, chunked=True) == text
                client.sendall(b"0\r\n\r\n")
                until(server, lambda data: data.endswith(b"0\r\n\r\n"))
                server.sendall(b"0\r\n\r\n")
                until(client, lambda data: data.endswith(b"0\r\n\r\n"))


def test_compressed(tmp_path: Path) -> None:
    """What is compressed reaches the client whole before the next part is there; HAProxy keeps some of it back."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(_TIMEOUT_S)
        line = f"server s 127.0.0.1:{listening.getsockname()[1]}"
        with (
            proxy("wproxy", tmp_path, "compression algo gzip", line, mode="http") as made,
            socket.create_connection(("127.0.0.1", made.port), _TIMEOUT_S) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
            server, _ = listening.accept()
            with server:
                head_of(server)
                server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % sum(map(len, PARTS)))
                assert b"content-encoding: gzip" in head_of(client)
                unzip = zlib.decompressobj(31)
                for part in PARTS:
                    server.sendall(part)
                    text, data = b"", b""
                    while len(text) < len(part):
                        data += client.recv(65536)
                        while (size := _CHUNK.match(data)) and len(data) >= size.end() + int(size[1], 16) + 2:
                            end = size.end() + int(size[1], 16)
                            text += unzip.decompress(data[size.end() : end])
                            data = data[end + 2 :]
                    assert text == part
