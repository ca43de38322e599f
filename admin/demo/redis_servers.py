"""The demo's two Redis servers: real ones where redis-server is installed, fakeredis' TCP server otherwise."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from admin.demo.ports import HOST, FreePorts
from admin.demo.processes import Children
from admin.demo.waiting import Patience
from admin.errors import DemoError

START_TIMEOUT_S = 15.0


def find_redis_server() -> str | None:
    """Return the path of redis-server, also from /usr/sbin, which users' PATH often lacks; None without one."""
    return shutil.which("redis-server", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")


class RedisServers:
    """The servers by name, in order, each with a port and a connection on which its keys are counted."""

    def __init__(self, names: tuple[str, ...], ports: FreePorts) -> None:
        self.program = find_redis_server()
        self.ports = {name: ports.take() for name in names}
        self._connections = ExitStack()
        self._clients = {name: self._connections.enter_context(_client(port)) for name, port in self.ports.items()}

    def __enter__(self) -> RedisServers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.close()

    @property
    def kind(self) -> str:
        """Return what the servers are, for the view."""
        return "redis-server" if self.program else "fakeredis (redis-server is not installed)"

    def start(self, children: Children, folder: Path, patience: Patience) -> None:
        """Start every server and return when all answer."""
        for name, port in self.ports.items():
            children.start(name, self._command(port, folder))
        for name in self.ports:
            patience.until(partial(self._answers, name, children), START_TIMEOUT_S, f"{name} answers")

    def key_counts(self) -> dict[str, int]:
        """Return how many keys each server holds, asked of the server itself (DBSIZE)."""
        try:
            return {name: _count(client) for name, client in self._clients.items()}
        except RedisError as error:
            raise DemoError(f"a Redis server does not answer: {error}") from error

    def _command(self, port: int, folder: Path) -> list[str]:
        if self.program is None:
            return [sys.executable, "-m", "admin.demo.fake_redis", HOST, str(port)]
        options = {"port": port, "bind": HOST, "dir": folder, "save": "", "appendonly": "no", "databases": 1}
        return [self.program, *(text for key, value in options.items() for text in (f"--{key}", str(value)))]

    def _answers(self, name: str, children: Children) -> bool:
        children.check()
        try:
            return bool(self._clients[name].ping())
        except RedisError:
            return False


def _client(port: int) -> Redis:
    return Redis(host=HOST, port=port, socket_timeout=5.0, retry=Retry(NoBackoff(), 0), protocol=2)


def _count(client: Redis) -> int:
    size = client.dbsize()
    if not isinstance(size, int):  # redis-py types every answer as one that might be awaited
        raise DemoError(f"DBSIZE answers {size!r}")
    return size
