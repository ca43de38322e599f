"""Log servers for tests: they keep what a proxy sends over UDP or to a unix socket."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import wait_for


@dataclass
class LogServer:
    """A datagram socket on which log lines arrive; `target` is what a `log` line calls it."""

    endpoint: socket.socket
    target: str
    lines: list[str] = field(default_factory=list)

    def receive(self) -> list[str]:
        """Return every line that has come since the start."""
        while True:
            try:
                self.lines.append(self.endpoint.recv(65536).decode())
            except BlockingIOError:
                return self.lines

    def wait_for(self, pattern: str, count: int = 1, timeout_s: float = 10.0) -> list[str]:
        """Return the lines in which `pattern` is found as soon as there are `count`."""

        def found() -> list[str]:
            matching = [line for line in self.receive() if re.search(pattern, line)]
            return matching if len(matching) >= count else []

        try:
            return wait_for(found, timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"no {count} log lines with '{pattern}' among {self.lines}") from error


@contextmanager
def udp_log_server() -> Iterator[LogServer]:
    """Yield a log server on a free UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.setblocking(False)
        endpoint.bind(("127.0.0.1", 0))
        yield LogServer(endpoint, f"127.0.0.1:{endpoint.getsockname()[1]}")


@contextmanager
def unix_log_server(path: Path) -> Iterator[LogServer]:
    """Yield a log server on a unix datagram socket at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as endpoint:
        endpoint.setblocking(False)
        endpoint.bind(str(path))
        yield LogServer(endpoint, str(path))
    path.unlink()
