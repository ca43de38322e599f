"""A proxy with one server and a log server of the test's own, and what its lines say apart from times and ports."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.log_lines import steady
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.syslog import LogServer, udp_log_server
from tests.support.tcp_server import accept, connect, listening_socket, port_of

TCPLOG = re.compile(
    r"<(?P<priority>\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?P<tag>\w+)\[(?P<pid>\d+)\]: "
    r"127\.0\.0\.1:(?P<port>\d+) \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] (?P<names>\S+ \S+) "
    r"(?P<tw>-?\d+)/(?P<tc>-?\d+)/(?P<tt>\+?\d+) (?P<bytes>\+?\d+) (?P<rest>.. \S+ \S+)\n"
)
_BULK = re.compile(r"T \+?\d{6,} ")  # how much of a bulk transfer passed is chance


def facts(line: str) -> str:
    """Return what two proxies must say alike about a connection that is alone; of bulk transfers no exact size."""
    found = TCPLOG.fullmatch(line)
    assert found is not None, line
    said = steady(line, alone=True).partition("[DATE] ")[2].strip()
    return f"<{found['priority']}> {_BULK.sub('T bulk ', said)}"


@dataclass
class Scene:
    """What a case acts on."""

    proxy: Proxy
    log: LogServer
    listening: socket.socket

    def talk(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a connection over which a question and an answer have passed."""
        client = connect(self.proxy.port)
        served = accept(self.listening)
        client.sendall(b"question")
        assert served.recv(8) == b"question"
        served.sendall(b"answer")
        assert client.recv(6) == b"answer"
        return client, served

    def logged(self, count: int = 1) -> list[str]:
        """Return the first `count` lines."""
        return self.log.wait_for("", count)[:count]


@contextmanager
def scene(program: str, folder: Path, *lines: str) -> Iterator[Scene]:
    """Run `program` with `lines`, in which {log}, {up}, {dead} and {deaf} stand for addresses.

    At {up} the test accepts, at {dead} nobody does, at {deaf} connections are neither accepted nor refused.
    """
    with ExitStack() as stack:
        log = stack.enter_context(udp_log_server())
        listening = stack.enter_context(listening_socket())
        deaf = stack.enter_context(listening_socket(0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port_of(deaf)))
        places = {
            "log": log.target,
            "up": f"127.0.0.1:{port_of(listening)}",
            "dead": f"127.0.0.1:{free_port()}",
            "deaf": f"127.0.0.1:{port_of(deaf)}",
            "folder": folder,
        }
        made = stack.enter_context(proxy(program, folder, *(line.format(**places) for line in lines)))
        yield Scene(made, log, listening)
