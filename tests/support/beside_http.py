"""The same lines of a frontend in mode http on HAProxy and on wproxy: what they make of requests and responses.

A client of the test's own sends bytes, a server of its own keeps the heads that reach it and answers with bytes that
the test chooses. Values that lines put into variables `txn.v0`, `txn.v1` … come back in fields of the response.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.programs import free_port, haproxy, wproxy

PROGRAMS = {"haproxy": haproxy, "wproxy": wproxy}
REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_TIMEOUT_S = 10.0
_VALUE = re.compile(rb"^vv([0-9]+): ?([0-9A-F]*)\r$", re.MULTILINE)

CONFIGURATION = """\
{top}
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend main
    bind 127.0.0.1:{port}
    {lines}
    default_backend back
backend back
    mode http
    {back_lines}
    server s 127.0.0.1:{server_port}
{rest}
"""


@dataclass
class Scene:
    """A proxy that serves one frontend."""

    port: int
    seen: list[bytes] = field(default_factory=list, repr=False)
    answer: bytes = RESPONSE

    def ask(self, request: bytes = REQUEST) -> bytes:
        """Return what comes back for `request` on a connection of its own: head and body."""
        with socket.create_connection(("127.0.0.1", self.port), _TIMEOUT_S) as connection:
            connection.sendall(request)
            return receive(connection, to_head=request.startswith(b"HEAD"))

    def forwarded(self, request: bytes = REQUEST) -> list[bytes]:
        """Return the heads that reached the server because of `request`, by lines; the answer is not looked at."""
        self.seen.clear()
        self.ask(request)
        return [line for head in self.seen for line in lines_of(head)]

    def values(self, count: int, request: bytes = REQUEST) -> list[str | None]:
        """Return what the variables txn.v0 … hold, None for those that are not set."""
        found = {int(match[1]): bytes.fromhex(match[2].decode()) for match in _VALUE.finditer(self.ask(request))}
        return [found[number].decode("latin-1") if number in found else None for number in range(count)]


def lines_of(head: bytes) -> list[bytes]:
    """Return the lines of a head: names of fields in lower case, and in order of their names."""
    first, *fields = head.split(b"\r\n")
    split = [line.partition(b":") for line in fields if line]
    return [first, *sorted(b"%b:%b" % (name.lower(), value) for name, _, value in split)]


def receive(connection: socket.socket, *, to_head: bool = False) -> bytes:
    """Return one response, with its body unless it is the answer `to_head`."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(1 << 16)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?mi)^content-length: *([0-9]+)", head)
    while not to_head and (length is None or len(body) < int(length[1])):
        more = connection.recv(1 << 16)
        if not more:
            break
        body += more
    return head + b"\r\n\r\n" + body


def _serve(listening: socket.socket, scene: Scene) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection, scene), daemon=True).start()


def _answer(connection: socket.socket, scene: Scene) -> None:
    data = b""
    with connection:
        while True:
            try:
                more = connection.recv(1 << 16)
            except OSError:
                return
            if not more:
                return
            data += more
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                scene.seen.append(head)
                try:
                    connection.sendall(scene.answer)
                except OSError:  # the proxy has not waited for it
                    return


@contextmanager
def scene(
    program: str,
    folder: Path,
    lines: Sequence[str],
    *,
    back_lines: Sequence[str] = (),
    top: str = "",
    rest: str = "",
) -> Iterator[Scene]:
    """Run `program` with a frontend of `lines`; yield it when it listens."""
    port = free_port()
    made = Scene(port)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, made), daemon=True).start()
        config = CONFIGURATION.format(
            top=top,
            port=port,
            lines="\n    ".join(lines),
            back_lines="\n    ".join(back_lines),
            server_port=listening.getsockname()[1],
            rest=rest,
        )
        with PROGRAMS[program](folder, config, port):
            yield made


def expressions(program: str, folder: Path, texts: Sequence[str], request: bytes = REQUEST) -> list[str | None]:
    """Return what `program` makes of sample expressions, as they stand in a configuration, for `request`."""
    lines = [f"http-request set-var(txn.v{number}) {text}" for number, text in enumerate(texts)]
    with scene(program, folder, [*lines, *reporting(len(texts))]) as made:
        return made.values(len(texts), request)


def conditions(program: str, folder: Path, texts: Sequence[str], requests: Sequence[bytes]) -> list[list[str | None]]:
    """Return for each of `requests` which of the conditions hold."""
    lines = [f"http-request set-var(txn.v{number}) bool(true) if {text}" for number, text in enumerate(texts)]
    with scene(program, folder, [*lines, *reporting(len(texts))]) as made:
        return [made.values(len(texts), request) for request in requests]


def reporting(count: int) -> list[str]:
    """Return the lines that send variables back."""
    return [
        f'http-response set-header vv{number} "%[var(txn.v{number}),concat(),hex]" if {{ var(txn.v{number}) -m found }}'
        for number in range(count)
    ]
