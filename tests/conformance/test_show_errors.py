"""`show errors` on HAProxy, in mode http, and on wproxy, in mode redis: the same form, the same filters."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import connect, tcp_server
from tests.support.waiting import wait_for

REST = """\
frontend fe
    mode {mode}
    bind 127.0.0.1:{port}
    default_backend be
backend be
    mode {mode}
    balance roundrobin
    server s9 127.0.0.1:{server}
"""
BYTES = b"\\\t\x1b\x80 ~" + b"x" * 150 + b"\x01y\r\n"
BAD = {"haproxy": b"GET / HTTP/1.1\r\nHost: x\r\nb!@d" + BYTES, "wproxy": b"*1\r\n!4\r\nbad" + BYTES}
ASK = {"haproxy": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "wproxy": b"SET k v\r\n"}
# Not here: `fe` and `be`, because in mode redis a request's backend is known, and a response's client is nobody.
FILTERS = (
    "", "main", "-1", "2", "#2", "9", "0", "2x", "nope", "main request", "main response", "be response", "fe request",
    "-1 request", "-1 response", "main nonsense",
)  # fmt: skip


def shape(answer: str) -> list[str]:
    """Return an answer without times, ports, numbers of bytes, and the lines that belong to one protocol."""
    lines = []
    for line in answer.splitlines():
        if line.startswith(("  H1 ", "  RESP", "  session #", "  0")):
            continue
        text = re.sub(r"\[[^]]*\]", "[TIME]", line)
        text = re.sub(r"\d+ free|len \d+|wraps at \d+|position \d+|event #\d(, src 127\.0\.0\.1:\d+)?", "N", text)
        # A client's backend is known in mode redis, and nobody's is the answer of a connection that all share.
        text = re.sub(r"backend (<NONE> \(#-1\)|\S+ \(#\d\)), server <NONE>", "backend ?, server <NONE>", text)
        lines.append(
            re.sub(r"frontend (<NONE> \(#-1\)|\S+ \(#\d\)), server (.*?)(, N)?$", r"frontend ?, server \2", text)
        )
    return lines


def nonsense(times: int) -> Callable[[socket.socket], None]:
    """Return what answers nonsense so many times, and hangs up on those who try again after that."""
    left = iter(range(times))

    def serve(connection: socket.socket) -> None:
        if next(left, None) is not None:
            connection.recv(99)
            connection.sendall(b"?what\r\n")

    return serve


def events(made: Proxy, words: str) -> list[str]:
    return shape(made.stats.ask(f"show errors {words}"))


def test_the_same_form_and_filters(tmp_path: Path) -> None:
    seen = []
    for program, mode in (("haproxy", "http"), ("wproxy", "redis")):
        port = free_port()
        with (
            tcp_server(nonsense(2)) as server,
            proxy(
                program,
                tmp_path,
                "balance roundrobin",
                f"server s1 127.0.0.1:{server}",
                mode=mode,
                rest=REST.format(mode=mode, port=port, server=server),
            ) as made,
        ):
            for number in (made.port, port):
                with connect(number) as client:
                    client.sendall(ASK[program])
                    assert client.recv(1)
                with connect(number) as client:
                    client.sendall(BAD[program])
                    assert client.recv(1)
            wait_for(lambda made=made: "] : 4\n" in made.stats.ask("show errors"), what="four faults")  # type: ignore[misc]
            assert "x" * 70 + "\n" in made.stats.ask("show errors")
            seen.append({words: events(made, words) for words in FILTERS})
    assert seen[1] == seen[0]
