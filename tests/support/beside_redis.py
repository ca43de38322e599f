"""The same bytes to one plain Redis and to a proxy in front of three, whose answers are to be the same bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import redis_server
from tests.support.proxies import Proxy, proxy
from tests.support.resp import TIMEOUT_S, pack
from wproxy.protocols.resp import ReplySplitter


class Raw:
    """A client that shows replies, and what is pushed, as the bytes they came in."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._splitter = ReplySplitter()
        self._replies: list[bytes] = []

    def send(self, *lines: str) -> None:
        """Send commands, all at once; words of a line are divided by spaces."""
        self.socket.sendall(b"".join(pack(*line.split()) for line in lines))

    def replies(self, count: int) -> list[bytes]:
        """Return the next `count` replies and pushes; pushes that came in the same read stand behind the replies."""
        while len(self._replies) < count:
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError(f"closed after {self._replies}")
            self._replies += self._splitter.split(data) + self._splitter.pushes
            self._splitter.pushes = []
        found, self._replies = self._replies[:count], self._replies[count:]
        return found

    def ask(self, line: str) -> bytes:
        self.send(line)
        return self.replies(1)[0]

    def close(self) -> None:
        self.socket.close()


@dataclass(frozen=True)
class Beside:
    """A plain Redis, and a proxy in front of three."""

    plain: int
    proxy: Proxy
    servers: tuple[int, ...]

    def compare(self, *lines: str, together: bool = False) -> list[bytes]:
        """Send the lines on one connection to each side, check that the replies are equal, return them."""
        with ExitStack() as stack:
            sides = [Raw(port) for port in (self.plain, self.proxy.port)]
            for side in sides:
                stack.callback(side.close)
            if together:
                for side in sides:
                    side.send(*lines)
                expected, got = ([*side.replies(len(lines))] for side in sides)
            else:
                expected, got = [], []
                for line in lines:
                    expected.append(sides[0].ask(line))
                    got.append(sides[1].ask(line))
        for line, ours, theirs in zip(lines, got, expected, strict=True):
            assert ours == theirs, f"{line}: {ours!r}, Redis answers {theirs!r}"
        return got


@contextmanager
def beside_redis(folder: Path, *lines: str, balance: str = "key") -> Iterator[Beside]:
    """Start both sides; `lines` are added to the proxy's section."""
    with ExitStack() as stack:
        plain, *ports = (stack.enter_context(redis_server(folder)) for _ in range(4))
        servers = [f"server {name} 127.0.0.1:{port}" for name, port in zip("abc", ports, strict=True)]
        made = stack.enter_context(proxy("wproxy", folder, f"balance {balance}", *servers, *lines, mode="redis"))
        yield Beside(plain, made, tuple(ports))
