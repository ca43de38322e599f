"""Rules that change the method or the status: the client still finds the end of each response, and the next one."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.beside_http import receive, scene

NEXT = b"GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CASES = {
    "a HEAD that becomes a GET": ("http-request set-method GET", b"HEAD", OK, 200, b""),
    "a GET that becomes a HEAD": (
        "http-request set-method HEAD", b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 200, b"",
    ),
    "a body without a place": ("http-response set-status 304", b"GET", OK, 304, b""),
    "a place without a body": ("http-response set-status 200", b"GET", b"HTTP/1.1 304 Not\r\n\r\n", 200, b""),
    "no content": ("http-response set-status 204", b"GET", OK, 204, b""),
    "nothing changed": ("http-response set-status 201", b"GET", OK, 201, b"ok"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_next_response_is_found(tmp_path: Path, name: str) -> None:
    line, method, answer, status, body = CASES[name]
    lines = (
        "http-request set-var(txn.first) bool(true) if { path /first }",
        f"{line} if {{ var(txn.first) -m found }}",
    )
    with (
        scene("wproxy", tmp_path, lines) as made,
        socket.create_connection(("127.0.0.1", made.port), 10.0) as client,
    ):
        made.answer = answer
        client.sendall(method + b" /first HTTP/1.1\r\nHost: h\r\n\r\n")
        first = receive(client, to_head=method == b"HEAD" or status in (204, 304))
        assert first.startswith(b"HTTP/1.1 %d " % status)
        assert first.partition(b"\r\n\r\n")[2] == body
        made.answer = OK
        client.sendall(NEXT)
        second = receive(client)
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second.endswith(b"\r\n\r\nok")
