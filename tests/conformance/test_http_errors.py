"""`show errors` in mode http: HAProxy and wproxy keep the same requests and responses, wrong at the same byte."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from tests.support.http_beside import GET
from tests.support.http_server import recording_server
from tests.support.proxies import proxy
from tests.support.tcp_server import accept, listening_socket, port_of, until

REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\nZ: 1\r\n\r\nmore",
    b"junk\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    GET,  # its response is none
)


def kept(answer: str) -> list[str]:
    """Return an answer without times, ports, and the lines about HAProxy's own state."""
    lines = [line for line in answer.splitlines() if not line.startswith(("  H1 ", "  HTTP/1"))]
    text = re.sub(r"\[[^]]*\]", "[TIME]", "\n".join(lines))
    return re.sub(r"src 127\.0\.0\.1:\d+|wraps at \d+", "N", text).splitlines()


def test_show_errors(tmp_path: Path) -> None:
    seen = []
    for program in ("haproxy", "wproxy"):
        answers = []
        with (
            recording_server(b"HTTP/1.1 200 OK\r\nX: y\r\nb d: x\r\n\r\n") as server,
            proxy(program, tmp_path, f"server s 127.0.0.1:{server.port}", mode="http") as made,
        ):
            for data in REQUESTS:
                with socket.create_connection(("127.0.0.1", made.port), 10.0) as client:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(4096):
                        pass
                answers.append(kept(made.stats.ask("show errors")))
        seen.append(answers)
    assert seen[1] == seen[0]


def test_chunks_that_are_none(tmp_path: Path) -> None:
    """Of a body the part is kept in which the mistake is, with its place."""

    def comes(data: bytes) -> bool:
        return data.endswith(b"abc\r\n")

    def seen(program: str) -> list[list[str]]:
        answers = []
        with (
            listening_socket() as listening,
            proxy(program, tmp_path, f"server s 127.0.0.1:{port_of(listening)}", mode="http") as made,
        ):
            chunked = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
            for asks, tells in ((b"2\r\nab\r\nx y\r\n", b""), (b"0\r\n\r\n", b"2\r\nabcd")):
                with socket.create_connection(("127.0.0.1", made.port), 10.0) as client:
                    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + chunked)
                    with accept(listening) as server:
                        until(server, comes)
                        client.sendall(asks)
                        if tells:
                            server.sendall(b"HTTP/1.1 200 OK\r\n" + chunked)
                            until(client, comes)
                            server.sendall(tells)
                        while client.recv(4096):
                            pass
                answers.append(kept(made.stats.ask("show errors")))
        return answers

    ours = seen("wproxy")
    assert ours == seen("haproxy")
    assert "error at position 7" in "\n".join(ours[0])
